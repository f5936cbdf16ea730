"""The story of docs/two_of_ten.md: an agent of ten demonstrations of which two are wrong, and what each command says.

    python benchmarks/wrong_demonstrations.py [--parts PART...] [--work DIR] [--out results/two_of_ten.json]

Parts, in this order; what lies in the working folder is not done again:

- ``influence``: the first agent, the ranking of its demonstrations, and the agent without the first two of it;
- ``calibrate``: whether the confidence of each is true;
- ``weakspots``: scenes on which the first agent is sure and wrong, and how the other does on them;
- ``robustness``: both at some grades of two axes;
- ``progress``: a forecaster, and which failures of the first agent it foresees;
- ``learn``: training scenes on which the second agent is sure and wrong, an agent that learns from demonstrations of
  some of them, too, and both on such scenes of the test split, which were found without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from more_data import SMALL, figures, searched, spread
from same_run import refuse_another

from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.scenes import SceneSet
from ravens_suite.data.store import EpisodeStore
from ravens_suite.insight.calibration import calibrate
from ravens_suite.insight.cleaning import first_ranked, train_without
from ravens_suite.insight.influence import Question, failed_seeds, find_influence
from ravens_suite.insight.influence_record import Influence
from ravens_suite.insight.robustness import measure_robustness
from ravens_suite.insight.search_plan import SearchPlan
from ravens_suite.insight.weak_spots import WeakSpots
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.collect_scenes import collect_scenes
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluate_scenes import evaluate_scenes
from ravens_suite.rollout.provenance import provenance
from ravens_suite.rollout.watching import WatchSpec
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK = "block-insertion"
WRONG = {3: -0.15, 8: 0.15}
"""Metres by which the block is placed aside, by the seed of the demonstration."""
DEMOS = 10
_WATCHED = 40
"""Episodes of each kind that the forecaster learns from, and its gradient steps."""


@dataclass(frozen=True)
class Story:
    """Folders and sizes.

    Attributes:
        work: folder of everything.
        steps: of training an agent.
        episodes: of validation, and of test scenes.
        budget: episodes of a search for weak spots.
        added: demonstrations of weak spots to learn from.
    """

    work: Path
    steps: int
    episodes: int
    budget: int
    added: int

    @property
    def data(self) -> Path:
        """Of demonstrations."""
        return self.work / "data"

    @property
    def first(self) -> Path:
        """Run of the agent that learnt from wrong demonstrations, too."""
        return self.work / "first"

    @property
    def second(self) -> Path:
        """Run without the two that were named."""
        return self.work / "first-without-2"

    @property
    def plan(self) -> TrainingPlan:
        """Of the first run."""
        settings = TrainingSettings(steps=self.steps, val_episodes=0, threads=1)
        return TrainingPlan(
            agent="transporter", tasks=(TASK,), demos=DEMOS, settings=settings, config=SMALL, keep_checkpoints=5
        )


def begin(story: Story) -> None:
    """Ten demonstrations, two of them carried out wrongly, and the first agent."""
    if not EpisodeStore.of(story.data, TASK, "train").seeds():
        collect(TASK, episodes=DEMOS, data=story.data)
        store = EpisodeStore.of(story.data, TASK, "train")
        for seed, aside in WRONG.items():
            episode = store.read(seed)
            place = episode.actions["place"] + [0, aside, 0, 0, 0, 0, 0]
            store.write(replace(episode, actions={**episode.actions, "place": place}))
    train(story.plan, story.data, story.first)


def influence(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    before = evaluate(str(story.first), TASK, episodes=story.episodes)
    asked = [Question(TASK, seed) for seed in failed_seeds(story.first, TASK)[:3]]
    found = find_influence(story.first, story.data, asked)
    train_without(
        story.first, story.data, first_ranked(found, len(WRONG)), out=story.second, val_episodes=story.episodes
    )
    after = evaluate(str(story.second), TASK, episodes=story.episodes)
    return {
        "first": before.to_json(),
        "second": after.to_json(),
        "ranked": [[each.seed, round(each.self_influence, 3)] for each in found.demonstrations],
        "pushed": [[each.seed, [step.seed for step in each.towards]] for each in found.decisions],
        "share_of_wrong_named": len(WRONG.keys() & set(_named(found))) / len(WRONG),
    }


def _named(found: Influence) -> list[int]:
    return [each.seed for each in found.demonstrations[: len(WRONG)]]


def calibrated(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    rows = {}
    for name, run in (("first", story.first), ("second", story.second)):
        found = calibrate(str(run), TASK, episodes=story.episodes)
        rows[name] = {
            "own": found.own.error,
            "calibrated": found.calibrated.error,
            "by_chance": found.calibrated.by_chance,
            "decisions": found.own.decisions,
        }
    return rows


def weak_spots(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    found = _search(story, story.first, "test")
    return {"first": figures(found), "second_on_them": _on(story, story.second, found.scenes)}


def robustness(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    rows = {}
    for name, run in (("first", story.first), ("second", story.second)):
        found = measure_robustness(str(run), TASK, axes=("light", "background"), grades=(3,), episodes=story.episodes)
        figures = {axis: found.axes[axis][0].figures.success_rate for axis in found.axes}
        rows[name] = {"as_it_is": found.nominal.figures.success_rate, **figures}
    return rows


def progress(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    explored, watcher = story.work / "explored", story.work / "watcher"
    shown = story.work / "shown"
    collect(TASK, episodes=_WATCHED, data=shown)
    collect(TASK, episodes=_WATCHED, data=explored, policy="oracle", explore=0.4)
    settings = TrainingSettings(steps=_WATCHED, val_episodes=0, threads=1)
    config = {"more_data": [str(explored)]}
    train(
        TrainingPlan(agent="progress", tasks=(TASK,), demos=_WATCHED, settings=settings, config=config), shown, watcher
    )
    watched = evaluate(str(story.first), TASK, episodes=story.episodes, watch=WatchSpec.parse(str(watcher)))
    return watched.to_json()


def learn(story: Story) -> dict[str, Any]:
    """See the module's docstring."""
    found = _search(story, story.second, "train")
    if not found.scenes.scenes:
        return {"found": figures(found)}
    chosen = SceneSet(found.scenes.name, TASK, spread(found.scenes, story.added))
    collect_scenes(chosen, data=story.work / "weak")
    third = story.work / f"third-{story.added}"
    again = replace(story.plan, drop=_dropped(story), more_data=(str(story.work / "weak"),), keep_checkpoints=0)
    train(again, story.data, third)
    fresh = _search(story, story.second, "test")
    return {
        "found": figures(found),
        "learnt_from": [scene.kind for scene in chosen.scenes],
        "fresh": figures(fresh),
        "second_on_fresh": _on(story, story.second, fresh.scenes),
        "third_on_fresh": _on(story, third, fresh.scenes),
        "third": evaluate(str(third), TASK, episodes=story.episodes).to_json(),
    }


