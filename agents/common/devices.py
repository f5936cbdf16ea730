"""Where an agent computes, and how precisely."""

from __future__ import annotations

import logging

import torch

from ravens_suite.errors import ConfigError

PRECISIONS = ("auto", "float32", "bfloat16")
_LOG = logging.getLogger(__name__)


def choose_device(name: str) -> torch.device:
    """The device of a setting.

    Args:
        name: ``cpu``, ``cuda``, another name of torch, or ``auto`` for a GPU where there is one.

    Raises:
        ConfigError: torch knows no such device, or finds no GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("torch finds no GPU here: install a build of it for CUDA, or begin anew with --device cpu.")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"There is no device {name!r}: choose auto, cpu or cuda.") from error


def choose_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to multiply in bfloat16: two to three times as fast where the processor has it, elsewhere slower.

    Args:
        precision: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the device multiplies it in hardware.
        device: where it is done.

    Raises:
        ConfigError: there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"There is no precision {precision!r}: choose {', '.join(PRECISIONS)}.")
    if precision == "auto":
        has_instructions = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return device.type == "cuda" or bool(has_instructions)
    if precision == "bfloat16" and device.type == "cpu" and not torch.cpu._is_avx512_supported():
        # torch 2.13 then has neither instructions nor fast loops (findings/torch_bfloat16_needs_avx512.sh).
        _LOG.warning(
            "This processor has no AVX-512: bfloat16 is some forty times slower than float32 on it. Leave precision at "
            "auto, or choose float32."
        )
    return precision == "bfloat16"


def autocast(device: torch.device, use_bfloat16: bool) -> torch.autocast:
    """A context in which layers multiply in bfloat16, or in float32 as they are."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=use_bfloat16)
