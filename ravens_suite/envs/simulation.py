"""What moves in an environment: the scene of its task, the robot, the oracle and the score. Nothing is seen here."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.geometry import Array
from ravens_suite.core.goals import Goal, Poses, Scorer
from ravens_suite.core.observations import ControlName
from ravens_suite.core.seeding import RandomStream, Split, generator
from ravens_suite.envs.controls import Executed, make_control, step_limit
from ravens_suite.envs.first_scenes import scene_of_seed
from ravens_suite.envs.perturbations import Perturbations
from ravens_suite.envs.task_checks import (
    check_goals,
    check_limit,
    check_report,
    check_sentences,
    check_slots,
    check_text,
    task_code,
)
from ravens_suite.envs.variations import Variations
from ravens_suite.errors import ConfigError, OracleGaveUpError, PlacementError
from ravens_suite.sim.precision import EXACT, FINE, Precision
from ravens_suite.sim.robot import Motion, Robot
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.sentences import Sentences, Wording

PLACEMENT_ATTEMPTS = 50
"""Fresh draws of a scene before ``reset`` gives up."""


def precision_of(task: Task, motion: Motion) -> Precision:
    """How finely the physics of a task is computed with a kind of motion."""
    if motion == "fast":
        return task.primitive.precision
    return FINE if motion == "careful" else EXACT


class Simulation:
    """The episodes of an environment without what is observed of them.

    Args:
        name: registered name of the task.
        task: the task itself.
        split: of its seeds.
        control: kind of the actions.
        motion: how much of the physics of free travel is skipped, and how finely the rest is computed.
        variations: of which the distractors count here.
        perturbations: of which count here those of bodies and of the instruction.
        wording: forms of the instruction.

    Raises:
        ConfigError: the task has no held-out forms, and they are asked for.

    Attributes:
        scene: the bodies; it is the same object in every episode, and so are the next two.
        robot: in the scene.
        control: carries out actions.
        scorer: the goals of the present episode.
        seed: of the present episode.
        steps: actions so far.
        ends_when_done: whether an episode is over when its goals are met.
        taken: the actions so far as they were carried out, arrays by name.
        failure: why the present episode has failed for good; empty as long as it has not.
        done: ``motion`` and ``action`` of ``info``: what the last action did.
        oracle_rng: the oracle's random numbers in the present episode.
    """

    def __init__(
        self,
        name: str,
        task: Task,
        split: Split,
        *,
        control: ControlName,
        motion: Motion,
        variations: Variations,
        perturbations: Perturbations,
        wording: Wording = "plain",
    ) -> None:
        self.name = name
        self.task = task
        self.split: Split = split
        self._variations = variations
        self._perturbations = perturbations
        self._wording: Wording = wording
        if wording == "held-out" and not self._has_held_out():
            raise ConfigError(f"{name} has no held-out forms of its instruction: take wording='plain' or 'training'.")
        self._control_name: ControlName = control
        with task_code(name, type(task), "the primitive"):
            self.scene = Scene(precision_of(task, motion))
            self.scene.crowding = perturbations.crowding
            self.robot = Robot(self.scene, task.primitive.tool, motion)
            self.control = make_control(control, task, self.robot)
        self.scorer = Scorer([])
        self.seed = 0
        self.steps = 0
        self.ends_when_done = True
        self.taken: list[dict[str, NDArray[Any]]] = []
        self.failure = ""
        self.done: dict[str, Any] = {}
        self._carrying = False
        self.oracle_rng = np.random.default_rng(0)

    def _has_held_out(self) -> bool:
        """Whether the task has held-out forms; some tasks have theirs once there is a scene."""

        def own(doing: str) -> AbstractContextManager[None]:
            return task_code(self.name, type(self.task), doing)

        with own("current_sentences"):
            if check_sentences("current_sentences", self.task.forms()[1]).held_out:
                return True
        try:
            with own("build"), scene_of_seed(self.task), own("current_sentences"):
                return bool(check_sentences("current_sentences", self.task.current_sentences(0)).held_out)
        except PlacementError:
            return True  # That there is no room is said where it is asked for.

    @property
    def max_bodies(self) -> int:
        """The most bodies that a scene ever shows."""
        return self.task.max_bodies + self._variations.distractors + self._perturbations.occluders

    def start(self, seed: int, oracle: RandomStream = "oracle") -> None:
        """Build the scene of a seed and let it settle.

        Args:
            seed: of the episode.
            oracle: purpose of the oracle's random numbers.

        Raises:
            PlacementError: the scene cannot be placed.
        """
        self.seed = seed
        self.oracle_rng = generator(seed, self.split, oracle)
        self.control.reset()
        self.steps = 0
        self.taken = []
        self.failure = ""
        self._carrying = False
        self.done = {"motion": {"outcome": "reset", "grasped": False, "clipped": False, "steps": 0}, "action": {}}
        self.scorer = Scorer(self._build())
        self.scene.settle()

    def _build(self) -> Sequence[Goal]:
        rng = generator(self.seed, self.split, "scene")
        # Making a generator takes as long as two physics steps.
        more = self._variations.distractors or self._perturbations.occluders
        clutter = generator(self.seed, self.split, "distractors") if more else None
        for _ in range(PLACEMENT_ATTEMPTS):
            self.scene.reset()
            try:
                with self.task_code("build"):
                    self.robot.reset()
                    goals = check_goals(self.task, self.scene, self.task.build(self.scene, rng))
                if clutter is not None:
                    self._variations.clutter(self.scene, clutter, self.task.colors)
                    self._perturbations.add_occluders(self.scene, clutter)
            except PlacementError as error:
                reason = error
                continue
            return goals
        raise PlacementError(
            f"{self.name}, split {self.split}, seed {self.seed}: no scene after {PLACEMENT_ATTEMPTS} attempts. "
            f"{reason} Use another seed, or fewer distractors or occluders."
        )

    def advance(self, action: Any) -> tuple[float, bool, bool]:
        """Take one action of the episode: the reward, and whether it is terminated or truncated.

        Raises:
            InvalidActionError: the action is malformed; nothing has moved.
        """
        before = self.scene.steps
        executed, reward, terminated = self.act(action)
        self.steps += 1
        motion = {
            "outcome": executed.report.outcome,
            "grasped": executed.report.grasped,
            "clipped": executed.clipped,
            "steps": self.scene.steps - before,
        }
        self.done = {"motion": motion, "action": executed.action}
        self.taken.append({name: array.copy() for name, array in executed.action.items()})
        return reward, terminated, not terminated and self.steps >= self._step_limit()

    def _step_limit(self) -> int:
        """Actions of the present episode at most."""
        with self.task_code("step_limit"):
            limit = check_limit(self.task.step_limit())
        return min(step_limit(self._control_name, limit), self.control.max_steps)

    def act(self, action: Any) -> tuple[Executed, float, bool]:
        """Carry out an action and let the scene settle: what was done, the reward, whether the episode is over.

        A load in the gripper is on its way: the scene neither settles nor scores before it is let go.
        """
        with self.task_code("the primitive"):
            executed = self.control.execute(action)
            check_report(executed.report)
        self._carrying = not executed.scores
        if self._carrying:
            return executed, 0.0, False
        settled = self.scene.settle()
        if executed.report.outcome == "done" and not settled:
            executed = replace(executed, report=replace(executed.report, outcome="not settled"))
        with self.task_code("failure"):
            self.failure = check_text("failure", self.task.failure(self.scene))
        if self.failure:
            return executed, self.scorer.forfeit(), True
        poses = self.scene.poses()
        with self.task_code("a goal"):
            reward = self.scorer.update(poses)
        with self.task_code("after_action"):
            stuck = not self.scorer.done and self._after_action() and executed.report.complete
        if taken := [name for name in poses if name not in self.scene]:
            with self.task_code("a goal"):
                self.scorer.take_away(taken, poses)
        return executed, reward, (self.scorer.done and self.ends_when_done) or stuck

    def _after_action(self) -> bool:
        """What the task says: whether the episode ends here.

        Raises:
            PlacementError: it finds no room for what it brings; unlike a scene, an episode cannot be drawn anew.
        """
        try:
            return bool(self.task.after_action(self.scene))
        except PlacementError as error:
            raise PlacementError(
                f"after_action, at step {self.steps} of seed {self.seed}, of the task {self.name} found no room. "
                f"{error} Keep places free in build (kept_free), or let after_action catch PlacementError."
            ) from error

    def oracle_action(self) -> dict[str, NDArray[Any]]:
        """What the scripted oracle would do now: see ``Control.oracle``.

        Raises:
            OracleGaveUpError: it has nothing left that it could do.
        """
        goal = self.scorer.goal
        if goal is None:
            raise OracleGaveUpError("All goals are met; reset the environment.")
        with self.task_code("the oracle"):
            return self.control.oracle(goal, self.oracle_rng)

    def instruction(self, wording: Wording | None = None) -> str:
        """What is to be done now.

        Args:
            wording: forms to draw from; those of the environment by default.
        """
        step = self.scorer.steps_done
        said = self._worded(step, wording or self._wording)
        if not self.scorer.done:
            with self.task_code("slots"):
                check_slots(self.task, said, step)
        return self.as_told(said)

    def as_told(self, sentence: str) -> str:
        """A sentence of the present goal step, with words mistyped where the environment has that."""
        if not self._perturbations.mistyped:
            return sentence
        step = self.scorer.steps_done
        seed = generator(self.seed, self.split, "perturbation").integers(2**31, size=step + 1)[step]
        return self._perturbations.mistype(sentence, np.random.default_rng(int(seed)))

    def plain_sentence(self, words: Mapping[str, str] | None = None) -> str:
        """The plain form of what is to be done now, as the task says it.

        Args:
            words: for the slots, in place of the task's own.
        """
        task = self.task
        if words is not None:
            task = copy.copy(task)  # That of the episode keeps its words.
            task.slots = lambda step: words  # type: ignore[method-assign]
        with self.task_code("current_instruction"):
            return check_text("current_instruction", task.current_instruction(self.scorer.steps_done))

    def _worded(self, step: int, wording: Wording) -> str:
        plain = self.plain_sentence()
        if wording == "plain":
            return plain
        sentences = self.sentences()
        forms = (
            (plain, *sentences.training) if wording == "training" else sentences.held_out or (plain,)
        )  # After the last step.
        rng = generator(self.seed, self.split, "wording")
        return forms[int(rng.integers(2**31, size=step + 1)[step]) % len(forms)]

    def sentences(self) -> Sentences:
        """Other forms of the sentence of the present goal step, as the task says."""
        with self.task_code("current_sentences"):
            return check_sentences("current_sentences", self.task.current_sentences(self.scorer.steps_done))

    def met(self, poses: Poses) -> dict[str, bool]:
        """For every object whether it is where the last goal step that names it wants it: ``Scorer.met``.

        A load on its way is nowhere yet, as for the score, although it may hang over its target.
        """
        with self.task_code("a goal"):
            met = self.scorer.met(poses)
        carried = self.robot.tool.parts if self._carrying else ()
        return {name: there and name not in carried for name, there in met.items()}

    def task_code(self, doing: str) -> AbstractContextManager[None]:
        """Around what the task's own code does: says whose it is, and when, if it raises."""
        return task_code(self.name, type(self.task), f"{doing}, at step {self.steps} of seed {self.seed},")

    def finish_by_oracle(self, before_action: Callable[[], None]) -> None:
        """Let the oracle act until the episode is over or it gives up. ``taken`` and ``done`` stay as they are.

        Args:
            before_action: called before each action, where an episode is observed.
        """
        for _ in range(self.control.max_steps):
            before_action()
            try:
                _, _, over = self.act(self.oracle_action())
            except OracleGaveUpError:
                break
            if over:
                break

    def poses(self) -> dict[str, Array]:
        """(7,) float64 position and quaternion of every body that the task placed, world frame, by name."""
        return {name: pose.vector() for name, pose in self.scene.poses().items()}
