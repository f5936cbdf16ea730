"""What ``ravens-suite influence`` found out about a run: ``RUN/influence/influence.json``, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.fields import Fields, is_number, object_of
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import DamagedDataError

RECORD = "influence.json"
PICTURES = "pictures"
"""Folder of PNG files beside it: the table before a step, as a heightmap's colours."""


@dataclass(frozen=True)
class DemonstrationFound:
    """What was found about one demonstration.

    Attributes:
        task: registered name.
        seed: of the demonstration.
        steps: its number of actions.
        self_influence: what it taught that no other did, 0 to 1 (``insight/scores.py``).
        held_out_loss: the loss it would have had if the agent had not seen it, estimated.
        loss: mean loss of its steps over all checkpoints.
        group: number of the demonstrations that taught the same, from 0; the largest group first.
        folder: of further data (--more-data) in which it lies; empty for the data of the run itself.
    """

    task: str
    seed: int
    steps: int
    self_influence: float
    held_out_loss: float
    loss: float
    group: int
    folder: str = ""

    @property
    def name(self) -> str:
        """The demonstration, for a person."""
        return demonstration_name(self.task, self.seed, self.folder)


@dataclass(frozen=True)
class StepFound:
    """How one demonstrated step bears on a decision.

    Attributes:
        task: registered name.
        seed: of the demonstration.
        step: number of the action, from 0.
        influence: positive if it pushed the agent towards the decision, negative if away; -1 to 1.
        cosine: between both gradients, the mean over checkpoints.
        action: that was demonstrated, JSON.
        picture: file name of the table before it; empty where none is kept.
        folder: of further data (--more-data) in which it lies; empty for the data of the run itself.
    """

    task: str
    seed: int
    step: int
    influence: float
    cosine: float
    action: Mapping[str, Any] = field(default_factory=dict)
    picture: str = ""
    folder: str = ""

    @property
    def name(self) -> str:
        """The demonstration, for a person."""
        return demonstration_name(self.task, self.seed, self.folder)


@dataclass(frozen=True)
class DecisionFound:
    """A decision of the agent and the demonstrated steps that bear most on it.

    Attributes:
        task: registered name.
        split: of the seed.
        seed: of the scene.
        step: number of the action, from 0.
        label: whose action is asked about, ``agent`` or ``oracle``.
        did: the agent's action, JSON.
        action: the one that is asked about, JSON.
        reward: what the agent's action earned.
        success: whether the agent's episode ended with strict success.
        picture: file name of the table before it; empty where none is kept.
        towards: steps that pushed towards it, the strongest first.
        away: steps that pulled away from it, the strongest first.
        options: of the task, those that the run was not trained with, JSON.
    """

    task: str
    split: str
    seed: int
    step: int
    label: str
    did: Mapping[str, Any]
    action: Mapping[str, Any]
    reward: float
    success: bool
    picture: str
    towards: tuple[StepFound, ...]
    away: tuple[StepFound, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unanswered(self) -> str:
        """Why no step bears on it, for a person; empty where some do."""
        if self.towards or self.away:
            return ""
        if self.label == "agent":
            return (
                "No step says anything about it: the loss of what the agent did cannot be lower, as with agents that "
                "copy by mean squared error. Ask about what the oracle would have done: --label oracle."
            )
        return "No step says anything about it: its loss cannot be lower."

    @property
    def asked(self) -> tuple[str, str, int, int, str, str]:
        """What was asked; a later answer takes the place of an earlier one."""
        return self.task, self.split, self.seed, self.step, self.label, json.dumps(self.options, sort_keys=True)


@dataclass(frozen=True)
class Influence:
    """All that was found out about a run.

    Attributes:
        weights: fingerprint of the weights that act.
        checkpoints: gradient steps of training after which the weights were copied.
        projection: numbers that were kept of each gradient.
        demonstrations: those of most self-influence, the wrong or rare ones, first.
        decisions: in the order in which they were asked about.
        method: digest of how gradients were computed; empty for those of earlier versions.
    """

    weights: str
    checkpoints: tuple[int, ...]
    projection: int
    demonstrations: tuple[DemonstrationFound, ...]
    decisions: tuple[DecisionFound, ...] = ()
    method: str = ""

    def with_decision(self, decision: DecisionFound) -> Influence:
        """This, with one more decision."""
        others = tuple(each for each in self.decisions if each.asked != decision.asked)
        return replace(self, decisions=(*others, decision))

    def to_json(self) -> dict[str, Any]:
        """JSON values from which ``read_influence`` rebuilds it."""
        return asdict(self)


def demonstration_name(task: str, seed: int, folder: str) -> str:
    """What a demonstration is called for a person.

    Args:
        task: registered name.
        seed: of the demonstration.
        folder: of further data in which it lies, if it does.
    """
    return f"demonstration {seed} of {task}{f' in {folder}' if folder else ''}"


def write_influence(run: RunFolder, found: Influence, extra: Mapping[str, Any]) -> None:
    """Write what was found, whole or not at all.

    Args:
        run: it is about.
        found: it.
        extra: more JSON values for the file, such as the command.
    """
    write_json(run.influence / RECORD, {**found.to_json(), **extra})


def read_influence(run: RunFolder) -> Influence:
    """What was found out about a run.

    Raises:
        MissingDataError: nothing yet.
        DamagedDataError: the file says something else.
    """
    path = run.influence / RECORD

    def damaged(reason: str) -> NoReturn:
        raise DamagedDataError(f"{path} is damaged ({reason}): delete it and run ravens-suite influence again.")

    value = Fields(read_json(path), damaged)
    try:
        return Influence(
            value.text("weights"),
            tuple(value.wholes("checkpoints")),
            value.whole("projection"),
            tuple(object_of(DemonstrationFound, each) for each in value.items("demonstrations")),
            tuple(_decision(each) for each in value.items("decisions")),
            value.text("method") if "method" in value else "",
        )
    except TypeError as error:
        damaged(str(error))


def _decision(value: Any) -> DecisionFound:
    """A decision whose actions and pictures a report can draw; TypeError for another one."""
    found = object_of(DecisionFound, value)
    steps = (*found.towards, *found.away)
    for action in (found.did, found.action, *(step.action for step in steps)):
        for name, part in action.items():
            pose = isinstance(part, list) and len(part) == _POSE and all(map(is_number, part))
            if not pose and not is_number(part):
                raise TypeError(f"{name} of an action is {part!r:.60}")
    for picture in (found.picture, *(step.picture for step in steps)):
        if picture != Path(picture).name:
            raise TypeError(f"picture is {picture!r:.60}, no name of a file")
    return found


_POSE = 7