def _dropped(story: Story) -> Mapping[str, Any]:
    dropped: dict[str, Any] = read_json(story.second / "run.json")["plan"]["drop"]
    return dropped


def _search(story: Story, run: Path, split: Split) -> WeakSpots:
    plan = SearchPlan(budget=story.budget, looks=4, split=split, threshold=0.5)
    return searched(run, TASK, plan, story.episodes, story.work / f"{run.name}-{split}")


def _on(story: Story, run: Path, scenes: SceneSet) -> dict[str, Any] | None:
    if not scenes.scenes:
        return None
    done = evaluate_scenes(str(run), scenes, out=story.work / f"{run.name}-on").to_json()
    return {"scenes": len(scenes.scenes), "success_rate": done["success_rate"]}


PARTS: dict[str, Callable[[Story], dict[str, Any]]] = {
    "influence": influence,
    "calibrate": calibrated,
    "weakspots": weak_spots,
    "robustness": robustness,
    "progress": progress,
    "learn": learn,
}


def main() -> None:
    """Measure, print, write after every part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--work", type=Path, default=Path("data/two_of_ten"))
    parser.add_argument("--steps", type=int, default=280)
    parser.add_argument("--episodes", type=int, default=40)
    parser.add_argument("--budget", type=int, default=32)
    parser.add_argument("--added", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    story = Story(given.work, given.steps, given.episodes, given.budget, given.added)
    sizes = {"steps": story.steps, "episodes": story.episodes, "budget": story.budget, "added": story.added}
    if given.out is not None and given.out.exists():
        refuse_another(given.out, read_json(given.out), sizes, "a story")
    begin(story)
    for part in given.parts:
        row = {**PARTS[part](story), "commit": provenance()["commit"]}
        print(json.dumps({part: row}), flush=True)
        if given.out is not None:
            known = read_json(given.out) if given.out.exists() else {}
            write_json(given.out, {**known, **sizes, part: row})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
