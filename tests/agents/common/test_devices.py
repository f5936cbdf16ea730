"""Devices and precisions are what the settings say, and what does not exist is named."""

from __future__ import annotations

import pytest
import torch

from ravens_suite.agents.common.devices import autocast, choose_bfloat16, choose_device
from ravens_suite.errors import ConfigError

CPU = torch.device("cpu")


def test_the_device_of_the_settings_is_used() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_without_a_gpu_to_ask_for_one_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="--device cpu"):
        choose_device("cuda")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"'toaster'.*auto, cpu or cuda"):
        choose_device("toaster")
    with pytest.raises(ConfigError, match=r"'half'.*bfloat16"):
        choose_bfloat16("half", CPU)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_layers_multiply_in_the_precision_of_the_settings(precision: str, dtype: torch.dtype) -> None:
    with autocast(CPU, choose_bfloat16(precision, CPU)):
        assert torch.nn.functional.linear(torch.ones(1, 2), torch.ones(3, 2)).dtype == dtype


@pytest.mark.parametrize("has_instructions", [False, True])
def test_bfloat16_without_instructions_for_it_is_warned_of(
    has_instructions: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: has_instructions)
    assert choose_bfloat16("bfloat16", CPU)
    assert ("forty times slower" in caplog.text) is not has_instructions
    caplog.clear()
    assert not choose_bfloat16("float32", CPU)
    assert not caplog.text
