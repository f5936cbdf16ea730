"""Inputs of gradient steps, made ahead by processes of their own, so that a GPU need not wait for them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

Inputs = TypeVar("Inputs")
_EACH = 4
"""Steps that each of them is ahead."""


class Ahead(Generic[Inputs]):
    """The inputs of one step after the other; they are the same with any number of processes.

    Args:
        make: the inputs of a step, as tensors, a function of the number of the step alone. It must not touch a GPU.
        steps: of the run.
        workers: processes; without any, inputs are made when they are asked for.
    """

    def __init__(self, make: Callable[[int], Inputs], steps: int, workers: int) -> None:
        self._make, self._steps, self._workers = make, steps, workers
        self._coming: Iterator[Inputs] | None = None
        self._next = -1

    def get(self, step: int) -> Inputs:
        """The inputs of a step; those of the next step in turn are there at once."""
        if self._workers == 0 or step >= self._steps:
            return self._make(step)
        if self._coming is None or step != self._next:
            self._coming = iter(self._loader(step))
        self._next = step + 1
        inputs = next(self._coming)
        if self._next == self._steps:
            self._coming = None  # Its processes end.
        return inputs

    def _loader(self, first: int) -> DataLoader[Inputs]:
        # By fork, so that all of them share one copy of the demonstrations.
        return DataLoader(
            _Steps(self._make),
            batch_size=None,
            sampler=range(first, self._steps),
            num_workers=self._workers,
            prefetch_factor=_EACH,
            multiprocessing_context="fork",
            worker_init_fn=_begin,
            # What it draws must not be taken from the generator of the whole process.
            generator=torch.Generator(),
        )


class _Steps(Dataset[Inputs]):
    """The inputs of all steps, by number."""

    def __init__(self, make: Callable[[int], Inputs]) -> None:
        self._make = make

    def __getitem__(self, step: int) -> Inputs:
        return self._make(step)


def _begin(_: int) -> None:
    """What does not live on in a process that was forked: the threads of OpenCV, the GPU, contexts of a renderer.

    What holds one of these may be garbage in a cycle; here it is never collected, which would call the driver.
    """
    gc.freeze()
    cv2.setNumThreads(0)
