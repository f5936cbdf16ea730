"""What a person named wrongly, such as a folder without a run, in one line: for the scripts beside this one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, DamagedDataError, named


def in_one_line(main: Callable[[], None]) -> None:
    """Run a script; what the suite or the system refuses is said without the lines of code that it came through."""
    try:
        main()
    except Exception as error:
        ours = named(error)
        if ours is None:
            raise
        sys.exit(f"{Path(sys.argv[0]).name}: error: {' '.join(str(ours).split())}")


def only_task(run: RunFolder) -> str:
    """The task of a run of one.

    Raises:
        ConfigError: it was trained on several.
        RavensError: there is no run, or its record is damaged.
    """
    tasks = run.record()["plan"]["tasks"]
    if len(tasks) != 1:
        raise ConfigError(f"{run.path} was trained on {len(tasks)} tasks: name runs of one task each.")
    return str(tasks[0])


def rows_in(path: Path, name: str = "rows") -> list[dict[str, Any]]:
    """What a file of ``--out`` holds already; nothing where there is none.

    Args:
        path: of the JSON file.
        name: of the list in it.

    Raises:
        DamagedDataError: it is another file.
    """
    value = read_json(path) if path.exists() else {name: []}
    rows = value.get(name) if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise DamagedDataError(f"{path} has no list of {name}: it is no file of this script, name another one (--out).")
    return rows
