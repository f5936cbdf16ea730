"""Every extra of the package works alone, in a virtual environment of its own, and so do the lowest versions it allows.

    python benchmarks/extras.py [--extras none train ...] [--lowest] [--out results/extras.json]

Each extra is installed from this checkout into a new environment and does its own work there: demonstrations, a picture
and an evaluation with none; a short training, an export that is read back, a recording that is verified, a collection
by Ray, a build of the pages, a test. ``--lowest`` installs the lowest version of every direct requirement
(``name>=1.2`` as ``name==1.2``) instead of the newest; where ``NEWER`` says why, a later one. It takes minutes and some
gigabytes, so no test runs it. The exit status is 1 when a step fails.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.provenance import provenance

ROOT = Path(__file__).parents[1]
NEWER: dict[str, dict[str, str]] = {"minari": {"numpy": "2.0.0", "scipy": "1.13.0", "h5py": "3.11.0"}}
"""By extra, versions above the lowest of the package: Minari 0.5.4 itself wants NumPy 2, for which these were built."""
UNAVAILABLE = ("torch",)
"""Packages whose lowest version is not asked for, since not every index still has it; what was installed is noted."""

_COLLECT = "collect block-insertion --episodes 1 --image-size 60 80 --data d"
_EPISODE = "d/block-insertion/train/000000.safetensors"
_RECORDING = "d/block-insertion/train/000000.rrd"
_READ_BACK = (
    "import minari; d = minari.load_dataset('ravens_suite/block-insertion/train-v0'); print(d[0]); "
    "e = d.recover_environment(); e.reset(seed=0); e.close()"
)
STEPS = {
    "none": (
        "ravens-suite tasks",
        f"ravens-suite {_COLLECT}",
        f"ravens-suite view {_EPISODE} --format png",
        "ravens-suite evaluate oracle block-insertion --episodes 1 --image-size 60 80",
    ),
    "train": (
        f"ravens-suite {_COLLECT} --observe images state",
        "ravens-suite train state-mlp block-insertion --demos 1 --steps 2 --val-episodes 0 --data d",
    ),
    "lightning": (
        f"ravens-suite {_COLLECT} --observe images goal",
        "ravens-suite train visual-foresight block-insertion --demos 1 --steps 2 --val-episodes 0 --data d --config "
        + shlex.quote('{"lightning": true, "devices": 2, "batch": 2}'),
    ),
    "minilm": (
        "ravens-suite collect put-block-in-bowl-seen --episodes 1 --data d --observe images instruction",
        "ravens-suite train transporter put-block-in-bowl-seen --demos 1 --steps 2 --val-episodes 0 --data d --config "
        + shlex.quote('{"words": "minilm"}'),
    ),
    "minari": (
        f"ravens-suite {_COLLECT}",
        "ravens-suite export d --to minari --out m",
        f'python -c "{_READ_BACK}"',
    ),
    "lerobot": (
        f"ravens-suite {_COLLECT}",
        "ravens-suite export d --to lerobot --out l",
        "ravens-suite import l --from lerobot --out i",
    ),
    "rerun": (f"ravens-suite {_COLLECT}", f"ravens-suite view {_EPISODE} --rerun", "rerun rrd verify " + _RECORDING),
    "ray": (f"ravens-suite {_COLLECT} --engine ray --workers 1",),
    "serve": ('python -c "import ravens_suite.interop.policy_server, websockets.sync.server, msgpack"',),
    "docs": (f"sphinx-build -q -b dummy -D draw_pictures=0 {ROOT / 'docs'} pages",),
    "dev": (
        f"python -m pytest -q -p no:cacheprovider {ROOT / 'tests' / 'data' / 'test_store.py'}",
        "ruff --version",
        "mypy --version",
    ),
}
"""What each extra does, by the commands that its users type."""


def requirements(extra: str, *, lowest: bool) -> list[str]:
    """The direct requirements of an extra, for pip."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"].get(extra, [])]
    return [_lowest(each, NEWER.get(extra, {})) for each in wanted] if lowest else wanted


def _lowest(requirement: str, newer: dict[str, str]) -> str:
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    if name in UNAVAILABLE:
        return requirement
    exact = requirement.replace(">=", "==", 1)
    return re.sub(r"==[^;, ]+", f"=={newer[name]}", exact, count=1) if name in newer else exact


def check(extra: str, *, lowest: bool) -> dict[str, object]:
    """Install an extra alone and let it work: ``failed`` steps with the end of what they said, and all ``versions``."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", "venv"], cwd=folder, check=True)
        binaries = Path(folder, "venv", "bin")
        # A later environment must not find what this process has: only its own programs, and nothing by PYTHONPATH.
        world = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        world |= {"PATH": f"{binaries}:{world['PATH']}", "MINARI_DATASETS_PATH": str(Path(folder, "m"))}
        pip = [str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The pages are built of the checkout, in which agents and assets are found by an editable installation only.
        steps = [
            [*pip, "--only-binary", ":all:", *requirements(extra, lowest=lowest)],
            [
                *pip,
                *(["--no-deps"] if lowest else []),
                *(["--editable"] if extra == "docs" else []),
                f"{ROOT}[{extra}]" if extra != "none" else str(ROOT),
            ],
            *([str(binaries / words[0]), *words[1:]] for words in map(shlex.split, STEPS[extra])),
        ]
        failed = []
        for step in steps:
            done = subprocess.run(step, cwd=folder, env=world, capture_output=True, text=True, check=False)
            if done.returncode:
                failed.append({"step": " ".join(step[:4]).replace(folder, ""), "said": done.stderr[-2000:]})
                print(f"{extra}: FAILED {step[:6]}\n{done.stderr[-2000:]}", flush=True)
                break
        listed = subprocess.run(
            [str(binaries / "python"), "-m", "pip", "list", "--format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        versions = {item["name"]: item["version"] for item in json.loads(listed.stdout or "[]")}
    print(f"{extra}: {'failed' if failed else 'works alone'}, {len(versions)} packages", flush=True)
    return {"works": not failed, "failed": failed, "versions": versions}


def main() -> None:
    """Check, print, write; the exit status is 1 when an extra does not work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="+", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--lowest", action="store_true", help="the lowest versions that pyproject.toml allows")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = {extra: check(extra, lowest=options.lowest) for extra in options.extras}
    if options.out:
        which = "lowest" if options.lowest else "newest"
        record = provenance()
        earlier = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        write_json(options.out, {**earlier, which: {"commit": record["commit"], "extras": found}})
    sys.exit(not all(each["works"] for each in found.values()))


if __name__ == "__main__":
    main()
