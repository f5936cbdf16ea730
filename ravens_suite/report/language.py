"""What a report shows of whether the policies on a task listen."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from ravens_suite.data.atomic import read_json
from ravens_suite.data.language_probes import ANOTHER, SENTENCES, ProbedEpisode, SentenceFigures, Share, figures_of
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.insight.language_probe import file_name
from ravens_suite.report.bars import Bar, bar_chart
from ravens_suite.report.robustness import labels_of
from ravens_suite.report.runs import Run, task_changes
from ravens_suite.rollout.definitions import the_task_has_changed

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LanguageRow:
    """The figures of one kind of sentence.

    Attributes:
        name: of the kind, for a person.
        figures: of it.
    """

    name: str
    figures: SentenceFigures


@dataclass(frozen=True)
class LanguageSection:
    """What is shown of one run.

    Attributes:
        label: of the run.
        rows: one a kind of sentence.
        chart: an SVG.
        parts: ``pick`` and ``place``, as far as the sentence chooses them.
        followed: share of first actions that were about the other object when that was named, in words; empty where
            there is none.
    """

    label: str
    rows: tuple[LanguageRow, ...]
    chart: str
    parts: tuple[str, ...]
    followed: str


def language_sections(runs: Sequence[Run]) -> list[LanguageSection]:
    """Of the runs of one task that were probed on test scenes.

    What is of other weights than a run holds now, or damaged, is left out with a warning.
    """
    labels = labels_of(runs)
    found = [(run, figures) for run in runs if (figures := _figures(run))]
    return [_section(labels[run.folder], figures) for run, figures in found]


def _figures(run: Run) -> dict[str, SentenceFigures]:
    path = RunFolder(run.folder).probes / file_name("test", run.task)
    try:
        value = read_json(path)
        figures = figures_of([ProbedEpisode.from_json(row) for row in value["results"]])
        fingerprint = str(value["policy"]["fingerprint"])
        words = task_changes(run.task, "test", value.get("arguments"), value.get("definition", {}))
    except MissingDataError:
        return {}
    except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
        _LOG.warning("Left out of the report: %s (%r)", path, error)
        return {}
    if run.weights_differ(fingerprint):
        _LOG.warning("%s is of other weights than the run holds now: probe it again.", path)
        return {}
    if words:
        _LOG.warning("%s Probe it again.", the_task_has_changed(str(path), run.task, words))
        return {}
    return figures


def _section(label: str, figures: dict[str, SentenceFigures]) -> LanguageSection:
    parts = tuple(part for part in ("pick", "place") if any(part in one.first for one in figures.values()))
    names = ["mean score", *(f"first {part} on what the task wants" for part in parts)]
    groups = [(SENTENCES[kind], _bars(one, parts)) for kind, one in figures.items()]
    return LanguageSection(
        label,
        tuple(LanguageRow(SENTENCES[kind], one) for kind, one in figures.items()),
        bar_chart(groups, names, "percent; black lines: what chance gives"),
        parts,
        _followed(figures.get(ANOTHER)),
    )


def _bars(figures: SentenceFigures, parts: Sequence[str]) -> list[Bar]:
    summary = figures.summary
    return [
        Bar(summary.mean_score, *summary.mean_score_interval),
        *(_bar(figures.first.get(part)) for part in parts),
    ]


def _bar(share: Share | None) -> Bar:
    return Bar(None) if share is None else Bar(share.named, *share.named_interval, mark=share.chance)


def _followed(figures: SentenceFigures | None) -> str:
    """How often the other object was taken when that was named."""
    if figures is None:
        return ""
    said = [
        f"{share.told:.1f} % of first {part}s were on that"
        for part, share in figures.first.items()
        if share.told is not None
    ]
    return f"Told of another object, {' and '.join(said)}." if said else ""
