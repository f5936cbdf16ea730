"""When a step is recorded, replayed and carried out plainly; with an emulation of CUDA graphs, so without a GPU.

What is emulated: while it is recorded a step changes nothing, a replay does what was recorded to the tensors that it
was recorded with, and a capture that fails leaves its own stream the current one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from ravens_suite.agents.common import cuda_graph
from ravens_suite.agents.common.cuda_graph import RecordedStep

EAGER = 3


class Emulation:
    """Counts a weight up by its inputs, on a GPU that there is not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weight, self.recording, self.fails = torch.zeros(()), False, False
        self.log: list[str] = []
        self.stream = self.usual = SimpleNamespace(wait_stream=lambda _: None)
        replaced = {
            "Stream": lambda _: SimpleNamespace(wait_stream=lambda _: None),
            "stream": lambda _: nullcontext(),
            "current_stream": lambda _: self.stream,
            "set_stream": lambda stream: setattr(self, "stream", stream),
            "synchronize": lambda _: None,
            "CUDAGraph": lambda: SimpleNamespace(pool=lambda: (0, 1), replay=self.replay),
            "graph": self.capture,
        }
        for name, function in replaced.items():
            monkeypatch.setattr(torch.cuda, name, function)
        monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
        monkeypatch.setattr(cuda_graph, "moved", lambda inputs, _: inputs.clone())
        self.step = RecordedStep(self.function, torch.device("cuda"))

    def function(self, inputs: Tensor) -> dict[str, Tensor]:
        if not self.recording:
            self.log.append("plain")
            self.weight.add_(inputs.sum())
            return {"total": self.weight.clone()}
        self.log.append("recorded")
        self.places, self.result = inputs, torch.zeros(())
        return {"total": self.result}

    @contextmanager
    def capture(self, graph: Any, pool: Any) -> Iterator[None]:
        self.recording, self.stream = True, SimpleNamespace(wait_stream=lambda _: None)
        try:
            yield
        finally:
            self.recording = False
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.stream = self.usual

    def replay(self) -> None:
        self.log.append("replay")
        self.weight.data.add_(self.places.sum())
        self.result.copy_(self.weight)


@pytest.fixture
def emulation(monkeypatch: pytest.MonkeyPatch) -> Emulation:
    return Emulation(monkeypatch)


def test_each_shape_is_carried_out_plainly_at_first_then_recorded_once_and_replayed(emulation: Emulation) -> None:
    totals = [float(emulation.step(torch.full((2,), float(number)))["total"]) for number in range(1, 7)]
    assert totals == [2.0, 6.0, 12.0, 20.0, 30.0, 42.0], "a step that is recorded is carried out once, too"
    assert emulation.log == ["plain"] * EAGER + ["recorded", "replay", "replay", "replay"]
    emulation.log.clear()
    emulation.step(torch.ones(3))
    assert emulation.log == ["plain"]


def test_what_cannot_be_recorded_is_carried_out_plainly_on_the_usual_stream(
    emulation: Emulation, caplog: pytest.LogCaptureFixture
) -> None:
    emulation.fails = True
    totals = [float(emulation.step(torch.ones(2))["total"]) for _ in range(6)]
    assert totals == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]
    assert emulation.stream is emulation.usual
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "not recorded" in caplog.text


def test_without_a_gpu_a_step_is_a_plain_call() -> None:
    calls: list[Tensor] = []
    step = RecordedStep(lambda inputs: {"got": calls.append(inputs) or inputs}, torch.device("cpu"))  # type: ignore[func-returns-value]
    assert float(step(torch.ones(()))["got"]) == 1.0 and len(calls) == 1
