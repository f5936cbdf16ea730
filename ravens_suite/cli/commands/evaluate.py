"""``ravens-suite evaluate``."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ravens_suite.cli.commands.options import EnvironmentOptions, OutputOptions, SplitName, WorkerOptions
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError

if TYPE_CHECKING:
    from ravens_suite.data.outcomes import Summary
    from ravens_suite.rollout.evaluate import Evaluation
    from ravens_suite.rollout.evaluation_plan import EvaluationPlan
    from ravens_suite.rollout.watching import WatchSpec


@dataclass(frozen=True)
class Evaluate(EnvironmentOptions, WorkerOptions, OutputOptions):
    """Evaluate a trained agent, the oracle or a policy of yours; a second run continues where the first stopped."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, or oracle, random, explore, a policy of yours (file.py:name or package.module:name), or
    the address of a policy server (ws://127.0.0.1:8000; with ?execute=4 after it, 4 actions of each chunk are carried
    out)."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; each that the run was trained on unless given."""

    episodes: int = 100
    """Number of scenes, one seed each."""

    split: SplitName = "test"
    """Split of the scenes."""

    first_seed: int = 0
    """Seed of the first scene; the others follow it."""

    out: Path | None = None
    """Folder of the result; RUN/eval unless given, or runs/POLICY/TASK without a run."""

    force: bool = False
    """Reuse outcomes on disk although the code of the policy or the task has changed since they were made."""

    keep_failures: bool = False
    """Store every episode without strict success, with images, beside the result: failures/TASK/SPLIT/SEED.safetensors,
    to be looked at with view."""

    watch: Path | None = None
    """Run of a forecaster that notes what it thinks of every episode (docs/progress.md); the report shows from which
    step on it said that an episode would fail. The result lies in watched/NAME beside the usual one, NAME being that of
    the forecaster's run (of a second run of that name, with a digest after it)."""

    stop_when_done: Path | None = None
    """Run of a forecaster that ends every episode when it says that all is done; the environment does not. The result
    lies in stopped/NAME-PROBABILITY beside the usual one."""

    stop_at: float = 0.5
    """With --stop-when-done: probability of being done from which it ends an episode."""

    scenes: str | None = None
    """JSON file of scenes to evaluate on in place of seeds (weakspots writes such; docs/robustness.md), or one of them:
    FILE#3."""

    engine: str = "processes"
    """Where the workers run: processes of this machine, or ray (a cluster; all its machines must see RUN)."""

    record: Path | None = None
    """CSV table to note the summary in (for example results/oracle.csv): one row a task and split, and one for each
    policy but the oracle and each environment that differs from its defaults."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.data.tables import check_table
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.rollout.evaluate import check_evaluation, evaluate
        from ravens_suite.rollout.evaluation_plan import tasks_of

        if self.scenes is not None:
            self._run_scenes(console, self.scenes)
            return
        watch = self._watch()
        if self.record is not None:
            check_table(self.record, _COLUMNS, _NOTES)
        tasks = (self.task,) if self.task is not None else tasks_of(self.policy)
        done = []
        with make_pool(self.engine, self.processes(self.episodes)) as pool:
            for task in tasks[1:]:  # The first is checked as it is begun.
                check_evaluation(self.policy, task, split=self.split, arguments=self.arguments(), watch=watch)
            for task in tasks:
                with console.progress(f"{self.policy} on {task}") as progress:
                    evaluation = evaluate(
                        self.policy,
                        task,
                        split=self.split,
                        episodes=self.episodes,
                        first_seed=self.first_seed,
                        arguments=self.arguments(),
                        watch=watch,
                        out=self.out,
                        force=self.force,
                        pool=pool,
                        on_progress=progress,
                    )
                if self.keep_failures:
                    self._keep(console, evaluation)
                if self.record is not None:
                    _record(self.record, evaluation)
                _say(console, evaluation)
                done.append(evaluation)
        console.result(_result(done))

    def _watch(self) -> WatchSpec | None:
        from ravens_suite.rollout.watching import WatchSpec

        if self.stop_when_done is None and self.stop_at != Evaluate.stop_at:
            raise ConfigError("--stop-at goes with --stop-when-done: name the forecaster's run there.")
        if self.watch is not None and self.stop_when_done is not None:
            raise ConfigError("Give --watch or --stop-when-done: a forecaster that ends episodes notes as much.")
        if self.stop_when_done is not None:
            return WatchSpec.parse(str(self.stop_when_done), stop_at=self.stop_at)
        return None if self.watch is None else WatchSpec.parse(str(self.watch))

    def _run_scenes(self, console: Console, text: str) -> None:
        from ravens_suite.data.scenes import kinds_of, read_scenes
        from ravens_suite.errors import ConflictError
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.rollout.evaluate_scenes import evaluate_scenes

        scenes = read_scenes(text)
        if self.task not in (None, scenes.task):
            raise ConflictError(
                f"{text} holds scenes of {scenes.task}, but {self.task} is asked for: leave the task out."
            )
        given = (self.episodes, self.split, self.first_seed, self.stop_at)
        if given != (Evaluate.episodes, Evaluate.split, Evaluate.first_seed, Evaluate.stop_at):
            raise ConflictError(
                "The file of --scenes says seeds and splits: leave --episodes, --split, --first-seed and --stop-at out."
            )
        if self.keep_failures or self.record is not None or self.watch or self.stop_when_done:
            raise ConflictError(
                "--keep-failures, --record, --watch and --stop-when-done are for seeds: leave them out with --scenes."
            )
        with (
            make_pool(self.engine, self.processes(len(scenes.scenes))) as pool,
            console.progress(f"{self.policy} on {scenes.name}") as progress,
        ):
            done = evaluate_scenes(
                self.policy,
                scenes,
                arguments=self.arguments(),
                out=self.out,
                force=self.force,
                pool=pool,
                on_progress=progress,
            )
        for kind in kinds_of(scenes.scenes):
            row = done.of_kind(kind)
            console.say(f"  {kind or 'no kind'}: success rate {row.success_rate:.1f} % of {row.episodes}")
        row, (low, high) = done.summary, done.summary.success_rate_interval
        console.say(
            f"{done.plan.policy.label} on {scenes.name} ({scenes.task}): mean score {row.mean_score:.1f}, success rate "
            f"{row.success_rate:.1f} % ({low:.1f} to {high:.1f}) over {row.episodes} scenes; "
            f"{_not_placed(row)}{done.path}"
        )
        console.result(done.to_json())

    def _keep(self, console: Console, evaluation: Evaluation) -> None:
        from ravens_suite.rollout.kept_episodes import keep_failures

        failed = sum(outcome.placed and not outcome.success for outcome in evaluation.outcomes)
        done = 0
        with console.progress(f"failures on {evaluation.plan.task}") as progress:

            def on_episode(seed: int) -> None:
                nonlocal done
                done += 1
                progress(done, failed, f"seed {seed}")

            kept = keep_failures(evaluation, on_episode)
        for path in kept:
            console.say(f"Failed: {path}")


def _say(console: Console, evaluation: Evaluation) -> None:
    row, plan = evaluation.summary, evaluation.plan
    low, high = row.success_rate_interval
    console.say(
        f"{plan.policy.label} on {plan.task}, {plan.split}: mean score {row.mean_score:.1f}, success rate "
        f"{row.success_rate:.1f} % ({low:.1f} to {high:.1f}) over {row.episodes} episodes; "
        f"{f'{row.failures} broke a rule of the task; ' if row.failures else ''}{_not_placed(row)}"
        f"{evaluation.seconds:.1f} s; {evaluation.path}"
    )
    if figures := evaluation.watching:
        console.say(f"  {plan.watch.name if plan.watch else ''}: {figures.describe()}")


def _not_placed(row: Summary) -> str:
    """How many scenes do not count, since nobody could act in them; empty for none."""
    return f"{row.not_placed} more could not be placed and do not count; " if row.not_placed else ""


def _result(done: list[Evaluation]) -> dict[str, Any]:
    """The figures of one task; of several, each task's own, and the means of those with a scene that has room."""
    rows = {evaluation.plan.task: evaluation.to_json() for evaluation in done}
    if len(rows) == 1:
        return next(iter(rows.values()))
    acted = [row for row in rows.values() if row["episodes"]] or [*rows.values()]
    means = {name: math.fsum(row[name] for row in acted) / len(acted) for name in ("mean_score", "success_rate")}
    return {**means, "tasks": rows}


