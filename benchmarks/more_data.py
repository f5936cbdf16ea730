"""Whether an agent that also learns from weak spots loses its failures on such scenes, beside more data of any kind.

    python benchmarks/more_data.py [--task T] [--demos 10] [--added 1 5] [--work DIR] [--out results/more_data.json]

The first agent learns from a few demonstrations. Training scenes on which it is sure and wrong are searched for; the
oracle demonstrates some of them, one of each kind in turn; a second agent, with the seed and the steps of the first,
learns from the first demonstrations and those (``weak``). Another one learns from as many more plain demonstrations
(``plain``).

All are judged on test scenes on which yet another agent is sure and wrong: one of another seed, which learnt from the
first demonstrations alone. So the set was found without any agent that is judged, and favours none of them. Besides, on
test scenes as they are. Counted are scenes without strict success. What lies in the working folder is not done again.

With ``--unsearched N --changes JSON`` all are judged on N test scenes with one change, too, that no search chose. What
a row of the same command had of such scenes before stays where they are not asked for.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.insight.calibration import calibrate
from ravens_suite.insight.search_plan import FIRST_SEED, SearchPlan
from ravens_suite.insight.weak_spots import WeakSpots, find_weak_spots
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.collect_scenes import collect_scenes
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluate_scenes import evaluate_scenes
from ravens_suite.rollout.provenance import provenance
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

UNSEARCHED_FROM = 1000
"""The first seed of test scenes that no search chose."""
SMALL = {"widths": [4, 8, 12, 16, 16], "angles": 12, "train_angles": 8}
"""Half as wide as the agent is by default, and three times as coarse in yaw, so that it trains in a minute."""


@dataclass(frozen=True)
class Case:
    """One task, and how much is done of everything.

    Attributes:
        task: registered name.
        work: folder of everything.
        demos: that all agents learn from.
        steps: of training each of them.
        episodes: of calibration, and of test scenes as they are.
        budget: episodes of a search.
        confidence: from which an agent counts as sure.
    """

    task: str
    work: Path
    demos: int
    steps: int
    episodes: int
    budget: int
    confidence: float

    def agent(self, name: str, seed: int = 0, more: str = "") -> Path:
        """The run of an agent, trained if it is not yet."""
        settings = TrainingSettings(steps=self.steps, val_episodes=0, threads=1)
        plan = TrainingPlan(
            agent="transporter", tasks=(self.task,), demos=self.demos, seed=seed, settings=settings, config=SMALL
        )
        if more:
            plan = replace(plan, more_data=(str(self.work / more),))
        train(plan, self.work / "data", self.work / name)
        return self.work / name

    def search(self, run: Path, split: Split) -> WeakSpots:
        """Scenes of a split on which an agent is sure and wrong."""
        plan = SearchPlan(budget=self.budget, looks=4, split=split, threshold=self.confidence)
        return searched(run, self.task, plan, self.episodes, self.work / f"{run.name}-{split}")


def searched(run: Path, task: str, plan: SearchPlan, episodes: int, out: Path) -> WeakSpots:
    """Calibrate an agent and search, in a folder that is none of the run's, so that each search has its own."""
    calibration = calibrate(str(run), task, episodes=episodes)
    target = out / "calibration" / calibration.path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(calibration.path.read_bytes())
    return find_weak_spots(str(run), task, plan, out=out)


def spread(scenes: SceneSet, count: int) -> tuple[SceneSpec, ...]:
    """Scenes of one kind after the other, until there are as many as asked for."""
    kinds: dict[str, list[SceneSpec]] = {}
    for scene in scenes.scenes:
        kinds.setdefault(scene.kind, []).append(scene)
    order = [group[place] for place in range(len(scenes.scenes)) for group in kinds.values() if place < len(group)]
    return tuple(order[:count])


def figures(found: WeakSpots) -> dict[str, Any]:
    """Of a search, without its scenes."""
    return {key: value for key, value in found.to_json().items() if key != "scenes"}


