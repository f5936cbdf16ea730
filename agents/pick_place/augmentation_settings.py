"""How much demonstrated steps are altered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """Settings of augmentation.

    *Scattered examples* are those in which all free objects of the step were pasted at random positions.

    Attributes:
        yaw: largest rotation of the scene, radians.
        shift: largest translation of the scene along each axis, pixels.
        scale: largest factor, or divisor, by which the scene is scaled.
        height: largest factor, or divisor, of heights.
        scatter: share of scattered examples among those of steps with free objects.
        flips: whether half of the examples are mirrored.
        stretch: largest factor, or divisor, of lengths along each of two axes.
        shade: largest factor, or divisor, of the brightness of free objects.
        altered: share of scattered examples that are stretched, and share that are shaded.
        altered_scenes: share of examples of steps without rotation that are stretched as a whole.
        recolored: share of scattered examples in which things that the step does not involve get random colours.
        bent: share of scattered examples whose object is bent together with its goal.
        misplaced: share of scattered examples of the only free object left that show it beside its goal, and of objects
            that go into slots of their outlines that show it in a slot that it does not fit.
        remaining: share of examples of pushes with a known final scene that show one more object there.
        nudged: number of steps added to those of a demonstration of a loose thing, such as a rope: the last scene with
            a part of it bent away, which has to go back (``nudging.py``).
        unfinished: share of examples of free objects with a known last scene that show it with one more object to pick.
        retilted: share of examples of tilted places whose target is tilted and raised otherwise.
        recut: share of examples of objects that go into slots of their outlines whose outlines are random ones.
        adrift: share of examples of loose things (``loose_things.py``) that show it elsewhere. Which part of it is best
            picked there is not known.
        distractors: share of scattered examples that show one more object, in another colour (``distractors.py``).
            Whether that one is to be picked is not known.
        bystanders: share of examples in which what the step has nothing to do with lies elsewhere (``bystanders.py``).
        word_colors: for agents that are told colours, share of examples whose colour words are exchanged, and
            share of those in which whatever has one colour word gets one random colour. ``augment`` does neither: the
            agent does, around reading the sentence.
        counts: whether examples say how many things there are like each.
        margin: least distance of pick and place from the border, pixels.
    """

    yaw: float = np.pi
    shift: float = 60.0
    scale: float = 1.0
    height: float = 1.0
    scatter: float = 0.7
    flips: bool = False
    stretch: float = 1.0
    shade: float = 1.0
    altered: float = 0.5
    altered_scenes: float = 0.5
    recolored: float = 0.0
    bent: float = 0.0
    misplaced: float = 0.0
    remaining: float = 0.0
    nudged: float = 0.0
    unfinished: float = 0.0
    retilted: float = 0.0
    recut: float = 0.0
    adrift: float = 0.0
    distractors: float = 0.0
    bystanders: float = 0.0
    word_colors: float = 0.0
    counts: bool = False
    margin: float = 4.0


UNCHANGED = Augmentation(yaw=0.0, shift=0.0, scatter=0.0, altered=0.0, altered_scenes=0.0, margin=0.0)
"""Steps as they were demonstrated; only the pick is drawn anew on its object."""
