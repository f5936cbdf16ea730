"""What a file of results says of how it was made, for the scripts beside this one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from ravens_suite.rollout.provenance import commit


def made_by() -> dict[str, str]:
    """``command`` and ``commit`` of the script that runs; where it writes is left out, since that is no one else's."""
    kept: list[str] = []
    words = iter(sys.argv[1:])
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return {"command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *kept]), "commit": commit()}
