"""What an agent is, and the demonstrations it learns from."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ravens_suite.core.cameras import Camera
from ravens_suite.core.geometry import Array, Pose
from ravens_suite.core.heightmap import Heightmap, fuse
from ravens_suite.core.types import Observation
from ravens_suite.data.atomic import read_json, write_bytes, write_json
from ravens_suite.data.episode import Episode
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError

from .nn.history import Move, habits
from .nn.steps import UNTURNED, Step, step_from_maps, with_later_objects

WEIGHTS = "weights.safetensors"
TRAINING = "training.safetensors"
SETTINGS = "agent.json"
_ONE_PLACE = 0.05
"""Metres below which two places count as one."""


class Demonstrations:
    """The steps of n episodes, fused into heightmaps once and kept in memory.

    Args:
        episodes: the steps of each episode.

    Attributes:
        habits: how often what was placed is picked again, and places are used again.
        turning: whether any step turns what it moves; in some tasks, such as laying a rope, none does.

    Raises:
        ConfigError: there is not a single step.
    """

    def __init__(self, episodes: Iterable[Sequence[Step]]) -> None:
        self.episodes = tuple(tuple(episode) for episode in episodes if len(episode))
        if not self.episodes:
            raise ConfigError("There is no demonstrated step to learn from: collect at least one episode.")
        self.habits = habits(
            [Move(Heightmap(s.color, s.height), s.pick, s.place) for s in episode] for episode in self.episodes
        )
        self.turning = any(abs(step.turn) > UNTURNED for episode in self.episodes for step in episode)

    @staticmethod
    def from_episodes(episodes: Iterable[Episode]) -> Demonstrations:
        """Fuse the images of recorded episodes."""
        return Demonstrations(_steps(episode) for episode in episodes)

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.episodes)

    def sample(self, rng: np.random.Generator) -> Step:
        """A step: an episode is drawn uniformly, then a step of it (the published protocol)."""
        episode = self.episodes[rng.integers(len(self.episodes))]
        return episode[rng.integers(len(episode))]


def _steps(episode: Episode) -> list[Step]:
    color, depth = episode.observations["color"], episode.observations["depth"]
    maps = [fuse(color[t], depth[t], episode.cameras) for t in range(episode.steps + 1)]
    picks = [Pose.from_vector(pose) for pose in episode.actions["pick"]]
    places = [Pose.from_vector(pose) for pose in episode.actions["place"]]
    # Where several things go to one place, so would what is left over at the end.
    one_place = len(places) > 1 and all(
        math.dist(place.position[:2], places[0].position[:2]) < _ONE_PLACE for place in places
    )
    end = maps[-1] if one_place else None
    steps = [step_from_maps(maps[t], maps[t + 1], picks[t], places[t], end) for t in range(episode.steps)]
    return with_later_objects(steps)


class Agent(ABC):
    """A policy that learns from demonstrations.

    A subclass in its own file is registered under its file's name. It sees observations and camera parameters only.

    Attributes:
        name: on the command line.
        config_type: a frozen dataclass of JSON values. ``steps: int`` must be among them, the gradient steps of a run;
            ``device: str`` may be, and is set to ``auto``, ``cpu`` or ``cuda``.
        config: the settings of this agent.
        seed: of the initial weights and of training.
    """

    name: ClassVar[str]
    config_type: ClassVar[type[Any]]

    def __init__(self, config: Any = None, seed: int = 0) -> None:
        self.config = self.config_type() if config is None else config
        self.seed = seed

    @abstractmethod
    def fit_step(self, demos: Demonstrations, step: int) -> dict[str, float]:
        """One gradient step; its randomness comes from (seed, step) alone, so that a resumed run repeats it.

        Args:
            demos: what to learn from.
            step: number of this step, from 0.

        Returns:
            Figures to log, by name.
        """

    @abstractmethod
    def act(self, observation: Observation, cameras: Sequence[Camera]) -> dict[str, Array]:
        """The action: ``{"pick": (7,), "place": (7,)}``, position and quaternion (xyzw) in the world frame."""

    @abstractmethod
    def weights(self) -> dict[str, torch.Tensor]:
        """Everything ``act`` depends on, by name, beyond what it remembers of the episode."""

    @abstractmethod
    def set_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """The inverse of ``weights``."""

    @abstractmethod
    def training_state(self) -> dict[str, torch.Tensor]:
        """Everything ``fit_step`` depends on, by name, beyond the seed and the number of the step."""

    @abstractmethod
    def set_training_state(self, state: dict[str, torch.Tensor]) -> None:
        """The inverse of ``training_state``."""

    def reset(self) -> None:  # noqa: B027 - optional on purpose
        """An episode begins. Agents without memory need not care."""

    def explain(self, observation: Observation, cameras: Sequence[Camera]) -> dict[str, Any]:
        """What ``act`` saw and thought, for a person: empty, or heatmaps over the heightmap by name."""
        return {}

    def save(self, folder: Path) -> None:
        """Write the policy: weights as safetensors and settings as JSON, each whole or not at all."""
        write_bytes(folder / WEIGHTS, [_pack(self.weights())])
        write_json(folder / SETTINGS, self.settings())

    def settings(self) -> dict[str, Any]:
        """JSON: what rebuilds this agent, apart from its weights."""
        return {"agent": self.name, "seed": self.seed, "config": asdict(self.config)}

    @classmethod
    def load(cls, folder: Path) -> Agent:
        """The agent that ``save`` wrote; what was trained on a GPU acts without one, too.

        Raises:
            MissingDataError: nothing was saved there.
            DamagedDataError: a file is not what was saved.
            ConflictError: another agent, or one of another version, was saved there.
        """
        settings = read_json(folder / SETTINGS)
        if settings.get("agent") != cls.name:
            raise ConflictError(f"{folder} holds agent {settings.get('agent')!r}, not {cls.name!r}.")
        config = dict(settings["config"])
        if str(config.get("device")).startswith("cuda") and not torch.cuda.is_available():
            config["device"] = "auto"
        agent = cls(config_from_json(cls.config_type, config), int(settings["seed"]))
        with _same_version(folder / WEIGHTS):
            agent.set_weights(_unpack(folder / WEIGHTS))
        return agent

    def save_training(self, folder: Path, step: int) -> None:
        """Write what training needs to go on after ``step`` steps, in one file, whole or not at all."""
        write_bytes(folder / TRAINING, [_pack({**self.training_state(), "step": torch.tensor(step)})])

    def load_training(self, folder: Path) -> int:
        """Take up the training that ``save_training`` wrote; the number of steps done, 0 when there is none."""
        if not (folder / TRAINING).exists():
            return 0
        state = _unpack(folder / TRAINING)
        step = int(state.pop("step"))
        with _same_version(folder / TRAINING):
            self.set_training_state(state)
        return step


def config_from_json(config_type: type[Any], value: dict[str, Any]) -> Any:
    """A config dataclass from JSON; lists become tuples.

    Raises:
        ConfigError: a setting is unknown to this version.
    """
    known = {field.name for field in fields(config_type)}
    if unknown := sorted(set(value) - known):
        raise ConfigError(f"{config_type.__name__} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    return config_type(**{key: tuple(item) if isinstance(item, list) else item for key, item in value.items()})


@contextmanager
def _same_version(path: Path) -> Iterator[None]:
    """Weights that do not fit the network are of another version of the agent."""
    try:
        yield
    except RuntimeError as error:
        raise ConflictError(f"{path} was made by another version of this agent: delete it and train again.") from error


def _pack(tensors: dict[str, torch.Tensor]) -> bytes:
    data: bytes = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    return data


def _unpack(path: Path) -> dict[str, torch.Tensor]:
    if not path.exists():
        raise MissingDataError(f"There is no {path}: train the agent first.")
    try:
        tensors: dict[str, torch.Tensor] = load(path.read_bytes())
    except SafetensorError as error:
        raise DamagedDataError(f"{path} is damaged ({error}): delete it and train again.") from error
    return tensors
