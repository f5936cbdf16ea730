"""``python -m ravens_suite``: the command line, as ``ravens-suite``."""

from __future__ import annotations

import sys

from ravens_suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
