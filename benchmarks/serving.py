"""A policy behind a socket does what it does in process, and an evaluation outlives its server.

    python benchmarks/serving.py [--episodes 20] [--kills 5] [--agent image-cnn] [--out results/serving.json]

A small agent is trained and evaluated three times on the same seeds: in this process; at ``ravens-suite serve`` in a
process of its own; and at a server that is killed (SIGKILL) at random moments and started again, each time followed by
the same call of ``evaluate``. Compared are the outcomes of all seeds, byte by byte, and after each kill, whether every
seed that was finished before is still there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.errors import PolicyServerError
from ravens_suite.report.runs import Score
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.provenance import provenance
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

TASK, DEMOS, STEPS = "block-insertion", 2, 20
ENVIRONMENT = {"image_size": [120, 160], "observe": ["images", "state"]}


@contextmanager
def server(run: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-m", "ravens_suite.cli.main", "serve", str(run), "--port", str(port), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process, str(json.loads(process.stdout.readline())["url"])
    finally:
        process.kill()
        process.wait()


def results(folder: Path) -> list[dict[str, Any]]:
    """The outcomes that lie in a folder; none where there is no file yet."""
    path = folder / "test.json"
    return [outcome.to_json() for outcome in Score.from_json(read_json(path)).outcomes] if path.exists() else []


class _Starter:
    """Starts a timer with the first seed that is finished: until then the environment is made."""

    def __init__(self, timer: threading.Timer, already: int) -> None:
        self._timer, self._already = timer, already

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """See ``Progress``."""
        if done > self._already and self._timer.ident is None:
            self._timer.start()


def killed(run: Path, out: Path, episodes: int, seconds: float, kills: int) -> list[dict[str, Any]]:
    """Evaluate at servers that are killed, until as many were killed in the middle of it; what was found each time."""
    rng = np.random.default_rng(0)
    port = 0
    found: list[dict[str, Any]] = []
    while len(found) < kills:
        before = results(out)
        with server(run, port) as (process, url):
            port = int(url.rpartition(":")[2])
            delay = float(rng.uniform(0.0, seconds / (kills + 1)))
            killer = threading.Timer(delay, process.kill)

            begin = _Starter(killer, len(before))
            try:
                evaluate(f"{url}?wait=0", TASK, episodes=episodes, out=out, on_progress=begin)
            except PolicyServerError as error:
                after = results(out)
                kept = after[: len(before)] == before
                found.append({"seconds": round(delay, 3), "finished": len(after), "kept": kept})
                print(f"killed after {delay:.2f} s, {len(after)} finished, kept {kept}: {error}", flush=True)
            else:
                raise SystemExit("Everything was evaluated before the last kill: take more --episodes.")
            finally:
                killer.cancel()
    with server(run, port) as (_, url):
        evaluate(url, TASK, episodes=episodes, out=out)
    return found


def main() -> int:
    """Train, evaluate, compare, print, write; the exit status is 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--agent", default="image-cnn")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    settings = TrainingSettings(steps=STEPS, val_episodes=0, threads=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = folder / "run"
        collect(TASK, episodes=DEMOS, data=folder / "data", arguments=ENVIRONMENT)
        train(TrainingPlan(agent=options.agent, tasks=(TASK,), demos=DEMOS, settings=settings), folder / "data", run)
        evaluate(str(run), episodes=options.episodes, out=folder / "here")
        with server(run) as (_, url):
            start = time.perf_counter()
            evaluate(url, episodes=options.episodes, out=folder / "there")
            seconds = time.perf_counter() - start
        kills = killed(run, folder / "killed", options.episodes, seconds, options.kills)
        here, there, after = (json.dumps(results(folder / part)).encode() for part in ("here", "there", "killed"))
        row = read_json(folder / "here" / "test.json")
    result = {
        "task": TASK,
        "agent": options.agent,
        "episodes": options.episodes,
        "mean_steps": row["mean_steps"],
        "socket_equals_in_process": there == here,
        "killed_equals_in_process": after == here,
        "kills": kills,
        **provenance(),
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)
    return 0 if there == here == after and all(kill["kept"] for kill in kills) else 1


if __name__ == "__main__":
    sys.exit(main())
