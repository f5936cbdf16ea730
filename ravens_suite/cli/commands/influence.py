"""``ravens-suite influence``."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ravens_suite.cli.commands.options import JsonText, OutputOptions, SplitName, WorkerOptions, json_object
from ravens_suite.cli.console import Console
from ravens_suite.errors import ConfigError

if TYPE_CHECKING:
    from ravens_suite.insight.cleaning import Cleaned
    from ravens_suite.insight.influence import Question
    from ravens_suite.insight.influence_record import DecisionFound, Influence, StepFound

_SHOWN = 10
"""Demonstrations that are printed."""


@dataclass(frozen=True)
class InfluenceCommand(WorkerOptions, OutputOptions):
    """Say which demonstrations are wrong or rare, and which taught a run one of its decisions."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run that kept copies of its weights (train --keep-checkpoints 5)."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Task of the decisions, which the run need not have learnt; each that it learnt unless given. Needed with --seeds
    where it learnt several."""

    data: Path | None = None
    """Folder of all data: the demonstrations are in DATA/TASK/train. That of the training unless given."""

    seeds: tuple[int, ...] = ()
    """Seeds of scenes, in each of which one decision is explained. Unless given: --decisions scenes that failed in
    RUN/eval, the worst first."""

    environment: JsonText = "{}"
    """Options of the task, as evaluate took them, as a JSON object; those of the training unless given."""

    decisions: int = 3
    """Number of failed scenes that are explained where no --seeds are given; 0 for none."""

    split: SplitName = "test"
    """Split of the scenes."""

    step: int | None = None
    """Which action of the episode, from 0; the first one that earned nothing unless given."""

    label: Literal["agent", "oracle"] = "agent"
    """Whose action is explained: what the agent did, or what the oracle would have done instead."""

    named: int = 3
    """Demonstrated steps that are named for and against each decision."""

    projection: int = 4096
    """Numbers that are kept of each gradient; 0 for whole gradients."""

    drop: int = 0
    """Train again without so many of the demonstrations, those ranked first, and say what that gained on validation."""

    drop_file: Path | None = None
    """Train again without these demonstrations: a JSON file, {"TASK": [SEED, ...]}."""

    out: Path | None = None
    """Folder of the run that is trained again; RUN-without-N unless given, N being all that it lacks."""

    val_episodes: int = 20
    """Validation scenes of each task on which both runs are compared."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.data.named_seeds import read_seeds
        from ravens_suite.insight.cleaning import check_dropped, check_room
        from ravens_suite.insight.influence import find_influence
        from ravens_suite.insight.influence_record import RECORD

        if self.drop and self.drop_file is not None:
            raise ConfigError("--drop and --drop-file both say what to leave out: give one of them.")
        given = self.out, self.val_episodes
        if not self.drop and self.drop_file is None and given != (None, InfluenceCommand.val_episodes):
            raise ConfigError("--out and --val-episodes are of the run that --drop or --drop-file trains: give one.")
        self._check_numbers()
        # Read first: a mistake in it must not show up after minutes of gradients.
        left_out = None if self.drop_file is None else read_seeds(self.drop_file)
        if left_out is not None:
            check_dropped(self.folder, left_out)
        if self.drop or left_out is not None:
            check_room(self.folder, self.drop if left_out is None else left_out, self.out)
        questions = self._questions()
        with console.progress(f"influence on {self.folder}") as progress:
            found = find_influence(
                self.folder,
                self.data,
                questions,
                named=self.named,
                projection=self.projection,
                on_progress=progress,
            )
        _say(console, found, len(questions))
        console.say(str(self.folder / "influence" / RECORD))
        result: dict[str, Any] = found.to_json()
        if self.drop or left_out is not None:
            cleaned = self._clean(console, found, left_out)
            _say_cleaned(console, cleaned)
            result["cleaned"] = cleaned.to_json()
        console.result(result)

    def _check_numbers(self) -> None:
        """Refuse at once what could not be carried out after minutes of gradients."""
        from ravens_suite.core.numbers import MOST_EPISODES, check_number
        from ravens_suite.data.run_folder import RunFolder

        if self.drop:
            check_number("--drop", self.drop, 1, MOST_EPISODES)
        if self.drop or self.drop_file is not None:
            check_number("--val-episodes", self.val_episodes, 1, MOST_EPISODES)
            self.processes(self.val_episodes)
        record = RunFolder(self.folder).record()
        folders = (record["demonstrations"], *record.get("more_demonstrations", {}).values())
        count = sum(len(seeds) for folder in folders for seeds in folder.values())
        if self.drop >= count:
            raise ConfigError(f"--drop must be below the number of demonstrations, {count}; got {self.drop}.")

    def _questions(self) -> list[Question]:
        from ravens_suite.core.numbers import MOST_EPISODES, check_number
        from ravens_suite.data.run_folder import RunFolder
        from ravens_suite.insight.influence import Question, failed_seeds

        check_number("--decisions", self.decisions, 0, MOST_EPISODES)
        tasks = RunFolder(self.folder).record()["plan"]["tasks"]
        given = json_object("--environment", self.environment)
        if self.seeds and self.task is None and len(tasks) > 1:
            raise ConfigError(
                f"Say of which task the scenes are: ravens-suite influence {shlex.quote(str(self.folder))} TASK."
            )
        chosen = [self.task] if self.task is not None else tasks
        return [
            Question(task, seed, self.split, self.step, self.label, given)
            for task in chosen
            for seed in dict.fromkeys(
                self.seeds or failed_seeds(self.folder, task, self.split, given)[: self.decisions]
            )
        ]

    def _clean(self, console: Console, found: Influence, left_out: dict[str, list[int]] | None) -> Cleaned:
        from ravens_suite.execution.pool import make_pool
        from ravens_suite.insight.cleaning import first_ranked, train_without

        dropped = first_ranked(found, self.drop) if left_out is None else left_out
        with (
            make_pool("processes", self.processes(self.val_episodes)) as pool,
            console.progress("training again") as progress,
        ):
            return train_without(
                self.folder,
                self.data,
                dropped,
                out=self.out,
                val_episodes=self.val_episodes,
                pool=pool,
                on_progress=progress,
            )


