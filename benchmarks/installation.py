"""The distributions build, and the wheel alone works in an empty environment under each Python.

    python benchmarks/installation.py [PYTHON ...] [--out results/installation.json]

The source distribution is built of the files that git tracks, the wheel of the source distribution (``python -m
build``), and both are checked by ``twine check --strict``. Each PYTHON gets a new environment with the wheel and what
it requires, no extra. There the oracle plays an episode of a task with meshes, as a user's script and on the command
line, a page of it is written, and every command that needs an extra says which. Needs an index of packages; takes some
minutes. The exit status is 1 when a step fails.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import write_json
from ravens_suite.rollout.provenance import provenance

ROOT = Path(__file__).parents[1]
_COLLECT = "collect assembling-kits --episodes 1 --image-size 60 80 --data d"
_EPISODE = "d/assembling-kits/train/000000.safetensors"
_SCRIPT = """
import gymnasium, ravens_suite
from pathlib import Path
assert "site-packages" in ravens_suite.__file__
environment = gymnasium.make("ravens_suite/AssemblingKits-v0", image_size=(60, 80))
observation, info = environment.reset(seed=0)
over, total = False, 0.0
while not over:
    observation, reward, terminated, truncated, info = environment.step(environment.get_wrapper_attr("oracle_action")())
    over, total = terminated or truncated, total + reward
environment.close()
assert abs(total - 1) < 1e-6 and info["success"], total
"""
WORKS = (
    "ravens-suite --version",
    "ravens-suite tasks",
    f"ravens-suite {_COLLECT}",
    f"ravens-suite view {_EPISODE}",
    "ravens-suite evaluate oracle block-insertion --episodes 1 --image-size 60 80",
)
"""What needs no extra."""
LACKS: Mapping[str, str] = {
    "train": "ravens-suite train transporter assembling-kits --demos 1 --steps 1 --data d",
    "minari": "ravens-suite export d --to minari --out m",
    "lerobot": "ravens-suite export d --to lerobot --out l",
    "ray": f"ravens-suite {_COLLECT} --engine ray --episodes 2",
    "serve": "ravens-suite serve random block-insertion --port 0",
    "rerun": f"ravens-suite view {_EPISODE} --rerun",
}
"""By extra, what needs it, and is to say so in one line."""


class StepFailedError(Exception):
    """A command did not do what it should; the message says what it said."""


def build(folder: Path) -> tuple[Path, Path]:
    """The source distribution and the wheel that is built of it, checked."""
    python = _environment(sys.executable, folder / "tools")
    _run([python, "-m", "pip", "install", "--quiet", "build", "twine"], folder)
    tree = folder / "tree"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    _run([python, "-m", "build", "--outdir", str(folder / "dist"), str(tree)], folder)
    (source,), (wheel,) = ((folder / "dist").glob(pattern) for pattern in ("*.tar.gz", "*.whl"))
    _run([python, "-m", "twine", "check", "--strict", str(source), str(wheel)], folder)
    return source, wheel


def check(interpreter: str, wheel: Path, folder: Path) -> dict[str, Any]:
    """Install the wheel into an empty environment and let it work; its Python, packages and megabytes."""
    folder.mkdir()
    python = _environment(interpreter, folder / "venv")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--only-binary", ":all:", str(wheel)], folder)
    _run([*pip, "check"], folder)
    _run([python, "-c", _SCRIPT], folder)
    for line in WORKS:
        _run(_command(folder, line), folder)
    for extra, line in LACKS.items():
        said = _run(_command(folder, line), folder, status=1)
        if f"ravens-suite[{extra}]" not in said.splitlines()[-1] or "Traceback" in said:
            raise StepFailedError(f"{line} does not say that it needs [{extra}]:\n{said}")
    packages = _run([*pip, "list", "--format", "freeze"], folder).split()
    size = sum(path.stat().st_size for path in (folder / "venv" / "lib").rglob("*") if path.is_file())
    version = _run([python, "-c", "import platform; print(platform.python_version())"], folder).strip()
    return {"python": version, "packages": len(packages), "megabytes": round(size / 1e6)}


def _environment(interpreter: str, folder: Path) -> str:
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    return str(folder / "bin" / "python")


def _command(folder: Path, line: str) -> list[str]:
    name, *words = shlex.split(line)
    return [str(folder / "venv" / "bin" / name), *words]


def _run(command: Sequence[str], folder: Path, status: int = 0) -> str:
    """What a command says, in a folder where nothing of the checkout is found."""
    world = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=world, capture_output=True, text=True, check=False)
    if done.returncode != status:
        raise StepFailedError(f"{shlex.join(command[:8])}: exit status {done.returncode}\n{done.stderr[-2000:]}")
    return done.stderr if status else done.stdout


def main() -> None:
    """Build, install, print, write; the exit status is 1 when a step fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON", default=[sys.executable])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found, failed, record = [], False, provenance()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, wheel = build(folder)
        sizes = {path.name: path.stat().st_size for path in (source, wheel)}
        print(f"built and checked: {sizes}", flush=True)
        for number, interpreter in enumerate(options.pythons):
            try:
                found.append(check(interpreter, wheel, folder / str(number)))
                print(f"works: {found[-1]}", flush=True)
            except StepFailedError as error:
                failed = True
                print(f"{interpreter}: FAILED {error}", flush=True)
            shutil.rmtree(folder / str(number))
    if options.out and not failed:
        names = [f"python{each['python']}" for each in found]
        write_json(
            options.out,
            {
                "command": shlex.join(["installation.py", *names, *sys.argv[1 + len(options.pythons) :]]),
                "commit": record["commit"],
                "machine": record["machine"],
                "bytes": sizes,
                "installed": found,
                "say_what_they_lack": sorted(LACKS),
            },
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
