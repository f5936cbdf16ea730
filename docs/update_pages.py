"""Write the tables and the files shown in README.md and in the pages anew.

    python docs/update_pages.py [--check]

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``, a file between ``<!-- file: PATH -->`` and that.
With ``--check`` nothing is written, and the exit status says whether anything would be.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from site_pages import baselines, leaderboard, new_tasks, studies  # noqa: E402 (found beside this file)
from site_pages.observations import key_table  # noqa: E402
from site_pages.progress import progress_table  # noqa: E402
from site_pages.results import TABLES  # noqa: E402

ROOT = DOCS.parent
_NAMES = (
    "experiments",
    "results",
    "gpu",
    "goals_and_tilts",
    "influence",
    "language_tasks",
    "leaderboard",
    "observations",
    "own_task",
    "progress",
    "robustness",
    "tools",
    "world_models",
)
PAGES = (ROOT / "README.md", *(DOCS / f"{name}.md" for name in _NAMES))
_PART = re.compile(r"(<!-- (table|file): (\S+) -->\n).*?(<!-- end -->)", flags=re.DOTALL)
_LANGUAGES = {".py": "python", ".toml": "toml"}


def updated(text: str) -> str:
    """A page with its tables and files as they should be."""
    return _PART.sub(lambda found: f"{found[1]}\n{_part(found[2], found[3])}\n\n{found[4]}", text)


def _part(kind: str, name: str) -> str:
    if kind == "table":
        tables = {**TABLES, **new_tasks.TABLES, **leaderboard.TABLES, **baselines.TABLES, **studies.TABLES}
        return {**tables, "observation-keys": key_table, "progress": progress_table}[name]()
    path = ROOT / name
    return f"`{path.name}`:\n\n```{_LANGUAGES[path.suffix]}\n{path.read_text(encoding='utf-8')}```"


def main() -> int:
    """Write the pages, or check them."""
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
