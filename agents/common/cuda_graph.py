"""A gradient step as one CUDA graph: a step of thousands of small kernels, started by one call.

A step of two examples takes a GPU a few milliseconds, and Python ten times as long to start its kernels one by one
(CUDA C++ Programming Guide, "CUDA Graphs"; torch.cuda.CUDAGraph). So the kernels of a step are recorded once for each
shape of its inputs, and started together from then on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map

_LOG = logging.getLogger(__name__)
Inputs = TypeVar("Inputs")
_EAGER = 3
"""Steps of a shape that are not recorded: libraries choose their algorithms in the first, and allocate memory."""


@dataclass(frozen=True)
class _Recording:
    """A recorded call.

    Attributes:
        graph: its kernels.
        places: the inputs that they read.
        results: what they write.
    """

    graph: torch.cuda.CUDAGraph
    places: Any
    results: dict[str, Tensor]

    def replay(self, leaves: Sequence[Any]) -> dict[str, Tensor]:
        """The results for other inputs, flattened, of the same shapes."""
        for place, leaf in zip(tree_flatten(self.places)[0], leaves, strict=True):
            if isinstance(leaf, Tensor):
                place.copy_(leaf)
        self.graph.replay()
        return self.results


class RecordedStep:
    """Calls a function of tensors, on a GPU by recording and replaying it.

    Args:
        function: from tensors of any shape and dtype, in a tuple that may hold further ones and ``None``, to tensors by
            name. It may change other tensors in place, weights for example, but must neither read a value back from
            the device nor depend on anything but tensors that stay where they are. A replay changes them without
            raising their version.
        device: where it computes; without a GPU each call is a plain one.
    """

    def __init__(self, function: Callable[[Any], dict[str, Tensor]], device: torch.device) -> None:
        self._function, self._device = function, device
        self._calls: Counter[Any] = Counter()
        self._graphs: dict[Any, _Recording | None] = {}
        self._memory: Any = None

    def __call__(self, inputs: Any) -> dict[str, Tensor]:
        """What the function returns for these inputs; it holds until the next call.

        Args:
            inputs: of any shape and dtype, on any device; each set of shapes is recorded by itself.
        """
        if self._device.type != "cuda":
            return self._function(moved(inputs, self._device))
        leaves, form = tree_flatten(inputs)
        shapes = (str(form), *((tuple(leaf.shape), leaf.dtype) for leaf in leaves if isinstance(leaf, Tensor)))
        self._calls[shapes] += 1
        if self._calls[shapes] <= _EAGER:
            return self._plainly(inputs)
        if shapes not in self._graphs:
            self._graphs[shapes] = self._record(inputs)
        recording = self._graphs[shapes]
        return self._plainly(inputs) if recording is None else recording.replay(leaves)

    def _plainly(self, inputs: Any) -> dict[str, Tensor]:
        """A plain call, on a stream of its own as recording demands."""
        stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        usual = torch.cuda.current_stream(self._device)
        stream.wait_stream(usual)
        with torch.cuda.stream(stream):
            results = self._computed(moved(inputs, self._device))
        usual.wait_stream(stream)
        return results

    def _computed(self, places: Any) -> dict[str, Tensor]:
        """What the function returns, whatever precision the caller computes in.

        Weights that ``torch.autocast`` has cast are kept until the outermost context is left (cached_cast in
        aten/src/ATen/autocast_mode.cpp, pytorch 008ec6b). A recording would read those of the caller for ever.
        """
        with torch.autocast(self._device.type, enabled=False, cache_enabled=False):
            return self._function(places)

    def _record(self, inputs: Any) -> _Recording | None:
        """A recording of a call, which computes nothing yet; ``None`` where torch cannot record it."""
        places, graph = moved(inputs, self._device), torch.cuda.CUDAGraph()
        usual = torch.cuda.current_stream(self._device)
        torch.cuda.synchronize(self._device)
        try:
            with torch.cuda.graph(graph, pool=self._memory):
                results = self._computed(places)
        except RuntimeError as error:
            # Where the end of a capture fails, too, torch.cuda.graph (2.13) leaves its own stream the current one.
            torch.cuda.set_stream(usual)
            _LOG.warning("Steps are not recorded as a CUDA graph, and take several times as long: %s", error)
            return None
        self._memory = self._memory or graph.pool()
        return _Recording(graph, places, results)


def moved(inputs: Inputs, device: torch.device) -> Inputs:
    """Tensors in tuples, on a device."""
    result: Inputs = tree_map(lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf, inputs)
    return result
