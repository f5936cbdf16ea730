"""The Gymnasium environment: one class for every task."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from ravens_suite.core.cameras import PUBLISHED_IMAGE_SIZE, Camera
from ravens_suite.core.geometry import Pose
from ravens_suite.core.observations import GOAL, GOAL_GROUPS, OBSERVED, ControlName, Observation, checked_groups
from ravens_suite.core.seeding import Split, checked_seed
from ravens_suite.envs.actions import entry
from ravens_suite.envs.copies import arguments_of, knows_its_arguments, remake, remember
from ravens_suite.envs.imagined import Imagined, imagine
from ravens_suite.envs.info import info_of
from ravens_suite.envs.lifecycle import Lifecycle
from ravens_suite.envs.observations import observation_space
from ravens_suite.envs.observer import DRAWN, Observer
from ravens_suite.envs.options import check_choices, checked_switch, default_options, make_task, plain_values, state_in
from ravens_suite.envs.perturbations import Perturbations
from ravens_suite.envs.sentences import SentencesNow
from ravens_suite.envs.simulation import Simulation
from ravens_suite.envs.states import EnvironmentState, Memory
from ravens_suite.envs.variations import Variations
from ravens_suite.envs.views import RENDER_SIZE, RenderMode, View, checked_size, observing_cameras
from ravens_suite.errors import ConfigError, OracleGaveUpError
from ravens_suite.sim.rendering.factory import make_renderer
from ravens_suite.sim.robot import Motion
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.primitives import PickPlace
from ravens_suite.tasks.sentences import Wording


class RavensEnv(gymnasium.Env[Any, Any]):
    """A tabletop rearrangement task seen by RGB-D cameras.

    Observation: fresh arrays at every step of what ``observe`` names, and nothing else is drawn. With ``images``, the
    default: ``color`` (N, H, W, 3) uint8, ``depth`` (N, H, W) float32 metres along the optical axis,
    ``camera_intrinsics`` (N, 3, 3) and ``camera_poses`` (N, 4, 4) float64, world from camera. All keys, with units and
    frames: ``ravens_suite/core/observations.py``.

    Action: the poses of the task's primitive, usually ``pick`` and ``place``, each ``(7,)`` float64: position in metres
    and quaternion (x, y, z, w) of any length but zero, world frame; the identity quaternion points the tool straight
    down. A position outside the action space is clipped; a pose out of reach costs the step and moves nothing; both are
    said in ``info["motion"]``. ``info["action"]`` is the action as it was carried out, empty after a reset.

    Reward: change of the progress in [0, 1]; rewards of an episode sum to at most 1.

    Args:
        task: name of a registered task.
        split: ``train``, ``val`` or ``test``; the same seed gives other scenes in each.
        control: ``primitive`` (pick and place, or push) or ``waypoint`` (the continuous form; see ``WaypointControl``).
        observe: names out of ``images``, ``segmentation``, ``state``, ``proprioception``, ``goal`` (the last
            observation of an oracle episode of the same scene) and ``instruction``.
        wording: forms of ``instruction``: ``plain``, one for each task; ``training``, that and its paraphrases, drawn
            anew for every goal step; ``held-out``, paraphrases that ``training`` never gives.
        renderer: ``auto``, ``moderngl`` or ``tiny``. Where nothing is to be drawn, there is none.
        image_size: (rows, columns) of every camera.
        cameras: own cameras in place of the three published ones, JSON values as in ``Camera.from_json``: for example
            ``[{"position": [0.5, 0, 1], "look_at": [0.5, 0, 0], "fx": 450, "fy": 450, "cx": 320, "cy": 240}]``. One
            with ``"mount": "tool"`` is on the wrist, and its pose in the frame of the tool's tip.
        motion: ``fast`` skips the physics of free travel up to 2 mm before contact, takes longer steps in pushes,
            and solves contacts to 1 mm/s; ``careful`` skips it up to 1 cm, as release 0.1 did; ``simulated`` does
            nothing of this.
        randomize: what varies in looks: names out of ``color``, ``shade``, ``table``, ``light``, ``camera``.
        camera_noise: sensor noise as a multiple of the published one (3 grey levels, 3 mm).
        distractors: number of bodies that have nothing to do with the task.
        ends_when_done: whether an episode is terminated when its goal is met. Else it goes on to the step limit, what
            was earned stays earned, and strict success is that of the end: what was done can be undone.
        perturb: changes of the scene by given amounts, by name: ``camera`` and ``calibration`` (metres), ``light``
            (stops), ``background``, ``color`` and ``crowding`` (shares), ``occluders`` and ``mistyped`` (numbers); see
            ``envs/perturbations.py``.
        render_mode: ``rgb_array`` (one frame a call) or ``rgb_array_list`` (all frames since the last call).
        render_camera: what ``render()`` looks through: the name of a camera that observes, or a camera as in
            ``cameras``; by default a view from the front right.
        render_size: (rows, columns) of a frame.
        render_fps: with ``rgb_array_list``, frames a second of simulated time, a divisor of 480, by default 30; with
            ``rgb_array``, frames, which are actions, a second of film, by default 2 (10 for way-points).
            ``metadata["render_fps"]`` says it.
        task_options: keyword arguments of the task, JSON values.

    Version history: v0, first version. Since release 0.2 of the package camera parameters are part of the observation,
    and ``observe`` takes the place of ``segmentation`` and ``goal_image``; scenes, rewards and images are the same,
    but for tasks whose own history says more.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (declared so by gymnasium)
        "render_modes": ["rgb_array", "rgb_array_list"],
        "render_fps": 30,
    }

    @knows_its_arguments
    def __init__(
        self,
        task: str,
        split: Split = "train",
        *,
        observe: Sequence[str] = OBSERVED,
        control: ControlName = "primitive",
        wording: Wording = "plain",
        renderer: str = "auto",
        image_size: Sequence[int] = PUBLISHED_IMAGE_SIZE,
        motion: Motion = "fast",
        randomize: Sequence[str] = (),
        camera_noise: float = 0.0,
        distractors: int = 0,
        perturb: Mapping[str, float] | None = None,
        ends_when_done: bool = True,
        cameras: Sequence[Mapping[str, Any]] | None = None,
        render_mode: RenderMode | None = None,
        render_camera: str | Mapping[str, Any] | None = None,
        render_size: Sequence[int] = RENDER_SIZE,
        render_fps: int | None = None,
        **task_options: Any,
    ) -> None:
        check_choices(task, split, control, motion, render_mode, renderer, wording)
        self.observed = checked_groups(observe)
        self.task: Task = make_task(task, split, task_options, RavensEnv)
        self.task_name = task
        self.split: Split = split
        self.render_mode = render_mode
        variations = Variations.checked(randomize, camera_noise, distractors)
        perturbations = Perturbations.checked(perturb)
        nominal = observing_cameras(cameras, checked_size("image_size", image_size))
        self._view = View.checked(render_mode, control, nominal, render_camera, render_size, render_fps)
        self.metadata = {**self.metadata, "render_fps": self._view.fps}
        self._goal: Observation = {}
        draws = render_mode is not None or DRAWN & set(self.observed)
        self._renderer = make_renderer(renderer) if draws else None
        if self._renderer is not None:
            for size in (nominal[0].image_size, self._view.size):
                self._renderer.check_image_size(size)
        self._simulation = Simulation(
            task,
            self.task,
            split,
            control=control,
            motion=motion,
            variations=variations,
            perturbations=perturbations,
            wording=wording,
        )
        self._simulation.ends_when_done = checked_switch("ends_when_done", ends_when_done)
        self._scene = self._simulation.scene
        self._observer = Observer(self._simulation, self._renderer, nominal, variations, perturbations)
        self._frames: list[NDArray[np.uint8]] = []
        self._sensor_before: Any = None
        self._decisive = {
            "task": task,
            "split": split,
            "control": control,
            "motion": motion,
            "distractors": variations.distractors,
            "options": dict(task_options),
            **perturbations.decisive(),
        }
        self._lifecycle = Lifecycle()
        self._closed = False
        self._spec: EnvSpec | None = None
        self.observation_space = observation_space(self.observed, nominal, self._simulation.max_bodies)
        self.action_space = self._simulation.control.action_space
        self.control: ControlName = control

    def __reduce__(self) -> tuple[Any, ...]:
        """Copying and pickling make an environment of the same arguments and bring it to the same state."""
        return remake, (arguments_of(self), remember(self))

    @property
    def max_steps(self) -> int:
        """Actions after which an episode is truncated."""
        return self._simulation.control.max_steps

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """Those that observe, as they are in the present episode; those on the tool with their poses in its frame."""
        return self._observer.cameras

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closed

    @property
    def spec(self) -> EnvSpec | None:
        """What ``gymnasium.make`` made this of, with the true ``max_episode_steps``.

        The environment itself ends its episodes. An environment that is made of this specification has the same limit
        once more in a ``TimeLimit`` wrapper: it truncates at the same step, but says so of a goal that is met at the
        last step, too.
        """
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        if value is not None:
            limit = self.max_steps if value.max_episode_steps is None else value.max_episode_steps
            value = replace(value, max_episode_steps=limit, kwargs=plain_values(value.kwargs))
        self._spec = value

    @property
    def sentences(self) -> SentencesNow:
        """What could be said now in place of the instruction; for probes of policies, which do not see it."""
        return SentencesNow(self._simulation)

    @property
    def renderer_name(self) -> str:
        """The renderer in use: ``moderngl`` or ``tiny``; ``none`` where nothing is drawn."""
        return "none" if self._renderer is None else self._renderer.name

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Build the scene of a seed.

        Args:
            seed: episode seed, >= 0; drawn from the previous one's generator when left out.
            options: ``{"state": state}`` restores a state, see ``restore_state``; there is no ``seed`` then.

        Returns:
            The first observation, see ``core/observations.py``, and ``info``.

        Raises:
            ConfigError: the seed is no whole number >= 0; ``state`` is none, or comes with a seed; or there is another
                option.
            PlacementError: the scene cannot be placed; the message names the seed. There is no episode then, and the
                environment can be reset with another seed.
        """
        state = state_in(options)
        if state is not None:
            if seed is not None:
                raise ConfigError("reset takes a state of save_state() without a seed, or a seed without a state.")
            return self.restore_state(state)
        with self._lifecycle.begins():
            seed = None if seed is None else checked_seed(seed)
            super().reset(seed=seed)
            self._begin(int(self.np_random.integers(2**31)) if seed is None else seed)
            if self.render_mode == "rgb_array_list":
                self._record()
                self._scene.on_step = _weakly(self._on_step)
            return self._observe(), self._info()

    def _begin(self, seed: int) -> None:
        """Build the scene of a seed, and the picture of its goal; nothing is recorded."""
        self._scene.on_step = None
        self._frames = []
        self._observer.begin(seed)
        self._goal = self._imagine_goal(seed) if "goal" in self.observed else {}
        self._simulation.start(seed)
        self._observer.dress()

    def step(self, action: Mapping[str, Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out one action and let the scene settle.

        Args:
            action: by name, as in ``action_space``. Poses are (7,), position in metres and quaternion (x, y, z, w),
                world frame.

        Returns:
            The observation, see ``core/observations.py``; the reward, which is the change of progress; whether the
            episode is over by what was done; whether it is over by the step limit; and ``info``.

        Raises:
            InvalidActionError: the action has a wrong shape, a value that is not finite, or a zero quaternion. Nothing
                has moved and the environment stays usable.
            ResetNeededError: no episode has begun, its reset failed, or it is over.
        """
        with self._lifecycle.acts():
            reward, terminated, truncated = self._simulation.advance(action)
            if terminated or truncated:
                self._lifecycle.end()
            return self._observe(), reward, terminated, truncated, self._info()

    def save_state(self) -> EnvironmentState:
        """Where the episode is now, to be restored here or in another environment of the same arguments.

        Raises:
            ResetNeededError: there has been no episode since the last reset failed.
        """
        if not self._lifecycle.over:
            self._lifecycle.require("save_state")
        episode = self._simulation
        generators = {
            "oracle": episode.oracle_rng.bit_generator.state,
            "sensor": self._sensor_before,
            "seeds": self.np_random.bit_generator.state,
        }
        memory = Memory(generators, episode.control.plan(), deepcopy(episode.done), self._observer.noise(self.observed))
        decisive = deepcopy(self._decisive)
        return EnvironmentState(decisive, episode.seed, tuple(episode.taken), episode.poses(), memory)

    def restore_state(self, state: EnvironmentState) -> tuple[Observation, dict[str, Any]]:
        """Bring the episode of a state to where it was, to the bit; the observation and ``info`` of that moment.

        The scene is built anew and the actions are carried out again, without drawing, so it takes as long as the
        physics of the episode so far. What only changes how a scene is seen (``observe``, ``image_size``) may differ
        from the environment that the state is of. Frames of ``rgb_array_list`` begin anew.

        Raises:
            ConfigError: it is no state of ``save_state``.
            ConflictError: the state is of an environment with another task, split, control, motion, distractors or task
                options.
            ReplayError: the actions lead elsewhere now, as under another version of the simulator.
        """
        if not isinstance(state, EnvironmentState):
            raise ConfigError(f"restore_state takes what save_state() gave; got {type(state).__name__}.")
        state.check_environment(self._decisive, default_options(self.task_name))
        with self._lifecycle.begins():
            over = self._replay(state)
            self._frames = []
            if self.render_mode == "rgb_array_list":
                self._scene.on_step = _weakly(self._on_step)
            observed = self._observe(), self._info()
        if over:
            self._lifecycle.end()
        return observed

    def _replay(self, state: EnvironmentState) -> bool:
        """Build the scene of a state and carry out its actions; whether the episode is over."""
        self._begin(state.seed)
        if self.render_mode == "rgb_array_list":
            self._simulation.robot.show()
            self._scene.on_step = _weakly(self._on_unseen_step)
        over = False
        # What was seen otherwise had other noise, or none: then it is that of an episode of this environment.
        own_noise = state.memory is None or state.memory.noise not in (None, self._observer.noise(self.observed))
        for action in state.actions:
            self._observer.pass_over(self.observed, noise=own_noise)
            if state.memory is None:
                with suppress(OracleGaveUpError):
                    self._simulation.oracle_action()
            _, terminated, truncated = self._simulation.advance(action)
            over = terminated or truncated
        state.check_poses(self._simulation.poses())
        if state.memory is not None:
            self._recall(state.memory)
            if not own_noise:
                self._observer.rng.bit_generator.state = state.memory.generators["sensor"]
        return over

    def _recall(self, memory: Memory) -> None:
        """Go on with the plan of a state, and with its random numbers but for those of the sensors."""
        self._simulation.oracle_rng.bit_generator.state = memory.generators["oracle"]
        self.np_random.bit_generator.state = memory.generators["seeds"]
        self._simulation.control.restore_plan(memory.plan)
        self._simulation.done = deepcopy(dict(memory.done))

    def _on_unseen_step(self) -> None:
        if self._scene.steps % self._view.interval == 0:
            self._simulation.robot.show()

    def oracle_action(self, *, or_rest: bool = False) -> dict[str, NDArray[Any]]:
        """What the scripted oracle would do now. It sees everything.

        The action is as ``step`` takes it: (7,) float64 poses by name, position in metres and quaternion (x, y, z, w),
        world frame; usually ``pick`` and ``place``, in the continuous form ``pose`` and ``gripper``, () int64.

        When the episode is over this is an action that moves nothing, as vector environments ask for one although they
        ignore it and reset.

        Args:
            or_rest: where the oracle would give up, an action that moves nothing instead of an error: an error in one
                of the environments of a vector ends them all.

        Raises:
            OracleGaveUpError: it has nothing left that it could do.
            ResetNeededError: no episode has begun, or its reset failed.
        """
        if self._lifecycle.over:
            return self._simulation.control.rest()
        self._lifecycle.require("oracle_action")
        try:
            return self._simulation.oracle_action()
        except OracleGaveUpError:
            if or_rest:
                return self._simulation.control.rest()
            raise

    def imagine(self, action: Mapping[str, Any]) -> Imagined:
        """What a pick and a place would do by geometry alone, without moving anything; see ``envs/imagined.py``.

        Args:
            action: with ``pick`` and ``place``, as for ``step``.

        Raises:
            ConfigError: the task's actions are no picks and places.
            InvalidActionError: the action has no such entry.
            InvalidPoseError: a pose is none.
            ResetNeededError: no episode has begun, or its reset failed.
        """
        self._lifecycle.require("imagine")
        if self.control != "primitive" or self.task.primitive.name != PickPlace.name:
            raise ConfigError(f"{self.task_name} has no picks and places, so nothing can be imagined of its actions.")
        pick, place = (Pose.from_vector(entry(action, name)) for name in ("pick", "place"))
        return imagine(self._scene, self._simulation.scorer, pick, place)

    def render(self) -> Any:
        """One frame, or with ``rgb_array_list`` all frames since the last call; each (rows, columns, 3) uint8 RGB.

        ``render_camera``, ``render_size`` and ``render_fps`` say what is drawn, and how often.
        """
        if not self._lifecycle.over:
            self._lifecycle.require("render")
        if self.render_mode == "rgb_array":
            return self._frame()
        if self.render_mode == "rgb_array_list":
            frames, self._frames = self._frames, []
            return frames
        return None

    def close(self) -> None:
        """Free the simulator and the renderer. Closing twice is fine. They are freed of a dropped environment, too."""
        if not self._closed:
            self._closed = True
            self._lifecycle.close()
            if self._renderer is not None:
                self._renderer.close()
            self._scene.close()

    def _imagine_goal(self, seed: int) -> Observation:
        """The last observation of an oracle episode of a seed, every key with ``goal_`` before it."""
        self._simulation.start(seed, "goal")
        self._observer.dress()
        groups = [group for group in self.observed if group in GOAL_GROUPS]
        self._simulation.finish_by_oracle(lambda: self._observer.pass_over(groups, noise=False))
        seen = self._observer.look(groups)
        return {GOAL + key: value for key, value in seen.items()}

    def _observe(self) -> Observation:
        self._sensor_before = self._observer.rng.bit_generator.state
        observation = self._observer.look(self.observed)
        goal = {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in self._goal.items()}
        return observation | goal

    def _info(self) -> dict[str, Any]:
        return info_of(self._simulation, self.cameras, self.renderer_name)

    def _on_step(self) -> None:
        if self._scene.steps % self._view.interval == 0:
            self._record()

    def _record(self) -> None:
        self._frames.append(self._frame())

    def _frame(self) -> NDArray[np.uint8]:
        frame: NDArray[np.uint8] = self._observer.images([self._view.now(self.cameras)]).color[0]
        return frame


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """The same without keeping the method's object, so that an environment goes when the last reference is dropped."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    return call
