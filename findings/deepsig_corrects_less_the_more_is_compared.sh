#!/usr/bin/env bash
# deepsig 1.2.8: the correction for many comparisons becomes none as they become many, and is infinite for one. Of two
# policies multi_aso finds neither better than the other, or says NaN, also where every run of one beats the other.
#
# Policies that were trained from a few seeds are compared by almost stochastic order: aso(a, b) below 0.5 says that a
# is better. For m comparisons Bonferroni takes a confidence of 1 - 0.05 / m; aso(num_comparisons=m) and multi_aso, by
# default, take 0.95 + 0.05 / m. That is right for m = 2 and for nothing else: with ten policies, 45 pairs, it is 0.951
# where 0.9989 is meant, so that chance differences among many are called better, and the more policies there are the
# easier. For two policies, one pair, it is 1.0, whose quantile is infinite: the answer is 1 in both directions, or 0
# times infinity where the order is clear. A matrix for three looks sound, and so does one for more. aso with
# confidence_level=1 - 0.05 / m and without num_comparisons, pair by pair, does what is meant.
#
# The confidence that was used is worked out of answers at two known ones, as they are linear in its quantile.
#
# Seen (Python 3.11), confidence for a pair among 2, 3, 5 and 10 policies, meant: "0.9500, 0.9833, 0.9950, 0.9989; used
# by multi_aso: 1, 0.9667, 0.9550, 0.9511; by aso for 2, 45 comparisons: 0.9750, 0.9511. A pair among 10: 0.53 is
# meant, 0.29 is found, which is below 0.5. Of two policies: 1 and 1; where the order is clear: nan and nan"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "deepsig==1.2.8" "numpy==2.4.6" \
    "scipy==1.17.1" "pandas==3.1.1" "joblib==1.6.0"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
from deepsig import aso, multi_aso
from scipy.stats import norm

SETTINGS = dict(num_bootstrap_iterations=100, dt=0.05, show_progress=False, seed=0)
FIRST, SECOND = np.array([0.82, 0.78, 0.86, 0.74, 0.80]), np.array([0.77, 0.71, 0.79, 0.81, 0.69])
"""Success of two policies, each trained from five seeds."""
FAR = np.array([0.12, 0.20, 0.15, 0.08, 0.18])

low, high = (float(aso(FIRST, SECOND, confidence_level=level, **SETTINGS)) for level in (0.95, 0.99))
slope = (high - low) / (norm.ppf(0.99) - norm.ppf(0.95))


def used(answer):
    """The confidence that an answer for this pair belongs to."""
    return float(norm.cdf(norm.ppf(0.95) + (answer - low) / slope))


generator = np.random.default_rng(0)
others = [generator.uniform(0.6, 0.9, 5).round(2) for _ in range(8)]
found, levels, meant = {}, {}, {}
for count in (2, 3, 5, 10):
    pairs = count * (count - 1) // 2
    found[count] = float(multi_aso([list(each) for each in [FIRST, SECOND, *others[: count - 2]]], **SETTINGS)[0, 1])
    levels[count] = used(found[count])
    meant[count] = 1.0 - 0.05 / pairs
    right = float(aso(FIRST, SECOND, confidence_level=meant[count], **SETTINGS))
    print(
        f"{count} policies: confidence {meant[count]:.4f} is meant, {levels[count]:.4f} used; the answer for a pair is "
        f"{found[count]:.3f}, not {right:.3f}"
    )
single = [used(float(aso(FIRST, SECOND, num_comparisons=count, **SETTINGS))) for count in (2, 45)]
print(f"aso for 2 and 45 comparisons: {single[0]:.4f}, {single[1]:.4f}")
close = multi_aso([list(FIRST), list(SECOND)], **SETTINGS)
clear = multi_aso([list(FIRST), list(FAR)], **SETTINGS)
print("of two policies:", close[0, 1], close[1, 0], "; clearly apart:", clear[0, 1], clear[1, 0])
print("aso of these, clearly apart:", float(aso(FIRST, FAR, **SETTINGS)))
weaker = all(abs(levels[count] - (0.95 + 0.05 / (count * (count - 1) / 2))) < 2e-4 for count in (3, 5, 10))
sys.exit(
    not (
        weaker
        and np.allclose(single, (0.975, 0.95 + 0.05 / 45), atol=2e-4)
        and found[2] == close[0, 1] == close[1, 0] == 1.0
        and np.isnan(clear[0, 1])
        and np.isnan(clear[1, 0])
        and float(aso(FIRST, FAR, **SETTINGS)) == 0.0
    )
)
PY
