"""Write the tables of README.md and of the pages anew, from what they show.

    python docs/update_tables.py [--check]

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. With ``--check`` nothing is written, and the exit
status says whether anything would be.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from site_pages.observations import key_table  # noqa: E402 (found beside this file)
from site_pages.results import TABLES  # noqa: E402

PAGES = (DOCS.parent / "README.md", DOCS / "results.md", DOCS / "observations.md")
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)


def updated(text: str) -> str:
    """A page with its tables as they should be."""
    tables = {**TABLES, "observation-keys": key_table}
    return _TABLE.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n\n{found[3]}", text)


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = 0
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        if (new := updated(text)) != text:
            stale += 1
            sys.stdout.write(f"{path.name} is {'out of date' if check else 'written anew'}.\n")
            if not check:
                path.write_text(new, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
