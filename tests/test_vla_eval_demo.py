"""The benchmark for vla-evaluation-harness, with stand-ins for what it takes from there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

_DEMOS = Path(__file__).parents[1] / "demos"
_SPECS = ("GRIPPER_CLOSE_01", "IMAGE_RGB", "LANGUAGE", "POSITION_ABSOLUTE", "RAW", "ROTATION_QUAT")


@pytest.fixture
def benchmark_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    base, specs = ModuleType("vla_eval.benchmarks.base"), ModuleType("vla_eval.specs")
    vars(base).update(StepBenchmark=type("StepBenchmark", (), {}), StepResult=SimpleNamespace)
    vars(specs).update(dict.fromkeys(_SPECS, "a format"))
    for module in (ModuleType("vla_eval"), ModuleType("vla_eval.benchmarks"), base, specs):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.syspath_prepend(str(_DEMOS))
    monkeypatch.delitem(sys.modules, "vla_eval_benchmark", raising=False)
    import vla_eval_benchmark  # type: ignore[import-not-found]

    yield vla_eval_benchmark.RavensBenchmark
    del sys.modules["vla_eval_benchmark"]


@pytest.mark.parametrize("name", ["block-insertion", "block-insertion-continuous"])
def test_what_the_oracle_does_succeeds_through_the_harness(benchmark_class: Any, name: str) -> None:
    benchmark = benchmark_class([name], image_size=(24, 32))
    (task,) = benchmark.get_tasks()
    observed = benchmark.make_obs(benchmark.reset({**task, "episode_idx": 1}), task)
    assert {image.shape for image in observed["images"].values()} == {(24, 32, 3)}
    assert len(observed["images"]) == 3
    assert observed["state"].shape == (8,)
    assert "block" in observed["task_description"]
    limit = benchmark.get_metadata()["max_steps"]
    for _ in range(limit):
        action = benchmark._environment.get_wrapper_attr("oracle_action")()
        order = ("pose", "gripper") if name.endswith("continuous") else ("pick", "place")
        result = benchmark.step({"actions": np.concatenate([np.ravel(action[key]) for key in order])})
        if result.done:
            break
    assert benchmark.get_step_result(result) == {"success": True, "score": pytest.approx(1.0)}
    benchmark.cleanup()


def test_other_numbers_are_refused(benchmark_class: Any) -> None:
    benchmark = benchmark_class(["block-insertion"], image_size=(24, 32))
    with pytest.raises(ValueError, match=r"14 numbers; the model gave shape \(7,\)"):
        benchmark._action(np.zeros(7))
    with pytest.raises(ValueError, match="one control"):
        benchmark_class(["block-insertion", "block-insertion-continuous"])
