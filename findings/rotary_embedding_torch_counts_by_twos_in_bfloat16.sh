#!/usr/bin/env bash
# rotary-embedding-torch 0.9.1, torch 2.13.0: with tokens in bfloat16 two neighbours beyond the 256th have one position,
# or are two apart; beyond the 512th four. What type the first call had decides also for later calls in float32.
#
# A policy with some cameras has more tokens than that, and runs in bfloat16. rotate_queries_or_keys takes the positions
# of the tokens in the type of the tokens, and bfloat16 has whole numbers to 256 only; the angles are then computed from
# those in float32, which looks careful, and kept for the next call. So a test in float32 beside a policy in bfloat16
# may find either: right for both, if a float32 call of at least that length came first, and wrong for both, if a
# bfloat16 one did. A policy that is trained in float32 and then run in bfloat16 in another program meets other
# positions, and so does one that decodes token by token with offset. Nothing is raised; in float16, exact to 2048, it
# does not show. A call in float32 of the longest length, once after the model is made, sets all right while the offset
# and the length stay within cache_max_seq_len.
#
# The logit between a token and the one before it, same query and key everywhere, should be 0.97 everywhere; 1.00 is
# that of one position, 0.88 of two apart, 0.75 of four.
#
# Seen (Python 3.11), of tokens 255 to 262, and which there are beyond 512: "float32: 0.97; float16: 0.97; bfloat16:
# 0.97 0.97 1.00 0.88 0.88 1.00 1.00 0.88, then 0.75 and 1.00; float32 after bfloat16: the same as bfloat16; bfloat16
# after float32: 0.97; bfloat16 token by token: as bfloat16"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile "rotary-embedding-torch==0.9.1" "torch==2.13.0" "einops==0.8.2" \
    "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from rotary_embedding_torch import RotaryEmbedding

WIDTH, COUNT = 64, 1024
FULL, HALF, BRAIN = torch.float32, torch.float16, torch.bfloat16


def logits(rotated):
    """Of each token with the one before it."""
    rotated = rotated.double()[0, 0] / WIDTH**0.5
    return (rotated[1:] * rotated[:-1]).sum(-1)


def after(*types):
    """Logits of the last of some calls with tokens of these types."""
    rotary = RotaryEmbedding(WIDTH)
    for kind in types:
        rotated = rotary.rotate_queries_or_keys(torch.ones(1, 1, COUNT, WIDTH, dtype=kind))
    return logits(rotated)


def one_by_one(kind):
    rotary = RotaryEmbedding(WIDTH)
    token = torch.ones(1, 1, 1, WIDTH, dtype=kind)
    return logits(torch.cat([rotary.rotate_queries_or_keys(token, offset=place) for place in range(COUNT)], dim=2))


torch.set_num_threads(1)
seen = {
    "float32": after(FULL),
    "float16": after(HALF),
    "bfloat16": after(BRAIN),
    "float32 after bfloat16": after(BRAIN, FULL),
    "bfloat16 after float32": after(FULL, BRAIN),
    "bfloat16, token by token": one_by_one(BRAIN),
}
for name, values in seen.items():
    beyond = sorted({f"{value:.2f}" for value in values[512:]})
    print(f"{name}: " + " ".join(f"{value:.2f}" for value in values[254:262]) + ", beyond 512 " + " ".join(beyond))
true = seen["float32"].mean()
right = all(
    float((seen[name] - true).abs().max()) < 0.01 for name in ("float32", "float16", "bfloat16 after float32")
)
wrong = all(
    float(each[:255].sub(true).abs().max()) < 0.01 and float(each[256:].sub(true).abs().min()) > 0.02
    for each in (seen["bfloat16"], seen["float32 after bfloat16"], seen["bfloat16, token by token"])
)
sys.exit(not (right and wrong))
PY
