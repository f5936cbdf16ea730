"""The file of an evaluation: outcomes of seeds, which count as long as what made them is the same."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.outcomes import EpisodeOutcome, Summary
from ravens_suite.data.watching import WatchSummary
from ravens_suite.errors import DamagedDataError, MissingDataError
from ravens_suite.rollout.earlier_results import compare
from ravens_suite.rollout.evaluation_plan import EvaluationPlan, check_environment, where_weights_lie
from ravens_suite.rollout.provenance import join_commits, joined, provenance

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """Outcomes over seeds, and their summary.

    Attributes:
        plan: what was evaluated.
        outcomes: in the order of the seeds.
        seconds: wall time, summed over the calls it took.
        path: of the JSON file that holds all this.
    """

    plan: EvaluationPlan
    outcomes: tuple[EpisodeOutcome, ...]
    seconds: float
    path: Path

    @property
    def summary(self) -> Summary:
        """The figures."""
        return Summary.of(self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """The figures of ``ravens-suite evaluate --json``."""
        watching = self.watching
        more = {} if watching is None else {"watching": asdict(watching)}
        return {**self.summary.to_json(), **more, "seconds": round(self.seconds, 3)}

    @property
    def watching(self) -> WatchSummary | None:
        """What the forecaster said; ``None`` where none watched."""
        return WatchSummary.of(self.outcomes)


class EvaluationRecord:
    """The JSON file of an evaluation, written anew after every episode.

    Attributes:
        outcomes: that count.
        doubt: why the outcomes may be those of something else; empty where they are not.
    """

    def __init__(self, path: Path, plan: EvaluationPlan) -> None:
        self.path = path
        self.outcomes: dict[int, EpisodeOutcome] = {}
        self.seconds = 0.0
        self.doubt = ""
        self._plan = plan
        self._renderer = ""
        self._now = provenance()
        self._provenance = self._now
        self._settings = plan.settings
        self._lie = where_weights_lie(plan.policy, path)
        self._replaces = False

    @property
    def doubtful_seed(self) -> int:
        """The seed that settles the doubt: the first whose episode has an action."""
        return min(self.outcomes, key=lambda seed: (self.outcomes[seed].steps == 0, seed))

    def load(self, *, force: bool = False) -> None:
        """Take up the outcomes that are there, unless they are of something else."""
        try:
            value = read_json(self.path)
            outcomes = [EpisodeOutcome.from_json(outcome) for outcome in value["results"]]
            made = {**value["provenance"], "commit": join_commits(value["provenance"]["commit"], "")}
            seconds, renderer = float(value["seconds"]), str(value["renderer"])
            difference = compare(value, self._settings, self._plan.policy)
        except MissingDataError:
            return
        except (AttributeError, DamagedDataError, KeyError, TypeError, ValueError) as error:
            self._start_anew(f"{self.path} is damaged ({error})")
            return
        if difference.other or (difference.changed and not force):
            self._start_anew(f"{self.path} is of {difference.other or difference.changed}")
            return
        self.outcomes = {outcome.seed: outcome for outcome in outcomes}
        self.seconds, self._renderer = seconds, renderer
        self._provenance = made
        self.doubt = difference.doubt if outcomes and not force else ""

    def settle(self, again: EpisodeOutcome) -> None:
        """Let the outcomes count if one of their seeds, run again, came out the same."""
        if again == self.outcomes[again.seed]:
            self._write()
        else:
            self.outcomes, self.seconds, self._provenance = {}, 0.0, self._now
            self._start_anew(f"Seed {again.seed} of {self.path} does not come out the same again ({self.doubt})")

    def drop_unsure(self, seeds: Iterable[int]) -> None:
        """Leave out, and so run again, those of some seeds of which no confidence of a decision is noted."""
        asked = set(seeds)
        self.outcomes = {
            seed: outcome
            for seed, outcome in self.outcomes.items()
            if seed not in asked or outcome.confidences or not outcome.steps
        }

    def add(self, outcome: EpisodeOutcome, renderer: str, seconds: float) -> None:
        """Take in an outcome and write everything."""
        if self._replaces:
            self.path.replace(self.path.with_name(f"{self.path.name}.old"))
            self._replaces = False
        self.outcomes[outcome.seed] = outcome
        self._provenance = joined(self._provenance, self._now)
        self.seconds = seconds
        self._renderer = renderer or self._renderer
        self._write()

    def _start_anew(self, why: str) -> None:
        check_environment(self._plan)
        _LOG.warning("%s: all seeds are evaluated anew, and the earlier file is kept as %s.old.", why, self.path.name)
        self._replaces = True

    def _write(self) -> None:
        evaluation = self.evaluation(self.outcomes)
        rows = [item.to_json() for item in evaluation.outcomes]
        extra = {"renderer": self._renderer, "provenance": self._provenance, "results": rows}
        write_json(self.path, {**self._settings, **self._lie, **evaluation.to_json(), **extra})

    def evaluation(self, seeds: Iterable[int]) -> Evaluation:
        """The outcomes of some seeds."""
        outcomes = tuple(self.outcomes[seed] for seed in sorted(seeds))
        return Evaluation(self._plan, outcomes, self.seconds, self.path)
