"""``ravens-suite collect``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError

if TYPE_CHECKING:
    from ravens_suite.execution.pool import JobPool
    from ravens_suite.rollout.collect import Collected


@dataclass(frozen=True)
class Collect(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Collect demonstrations of the oracle, or episodes of another policy; a second run continues where one stopped."""

    tasks: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TASK...", help_behavior_hint="(at least one)")
    ] = ()
    """Names of tasks (see: ravens-suite tasks)."""

    episodes: int = 100
    """Number of episodes wanted of each task, those already collected included: solved ones of the oracle, any of
    another policy."""

    policy: str = "oracle"
    """Who acts: oracle, random (anywhere), explore (picks on objects, places anywhere), the folder of a training run,
    or a policy of yours. Only what the oracle does is a demonstration: world models and forecasters learn from the
    others' episodes, too; agents that imitate refuse them."""

    explore: float = 0.0
    """Probability, 0 to 1, that explore takes an action in place of the policy; random where actions are no picks and
    places."""

    split: SplitName = "train"
    """Split of the scenes."""

    data: Path = Path("data")
    """Folder of all data; a task's episodes go to DATA/TASK/SPLIT."""

    scenes: str | None = None
    """JSON file of scenes to demonstrate in place of seeds 0, 1, 2, ... (ravens-suite weakspots --split train writes
    such), or one of them: FILE#3. Name a --data folder of their own, and train on both with --more-data."""

    force: bool = False
    """Keep episodes whose task has changed since, and add to them; the manifest then names both definitions."""

    engine: str = "processes"
    """Where the workers run: processes of this machine, or ray (a cluster; all its machines must see DATA)."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.registry import environment_id

        if self.scenes is not None:
            self._run_scenes(console, self.scenes)
            return
        if not self.tasks:
            raise ConfigError("Name at least one task: ravens-suite collect TASK (see: ravens-suite tasks).")
        for task in self.tasks:
            environment_id(task)
        with make_pool(self.engine, self.processes(self.episodes)) as pool:
            self._check()
            console.result(_result([self._collect(console, task, pool) for task in self.tasks]))

    def _check(self) -> None:
        """Refuse what cannot be done before anything is collected; then say what no agent could learn from it."""
        import warnings

        from ravens_suite.errors import CapabilityWarning
        from ravens_suite.rollout.collect import check_collection

        notes = self._notes()
        for task in self.tasks if notes else self.tasks[1:]:  # The first is checked as it is begun.
            check_collection(task, **self._asked())
        for note in notes:
            warnings.warn(note, CapabilityWarning, stacklevel=2)

    def _asked(self) -> dict[str, Any]:
        """What is collected of every task."""
        asked = {name: getattr(self, name) for name in ("episodes", "data", "split", "policy", "explore")}
        return {**asked, "arguments": self.arguments()}

    def _collect(self, console: Console, task: str, pool: JobPool) -> Collected:
        from ravens_suite.rollout.collect import collect

        with console.progress(task) as progress:
            done = collect(task, **self._asked(), force=self.force, pool=pool, on_progress=progress)
        _say(console, done, self.data / task / self.split)
        return done

    def _notes(self) -> list[str]:
        """Why no agent could learn from the episodes what is meant, or should."""
        from ravens_suite.core.observations import OBSERVED, checked_groups
        from ravens_suite.rollout.collect import arguments_of
        from ravens_suite.rollout.sentences import held_out, without_sentence

        # A run knows its own.
        made = {task: arguments_of(task, self.split, self.policy, self.arguments()) for task in self.tasks}
        notes = []
        if untold := without_sentence(made):
            observed = checked_groups([*made[untold[0]].get("observe", OBSERVED), "instruction"])
            notes.append(
                f"Only its sentence says what is meant in a scene of {', '.join(untold)}: without --observe "
                f"{' '.join(observed)}, no agent can learn what to do."
            )
        if self.split == "train" and held_out(made):
            notes.append(
                "Sentences of wording held-out are kept for tests: collect what is to be learned from with training "
                "or plain."
            )
        return notes

    def _run_scenes(self, console: Console, text: str) -> None:
        from ravens_suite.data.scenes import read_scenes
        from ravens_suite.errors import ConflictError
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.rollout.collect_scenes import collect_scenes

        scenes = read_scenes(text)
        if self.tasks not in ((), (scenes.task,)):
            raise ConflictError(
                f"{text} holds scenes of {scenes.task}, but {' and '.join(self.tasks)} is asked for: "
                "leave the task out."
            )
        given = (self.episodes, self.split, self.policy, self.explore)
        if given != (Collect.episodes, Collect.split, Collect.policy, Collect.explore):
            raise ConflictError(
                "The file of --scenes says how many episodes of which split, and the oracle acts: leave --episodes, "
                "--split, --policy and --explore out."
            )
        with (
            make_pool(self.engine, self.processes(len(scenes.scenes))) as pool,
            console.progress(scenes.name) as progress,
        ):
            done = collect_scenes(
                scenes,
                data=self.data,
                arguments=self.arguments(),
                force=self.force,
                pool=pool,
                on_progress=progress,
            )
        _say(console, done, self.data / scenes.task / "train")
        console.result(done.to_json())


def _say(console: Console, done: Collected, folder: Path) -> None:
    row = done.to_json()
    who = "the oracle" if done.policy == "oracle" else done.policy
    if done.others:
        who = f"{who} made {row['episodes'] - done.others} of them; all"
    console.say(
        f"{done.task}: {row['episodes']} episodes in {folder}; {who} scored {row['mean_score']:.1f} over "
        f"{done.summary.episodes} seeds (success rate {row['success_rate']:.1f} %), {row['mean_steps']:.1f} steps an "
        f"episode, {row['seconds']:.1f} s, {row['renderer']}."
    )


def _result(collected: list[Collected]) -> dict[str, Any]:
    """The figures of one task; over several tasks their sums and means, and each task's own."""
    rows = {done.task: done.to_json() for done in collected}
    first, *others = rows.values()
    if not others:
        return first
    total: dict[str, Any] = {key: sum(row[key] for row in rows.values()) for key in ("episodes", "attempts", "seconds")}
    for key in ("mean_score", "success_rate", "mean_steps", "seconds_per_episode"):
        total[key] = math.fsum(row[key] for row in rows.values()) / len(rows)
    return {**total, "renderer": first["renderer"], "tasks": rows}
