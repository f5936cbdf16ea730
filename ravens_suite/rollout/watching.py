"""A forecaster that watches an episode while a policy acts, and may end it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ravens_suite.core.forecast import Forecast, Forecaster, checked_forecast
from ravens_suite.core.observations import Interface, Observation, missing_keys_message
from ravens_suite.core.policy import Action
from ravens_suite.data.atomic import read_json
from ravens_suite.data.run_folder import PolicyFolder, RunFolder, name_of_copy, place_of
from ravens_suite.errors import ConfigError, DamagedDataError, MissingDataError, UnknownNameError, blame
from ravens_suite.registry import agent_names, forecaster_names, load_forecaster
from ravens_suite.rollout.policy_code import code_of, outside_of

DONE_AT = 0.5
"""Probability of ``done`` from which a forecaster ends an episode, unless another one is given."""


@dataclass(frozen=True)
class WatchSpec:
    """Which forecaster watches; enough to construct it in any process.

    Attributes:
        name: registered name, or where it is imported from.
        folder: of the trained forecaster.
        fingerprint: SHA-256 of its settings and weights.
        stop_at: probability of ``done`` from which it ends the episode; ``None`` where it only watches.
        code: digest of its code, see ``core/source_digest.py``.
        outside: digest of code of a user's own and of other policies that its settings name; empty for none.
    """

    name: str
    folder: str
    fingerprint: str
    stop_at: float | None = None
    code: str = ""
    outside: str = ""

    @staticmethod
    def parse(text: str, *, stop_at: float | None = None) -> WatchSpec:
        """The forecaster that a user means.

        Args:
            text: folder of its training run.
            stop_at: see the attribute.

        Raises:
            MissingDataError: there is no such run.
            UnknownNameError: it is of a forecaster that nobody has declared here.
            ConfigError: it is the run of an agent, or ``stop_at`` is no probability.
        """
        if stop_at is not None and not 0 < stop_at <= 1:
            raise ConfigError(f"--stop-at is a probability, above 0 and at most 1, not {stop_at}.")
        run = RunFolder(Path(text))
        files = run.policy if run.policy.settings.exists() else PolicyFolder(Path(text))
        name = files.agent()
        if ":" not in name and name not in forecaster_names():
            if name not in agent_names():  # One of a user's own, of which the folder of its weights alone says no more.
                raise UnknownNameError("forecaster", name, forecaster_names())
            raise ConfigError(
                f"{text} holds the agent {name!r}, which acts and does not watch: name the run of a forecaster "
                f"(ravens-suite train {forecaster_names()[0]} TASK)."
            )
        return WatchSpec(name, str(files.path), files.fingerprint(), stop_at, code_of(name), outside_of(files))

    @property
    def folder_name(self) -> str:
        """Name of the folder of what it watched: that of its run, and from which probability it ended episodes.

        Of a copy of weights from along the way, run and step: copies of several runs have one name.
        """
        name = name_of_copy(Path(self.folder).resolve()) or self._run.resolve().name
        return name if self.stop_at is None else f"{name}-{self.stop_at:g}"

    @property
    def label(self) -> str:
        """For a table of one's own: where its run, or its folder, was said to be, and the probability."""
        return str(self._run) if self.stop_at is None else f"{self._run}-{self.stop_at:g}"

    @property
    def _run(self) -> Path:
        """Folder of the run; of weights alone, and of a copy of them, their own."""
        path = Path(self.folder)
        return path.parent if path == RunFolder(path.parent).policy.path else path

    @property
    def place(self) -> str:
        """Digest of where the forecaster lies, which tells two of one name apart."""
        return place_of(self.folder)

    def folder_in(self, folder: Path) -> Path:
        """The folder of what it watched, within another one.

        It is called ``folder_name``; where a forecaster that lies elsewhere has that name already, its place follows,
        so that neither takes the other's place. What is noted of the same weights is its own wherever it lay then.

        Args:
            folder: of all forecasters.
        """
        usual = folder / self.folder_name
        own = folder / f"{self.folder_name}-{self.place}"
        return own if own.exists() or any(map(self._is_of_another, usual.glob("*.json"))) else usual

    def _is_of_another(self, path: Path) -> bool:
        """Whether the file of an evaluation is of another forecaster; not where nobody knows."""
        try:
            value = read_json(path)
        except (DamagedDataError, MissingDataError, OSError):
            return False
        noted = value.get("watch") if isinstance(value, dict) else None
        if not isinstance(noted, dict) or "place" not in noted:
            return False
        return noted["place"] != self.place and noted.get("fingerprint") != self.fingerprint

    @property
    def reads(self) -> tuple[str, ...]:
        """What it reads of an observation: its keys, and those of the conditions that were observed in its training."""
        learnt = PolicyFolder(Path(self.folder)).interface().observation
        return tuple(dict.fromkeys([*load_forecaster(self.name).observation_keys, *learnt]))

    def make(self, interface: Interface) -> Watch:
        """The forecaster, for an environment.

        Raises:
            ConfigError: the environment does not observe what it reads, or takes other actions.
            ConflictError: the forecaster has other weights by now than when it was named.
        """
        kind = load_forecaster(self.name)
        kind.check(interface)
        if missing := [key for key in self.reads if key not in interface.observation]:
            raise ConfigError(
                f"{kind.name} cannot be used here. {missing_keys_message(missing, interface.observation)}"
            )
        with blame(f"load of the forecaster {self.name}"):
            watch = Watch(kind.load(Path(self.folder)), self.stop_at)
        PolicyFolder(Path(self.folder)).check_same(self.fingerprint)
        return watch

    def to_json(self) -> dict[str, Any]:
        """What an evaluation records of it; without the folder, which may be moved, but with a digest of it."""
        own = {"name": self.name, "fingerprint": self.fingerprint, "stop_at": self.stop_at, "code": self.code}
        return {**own, "place": self.place, **({"outside": self.outside} if self.outside else {})}


@dataclass
class Watch:
    """A forecaster during one episode after the other.

    Attributes:
        forecaster: what it is.
        stop_at: probability of ``done`` from which the episode ends; ``None`` for never.
        forecasts: of the present episode, one an observation.
    """

    forecaster: Forecaster
    stop_at: float | None = None
    forecasts: list[Forecast] = field(default_factory=list)

    def reset(self, seed: int) -> None:
        """An episode begins."""
        self.forecasts = []
        with blame(f"reset of the forecaster {self._name}"):
            self.forecaster.reset(seed)

    def see(self, observation: Observation, action: Action | None) -> bool:
        """Take in the next observation, and the action that led to it; whether the episode is to end here.

        Raises:
            ConfigError: what the forecaster says is no forecast.
            UserCodeError: it raised; the message says where.
        """
        with blame(f"update of the forecaster {self._name}, after action {len(self.forecasts)},"):
            said = self.forecaster.update(observation, action)
        forecast = checked_forecast(said, self._name)
        self.forecasts.append(forecast)
        return self.stop_at is not None and forecast.done >= self.stop_at

    @property
    def _name(self) -> str:
        return str(getattr(self.forecaster, "name", type(self.forecaster).__name__))
