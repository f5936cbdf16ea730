"""The commands, one file and one frozen dataclass each; its fields are the options, its ``run`` does the job.

A new command is a new file and a line in ``COMMANDS``. These modules are imported for ``--help``, so what is slow to
import is imported inside ``run``.
"""

from __future__ import annotations

from typing import Protocol

from ravens_suite.cli.commands.agents import Agents
from ravens_suite.cli.commands.benchmark import Benchmark
from ravens_suite.cli.commands.calibrate import Calibrate
from ravens_suite.cli.commands.check_submission import CheckSubmission
from ravens_suite.cli.commands.collect import Collect
from ravens_suite.cli.commands.evaluate import Evaluate
from ravens_suite.cli.commands.export import Export
from ravens_suite.cli.commands.import_episodes import Import
from ravens_suite.cli.commands.influence import InfluenceCommand
from ravens_suite.cli.commands.probe_language import ProbeLanguage
from ravens_suite.cli.commands.quickstart import Quickstart
from ravens_suite.cli.commands.reconfigure import Reconfigure
from ravens_suite.cli.commands.report import Report
from ravens_suite.cli.commands.robustness import RobustnessCommand
from ravens_suite.cli.commands.serve import Serve
from ravens_suite.cli.commands.tasks import Tasks
from ravens_suite.cli.commands.train import Train
from ravens_suite.cli.commands.view import View
from ravens_suite.cli.commands.weakspots import WeakSpotsCommand
from ravens_suite.cli.console import Console


class Command(Protocol):
    """What every command offers."""

    @property
    def json(self) -> bool:
        """Whether a program reads the result."""

    def run(self, console: Console) -> None:
        """Do the job.

        Raises:
            RavensError: it could not be done; the message says how to mend it.
        """


COMMANDS: dict[str, type[Command]] = {
    "tasks": Tasks,
    "agents": Agents,
    "collect": Collect,
    "train": Train,
    "reconfigure": Reconfigure,
    "evaluate": Evaluate,
    "probe-language": ProbeLanguage,
    "benchmark": Benchmark,
    "check-submission": CheckSubmission,
    "serve": Serve,
    "influence": InfluenceCommand,
    "robustness": RobustnessCommand,
    "calibrate": Calibrate,
    "weakspots": WeakSpotsCommand,
    "report": Report,
    "view": View,
    "export": Export,
    "import": Import,
    "quickstart": Quickstart,
}
