"""Where an agent computes, and how precisely."""

from __future__ import annotations

import torch

from ravens_suite.errors import ConfigError


def choose_device(name: str) -> torch.device:
    """``auto``: a GPU where there is one; else the device of that name.

    Raises:
        ConfigError: a GPU is asked for where torch finds none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("torch finds no GPU here: install a build of it for CUDA, or begin anew with --device cpu.")
    return torch.device(name)


def multiplies_in_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to multiply in bfloat16: two to three times as fast where the processor has it, elsewhere slower.

    Args:
        precision: ``auto``, ``float32`` or ``bfloat16``.
        device: where it is done.
    """
    if precision == "auto":
        has_instructions = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        return device.type == "cuda" or bool(has_instructions)
    return precision == "bfloat16"
