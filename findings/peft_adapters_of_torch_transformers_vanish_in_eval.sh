#!/usr/bin/env bash
# peft 0.21.2, torch 2.13.0: LoRA adapters of a torch.nn.TransformerEncoder are trained, and play no part after eval().
# The policy that is evaluated is the one from before fine-tuning.
#
# A policy is fitted to a new robot or task by adapters of the layers' linear1 and linear2. In training the loss falls.
# In eval mode an encoder with batch_first=True takes torch's fast path, one fused kernel that reads linear1.weight and
# never calls the module; peft's layer has an attribute of that name, the frozen weight without the adapter. The output
# is to the bit that of the model with adapters off. With gradients enabled it is the same, since torch then asks
# whether the weights that it reads want any, and those are frozen. out_proj, which target_modules="all-linear"
# includes, is read in the same way in training, too: its adapter gets no gradient, though it counts as trainable.
# The validation loss stays where it was, which looks like overfitting; saving and loading do not help. Many policies
# are such encoders. In peft's issue 761 an encoder whose attention has adapters raises in eval mode; these do not.
# What fits: torch.backends.mha.set_fastpath_enabled(False), or merge_and_unload() before evaluation; both leave
# out_proj as it was.
#
# Seen (Python 3.11), mean squared error of a small policy: "linear1 and linear2: train() 0.016, eval() 0.763, adapters
# off 0.763, eval() with gradients 0.763, without fast path 0.016, merged 0.016; with out_proj: 4 matrices of adapters
# without gradient, all of out_proj: ..."
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "peft==0.21.2" "torch==2.13.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import torch
from peft import LoraConfig, get_peft_model
from torch import nn


class Policy(nn.Module):
    """From six tokens of four numbers to an action of two."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
        self.into, self.encoder, self.out = nn.Linear(4, 32), nn.TransformerEncoder(layer, 2), nn.Linear(32, 2)

    def forward(self, tokens):
        return self.out(self.encoder(self.into(tokens)).mean(1))


torch.set_num_threads(1)
torch.manual_seed(0)
tokens = torch.randn(256, 6, 4)
actions = torch.stack([tokens[..., 0].mean(1), tokens[..., 1].amax(1)], 1)


def fitted(targets):
    """The policy with trained adapters, and the names of those that got no gradient."""
    torch.manual_seed(1)
    policy = get_peft_model(Policy(), LoraConfig(r=8, lora_alpha=16, target_modules=targets)).train()
    adapters = {name: each for name, each in policy.named_parameters() if each.requires_grad}
    optimiser = torch.optim.Adam(adapters.values(), lr=1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        nn.functional.mse_loss(policy(tokens), actions).backward()
        optimiser.step()
    return policy, [name for name, each in adapters.items() if each.grad is None]


@torch.no_grad()
def error(policy):
    return float(nn.functional.mse_loss(policy(tokens), actions))


policy, without = fitted(["linear1", "linear2"])
seen = {"train()": error(policy)}
policy.eval()
seen["eval()"] = error(policy)
with torch.no_grad(), policy.disable_adapter():
    before = policy(tokens)
seen["adapters off"] = float(nn.functional.mse_loss(before, actions))
after = policy(tokens)  # gradients are enabled
seen["eval() with gradients"] = float(nn.functional.mse_loss(after, actions))
torch.backends.mha.set_fastpath_enabled(False)
seen["without fast path"] = error(policy)
torch.backends.mha.set_fastpath_enabled(True)
seen["merged"] = error(policy.merge_and_unload().eval())
print("linear1 and linear2:", ", ".join(f"{name} {value:.3f}" for name, value in seen.items()))
_, idle = fitted(["linear1", "linear2", "out_proj"])
print(f"with out_proj: {len(idle)} matrices of adapters without gradient, all of out_proj:", *idle)
wrong = torch.equal(before, after) and seen["eval()"] == seen["adapters off"] > 0.5
right = not without and all(seen[name] < 0.05 for name in ("train()", "without fast path", "merged"))
sys.exit(not (wrong and right and len(idle) == 4 and all("out_proj" in name for name in idle)))
PY
