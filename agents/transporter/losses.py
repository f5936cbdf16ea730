"""Training examples as tensors, and the losses of picking, of coarse placing and of refinement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ravens_suite.core.geometry import Array
from ravens_suite.core.heightmap import Heightmap

from ..common.counts import count_maps
from ..common.devices import autocast
from ..common.sampling import angle_grid
from ..common.sentences import SentenceBatch
from ..pick_place.augmentation import Example
from .config import COARSE, FINE, TransporterConfig
from .encoder import encode_image, with_scene
from .network import PlaceFeatures, TransporterNet
from .outlook import OutlookBatch
from .placing import angle_step, coarse_logits, refined_logits, with_alternatives
from .targets import kl_divergence, pose_target, where_known

_OFF_MAP = -1e4
"""Pixels: a place so far off the map that its target is zero everywhere on it."""
_COARSE_POSITION, _COARSE_ANGLE = 0.7, 0.7
"""Standard deviations of the coarse target, in cells of the coarse map and in angle steps."""
_FINE_POSITION, _FINE_ANGLE = 1.0, 0.5
"""Standard deviations of the refined target, in cells of the fine map and in angle steps."""
_COARSE_ERROR = 0.6
"""Largest simulated error of the coarse place along each axis, as a share of ``fine_reach``."""


class Batch(NamedTuple):
    """Examples as tensors; positions in heightmap pixels (column, row).

    Attributes:
        image: (batch, 5, rows, columns) float32 of ``encode_image``; with goals five channels more, five with what is
            remembered, and six with numbers of things.
        pick: (batch, 2) float32.
        place: (batch, poses, 2) float32; every pose is a correct one.
        yaw: (batch, poses) float32 radians, of the place pose relative to the pick pose.
        pick_affinity: (batch, rows, columns) float32, see ``Step``.
        place_known: (batch,) bool, whether place and yaw mean anything.
        sentence: what is said, for networks that listen.
        outlook: what their outlook learns from, if they have one.
    """

    image: Tensor
    pick: Tensor
    place: Tensor
    yaw: Tensor
    pick_affinity: Tensor
    place_known: Tensor
    sentence: SentenceBatch | None = None
    outlook: OutlookBatch | None = None


class Draws(NamedTuple):
    """What a gradient step draws at random beside its examples.

    Attributes:
        angles: (angles,) float32 radians: place angles, evenly spaced from a random one.
        error: (batch, 2) float32, cells of 6.25 mm: the simulated error of the coarse place.
    """

    angles: Tensor
    error: Tensor


def draw(config: TransporterConfig, count: int, rng: np.random.Generator, *, turning: bool) -> Draws:
    """Random numbers of a gradient step on ``count`` examples; ``turning`` says whether any step turns its object."""
    angles = angle_grid(config.train_angles if turning else 1, torch.device("cpu"))
    if turning:
        angles = angles + rng.uniform(0, 2 * math.pi)
    error = rng.uniform(-_COARSE_ERROR, _COARSE_ERROR, (count, 2)) * config.fine_reach
    return Draws(angles, torch.from_numpy(error).float())


def make_batch(examples: Sequence[Example], *, few_shapes: bool = False) -> Batch:
    """Examples as tensors; those with fewer correct poses than others are padded.

    Args:
        examples: a step's.
        few_shapes: whether to pad to a power of two, since a GPU prepares anew for every shape.
    """

    def tensor(values: Sequence[Any]) -> Tensor:
        return torch.from_numpy(np.stack(values))

    poses = max(len(e.yaw) for e in examples)
    if few_shapes:
        poses = 1 << (poses - 1).bit_length()

    def padded(values: Array, value: float) -> Array:
        return np.concatenate([values, np.full((poses - len(values), *values.shape[1:]), value)])

    image = encode_image(tensor([e.color for e in examples]), tensor([e.height for e in examples]))
    for others in ([e.goal for e in examples], [e.first for e in examples]):
        if shown := [scene for scene in others if scene is not None]:
            image = with_scene(image, encode_image(*(tensor(part) for part in zip(*map(_parts, shown), strict=True))))
    if numbers := [e.numbers for e in examples if e.numbers is not None]:
        image = with_scene(image, tensor([count_maps(each) for each in numbers]))
    return Batch(
        image=image,
        pick=tensor([e.pick for e in examples]).float(),
        place=tensor([padded(e.place, _OFF_MAP) for e in examples]).float(),
        yaw=tensor([padded(e.yaw, 0.0) for e in examples]).float(),
        pick_affinity=tensor([e.pick_affinity for e in examples]),
        place_known=torch.tensor([e.place_known for e in examples]),
    )


def _parts(scene: Heightmap) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    return scene.color, scene.height


def compute_losses(
    net: TransporterNet, config: TransporterConfig, batch: Batch, draws: Draws, *, use_bfloat16: bool
) -> dict[str, Tensor]:
    """The losses of a batch, each the mean relative entropy of a target distribution and a softmax.

    Nothing is read back from the device, so that a GPU can do it all in one go (``common/cuda_graph.py``).

    Args:
        net: what is trained.
        config: settings.
        batch: examples.
        draws: of ``draw``, on the device of the batch.
        use_bfloat16: whether layers multiply in bfloat16.

    Returns:
        ``pick``, ``place`` (coarse), ``refine`` and, with such examples, ``outlook``, () float32 each.
    """
    losses = {}
    with autocast(batch.image.device, use_bfloat16):
        if net.outlook is not None and batch.outlook is not None:
            losses["outlook"] = net.outlook.loss(batch.outlook)
        scene = net.read(batch.image, batch.sentence)
        pick_logits = net.pick(scene.features, scene.said)
        features = net.place_features(scene, batch.pick)
    pick_target = functional.avg_pool2d(batch.pick_affinity[:, None], FINE)[:, 0]
    angles = draws.angles
    place_logits = coarse_logits(features, angles)
    target = pose_target(
        batch.place / COARSE,
        batch.yaw,
        angles,
        (place_logits.shape[-2], place_logits.shape[-1]),
        position_std=_COARSE_POSITION,
        angle_std=_COARSE_ANGLE * angle_step(config),
    )
    return {
        "pick": kl_divergence(pick_logits, where_known(pick_target, pick_logits.float())),
        "place": kl_divergence(place_logits, where_known(target, place_logits.float(), batch.place_known)),
        "refine": _refine_loss(config, batch, features, place_logits, draws),
        **losses,
    }


def _refine_loss(
    config: TransporterConfig,
    batch: Batch,
    features: PlaceFeatures,
    coarse: Tensor,
    draws: Draws,
) -> Tensor:
    """Loss of refinement: the correct place, off by a simulated coarse error, among the best other places."""
    centres = with_alternatives(config, batch.place[:, 0] / FINE + draws.error, coarse)
    logits = refined_logits(config, features, coarse, draws.angles, centres)
    side = 2 * config.fine_reach + 1
    count = centres.shape[1]
    places = batch.place[:, None] / FINE - centres[:, :, None] + side / 2
    target = pose_target(
        places.flatten(0, 1),
        batch.yaw.repeat_interleave(count, dim=0),
        draws.angles,
        (side, side),
        position_std=_FINE_POSITION,
        angle_std=_FINE_ANGLE * angle_step(config),
    )
    return kl_divergence(logits, where_known(target.view_as(logits), logits.float(), batch.place_known))
