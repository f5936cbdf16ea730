"""A UR5e that carries a tool: reachability by inverse kinematics, travel, straight lines, and what cameras see of it.

The arm's links are seen but collide with nothing (as in the published benchmark), and its motors follow their commands.
So the arm itself needs no dynamics: its joint angles follow from the tool's commanded pose in closed form, and the tool
is pulled along by a force-limited constraint. Tip poses are in the world frame; lengths are in metres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal

import numpy as np

from ravens_suite.core.geometry import Array, Pose, dot, rotate_vector
from ravens_suite.core.workspace import PLANE_HEIGHT
from ravens_suite.sim import kinematics, objects
from ravens_suite.sim.bodies import Body
from ravens_suite.sim.grippers import Tool
from ravens_suite.sim.precision import TIME_STEP
from ravens_suite.sim.scene import Scene

TRAVEL_STEP = 0.004
"""Metres a physics step through free space (1.9 m/s)."""

GENTLE_START, GENTLE_STOP = 4.0, 1.0
"""Metres a second squared: acceleration and braking of moves that drag a load. Friction alone would brake the load by
4.9 to 9.8, so a rope stays taut instead of running up on the bead that is held."""

_CRAWL = 1e-4
"""Metres a physics step: the least speed of a gentle move."""

TURN_STEP = 0.02
"""Radians a physics step while the tool turns."""

CLEARANCE = 0.01
"""Metres that must be free around the tool and what it holds where travel is not simulated."""

NEAR = 0.002
"""Metres from contact up to which free motion is skipped with ``motion="fast"``. From rest the tool then touches at
half the speed of a long descent."""

_LEAST_SKIP = 0.002
"""Metres: shorter parts of the way are not worth a search for what is near."""

STALLED = 0.016
"""Metres between the tool and its command beyond which something is in its way: six times the lag of a load that is
carried low at full speed."""

ARRIVAL_STEPS = 40
"""Physics steps for which a move waits, at most, for the tool to catch up with its command."""

LEAST_UPRIGHT = 0.5
"""Cosine of the largest tilt of the tool against the upright (60 degrees); beyond it the arm would be in the table."""

_ARRIVED = 5e-4
"""Metres between the tool and its command within which it counts as arrived."""

_NO_TURN = 1e-6
"""Radians below which a move does not turn."""

HOME_TIP = kinematics.flange_to_tool(Pose.from_matrix(kinematics.forward(kinematics.HOME_JOINTS)))
"""Tip pose at the home joints."""

Motion = Literal["fast", "careful", "simulated"]
"""What of the motion through free space is simulated step by step. fast: the last 2 mm before contact; careful: from
where bounding boxes come within 1 cm, as "fast" did before release 0.2; simulated: all of it."""


class Robot:
    """The arm and its tool. Call ``reset`` after every reset of the scene, the first included.

    Attributes:
        scene: where the robot stands, its base at the world origin.
        motion: whether free travel is simulated.
        joints: (6,) float64, joint angles in radians when the robot was last shown.

    Args:
        scene: see above.
        tool: class of the tool that it carries.
        motion: see above.
    """

    def __init__(self, scene: Scene, tool: type[Tool], motion: Motion = "fast") -> None:
        self.scene = scene
        self.motion = motion
        self._tool_class = tool
        self.joints: Array = kinematics.HOME_JOINTS
        self._tool: Tool | None = None

    def reset(self) -> None:
        """Put the arm into the scene at its home joints, with an empty tool."""
        self.joints, frames = _at_home()
        for name, part in _seen_parts(self._tool_class).items():
            self.scene.add(name, part, frames[objects.PART_FRAMES.get(name, "flange")], "robot")
        self._tool = self._tool_class(self.scene, HOME_TIP)

    @property
    def tool(self) -> Tool:
        """The mounted tool."""
        if self._tool is None:
            raise RuntimeError("Call Robot.reset() before moving the robot.")
        return self._tool

    def touching(self) -> bool:
        """Whether the empty tool, or what it holds, touches anything."""
        return self.tool.touches()

    def stopped(self) -> bool:
        """Whether the empty tool, or what it holds, touches anything or cannot follow its command any more.

        The second happens without contact when a held bead rests on the joints of its rope.
        """
        return self.touching() or math.dist(self.scene.pose(self.tool.name).position, self.tool.tip.position) > STALLED

    def reaches(self, tip: Pose) -> bool:
        """Whether the tip can be put at a pose: above the table, tilted by at most 60 degrees, within the reach."""
        upright = rotate_vector(tip.quaternion, (0.0, 0.0, 1.0))[2]
        if upright < LEAST_UPRIGHT or tip.position[2] < PLANE_HEIGHT:
            return False
        return kinematics.reachable(kinematics.tool_to_flange(tip))

    def travel(self, tip: Pose) -> None:
        """Go to a tip pose through free space.

        With nothing in contact this takes no physics step, but with "simulated" motion: the tool and what it holds are
        put there.
        """
        if self.motion != "simulated" and not self.tool.touches():
            self.tool.jump(tip)
        else:
            self.line(tip, TRAVEL_STEP)
            self._arrive()

    def skip(self, tip: Pose) -> None:
        """Put the tool and what it holds at the farthest point of a straight move that they surely reach freely.

        With ``motion="fast"`` that is ``NEAR`` before the first contact, found by conservative advancement: what is
        ``d`` away from all else can be moved by ``d`` in any direction (Mirtich, "Impulse-based dynamic simulation of
        rigid body systems", 1996). Otherwise nothing moves.
        """
        if self.motion != "fast":
            return
        parts, start = self.tool.parts, self.tool.tip
        radius = max(self.scene.extent(name, start.position) for name in parts)
        path, way = _path(start, tip), _way(start, tip, radius)
        done, lag = 0.0, _way(self.scene.pose(self.tool.name), start, radius)
        while done < way:
            free = self.scene.distance(parts, way - done + lag + NEAR) - lag - NEAR
            if free < min(_LEAST_SKIP, way - done):
                return
            done, lag = min(done + free, way), 0.0
            self.tool.jump(path(done / way))

    def approach(self, tip: Pose, raised: float, until: Pose) -> None:
        """Come down along a tip pose's z axis as far as nothing can be touched, from ``raised`` metres above it.

        Args:
            tip: where the descent leads.
            raised: height of the tool now.
            until: pose on the way, ``tip`` or below it, where the descent ends at the latest.
        """
        if self.motion == "fast":
            self.skip(until)
        else:
            self.travel(tip.raised(self.lowest_free(tip, raised)))

    def line(self, tip: Pose, step: float, until: Callable[[], bool] | None = None, *, gentle: bool = False) -> bool:
        """Move the tip in a straight line at constant speed, turning evenly on the way.

        Args:
            tip: where to go.
            step: metres a physics step.
            until: checked after every physics step; the move ends when it is true.
            gentle: whether to accelerate and to brake by ``GENTLE_START`` and ``GENTLE_STOP``, with ``step`` as the
                greatest speed.

        Returns:
            Whether ``until`` ended the move.
        """
        start, stride = self.tool.tip, self.scene.stride
        turn = _turn_between(start, tip)
        count = max(math.ceil(math.dist(start.position, tip.position) / step), math.ceil(turn / TURN_STEP), 1)
        parts = (
            _gentle_parts(count, step, stride)
            if gentle
            else (min(i / count, 1.0) for i in range(stride, count + stride, stride))
        )
        path = _path(start, tip)
        for part in parts:
            self.tool.command(path(part))
            self.scene.step()
            if until is not None and until():
                return True
        return False

    def lift(self, tip: Pose, step: float = TRAVEL_STEP) -> None:
        """Move up to a tip pose; the rest is not simulated once nothing is in contact, but with "simulated" motion."""
        start = self.tool.tip.position

        def clear() -> bool:
            raised = math.dist(self.tool.tip.position, start)
            return raised >= CLEARANCE and not self.tool.touches() and self.scene.still(ignore=self.tool.parts)

        if self.line(tip, step, None if self.motion == "simulated" else clear):
            self.tool.jump(tip)
        else:
            self._arrive()

    def lowest_free(self, tip: Pose, raised: float) -> float:
        """The height above a tip pose from which a straight descent along its z axis has to be simulated.

        Args:
            tip: where the descent leads.
            raised: height in metres, along the tip's z axis, where the descent begins.

        Returns:
            ``raised`` with ``motion="simulated"``. Otherwise the least height in metres, in centimetre steps down from
            ``raised``, above which the bounds of the tool and of what it holds stay ``CLEARANCE`` away from the bounds
            of all else.
        """
        if self.motion == "simulated":
            return raised
        moving = self.tool.parts
        obstacles = [self.scene.bounds(name) for name in self.scene.colliders() if name not in moving]
        low, high = np.array([bound[0] for bound in obstacles]), np.array([bound[1] for bound in obstacles])
        moved = [self.scene.bounds(name, pose) for name, pose in self.tool.part_poses(tip.raised(raised)).items()]
        along = np.subtract(tip.raised(1.0).position, tip.position)
        heights = [raised]
        while heights[-1] > 0:
            heights.append(heights[-1] - CLEARANCE)
        down = (np.array(heights[:-1])[:, None, None] - CLEARANCE - raised) * along
        near = np.zeros(len(down), dtype=bool)
        for lo, hi in moved:
            near |= np.all((lo + down < high + CLEARANCE) & (hi + down > low - CLEARANCE), axis=2).any(axis=1)
        return max(heights[int(near.argmax())] if near.any() else heights[-1], 0.0)

    def show(self) -> None:
        """Move the parts that are only seen to where they belong now; call it before cameras look."""
        tip = self.tool.tip
        joints = kinematics.inverse(kinematics.tool_to_flange(tip), self.joints)
        if joints is not None:
            self.joints = joints
        frames = kinematics.link_poses(self.joints)
        for name in _seen_parts(self._tool_class):
            self.scene.move(name, frames[objects.PART_FRAMES.get(name, "flange")])

    def _arrive(self) -> None:
        target = self.tool.tip
        for _ in range(ARRIVAL_STEPS):
            if math.dist(self.scene.pose(self.tool.name).position, target.position) < _ARRIVED:
                return
            self.scene.step()


@cache
def _seen_parts(tool: type[Tool]) -> dict[str, Body]:
    """What is only seen of the arm and its tool, by name."""
    return objects.arm_parts() | {f"{tool.name}_mount": tool.mount}


@cache
def _at_home() -> tuple[Array, dict[str, Pose]]:
    """Joint angles and link poses, as ``Robot.show`` finds them, with the tip at home."""
    joints = kinematics.inverse(kinematics.tool_to_flange(HOME_TIP), kinematics.HOME_JOINTS)
    assert joints is not None
    return joints, kinematics.link_poses(joints)


def _gentle_parts(count: int, step: float, stride: int) -> Iterator[float]:
    """Parts of the way, in (0, 1], after each physics step of a gentle move.

    Args:
        count: length of the move at full speed, in units of ``TIME_STEP``.
        step: metres that it goes then in a ``TIME_STEP``.
        stride: units of ``TIME_STEP`` in a physics step.
    """
    start, stop = (acceleration * TIME_STEP**2 / step for acceleration in (GENTLE_START, GENTLE_STOP))
    done = 0.0
    while done < count:
        speed = min(1.0, math.sqrt(2 * start * done), math.sqrt(2 * stop * (count - done)))
        done = min(done + stride * max(speed, _CRAWL / step), count)
        yield done / count


def _turn_between(start: Pose, end: Pose) -> float:
    return 2 * math.acos(min(1.0, abs(dot(start.quaternion, end.quaternion))))


def _way(start: Pose, end: Pose, radius: float) -> float:
    """Metres that a point within ``radius`` of the tip moves at most, from one tip pose to another."""
    return math.dist(start.position, end.position) + _turn_between(start, end) * radius


def interpolate(start: Pose, end: Pose, part: float) -> Pose:
    """Straight line in position, shortest turn in orientation (Shoemake 1985, spherical linear interpolation)."""
    return _path(start, end)(part)


def _path(start: Pose, end: Pose) -> Callable[[float], Pose]:
    """``interpolate`` between two poses, ready to be asked for many parts of the way."""
    (x, y, z), (dx, dy, dz) = start.position, (b - a for a, b in zip(start.position, end.position, strict=True))
    turn = _turn_between(start, end)
    flip = -1.0 if dot(start.quaternion, end.quaternion) < 0 else 1.0

    def straight(part: float) -> Pose:
        return Pose((x + part * dx, y + part * dy, z + part * dz), end.quaternion)

    def turning(part: float) -> Pose:
        near, far = math.sin((1 - part) * turn / 2), flip * math.sin(part * turn / 2)
        blend = [near * a + far * b for a, b in zip(start.quaternion, end.quaternion, strict=True)]
        return Pose.from_vector([*straight(part).position, *blend])

    return straight if turn < _NO_TURN else turning
