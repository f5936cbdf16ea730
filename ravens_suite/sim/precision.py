"""How finely the physics is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ravens_suite.errors import ConfigError

STEPS_PER_SECOND = 480
TIME_STEP = 1 / STEPS_PER_SECOND
"""Seconds of one physics step (the published demonstration scripts). Time is counted in these steps, also where the
physics takes longer ones."""

EXACT_RESIDUAL, FAST_RESIDUAL = 1e-7, 1e-6
"""The constraint solver stops when an iteration changes velocities by less than this: the sum of squares over all
contacts and joints, (m/s)^2. The first is Bullet's default. The second is (1 mm/s)^2, a fifth of
``scene.STILL_SPEED``, and saves a third of the physics where much is in contact."""


@dataclass(frozen=True)
class Precision:
    """How finely the physics is computed.

    Attributes:
        stride: length of a physics step, in units of ``TIME_STEP``.
        iterations: of the solver, at most, in a physics step.
        residual: change of velocities below which the solver stops, see ``EXACT_RESIDUAL``.

    Raises:
        ConfigError: a number is out of range.
    """

    stride: int = 1
    iterations: int = 50
    residual: float = EXACT_RESIDUAL

    def __post_init__(self) -> None:
        """Refuse what Bullet would take without a word."""
        if not 0 <= self.residual < math.inf:
            raise ConfigError(f"residual of a scene must be at least 0, in (m/s)^2; got {self.residual}.")
        if self.stride < 1 or self.iterations < 1:
            raise ConfigError(
                f"stride and iterations of a scene must be at least 1; got {self.stride} and {self.iterations}."
            )


EXACT = Precision()
"""All at 480 Hz, as in the published suite, with Bullet's default residual."""

FINE = Precision(residual=FAST_RESIDUAL)
"""As ``EXACT``, with a solver that stops earlier."""
