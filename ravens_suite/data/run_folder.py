"""The files of a training run: the one place where they are named.

``RUN/run.json`` says everything about the run, ``RUN/policy/`` holds the weights that were kept,
``RUN/training.safetensors`` what training needs to go on, ``RUN/checkpoints/`` copies of the weights from along the
way, ``RUN/logs/`` the curves for TensorBoard, ``RUN/eval/`` one file an evaluation, ``RUN/probes/`` what is found out
about the policy.
"""

from __future__ import annotations

import hashlib
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ravens_suite.core.observations import Interface
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.fields import Fields
from ravens_suite.data.run_record import checked_record
from ravens_suite.errors import ConflictError, DamagedDataError, MissingDataError

RECORD = "run.json"
_AGAIN = "delete its run and train again"
OPTIONS = "options"
"""Folder beside evaluations: a folder in it for each set of options of a task with which the policy was not trained."""
PROBES = "probes"
"""Folder of what was found out about whether a policy listens, in that of the run or of the policy on a task."""
WATCHED = "watched"
"""Folder beside evaluations: a folder in it for each forecaster that watched (``evaluate --watch``)."""


@dataclass(frozen=True)
class PolicyFolder:
    """The files of a trained agent.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def weights(self) -> Path:
        """Everything that actions depend on, as safetensors."""
        return self.path / "weights.safetensors"

    @property
    def settings(self) -> Path:
        """JSON: which agent it is and what rebuilds it."""
        return self.path / "agent.json"

    def is_there(self) -> bool:
        """Whether both files of a trained agent are."""
        return self.settings.exists() and self.weights.exists()

    def agent(self) -> str:
        """Registered name of the agent; of one in a user's own file, where it is, as the run says that it lies in.

        Raises:
            MissingDataError: there is no trained agent here.
            DamagedDataError: its settings are not those of an agent.
        """
        if not self.settings.exists() and RunFolder(self.path).exists():
            raise MissingDataError(
                f"There is no trained agent in {self.path} (yet): run the ravens-suite train command that began it "
                "again, it goes on."
            )
        if not self.settings.exists():
            raise MissingDataError(f"There is no trained agent in {self.path}: train one, or name its folder.")
        settings = read_json(self.settings, _AGAIN)
        if not isinstance(settings, dict) or "agent" not in settings:
            raise DamagedDataError(f"{self.settings} does not name an agent: {_AGAIN}.")
        return self._named_by_run() or str(settings["agent"])

    def _named_by_run(self) -> str:
        """How the run names the agent whose weights, or a copy of them from along the way, these are; else empty."""
        here = self.path.absolute()
        for run in (RunFolder(here.parent), RunFolder(here.parent.parent)):
            if run.exists() and here in (run.policy.path, run.checkpoints_path / here.name):
                with suppress(ConflictError, DamagedDataError):
                    return str(run.record()["plan"]["agent"])
        return ""

    def interface(self) -> Interface:
        """What the agent learned to read and to give; empty for policies of version 0.1.

        Raises:
            DamagedDataError: that is not what an agent wrote.
        """
        settings = Fields(read_json(self.settings, _AGAIN), self._damaged)
        return settings.interface("interface") if "interface" in settings else Interface()

    def config(self) -> dict[str, Any]:
        """The settings that the agent was trained with, JSON values by name.

        Raises:
            DamagedDataError: that is not what an agent wrote.
        """
        return dict(Fields(read_json(self.settings, _AGAIN), self._damaged).mapping("config"))

    def outside(self) -> dict[str, list[str]]:
        """What the settings name outside this folder: ``code`` of a user's own, folders of other ``policies``.

        Raises:
            DamagedDataError: that is not what an agent wrote.
        """
        settings = Fields(read_json(self.settings, _AGAIN), self._damaged)
        if "outside" not in settings:
            return {"code": [], "policies": []}
        named = Fields(settings.mapping("outside"), self._damaged, "outside")
        return {"code": named.texts("code"), "policies": named.texts("policies")}

    def _damaged(self, reason: str) -> NoReturn:
        raise DamagedDataError(f"{self.settings} is damaged ({reason}): {_AGAIN}.")

    def fingerprint(self) -> str:
        """SHA-256 of the settings and the weights."""
        return hashlib.sha256(self.settings.read_bytes() + self.weights.read_bytes()).hexdigest()

    def check_same(self, fingerprint: str) -> None:
        """Refuse weights that were written meanwhile, as a training does that goes on: results would be of several.

        Args:
            fingerprint: of them when they were named; empty where that is not known.

        Raises:
            ConflictError: they are others by now.
        """
        if fingerprint and self.fingerprint() != fingerprint:
            raise ConflictError(
                f"The weights or settings in {self.path} have changed since this command began, as those of a run do "
                "that is being trained: run it again when that is finished."
            )


@dataclass(frozen=True)
class RunFolder:
    """The files of a training run.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def record_path(self) -> Path:
        """What was asked for and what came of it."""
        return self.path / RECORD

    @property
    def policy(self) -> PolicyFolder:
        """The weights that were kept."""
        return PolicyFolder(self.path / "policy")

    @property
    def training(self) -> Path:
        """The training state, from which an interrupted run goes on."""
        return self.path / "training.safetensors"

    @property
    def checkpoints_path(self) -> Path:
        """Copies of the weights from along the way (``train --keep-checkpoints``), a folder each."""
        return self.path / "checkpoints"

    def checkpoint(self, step: int) -> PolicyFolder:
        """The copy of the weights after so many steps."""
        return PolicyFolder(self.checkpoints_path / f"{step:08d}")

    def checkpoints(self) -> dict[int, PolicyFolder]:
        """Copies of the weights that are there and whole, by their step, ascending."""
        names = sorted(path.name for path in self.checkpoints_path.glob("*") if path.name.isdecimal())
        found = {int(name): PolicyFolder(self.checkpoints_path / name) for name in names}
        return {step: folder for step, folder in found.items() if folder.is_there()}

    @property
    def logs(self) -> Path:
        """TensorBoard's files."""
        return self.path / "logs"

    @property
    def evaluations(self) -> Path:
        """One JSON file an evaluation."""
        return self.path / "eval"

    @property
    def probes(self) -> Path:
        """What was found out about the policy, one JSON file a task and split."""
        return self.path / PROBES

    @property
    def influence(self) -> Path:
        """Which demonstration taught what (``ravens-suite influence``): results, pictures and kept gradients."""
        return self.path / "influence"

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return self.record_path.exists()

    def record(self) -> dict[str, Any]:
        """The content of ``run.json``.

        Raises:
            MissingDataError: there is no run here.
            DamagedDataError: it is not the record of a run, or a field of it is of another kind; or, when a field is
                asked for, that it is missing.
            ConflictError: it was written by version 0.1.
        """
        if not self.exists():
            raise MissingDataError(
                f"There is no run in {self.path}: train one (ravens-suite train), or name its folder."
            )
        record = read_json(self.record_path, "delete it and train again")
        if not isinstance(record, dict) or not isinstance(record.get("plan"), dict):
            raise DamagedDataError(
                f"{self.record_path} is not the record of a training run: delete it and train again."
            )
        if "tasks" not in record["plan"]:
            raise ConflictError(
                f"{self.record_path} was written by version 0.1, which did not note the environment: train again, or "
                f"evaluate the policy alone (ravens-suite evaluate {shlex.quote(str(self.policy.path))} TASK)."
            )
        return checked_record(record, self.record_path)

    def write_record(self, record: dict[str, Any]) -> None:
        """Write ``run.json``, whole or not at all."""
        write_json(self.record_path, record)


def place_of(folder: str) -> str:
    """Digest of where the weights of an agent or a forecaster lie, which tells two of one name apart.

    Args:
        folder: of the weights.
    """
    return hashlib.sha256(str(Path(folder).resolve()).encode()).hexdigest()[:8]


def name_of_copy(folder: Path) -> str:
    """Run and step of a copy of its weights (``train --keep-checkpoints``), ``RUN-00000005``; empty for other folders.

    Args:
        folder: of a trained agent or forecaster.
    """
    copy = folder.absolute()
    run = RunFolder(copy.parent.parent)
    return f"{run.path.name}-{copy.name}" if copy.parent == run.checkpoints_path and run.exists() else ""
