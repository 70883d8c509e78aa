"""``python -m tests.lab.play PATTERN``."""

import sys

from tests.lab.play import main

sys.exit(main(sys.argv[1:]))
