"""What is seen of a simulation: its cameras, its light, the noise of its sensors, and the observations made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ravens_suite.core.cameras import Camera
from ravens_suite.core.observations import Observation, ObservationGroup
from ravens_suite.core.seeding import generator
from ravens_suite.envs.observations import StateObserver, camera_matrices, instruction, proprioception
from ravens_suite.envs.perturbations import Directions, Perturbations
from ravens_suite.envs.simulation import Simulation
from ravens_suite.envs.variations import Variations
from ravens_suite.errors import ConfigError
from ravens_suite.sim.rendering.base import PUBLISHED_LIGHTING, Images, Renderer

DRAWN: frozenset[ObservationGroup] = frozenset({"images", "segmentation"})
"""Groups of an observation that need a renderer."""


class Observer:
    """Observes a simulation.

    Args:
        simulation: what is observed.
        renderer: draws it; none where nothing is to be drawn.
        cameras: as they are without variation.
        variations: of looks, cameras and sensors.
        perturbations: the same, by given amounts.

    Attributes:
        cameras: of the present episode; those on the tool with their poses in its frame.
        rng: random numbers of the sensors' noise in the present episode.
    """

    def __init__(
        self,
        simulation: Simulation,
        renderer: Renderer | None,
        cameras: tuple[Camera, ...],
        variations: Variations,
        perturbations: Perturbations,
    ) -> None:
        self._simulation = simulation
        self._renderer = renderer
        self._nominal_cameras = cameras
        self._variations = variations
        self._perturbations = perturbations
        self._lighting = PUBLISHED_LIGHTING
        self._state = StateObserver(simulation.scene, simulation.max_bodies)
        self.cameras = cameras
        self._true_cameras = cameras
        self.rng = np.random.default_rng(0)
        self._dressed: set[int] = set()
        self._appearance: np.random.Generator | None = None
        self._directions: Directions | None = None

    def begin(self, seed: int) -> None:
        """The sensors' noise of a seed begins."""
        self.rng = generator(seed, self._simulation.split, "sensor")

    def noise(self, groups: Sequence[ObservationGroup]) -> tuple[Any, ...]:
        """What the sensors' random numbers of an episode are drawn for; environments of the same draw the same ones.

        Args:
            groups: that are observed.

        Returns:
            Number of cameras, their image size, and whether the goal is observed, too; empty where nothing is drawn.
        """
        if not self._variations.camera_noise or "images" not in groups:
            return ()
        return len(self._nominal_cameras), tuple(self._nominal_cameras[0].image_size), "goal" in groups

    def dress(self) -> None:
        """Give a scene that was built just now the looks, the light and the cameras of its seed."""
        self._state.reset()
        self._dressed, self._appearance, self._directions = set(), None, None
        self._lighting, self.cameras = PUBLISHED_LIGHTING, self._nominal_cameras
        if self._variations.randomize:
            rng = generator(self._simulation.seed, self._simulation.split, "appearance")
            self._lighting = self._variations.lighting(rng)
            self.cameras = self._variations.moved(self._nominal_cameras, rng)
            self._variations.dress(self._simulation.scene, self._simulation.scene.names(), rng)
            self._appearance = rng
        self._true_cameras = self.cameras
        if self._perturbations.seen:
            self._perturb()
        self._dressed = set(self._labels().values())

    def _labels(self) -> dict[str, int]:
        """Labels of all bodies by name, in the order in which they came: a name may come again, a label does not."""
        scene = self._simulation.scene
        labels = scene.labels()
        return {name: labels[name] for name in scene.names()}

    def _perturb(self) -> None:
        changes, episode = self._perturbations, self._simulation
        directions = changes.directions(episode.seed, episode.split, len(self.cameras))
        self._lighting = changes.lighting(self._lighting, directions)
        self.cameras = changes.placed(self.cameras, directions)
        self._true_cameras = changes.true_cameras(self.cameras, directions)
        changes.dress(episode.scene, directions)
        self._directions = directions

    def _dress_what_came(self) -> None:
        """Bodies that a task brings during an episode look as the others do; drawn in the order in which they came.

        Called at every observation, drawn or not: else looks would depend on whether what has gone was ever drawn.
        """
        if self._appearance is None and self._directions is None:
            return
        scene = self._simulation.scene
        new = [name for name, label in self._labels().items() if label not in self._dressed]
        if self._appearance is not None:
            self._variations.dress(scene, new, self._appearance)
        if self._directions is not None:
            self._perturbations.dress_bodies(scene, new, self._directions)
        labels = scene.labels()
        self._dressed.update(labels[name] for name in new)

    def look(self, groups: Sequence[ObservationGroup]) -> Observation:
        """An observation of some groups, fresh arrays, see ``core/observations.py``; the goal is none of them."""
        observation: Observation = {}
        self._dress_what_came()
        if DRAWN & set(groups):
            observation |= self._draw(groups)
        if "state" in groups:
            observation |= self._state.observe()
        if "proprioception" in groups:
            observation |= proprioception(self._simulation.robot)
        if "instruction" in groups:
            observation |= instruction(self._simulation.instruction())
        return observation

    def pass_over(self, groups: Sequence[ObservationGroup], *, noise: bool) -> None:
        """Change all that ``look`` changes, without drawing: what is only seen, places of bodies, random numbers.

        Args:
            groups: that would be observed.
            noise: whether the random numbers of the sensors go on, too.
        """
        if DRAWN & set(groups):
            self._simulation.robot.show()
        self.look([group for group in groups if group not in DRAWN])
        if noise and "images" in groups:
            shape = (len(self.cameras), *self.cameras[0].image_size)
            blank = Images(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.float32))
            self._variations.noisy(blank, self.rng)

    def images(self, cameras: Sequence[Camera], *, segmentation: bool = False) -> Images:
        """What some cameras see now, without noise; those on the tool from where it is.

        Raises:
            ConfigError: there is no renderer.
        """
        if self._renderer is None:
            raise ConfigError("This environment draws nothing: make it with observe=['images'] or a render_mode.")
        self._simulation.robot.show()
        self._dress_what_came()
        scene = self._simulation.scene
        cameras = self._placed(cameras)
        return self._renderer.render(scene, cameras, segmentation=segmentation, lighting=self._lighting)

    def _placed(self, cameras: Sequence[Camera]) -> list[Camera]:
        tip = self._simulation.robot.tool.tip
        return [camera.placed(tip) for camera in cameras]

    def _draw(self, groups: Sequence[ObservationGroup]) -> dict[str, Any]:
        """What the cameras see, and their parameters."""
        cameras = self._placed(self.cameras)
        images = self.images(self._true_cameras, segmentation="segmentation" in groups)
        observation: dict[str, Any] = camera_matrices(cameras)
        if images.segmentation is not None:
            observation["segmentation"] = images.segmentation
        if "images" in groups:
            images = self._variations.noisy(images, self.rng)
            observation |= {"color": images.color, "depth": images.depth}
        return observation
