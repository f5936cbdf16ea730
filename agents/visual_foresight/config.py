"""Settings of the agent ``visual-foresight``."""

from __future__ import annotations

from dataclasses import dataclass

from ..common.settings import setting


@dataclass(frozen=True)
class VisualForesightConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        model: what predicts: the name of a file in ``models/``, or ``package.module:Class`` or
            ``file.py:Class`` of yours.
        planner: what searches: the name of a file in ``planners/``, or ``package.module:Class`` or
            ``file.py:Class`` of yours.
        proposals: where actions are drawn: ``difference`` (picks where scene and goal differ, places where the goal has
            something that the scene lacks), ``objects`` (picks on what stands above the table) or ``uniform``.
        proposer: folder of a trained ``transporter`` whose candidates are tried first; empty for none. It is read
            when an episode begins, and its weights are no part of this agent's.
        reward: what makes a prediction good: ``picture`` (distance to the goal picture) or ``predicted`` (the gain that
            the model itself predicts, without a picture).
        share: of the picture that the model learns to predict, 0 to 1; refused where it learns none.
        horizon: actions of a training window, one after the other from the model's own predictions.
        depth: actions that a plan looks ahead; more than 1 needs a planner that searches over several.
        calls: predictions of one action each that a decision may cost.
        batch: windows a gradient step.
        width: channels of the network at half resolution; twice and three times as many below.
        learning_rate: the highest one of its cycle.
        average: decay of the moving average of the weights.
        precision: ``float32``, ``bfloat16``, or ``auto`` for bfloat16 where the device multiplies it in hardware.
        device: ``auto``, ``cpu`` or ``cuda``.
        lightning: whether to train through Lightning Fabric (``pip install "ravens-suite[lightning]"``).
        devices: GPUs that share each batch, or processes on the CPU; more than 1 needs ``lightning``.
        csv_log: folder in which Lightning's CSVLogger writes the losses, too; empty for none. Needs ``lightning``.
    """

    steps: int = setting(1500, least=1, most=10**9)
    model: str = setting("transport", names="code")
    planner: str = setting("cem", names="code")
    proposals: str = setting("difference", choices=("difference", "objects", "uniform"))
    proposer: str = setting("", names="policies")
    reward: str = setting("picture", choices=("picture", "predicted"))
    share: float = setting(1.0, least=0, most=1)
    horizon: int = setting(1, least=1, most=20)
    depth: int = setting(1, least=1, most=10)
    calls: int = setting(256, least=1, most=10**6)
    batch: int = setting(8, least=1, most=10_000)
    width: int = setting(16, least=4, most=1024, multiple=4)
    learning_rate: float = setting(2e-3, above=0)
    average: float = setting(0.99, least=0, below=1)
    precision: str = setting("auto", choices=("auto", "float32", "bfloat16"))
    device: str = "auto"
    lightning: bool = False
    devices: int = setting(1, least=1, most=64)
    csv_log: str = ""
