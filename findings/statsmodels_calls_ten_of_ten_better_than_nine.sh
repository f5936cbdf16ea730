#!/usr/bin/env bash
# statsmodels 0.15.0: 10 successes in 10 trials against 9 in 10: the score interval of the ratio is 1.05 to 1.70, as if
# the first policy were surely better. The test that this interval is to be the inverse of says p = 0.32.
#
# confint_proportions_2indep(method="score") is Miettinen and Nurminen's interval, the one for small counts. For a ratio
# its ends come from the two smaller of the three roots of a cubic. Where a policy never failed, these are the wrong
# ones: the interval begins at (10 + 10) / (10 + 9), where by the test's own p-values it begins at 0.78. With both
# policies exchanged it is 0.95 to 1.28, as complex numbers, and the ratio itself, 0.9, is not in it. For the difference
# of 10 and 10 trials the score interval raises a ValueError for 80 of 121 outcomes, 9 against 3 among them. And the
# default for ratios ("log-adjusted") makes 1.0 to 1.0 of 10 of 10 against 10 of 10. Tasks that are solved nearly always
# are where benchmarks end, and the first of these looks like a result. For differences "newcomb" always gives one.
#
# Seen (Python 3.11): "10 against 9 of 10: 1.05 to 1.70, p = 0.32, by the test from 0.78; 9 against 10: 0.95 to 1.28,
# complex128; 10 against 10, default: 1.0 to 1.0; differences that fail: score 80, newcomb 0 of 121"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "statsmodels==0.15.0" "scipy==1.17.1" \
    "pandas==3.1.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import numpy as np
from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

TRIALS = 10


def interval(first, second, compare="ratio", method="score"):
    return confint_proportions_2indep(first, TRIALS, second, TRIALS, compare=compare, method=method)


def p_value(first, second, ratio):
    return test_proportions_2indep(first, TRIALS, second, TRIALS, value=ratio, compare="ratio", method="score").pvalue


def fails(first, second, method):
    try:
        return not np.isfinite(interval(first, second, "diff", method)).all()
    except ValueError:
        return True


low, high = interval(10, 9)
p = p_value(10, 9, 1.0)
tried = np.arange(0.6, 1.0, 0.01)
inverse = tried[[p_value(10, 9, ratio) >= 0.05 for ratio in tried]].min()
other = interval(9, 10)
default = interval(10, 10, method=None)
outcomes = [(first, second) for first in range(TRIALS + 1) for second in range(TRIALS + 1)]
raised = sum(fails(*outcome, "score") for outcome in outcomes)
newcomb = sum(fails(*outcome, "newcomb") for outcome in outcomes)
print(
    f"10 against 9 of 10: {low:.2f} to {high:.2f}, p = {p:.2f}, by the test from {inverse:.2f}; 9 against 10: "
    f"{np.real(other[0]):.2f} to {np.real(other[1]):.2f}, {type(other[0]).__name__}; 10 against 10, default: "
    f"{default[0]:.1f} to {default[1]:.1f}; differences that fail: score {raised}, newcomb {newcomb} of {len(outcomes)}"
)
sys.exit(
    not (
        low > 1.03
        and p > 0.3
        and 0.7 < inverse < 0.85
        and np.real(other[0]) > 0.92
        and np.iscomplexobj(other[0])
        and default[0] == default[1] == 1.0
        and raised > 60
        and newcomb == 0
    )
)
PY
