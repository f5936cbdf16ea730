"""A trained agent on a robot of the user's own: observations as they were recorded in, actions in its frame out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ravens_suite.core.cameras import check_intrinsics
from ravens_suite.core.geometry import Array
from ravens_suite.core.observations import Observation
from ravens_suite.core.policy import Policy
from ravens_suite.core.robot_setup import RobotSetup
from ravens_suite.data.run_folder import PolicyFolder, RunFolder
from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_agent

ARRAYS = ("color", "depth", "intrinsics", "extrinsics")
FAR = 20.0
"""Metres that nothing on a table is away; in millimetres, everything is."""
COVERS = "what covers the camera, if these are millimetres"
"""What else depth may be that looks like metres."""


class RobotPolicy:
    """Acts where data were recorded that ``import --from arrays`` took in.

    Args:
        policy: acts in the suite's frame.
        setup: how the robot's data are written, and where its table is.

    Attributes:
        setup: likewise.
    """

    def __init__(self, policy: Policy, setup: RobotSetup) -> None:
        self._policy = policy
        self.setup = setup

    @staticmethod
    def load(run: Path | str) -> RobotPolicy:
        """The agent of a run that was trained on recordings.

        Args:
            run: folder of the run.

        Raises:
            MissingDataError: there is no run, or it has no trained agent yet.
            ConfigError: it was trained on demonstrations of the suite.
        """
        folder = RunFolder(Path(run))
        setup = setup_of(folder)
        if setup is None:
            raise ConfigError(
                f"{run} was trained on demonstrations of the suite, whose frame needs no conversion: load its agent."
            )
        PolicyFolder(folder.policy.path).agent()
        return RobotPolicy(load_agent(str(folder.record()["plan"]["agent"])).load(folder.policy.path), setup)

    def reset(self, seed: int = 0) -> None:
        """An episode begins."""
        self._policy.reset(seed)

    def act(self, observation: Mapping[str, Any]) -> dict[str, Array]:
        """The next action.

        Args:
            observation: ``color``, ``depth``, ``intrinsics`` and ``extrinsics`` of one moment, as in recordings:
                (N, H, W, 3), (N, H, W), (N, 3, 3) and (N, 4, 4), in the units and frames of ``robot.json``. What else
                it holds, such as ``instruction``, is handed on.

        Returns:
            ``pick`` and ``place``, (7,) float64 each, in the robot's world frame: position in metres and quaternion in
            the order of ``robot.json``.

        Raises:
            ConfigError: an array is missing, or has another type or shape; or depth looks like another unit than that
                of ``robot.json``.
            InvalidCameraError: an intrinsic matrix is none.
            InvalidPoseError: an extrinsic matrix is none.
        """
        return self.setup.action(self._policy.act(self.to_suite(observation)))

    def confidence(self) -> Any:
        """What the agent says of its last action, see ``confidence_of``; ``None`` where it does not say."""
        ask = getattr(self._policy, "confidence", None)
        return ask() if callable(ask) else None

    def to_suite(self, observation: Mapping[str, Any]) -> Observation:
        """An observation as the agent knows it; see ``act``, whose errors it raises."""
        if missing := [key for key in ARRAYS if key not in observation]:
            raise ConfigError(f"The observation has no {' and no '.join(missing)}: give {', '.join(ARRAYS)}.")
        seen = self.setup.observation(*(observation[key] for key in ARRAYS))
        self._check_unit(np.asarray(observation["depth"]))
        views = len(seen["color"])
        for key, side in (("camera_intrinsics", 3), ("camera_poses", 4)):
            if np.ndim(seen["color"]) != 4 or seen[key].shape != (views, side, side):
                raise ConfigError(
                    f"An observation of one moment has color (N, H, W, 3), intrinsics (N, 3, 3), extrinsics (N, 4, 4); "
                    f"got {np.shape(seen['color'])} and {seen[key].shape}."
                )
        for matrix in seen["camera_intrinsics"]:
            check_intrinsics(matrix)
        return {**{key: value for key, value in observation.items() if key not in ARRAYS}, **seen}

    def _check_unit(self, depth: NDArray[Any]) -> None:
        """Refuse depth in another unit than the recordings': all of it would be holes, or beside the table.

        Args:
            depth: (N, H, W), as it was given.
        """
        found = []
        for image in depth:
            with np.errstate(invalid="ignore"):
                measured = image[np.isfinite(image) & (image > 0)]
            typical = float(np.median(measured)) if measured.size else 0.0
            found.append((typical, in_whole_numbers(measured), surely_whole(measured)))
        # All cameras have one unit: where one sees farther than metres can be, another that does not is covered.
        covered = self.setup.depth_unit == "millimetres" and any(typical >= FAR for typical, *_ in found)
        for index, (typical, whole, surely) in enumerate(found):
            unit = other_unit(self.setup, typical, whole=whole, surely=surely)
            if not unit or covered:
                continue
            mend = "divide by 1000" if unit == "millimetres" else f"multiply by 1000, or see {COVERS}"
            raise ConfigError(
                f"The depth of camera {index} is {depth.dtype}, typically {typical:.4g}, which looks like {unit}; "
                f"the recordings that the agent learnt from are in {self.setup.depth_unit}: {mend}."
            )


def in_whole_numbers(measured: NDArray[Any]) -> bool:
    """Whether depth was measured in whole numbers, also where they are stored as floating point numbers.

    Args:
        measured: (values,) of any dtype, finite, without pixels where nothing was measured.
    """
    return measured.dtype.kind in "ui" or bool((measured == np.rint(measured)).all())


def surely_whole(measured: NDArray[Any]) -> bool:
    """Whether depth was surely measured in whole numbers: they are stored so, or several different ones are all whole.

    Args:
        measured: (values,) of any dtype, finite, without pixels where nothing was measured.
    """
    varied = bool(measured.size and measured.min() < measured.max())
    return measured.dtype.kind in "ui" or (varied and in_whole_numbers(measured))


def other_unit(setup: RobotSetup, typical: float, *, whole: bool, surely: bool) -> str:
    """The unit that depth seems to have where that is not the ``depth_unit`` of a setup; else empty.

    Args:
        setup: of the robot.
        typical: a usual value among those that were measured; 0 where none was.
        whole: ``in_whole_numbers``: a covered camera may measure a few whole millimetres, but none measures metres so.
        surely: ``surely_whole``: also in a made-up image all may be one metre away.
    """
    if setup.depth_unit == "metres":
        return "millimetres" if typical > FAR or (surely and typical > 0) else ""
    return "metres" if 0 < typical < FAR and not whole else ""


def setup_of(run: RunFolder) -> RobotSetup | None:
    """The robot whose recordings a run was trained on; ``None`` for demonstrations of the suite.

    Raises:
        MissingDataError: there is no run.
        ConfigError: it was trained on recordings of several robots, or on some of a robot and some of the suite.
    """
    setups = [_setup(environment.get("robot")) for environment in run.record().get("environments", {}).values()]
    if not any(setups):
        return None
    if any(setup != setups[0] for setup in setups):
        raise ConfigError(
            f"{run.path} was trained on data of several robots: give its agent their observations itself."
        )
    return setups[0]


def _setup(value: Any) -> RobotSetup | None:
    """What a manifest says of the robot, where an import wrote it; own data may say something else under that name."""
    if not isinstance(value, Mapping) or "workspace" not in value:
        return None
    return RobotSetup.from_json({**value, "task": "any"})
