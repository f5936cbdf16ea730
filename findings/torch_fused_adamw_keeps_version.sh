#!/usr/bin/env bash
# torch 2.13.0 on a CPU: AdamW(fused=True) changes its parameters without raising their version. Autograd therefore does
# not notice that a tensor that it saved was changed before the gradient was asked for, and gives a wrong gradient where
# fused=False is refused. The same holds for whatever else goes by versions, a cache of what a layer made of its weights
# for instance. Operators that change a list of tensors and return nothing raise versions only by what they call inside;
# a fused kernel calls nothing.
# Seen: fused=False: version 0 -> 2, then RuntimeError. fused=True: version 0 -> 0, gradient of w * w at w = 1: 0.99, not 2.
# Mended with torch.autograd.graph.increment_version, which is public.
# Exits 0 as long as that is so.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch


def gradient_after_a_step(fused: bool) -> tuple[int, float | None]:
    """How far the version rose in a step, and the gradient of w * w that was asked for after it; None if refused."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimiser = torch.optim.AdamW([weight], lr=0.5, fused=fused)
    loss = (weight * weight).sum()
    weight.grad = torch.ones(1)
    before = weight._version
    optimiser.step()
    risen, weight.grad = weight._version - before, None
    try:
        loss.backward()
    except RuntimeError as error:
        print(f"fused={fused}: refused: {error}"[:90])
        return risen, None
    return risen, float(weight.grad)


plain, fused = gradient_after_a_step(False), gradient_after_a_step(True)
print(torch.__version__, "plain:", plain, "fused:", fused)
as_described = plain[0] > 0 and plain[1] is None and fused[0] == 0 and fused[1] is not None and abs(fused[1] - 2) > 0.5
sys.exit(0 if as_described else 1)
PYTHON
