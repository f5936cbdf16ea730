#!/usr/bin/env bash
# evalica 0.4.2: Bradley and Terry's ratings of policies that were compared in pairs are all the same, one millionth, as
# soon as one of the policies never won or never lost. The probability to win is then one half for every pair.
#
# Policies on a real robot are ranked by which of two did better from the same scene, and ratings come from all pairs. A
# baseline that never does its task is the usual company. Its rating by greatest likelihood is 0, and that of a policy
# which never lost infinite, which says nothing against the ratings of the others among themselves. Here all are divided
# by their geometric mean in every iteration, which is 0 or infinite with such a one; all become NaN, for which the
# tolerance is put. bradley_terry does so in both cases, newman where one never lost. Nothing is raised or warned of;
# iterations is 100, the limit, or 2 as if it had converged, and sorting the ratings gives some order. bootstrap meets
# the same in those of its samples that happen to leave out the one defeat of a policy, so that all intervals begin at
# one millionth. In elo and average_win_rate the order is right. What fits: one draw added for each two.
#
# Seen (Python 3.11), ratings by bradley_terry and the probability that A beats B: "A, B, C: 3.47, 1.00, 0.288, 0.78;
# with D, which lost all: 1e-06 for all four, 0.50; with E, which won all: the same; by newman: 3.47, 1.00, 0.288; with
# D 8.18, 2.36, 0.678, 1e-06; with E 1e-06 for all. With D and a draw for each two: 6.09, 2.25, 0.874, 0.0834. C won
# once in 20: 6.15, 1.36, 0.12, with intervals from 1e-06 for all three"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "evalica==0.4.2" "pandas==3.1.1" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import evalica

X, Y, DRAW = evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw
THREE = [("A", "B", 8, 2), ("A", "C", 9, 1), ("B", "C", 8, 2)]
LOSER = [(name, "D", 10, 0) for name in "ABC"]
WINNER = [("E", name, 10, 0) for name in "ABC"]
CASES = {"A, B, C": THREE, "with D, which lost all": THREE + LOSER, "with E, which won all": THREE + WINNER}


def trials(pairs, draws=0):
    """First and second policy of each comparison, and which did better."""
    rows = [row for first, second, won, lost in pairs for row in
            [(first, second, X)] * won + [(first, second, Y)] * lost + [(first, second, DRAW)] * draws]
    return tuple(map(list, zip(*rows)))


def ratings(method, *trial):
    return {name: float(f"{score:.3g}") for name, score in sorted(method(*trial).scores.items())}


seen = {}
for name, pairs in CASES.items():
    result = evalica.bradley_terry(*trials(pairs))
    chances = evalica.pairwise_scores(result.scores[["A", "B"]])
    seen[name] = ratings(evalica.bradley_terry, *trials(pairs)), ratings(evalica.newman, *trials(pairs))
    print(f"{name}: bradley_terry {seen[name][0]} after {result.iterations}, A beats B {chances[0][1]:.2f}; newman "
          f"{seen[name][1]}; average {ratings(evalica.average_win_rate, *trials(pairs))}")
mended = ratings(evalica.bradley_terry, *trials(THREE + LOSER, draws=1))
print("with D and a draw for each two:", mended)
few = trials([("A", "B", 8, 2), ("A", "C", 10, 0), ("B", "C", 9, 1)])
drawn = evalica.bootstrap(
    evalica.bradley_terry, *few, n_resamples=200, bootstrap_method="percentile", random_state=0
)
lower = {name: float(f"{value:.3g}") for name, value in sorted(drawn.low.items())}
print(f"C won once in 20: {ratings(evalica.bradley_terry, *few)}, intervals from {lower}")

LEAST = 1e-6
three = {"A": 3.47, "B": 1.0, "C": 0.288}
wanted = {
    "A, B, C": (three, three),
    "with D, which lost all": (dict.fromkeys("ABCD", LEAST), {"A": 8.18, "B": 2.36, "C": 0.678, "D": LEAST}),
    "with E, which won all": (dict.fromkeys("ABCE", LEAST), dict.fromkeys("ABCE", LEAST)),
}
right = seen == wanted and lower == dict.fromkeys("ABC", LEAST)
sys.exit(not (right and mended["A"] > 2 * mended["B"] > 4 * mended["C"] > 8 * mended["D"]))
PY