def measure(case: Case, added: list[int]) -> dict[str, Any]:
    """See the module's docstring."""
    collect(case.task, episodes=case.demos, data=case.work / "data")
    first, other = case.agent("first"), case.agent("other", seed=1)
    found, fresh = case.search(first, "train"), case.search(other, "test")
    agents: dict[str, Any] = {"first": judged(case, first, fresh.scenes)}
    row = {
        "task": case.task,
        "demos": case.demos,
        "steps": case.steps,
        "found": figures(found),
        "fresh": figures(fresh),
        "agents": agents,
    }
    for count in added:
        weak = spread(found.scenes, count)
        plain = tuple(SceneSpec(FIRST_SEED // 2 + number, "train") for number in range(len(weak)))
        for name, scenes in (("weak", weak), ("plain", plain)):
            label = f"{name}-{count}"
            collect_scenes(SceneSet(label, case.task, scenes), data=case.work / f"data-{label}")
            run = case.agent(label, more=f"data-{label}")
            kinds = [scene.kind or "as it is" for scene in scenes]
            agents[label] = {"learnt_from": kinds, **judged(case, run, fresh.scenes)}
            print(json.dumps({label: agents[label]}), flush=True)
    return row


def judged(case: Case, run: Path, fresh: SceneSet) -> dict[str, Any]:
    """Failures of an agent on the fresh scenes, by kind, too, and its success on test scenes as they are."""
    done = evaluate_scenes(str(run), fresh, out=case.work / f"{run.name}-on-fresh")
    kinds: dict[str, int] = {}
    for scene, outcome in zip(fresh.scenes, done.outcomes, strict=True):
        kinds[scene.kind] = kinds.get(scene.kind, 0) + (not outcome.success)
    plain = evaluate(str(run), case.task, episodes=case.episodes).summary
    return {
        "failures_on_fresh": sum(kinds.values()),
        "of": len(fresh.scenes),
        "by_kind": kinds,
        "success_rate_as_it_is": plain.success_rate,
    }


def unsearched(case: Case, names: Iterable[str], count: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Strict success of agents on as many test scenes with one change that no search chose."""
    seeds = range(UNSEARCHED_FROM, UNSEARCHED_FROM + count)
    scenes = SceneSet("unsearched", case.task, tuple(SceneSpec(seed, "test", changes) for seed in seeds))
    agents = {}
    for name in names:
        done = evaluate_scenes(str(case.work / name), scenes, out=case.work / f"{name}-on-unsearched").summary.to_json()
        agents[name] = {key: done[key] for key in ("episodes", "success_rate", "success_rate_interval_95")}
    return {"agents": agents, "changes": changes, "seeds": [seeds[0], seeds[-1]], "split": "test"}


def with_unsearched(row: dict[str, Any], rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A row with what one of the same command has of unsearched scenes, if it has none itself."""
    before = {each["command"]: each["unsearched"] for each in rows if "unsearched" in each}
    return {"unsearched": before[row["command"]], **row} if row["command"] in before else row


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="block-insertion")
    parser.add_argument("--demos", type=int, default=10)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--budget", type=int, default=48)
    parser.add_argument("--confidence", type=float, default=0.5)
    parser.add_argument("--added", type=int, nargs="+", default=[1], help="demonstrations of weak spots")
    parser.add_argument("--unsearched", type=int, default=0, help="test scenes with the changes that no search chose")
    parser.add_argument("--changes", type=json.loads, default={"perturb": {"occluders": 3}}, help="of these, JSON")
    parser.add_argument("--work", type=Path, help="folder of everything, for a measurement that goes on where it was")
    parser.add_argument("--out", type=Path, help="JSON file; rows of other tasks that it has stay")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        case = Case(
            given.task,
            given.work or Path(folder),
            given.demos,
            given.steps,
            given.episodes,
            given.budget,
            given.confidence,
        )
        row = {**measure(case, given.added), "commit": provenance()["commit"], "command": command(given)}
        if given.unsearched:
            asked = f" --unsearched {given.unsearched} --changes '{json.dumps(given.changes)}'"
            found = unsearched(case, row["agents"], given.unsearched, given.changes)
            row["unsearched"] = {**found, "commit": row["commit"], "command": row["command"] + asked}
    print(json.dumps(row, indent=1))
    if given.out is not None:
        rows = read_json(given.out)["rows"] if given.out.exists() else []
        others = (each for each in rows if each["command"] != row["command"])
        write_json(given.out, {"rows": [*others, with_unsearched(row, rows)]})


def command(given: argparse.Namespace) -> str:
    """What was run, without folders of the machine."""
    words = [
        f"--{name} {getattr(given, name)}" for name in ("task", "demos", "steps", "episodes", "budget", "confidence")
    ]
    return " ".join(["python benchmarks/more_data.py", *words, "--added", *map(str, given.added)])


if __name__ == "__main__":
    main()
