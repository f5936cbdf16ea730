#!/usr/bin/env bash
# proxsuite 0.8.0 with qpsolvers 4.13.0: PROXQP says that it has solved a problem of an arm with limits of speed, and
# a third of its answers are off by more than 3 % of the limit; the worst leaves five times the error that it must.
#
# Differential inverse kinematics asks for the joint speeds within limits that follow a hand best: 6 unknowns, 6 bounds,
# by a solver that pink and mink take from qpsolvers by its name. PROXQP ends when the bounds are kept (primal residual)
# and the multipliers balance the gradient (dual residual), both to 1e-5. Whether a bound that has a multiplier is met
# at all, the duality gap, it does not ask. So it stops where a limit still holds a joint that is far from this limit.
# Status and residuals say "solved", no limit is broken, and what is seen is an arm that lags behind its target, or a
# policy and demonstrations that do. What fits: eps_abs=1e-9. check_duality_gap=True alone mends most, not all. quadprog
# and daqp are right with their defaults. (0.7.2 gives the same. Upstream: pull request 161 of proxsuite made the check
# optional, qpbenchmark's issue 10 says that answers can be suboptimal; how far, neither does.)
#
# Seen (Python 3.11), 1000 random arms with limits of 0.3 rad/s: "proxqp: off by more than 0.01 rad/s in 31.5%, at most
# 0.555; error above the least by more than 1% in 35.5%, at most 433%; proxqp to 1e-9: ... 0.0%, at most 0.000; ...
# 0.0%, at most 0%; proxqp with its duality gap: ... 1.7%, at most 0.362; ... 2.1%, at most 33%; daqp: ... 0.0%, at most
# 0.000; ... 0.0%, at most 0%; all solved: True; proxqp: residuals at most 1e-05, limits broken by at most 1e-05 rad/s,
# duality gap up to 0.95"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile --only-binary :all: "qpsolvers==4.13.0" "proxsuite==0.8.0" \
    "quadprog==0.1.14" "daqp==0.11.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
from qpsolvers import Problem, solve_problem

LIMIT, ARMS = 0.3, 1000  # rad/s
HOW = {
    "proxqp": ("proxqp", {}),
    "proxqp to 1e-9": ("proxqp", {"eps_abs": 1e-9}),
    "proxqp with its duality gap": ("proxqp", {"check_duality_gap": True}),
    "both": ("proxqp", {"eps_abs": 1e-9, "check_duality_gap": True}),
    "daqp": ("daqp", {}),
}
random = np.random.default_rng(0)
off = {name: [] for name in HOW}  # greatest difference of a joint's speed, in rad/s
error = {name: [] for name in HOW}  # what is left to be followed, over the least that could be, less 1
solved, broken, residuals, gap = True, 0.0, 0.0, 0.0
for _ in range(ARMS):
    jacobian, twist = random.normal(size=(6, 6)), random.normal(size=6) / 2
    matrix, vector = jacobian.T @ jacobian + 1e-3 * np.eye(6), -jacobian.T @ twist
    problem = Problem(matrix, vector, lb=np.full(6, -LIMIT), ub=np.full(6, LIMIT))
    exact = solve_problem(problem, solver="quadprog").x

    def left(speeds):
        return 0.5 * speeds @ matrix @ speeds + vector @ speeds + 0.5 * twist @ twist  # noqa: B023

    for name, (solver, settings) in HOW.items():
        solution = solve_problem(problem, solver=solver, **settings)
        solved = solved and solution.found
        off[name].append(np.abs(solution.x - exact).max())
        error[name].append(left(solution.x) / left(exact) - 1)
        if name == "proxqp":
            broken = max(broken, np.abs(solution.x).max() - LIMIT)
            gap = max(gap, solution.duality_gap())
            residuals = max(residuals, solution.primal_residual(), solution.dual_residual())
off, error = ({name: np.array(values) for name, values in each.items()} for each in (off, error))
for name in HOW:
    far, worse = np.mean(off[name] > 0.01), np.mean(error[name] > 0.01)
    print(f"{name}: off by more than 0.01 rad/s in {far:.1%}, at most {off[name].max():.3f}", end="; ")
    print(f"error above the least by more than 1% in {worse:.1%}, at most {error[name].max():.0%}")
print(f"all solved: {solved}; proxqp: residuals at most {residuals:.0e}, limits broken by at most", end=" ")
print(f"{broken:.0e} rad/s, duality gap up to {gap:.2f}")
wrong = np.mean(off["proxqp"] > 0.01) > 0.2 and off["proxqp"].max() > LIMIT and error["proxqp"].max() > 1
wrong = wrong and solved and residuals < 1e-4 and broken < 1e-4 and gap > 0.1
right = all(off[name].max() < 0.001 for name in ("proxqp to 1e-9", "both", "daqp"))
sys.exit(not (wrong and right))
PY
