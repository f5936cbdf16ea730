"""Settings of ``waypoint-act``."""

from __future__ import annotations

from dataclasses import dataclass

from ..common.devices import PRECISIONS
from ..common.settings import setting


@dataclass(frozen=True)
class WaypointActConfig:
    """Settings of the agent.

    Attributes:
        steps: gradient steps of a whole training run.
        batch: examples a step.
        chunk: way-points that are predicted at once.
        width: channels of the maps at half of their resolution; twice as many at each coarser one.
        tokens: features of a token of the transformer; a multiple of ``heads`` and of 8.
        heads: of its attention.
        layers: of its encoder and of its decoder.
        learning_rate: the highest one of the cycle.
        weight_decay: decoupled from the gradient.
        average: decay of the exponential moving average (EMA) of the weights.
        turned: share of examples whose scene is turned and shifted.
        regrasped: share of examples, of those in which the tool holds something, in which it holds it elsewhere.
        ensembling: weight of what was predicted one step before, where chunks overlap; that of two steps before is its
            square, and so on. 0 for the last prediction alone.
        refinements: looks at where a way-point would lead, each of which corrects it.
        precision: ``auto`` (bfloat16 where the device multiplies it in hardware), ``float32`` or ``bfloat16``.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    steps: int = setting(2000, least=1, most=10**9)
    batch: int = setting(8, least=1, most=10_000)
    chunk: int = setting(5, least=1, most=100)
    width: int = setting(16, least=8, most=1024, multiple=8)
    tokens: int = setting(64, least=8, most=4096, multiple=8)
    heads: int = setting(4, least=1, most=64)
    layers: int = setting(2, least=1, most=64)
    learning_rate: float = setting(2e-3, above=0)
    weight_decay: float = setting(1e-2, least=0)
    average: float = setting(0.99, least=0, below=1)
    turned: float = setting(0.9, least=0, most=1)
    regrasped: float = setting(0.7, least=0, most=1)
    ensembling: float = setting(0.3, least=0, below=1)
    refinements: int = setting(3, least=0, most=100)
    precision: str = setting("auto", choices=PRECISIONS)
    device: str = "auto"