_COLUMNS = ("task", "split", "episodes", "score", "strict", "mean_steps")
"""Of the table of ``--record``."""
_NOTES = ("policy", "environment", "stopped")
"""Further columns that tell rows apart: who acts, where, and the forecaster that ended episodes, by its folder."""


def _record(path: Path, evaluation: Evaluation) -> None:
    from ravens_suite.data.tables import record_row

    row = evaluation.summary
    of = evaluation.plan.task, evaluation.plan.split
    figures = (*of, row.episodes, row.mean_score, row.success_rate, row.mean_steps)
    record_row(path, dict(zip(_COLUMNS, figures, strict=True)), key=("task", "split"), notes=_notes(evaluation.plan))


def _notes(plan: EvaluationPlan) -> dict[str, str]:
    """What tells a row from that of the oracle in the environment as it is by default; empty for that."""
    from ravens_suite.rollout.environments import contradictions

    differing = contradictions(plan.task, {}, {key: now for key, now in plan.arguments.items() if key != "observe"})
    environment = {key: now for key, (_, now) in sorted(differing.items())}
    policy = plan.policy
    label = "" if policy.kind == "oracle" else policy.name
    if policy.kind == "agent":  # Of a run, or of a folder that holds a policy alone.
        label = f"{policy.label} ({plan.run or policy.folder})"
    ended = plan.watch.label if plan.watch and plan.watch.stop_at is not None else ""
    return dict(zip(_NOTES, (label, json.dumps(environment) if environment else "", ended), strict=True))
