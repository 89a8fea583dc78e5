"""`python -m vms` is the command `vms`."""

import sys

from vms.cli import main

if __name__ == "__main__":
    sys.exit(main())
