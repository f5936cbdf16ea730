"""What a learning agent is, and what it shares with all that is trained.

An agent declares what it reads and how it acts, makes its own data set from recorded episodes, and takes training
steps. Nothing here knows of images, heightmaps or poses: those are the agent's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch

from ravens_suite.core.observations import GOAL, Interface, Observation, missing_keys_message
from ravens_suite.core.policy import Action
from ravens_suite.data.atomic import read_json, write_bytes, write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.fields import Fields
from ravens_suite.data.run_folder import PolicyFolder
from ravens_suite.errors import ConfigError, ConflictError, RavensError, did_you_mean

from .common.described_settings import DescribedSetting, described_settings
from .common.devices import choose_device
from .common.settings import check_settings, is_required, named_data, named_outside
from .common.weight_file import TRAIN_AGAIN, damaged, pack, unpack

Data = TypeVar("Data")
"""What an agent makes of demonstrations."""
_IN_ONE_THREAD = ("act", "explain", "update", "foresee")
"""Methods of agents and forecasters that compute with one thread of torch."""


_STEP, _STEP_BESIDE = "step", "step of the training"
"""Name of the number of steps among the tensors of a training state, and where these have one of that name."""


def _in_one_thread(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def in_one_thread(*arguments: Any, **options: Any) -> Any:
        before = torch.get_num_threads()
        if before == 1:
            return method(*arguments, **options)
        torch.set_num_threads(1)
        try:
            return method(*arguments, **options)
        finally:
            torch.set_num_threads(before)

    return in_one_thread


class Trainee(ABC, Generic[Data]):
    """What learns from recorded episodes: an agent, or a forecaster (``forecasters/base.py``).

    A subclass in its own file is registered under its file's name.

    Attributes:
        name: on the command line.
        config_type: a frozen dataclass of JSON values. ``steps: int`` must be among them, the gradient steps of a run;
            ``device: str`` may be, and is set to ``auto``, ``cpu`` or ``cuda``.
        observation_keys: what it reads of an observation; training and evaluation refuse environments without them.
        controls: kinds of actions it can give, or follow: ``primitive``, ``waypoint``.
        action_keys: keys of these actions, if there can be no others; environments that take others are refused. Empty
            for one that reads them from ``interface``.
        tilts: whether its poses may tilt the tool; where they only turn it about the vertical axis, training warns of
            demonstrations that do more.
        imitates: whether it copies the actions that it learns from; then it is refused episodes that are no
            demonstrations, as ``collect --policy explore`` makes them.
        conditions: what it can be told beside the scene: ``goal``, ``instruction``; read where they are observed.
        acting_settings: names of settings that training does not read; they may be changed afterwards
            (``ravens-suite reconfigure``).
        scheduled: whether a gradient step depends on how many there are to be, as with a learning rate that follows a
            cycle. Where it does not, a finished run that is given more steps equals one that had them from the start.
        config: the settings.
        seed: of the initial weights and of training.
        interface: shapes of what it sees and gives.

    Args:
        config: settings; the defaults of ``config_type`` unless given.
        seed: of the initial weights and of training.
        interface: of the environments it is made for. Agents that need no shapes do without.

    Raises:
        ConfigError: a setting has a value that cannot work (see ``common/settings.py``).
    """

    name: ClassVar[str]
    config_type: ClassVar[type[Any]]
    observation_keys: ClassVar[tuple[str, ...]]
    controls: ClassVar[tuple[str, ...]] = ("primitive",)
    action_keys: ClassVar[tuple[str, ...]] = ()
    tilts: ClassVar[bool] = True
    imitates: ClassVar[bool] = True
    conditions: ClassVar[tuple[str, ...]] = ()
    acting_settings: ClassVar[tuple[str, ...]] = ()
    scheduled: ClassVar[bool] = True
    _handles: ClassVar[str] = "gives"

    def __init__(self, config: Any = None, seed: int = 0, interface: Interface | None = None) -> None:
        self.config = self.config_type() if config is None else config
        check_settings(self.config)
        self.seed = seed
        self.interface = Interface() if interface is None else interface
        self.check_config(self.config, self.interface)

    def __init_subclass__(cls, **options: Any) -> None:
        """Let what a subclass computes for users be computed with one thread of torch, wherever it is called."""
        super().__init_subclass__(**options)
        for name in _IN_ONE_THREAD:
            method = cls.__dict__.get(name)
            if callable(method) and not getattr(method, "__isabstractmethod__", False):
                setattr(cls, name, _in_one_thread(method))

    # ------------------------------------------------------------------ learning

    @abstractmethod
    def make_dataset(self, demonstrations: Demonstrations) -> Data:
        """What ``fit_step`` learns from: read once into memory here, or kept to be read from disk at each step.

        Args:
            demonstrations: recorded episodes of all tasks of the run.

        Raises:
            ConfigError: there is nothing in them to learn from.
        """

    @abstractmethod
    def fit_step(self, dataset: Data, step: int) -> dict[str, float]:
        """One gradient step. Its randomness is a function of (seed, step) alone, so that a resumed run repeats it.

        Args:
            dataset: of ``make_dataset``.
            step: number of this step, from 0.

        Returns:
            Figures to log, by name; all but ``learning_rate`` are taken for losses.
        """

    def wind_down(self, periods: Sequence[tuple[int, int]]) -> None:
        """Let a learning rate come down before the end of the run (see ``training/until_solved.py``).

        Nothing, unless an agent's learning rate depends on the number of steps that there are to be.

        Args:
            periods: steps (first, end) over which it comes down; after each of them it is again as if it had not been.
        """

    # ------------------------------------------------------------------ state

    @abstractmethod
    def weights(self) -> dict[str, torch.Tensor]:
        """Everything that ``act`` depends on, beyond what it remembers of the episode.

        Returns:
            Tensors by name, of any shape and dtype.
        """

    @abstractmethod
    def set_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """The inverse of ``weights``: tensors by name, of the same shapes and dtypes, on any device."""

    @abstractmethod
    def training_state(self) -> dict[str, torch.Tensor]:
        """Everything that ``fit_step`` depends on, beyond the seed and the number of the step.

        Returns:
            Tensors by name, of any shape and dtype.
        """

    @abstractmethod
    def set_training_state(self, state: dict[str, torch.Tensor]) -> None:
        """The inverse of ``training_state``: tensors by name, of the same shapes and dtypes, on any device."""

    # ------------------------------------------------------------------ files

    @classmethod
    def check(cls, interface: Interface) -> None:
        """Refuse an environment that this one cannot learn or act in.

        Raises:
            ConfigError: a key it reads is not observed, or it does not give this kind of actions.
        """
        if missing := [key for key in cls.observation_keys if key not in interface.observation]:
            raise ConfigError(f"{cls.name} cannot be used here. {missing_keys_message(missing, interface.observation)}")
        cls.check_control(interface.control)
        if cls.action_keys and set(cls.action_keys) != set(interface.action):
            raise ConfigError(
                f"{cls.name} {cls._handles} actions of {' and '.join(cls.action_keys)}, but the task's primitive takes "
                f"{' and '.join(interface.action)}: choose another agent or another task."
            )

    @classmethod
    def check_config(cls, config: Any, interface: Interface) -> None:
        """Refuse settings that ask for what an environment does not observe, where an agent has such settings.

        Raises:
            ConfigError: they do.
        """

    @classmethod
    def check_device(cls, config: Any) -> None:
        """Refuse settings whose device, where they name one, is not here.

        Raises:
            ConfigError: torch knows no such device, or finds no GPU.
        """
        choose_device(str(getattr(config, "device", "cpu")))

    @classmethod
    def check_control(cls, control: str) -> None:
        """Refuse a kind of actions that this agent does not give.

        Raises:
            ConfigError: it is not among ``controls``.
        """
        if control not in cls.controls:
            raise ConfigError(
                f"{cls.name} {cls._handles} actions of control {' or '.join(cls.controls)}, but the environment takes "
                f"{control}: choose another agent, or the other form of the task (TASK or TASK-continuous)."
            )

    @classmethod
    def reads(cls, interface: Interface) -> tuple[str, ...]:
        """The observed keys that this agent reads: its own, and those of the conditions that it can be told.

        Args:
            interface: of an environment that ``check`` accepts.
        """
        keys = list(cls.observation_keys)
        if "goal" in cls.conditions:
            keys += [GOAL + key for key in cls.observation_keys]
        if "instruction" in cls.conditions:
            keys.append("instruction")
        return tuple(key for key in dict.fromkeys(keys) if key in interface.observation)

    def save(self, folder: Path | str) -> None:
        """Write the policy: weights as safetensors and settings as JSON, each whole or not at all."""
        files = PolicyFolder(Path(folder))
        write_bytes(files.weights, [pack(self.weights())])
        write_json(files.settings, self.settings())

    def settings(self) -> dict[str, Any]:
        """JSON: what rebuilds this agent, apart from its weights."""
        return {
            "agent": self.name,
            "seed": self.seed,
            "config": asdict(self.config),
            "interface": self.interface.to_json(),
            **({"outside": outside} if any((outside := self.named_outside(self.config)).values()) else {}),
        }

    @classmethod
    def named_outside(cls, config: Any) -> dict[str, list[str]]:
        """What settings name outside the run: ``code`` of a user's own, folders of other ``policies``.

        A change of any of it makes earlier results those of another policy.

        Args:
            config: of ``config_type``.
        """
        return named_outside(config)

    @classmethod
    def named_data(cls, config: Any) -> dict[str, tuple[str, ...]]:
        """Settings that name further data folders, with these folders; see ``common/settings.py``.

        Args:
            config: of ``config_type``.
        """
        return named_data(config)

    @classmethod
    def config_class(cls) -> type[Any]:
        """``config_type``, which a subclass has to set.

        Raises:
            ConfigError: it is no dataclass.
        """
        kind = getattr(cls, "config_type", None)
        if not (isinstance(kind, type) and is_dataclass(kind)):
            raise ConfigError(
                f"{cls.__name__} must set config_type to a dataclass of its settings, not to {kind!r:.80}: see "
                "docs/own_agent.md."
            )
        return kind

    @classmethod
    def described_settings(cls) -> tuple[DescribedSetting, ...]:
        """What there is to set: name, type, default, range and purpose of each setting; raises as ``config_class``."""
        return described_settings(cls.config_class())

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """The agent that ``save`` wrote; what was trained on a GPU acts without one, too.

        Raises:
            MissingDataError: nothing was saved there.
            DamagedDataError: a file is not what was saved.
            ConflictError: another agent, or one of another version, was saved there.
        """
        files = PolicyFolder(Path(folder))
        fields_of = Fields(read_json(files.settings, TRAIN_AGAIN), lambda reason: damaged(files.settings, reason))
        if fields_of.text("agent") != cls.name:
            raise ConflictError(f"{folder} holds agent {fields_of.text('agent')!r}, not {cls.name!r}.")
        # Policies of version 0.1, whose agents needed no shapes, name no interface.
        interface = fields_of.interface("interface") if "interface" in fields_of else Interface()
        config, seed = cls._settings_to_act(fields_of.mapping("config"), interface), fields_of.whole("seed")
        agent = cls(_config_of(files.settings, cls.config_type, config), seed, interface)
        with _same_version(files.weights):
            agent.set_weights(unpack(files.weights))
        return agent

    @classmethod
    def _settings_to_act(cls, config: dict[str, Any], interface: Interface) -> dict[str, Any]:
        """Saved settings as they can be followed here: what only training needs may be missing on this machine."""
        lacks_gpu = str(config.get("device")).startswith("cuda") and not torch.cuda.is_available()
        return {**config, "device": "auto"} if lacks_gpu else config

    def save_training(self, path: Path, step: int) -> None:
        """Write what training needs to go on after ``step`` steps, in one file, whole or not at all."""
        state = self.training_state()
        name = _STEP_BESIDE if _STEP in state else _STEP  # An agent may have a tensor of that name itself.
        write_bytes(path, [pack({**state, name: torch.tensor(step)})])

    def load_training(self, path: Path) -> int:
        """Take up the training that ``save_training`` wrote; the number of steps done, 0 when there is none."""
        if not path.exists():
            return 0
        state = unpack(path)
        name = _STEP_BESIDE if _STEP_BESIDE in state else _STEP
        if name not in state or state[name].numel() != 1:
            damaged(path, "it does not say its step")
        step = int(state.pop(name))
        with _same_version(path):
            self.set_training_state(state)
        return step


class Agent(Trainee[Data]):
    """A policy that learns from demonstrations. See ``docs/own_agent.md`` for a complete one.

    Attributes and arguments are those of ``Trainee``.
    """

    # ------------------------------------------------------------------ acting

    def reset(self, seed: int = 0) -> None:
        """An episode begins. See ``core/policy.py``."""

    @abstractmethod
    def act(self, observation: Observation) -> Action:
        """The next action. See ``core/policy.py``.

        It is computed with one thread of torch, whose number is put back afterwards: the last bits of a sum depend on
        it, and so the same weights do the same in an evaluation, in a script and on a machine with more cores.
        """

    def confidence(self) -> float | None:
        """How sure it is of the action that ``act`` gave last: a probability; ``None`` unless an agent has one."""
        return None

    def explain(self, observation: Observation) -> dict[str, Any]:
        """What ``act`` went by, for a person; nothing unless an agent has something to show.

        Returns:
            Empty, or ``color`` (rows, columns, 3) uint8 and ``height`` (rows, columns) float32 of a heightmap, and
            heatmaps ``pick`` and ``place`` (rows, columns) over it; of an agent that predicts, also ``predicted_color``
            and ``predicted_height``, of the scene after the action.
        """
        return {}

    # ------------------------------------------------------------------ influence

    def example_loss(self, dataset: Data, step: int) -> torch.Tensor:
        """The loss of one demonstrated step; optional, and all that ``ravens-suite influence`` needs of an agent.

        The same loss that ``fit_step`` descends, of a single example that is not altered at random: the same weights
        give the same loss.

        Args:
            dataset: of ``make_dataset``, of one demonstration alone.
            step: of that demonstration, from 0.

        Returns:
            () float32, differentiable with respect to ``trained_parameters``.

        Raises:
            ConfigError: this agent gives no loss of a single step.
        """
        raise _gives_no_loss(self.name)

    def trained_parameters(self) -> dict[str, torch.nn.Parameter]:
        """What ``fit_step`` changes, by name, in the order of the computation; optional, goes with ``example_loss``."""
        return {}

    def curvature_terms(self, dataset: Data, step: int) -> torch.Tensor:
        """What the curvature of ``example_loss`` is made of; optional, it makes influence on decisions more exact.

        The sum over the outer products of the gradients of these numbers is the Gauss-Newton matrix of the loss. For a
        mean squared error of n outputs they are the outputs times the square root of 2 / n.

        Args:
            dataset: as of ``example_loss``.
            step: as of ``example_loss``.

        Returns:
            (k,) float32, differentiable with respect to ``trained_parameters``; k may differ from step to step.

        Raises:
            ConfigError: this agent does not give its curvature.
        """
        raise ConfigError(f"{self.name} does not give its curvature: add curvature_terms to it (docs/influence.md).")

    @classmethod
    def gives_example_losses(cls) -> bool:
        """Whether it has an ``example_loss``."""
        return cls.example_loss is not Agent.example_loss

    @classmethod
    def check_example_losses(cls) -> None:
        """Refuse an agent that has no ``example_loss``.

        Raises:
            ConfigError: it has none.
        """
        if not cls.gives_example_losses():
            raise _gives_no_loss(cls.name)

    @classmethod
    def gives_curvature(cls) -> bool:
        """Whether it has ``curvature_terms``, and no other ``example_loss`` than the one that these belong to."""
        for kind in cls.mro():
            if kind is Agent or "example_loss" in vars(kind):
                return kind is not Agent and "curvature_terms" in vars(kind)
            if "curvature_terms" in vars(kind):
                return True
        return False


def _gives_no_loss(name: str) -> ConfigError:
    return ConfigError(
        f"{name} gives no loss of a single demonstrated step: add example_loss and trained_parameters to it "
        "(docs/influence.md)."
    )


def config_from_json(config_type: type[Any], value: Mapping[str, Any]) -> Any:
    """A config dataclass from JSON; lists become tuples.

    Raises:
        ConfigError: a setting is unknown to this version, lacks a value, or has one that cannot work.
    """
    known = {field.name for field in fields(config_type)}
    if unknown := sorted(set(value) - known):
        hint = did_you_mean(unknown[0], known)
        raise ConfigError(
            f"{config_type.__name__} has no setting {unknown[0]!r}.{hint} Its settings: {', '.join(sorted(known))}."
        )
    values = {key: _in_tuples(item) for key, item in value.items()}
    if missing := [item.name for item in fields(config_type) if is_required(item) and item.name not in values]:
        raise ConfigError(f"{config_type.__name__} needs a value of {missing[0]!r}: give it in --config.")
    config = config_type(**values)
    check_settings(config)
    return config


def _in_tuples(value: Any) -> Any:
    """A value of JSON with tuples for lists, also within lists."""
    return tuple(map(_in_tuples, value)) if isinstance(value, list) else value


def _config_of(path: Path, config_type: type[Any], value: Mapping[str, Any]) -> Any:
    """Saved settings; the file is named where this version has not all of them."""
    try:
        return config_from_json(config_type, value)
    except ConfigError as error:
        raise ConflictError(
            f"{path} was made by another version of this agent, or changed since: {error} Mend that, or train again."
        ) from error


@contextmanager
def _same_version(path: Path) -> Iterator[None]:
    """Weights that do not fit the network are of another version of the agent."""
    try:
        yield
    except RavensError:
        raise
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ConflictError(f"{path} was made by another version of this agent: delete it and train again.") from error