def _say(console: Console, found: Influence, asked: int) -> None:
    console.say("Demonstrations, the wrong or rare ones first (self-influence 0 to 1; estimated loss if left out):")
    for each in found.demonstrations[:_SHOWN]:
        console.say(
            f"  {each.name}: self-influence {each.self_influence:.3f}, held-out loss "
            f"{each.held_out_loss:.3g}, loss {each.loss:.3g}, group {each.group}"
        )
    if len(found.demonstrations) > _SHOWN:
        console.say(f"  ... and {len(found.demonstrations) - _SHOWN} more")
    earlier = len(found.decisions) - asked  # What is asked stands last.
    if earlier > 0:
        console.say(f"{earlier} decisions were asked about before; they are in the file and in the report.")
    for decision in found.decisions[max(earlier, 0) :]:
        _say_decision(console, decision)


def _say_decision(console: Console, decision: DecisionFound) -> None:
    whose = "what the agent did" if decision.label == "agent" else "what the oracle would have done"
    options = "".join(f", {name} {json.dumps(value)}" for name, value in decision.options.items())
    end = "succeeded" if decision.success else "failed"
    console.say(
        f"{decision.task}{options}, {decision.split} scene {decision.seed} ({end}), action {decision.step + 1} "
        f"(--step {decision.step}; earned {decision.reward:.3g}): {whose}"
    )
    if decision.unanswered:
        console.say(f"  {decision.unanswered}")
        return
    for words, steps in (("pushed towards it", decision.towards), ("pulled away from it", decision.away)):
        console.say(f"  {words}: {', '.join(map(_step, steps)) or 'none'}")


def _step(step: StepFound) -> str:
    return f"{step.name}, action {step.step + 1} ({step.influence:+.2f})"


def _say_cleaned(console: Console, cleaned: Cleaned) -> None:
    count = sum(len(seeds) for seeds in cleaned.dropped.values())
    # A run that was cleaned already had not all of them, either.
    whole = f"without the {cleaned.earlier} left out before" if cleaned.earlier else "with all demonstrations"
    less = f"without {count} more" if cleaned.earlier else f"without {count}"
    for task, before in cleaned.before.items():
        after = cleaned.after[task]
        console.say(
            f"{task}, {before.episodes} validation scenes: mean score {before.mean_score:.1f} "
            f"({before.mean_score_interval[0]:.1f} to {before.mean_score_interval[1]:.1f}) {whole}, "
            f"{after.mean_score:.1f} ({after.mean_score_interval[0]:.1f} to {after.mean_score_interval[1]:.1f}) "
            f"{less}."
        )
    if cleaned.not_compared:
        console.say(
            f"{', '.join(cleaned.not_compared)}: trained again {less}. There is no environment to compare "
            "both runs in: try them where the demonstrations were made (docs/own_data.md)."
        )
    console.say(str(cleaned.run))
