"""Real programs on loopback, and stand-ins for the provider APIs only.

Each program is one module with the same four verbs: it starts, tells where it
listens, records what it saw, and ends.
"""
