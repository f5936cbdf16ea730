"""What a report shows of influence: decisions of an agent with the demonstrated steps most responsible, in pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ravens_suite.core.types import Action
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.insight.influence_record import (
    PICTURES,
    DecisionFound,
    DemonstrationFound,
    Influence,
    StepFound,
    read_influence,
)
from ravens_suite.report.drawing import draw_action, map_picture
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run
from ravens_suite.report.sections import Panel
from ravens_suite.rollout.environments import pose_order

_LOG = logging.getLogger(__name__)

_DECISIONS, _RESPONSIBLE, _LISTED = 4, 3, 10
"""Decisions of a run, steps for each of them, and demonstrations in the table."""
_SCALE = 2
"""Picture pixels a heightmap pixel."""


@dataclass(frozen=True)
class DecisionView:
    """One decision.

    Attributes:
        title: scene, action and what became of it.
        panels: what the agent did, what was asked about, and the steps that pushed towards it, strongest first.
        away: steps that pulled away from it, in words; empty where there are none.
        unanswered: why no step bears on it, in words; empty where some do.
    """

    title: str
    panels: tuple[Panel, ...]
    away: str
    unanswered: str = ""


@dataclass(frozen=True)
class InfluenceSection:
    """What is shown of one run on one task.

    Attributes:
        label: of the run.
        decisions: failed ones first.
        demonstrations: the wrong or rare ones first.
        count: how many demonstrations there are.
    """

    label: str
    decisions: tuple[DecisionView, ...]
    demonstrations: tuple[DemonstrationFound, ...]
    count: int


def influence_sections(runs: Sequence[Run]) -> tuple[InfluenceSection, ...]:
    """Of the runs of one task; none of those whose demonstrations were not looked at, or that were trained anew."""
    labels = labels_of(runs)
    sections = []
    for run in runs:
        if (found := _read(run)) is not None:
            listed = [each for each in found.demonstrations if each.task == run.task]
            options = run.given if run.test is None else run.test.options
            asked = [each for each in found.decisions if each.task == run.task and each.options == options]
            if not asked and (options or not listed):
                continue  # It was evaluated on this task, and learnt others.
            asked.sort(key=lambda each: each.success)
            pictures = _home(run).influence / PICTURES
            views = tuple(_view(each, pictures) for each in asked[:_DECISIONS])
            sections.append(InfluenceSection(labels[run.folder], views, tuple(listed[:_LISTED]), len(listed)))
    return tuple(sections)


def _read(run: Run) -> Influence | None:
    if not run.trained:
        return None
    folder = _home(run)
    try:
        found = read_influence(folder)
        if found.weights == folder.policy.fingerprint():
            return found
        _LOG.warning(
            "%s: its influence is of other weights than it holds now; run ravens-suite influence again.", folder.path
        )
    except (MissingDataError, FileNotFoundError):
        return None
    except DamagedDataError as error:
        _LOG.warning("Left out of the report: %s", error)
    return None


def _home(run: Run) -> RunFolder:
    """The folder of the training run, wherever its evaluation with other options of the task lies."""
    return RunFolder(Path(run.policy.folder).parent)


def _view(decision: DecisionFound, pictures: Path) -> DecisionView:
    end = "ended with every goal met" if decision.success else "failed"
    title = (
        f"{decision.split.capitalize()} scene {decision.seed}, which {end}: action {decision.step + 1}, which earned "
        f"{100 * decision.reward:.0f}"
    )
    order = pose_order(decision.task, decision.options)
    panels = [_panel("What the agent did", pictures / decision.picture, decision.did, order)]
    if decision.label == "oracle":
        panels.append(_panel("What the oracle would have done", pictures / decision.picture, decision.action, order))
    panels += [
        _panel(_words(step, decision.task), pictures / step.picture, step.action, pose_order(step.task))
        for step in decision.towards[:_RESPONSIBLE]
    ]
    away = ", ".join(_words(step, decision.task) for step in decision.away[:_RESPONSIBLE])
    return DecisionView(title, tuple(panel for panel in panels if panel is not None), away, decision.unanswered)


def _words(step: StepFound, task: str) -> str:
    of_task = "" if step.task == task else f" of {step.task}"
    place = f" in {step.folder}" if step.folder else ""
    return f"Demonstration {step.seed}{of_task}{place}, action {step.step + 1} ({step.influence:+.2f})"


def _panel(name: str, path: Path, action: Mapping[str, Any], order: Sequence[str]) -> Panel | None:
    """The table with an action drawn in, its poses in an order; ``None`` where no picture was kept."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        return None
    color = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    poses = {key: np.asarray(value, dtype=np.float64) for key, value in action.items()}
    return Panel.of(name, draw_action(map_picture(color, _SCALE), Action.from_dict(poses, order), scale=_SCALE))
