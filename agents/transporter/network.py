"""Settings and weights of the Transporter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..common.correlation import angle_grid, sample
from .encoder import CHANNELS, Encoder, Features
from .heads import PickHead, PlaceHead

FINE, COARSE = 2, 4
"""Heightmap pixels a cell of the two feature maps."""


@dataclass(frozen=True)
class TransporterConfig:
    """Settings of the agent; the same for every task.

    Attributes:
        widths: fields of the encoder (four channels each) at half the resolution, a quarter, and so on; the last level
            sees the whole table, which tasks of several steps need.
        depth: residual blocks at each resolution.
        coarse_outputs: fields that are matched at quarter resolution; a multiple of four.
        fine_outputs: fields that are matched at half resolution; a multiple of four.
        coarse_radius: of the query window, in cells of 12.5 mm.
        fine_radius: of the query window, in cells of 6.25 mm.
        angles: place angles over a full turn when acting; one (zero) if no demonstration turns its object. Coarse
            placing costs half if it is a multiple of four.
        train_angles: place angles in training; the first one is drawn at random.
        fine_reach: radius of the refined window, in cells of 6.25 mm.
        candidates: coarse maxima that are refined; the best refined one is used.
        picks: pick candidates that are rescored jointly.
        steps: gradient steps of a whole training run; the learning rate follows one cycle over them.
        batch: examples a step.
        learning_rate: at the top of the cycle.
        weight_decay: decoupled from the gradient.
        average: decay of the moving average of the weights, which is what acts.
        pick_weight: weight of the pick loss at the first step; coarse placing has weight one. A demonstration shows one
            of many picks that would do, so this loss is noisy, and a large weight keeps placing from starting to learn.
        late_pick_weight: weight from the middle of the run on; it grows linearly until then. It does not grow where no
            demonstration turns its object (ropes, piles), because most picks are interchangeable there.
        refine_weight: weight of the loss of refinement.
        scale: largest factor by which augmentation scales a scene.
        height_scale: largest factor by which augmentation scales heights.
        scatter: share of examples in which all free objects (alone on bare table) are pasted elsewhere.
        flips: whether augmentation mirrors scenes.
        stretch: largest factor by which augmentation stretches objects together with where they go.
        shade: largest factor by which augmentation makes free objects brighter or darker, with many demonstrations.
        shade_alone: the same with one demonstration; with n, ``shade`` times the n-th root of their ratio.
        altered: share of the examples with scattered objects that are stretched, and share that are shaded, with many
            demonstrations.
        altered_alone: the same with one demonstration; with n, ``altered`` plus an n-th of their difference.
        altered_scenes: share of the examples without rotation (ropes, piles) that are stretched.
        recolored: share of the examples with scattered objects in which other things get random colours.
        bent: share of the examples with scattered objects whose object is bent together with its goal, with a hundred
            demonstrations or more; proportionally fewer with fewer.
        amiss: share of misplaced-object examples among those that scatter the only free object left: the object lies
            beside its goal, as after a bad placement.
        leftover: share of remaining-object examples among pushes that all go to one place: the last scene of the
            demonstration with one more object to push.
        precision: ``auto`` (bfloat16 where the processor multiplies it in hardware), ``float32`` or ``bfloat16``.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    widths: tuple[int, ...] = (8, 16, 24, 32, 32)
    depth: int = 2
    coarse_outputs: int = 4
    fine_outputs: int = 4
    coarse_radius: int = 12
    fine_radius: int = 14
    angles: int = 36
    train_angles: int = 16
    fine_reach: int = 5
    candidates: int = 4
    picks: int = 4
    steps: int = 1400
    batch: int = 2
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    average: float = 0.99
    pick_weight: float = 0.3
    late_pick_weight: float = 1.0
    refine_weight: float = 0.3
    scale: float = 1.0
    height_scale: float = 1.0
    scatter: float = 0.7
    flips: bool = True
    stretch: float = 2.0
    shade: float = 1.6
    shade_alone: float = 2.5
    altered: float = 0.5
    altered_alone: float = 0.8
    altered_scenes: float = 0.8
    recolored: float = 0.5
    bent: float = 0.3
    amiss: float = 0.15
    leftover: float = 0.3
    precision: str = "auto"
    device: str = "auto"


class Scene(NamedTuple):
    """Features of an image that do not depend on the pick.

    Attributes:
        features: of the encoder.
        coarse: the part of the coarse keys that does not depend on the pick.
        fine: the part of the fine keys that does not depend on the pick.
    """

    features: Features
    coarse: Tensor
    fine: Tensor


class Match(NamedTuple):
    """Steerable features of one pick and of where it may go, float32, for placing coarsely and then finely.

    Attributes:
        query: (batch, coarse outputs * 4, side, side) about the pick.
        key: (batch, coarse outputs * 4, rows / 4, columns / 4).
        fine_query: (batch, fine outputs * 4, side, side) about the pick.
        fine_key: (batch, fine outputs * 4, rows / 2, columns / 2).
    """

    query: Tensor
    key: Tensor
    fine_query: Tensor
    fine_key: Tensor


class TransporterNet(nn.Module):
    """All weights: the encoder (``trunk``), the pick head, and a place head at each of two resolutions.

    Names of parameters and buffers are those of earlier versions, so that policies saved by them still load.

    Attributes:
        turning: () bool, whether any demonstration turns its object; if not, zero is the only place angle.
        habits: (2,) float32, ``DemonstrationStatistics``: probabilities of picking again and of sharing a place.
    """

    turning: Tensor
    habits: Tensor

    def __init__(self, config: TransporterConfig) -> None:
        super().__init__()
        fine, coarse = config.widths[:2]
        self.trunk = Encoder(CHANNELS, config.widths, config.depth)
        self.pick = PickHead(fine)
        self.coarse = PlaceHead(coarse, coarse, config.coarse_outputs, config.coarse_radius)
        self.fine = PlaceHead(fine, coarse, config.fine_outputs, config.fine_radius)
        self.register_buffer("turning", torch.tensor(True))
        self.register_buffer("habits", torch.full((2,), 0.5))

    def read(self, image: Tensor) -> Scene:
        """Features of images (batch, 5, rows, columns), before any pick."""
        features = self.trunk(image)
        return Scene(features, self.coarse.before_pick(features.coarse), self.fine.before_pick(features.fine))

    def match(self, scene: Scene, pick: Tensor) -> Match:
        """Queries and keys for picks (batch, 2) in heightmap pixels (column, row); of one scene, any number of them."""
        coarse, fine = (maps.expand(len(pick), -1, -1, -1) for maps in (scene.features.coarse, scene.features.fine))
        context = sample(coarse.float(), pick[:, None] / COARSE)[..., 0]
        return Match(
            query=self.coarse.query(coarse, pick / COARSE),
            key=self.coarse.key(scene.coarse, context),
            fine_query=self.fine.query(fine, pick / FINE),
            fine_key=self.fine.key(scene.fine, context),
        )

    def angles(self, count: int) -> Tensor:
        """(count,) evenly spaced place angles from 0, or (1,) zero where nothing is turned."""
        return angle_grid(count if self.turning else 1, self.turning.device)
