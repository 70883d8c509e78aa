"""Does the doctor name what is wrong? A catalogue of faults, each put into a working setup, and the doctor asked.

    python -m tests.faults [--seed N] [id ...]

``setups.yaml`` holds the eight patterns as they work, ``healthy.yaml`` other ways in which they work, every other
``.yaml`` here faults by the hop at which they sit. A fault is a change to a setup, and the cause that a person would
name; the doctor knows nothing of these files. Hosts, ports, keys, wording and the setup are drawn from the seed.
"""
