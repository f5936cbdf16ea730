#!/usr/bin/env bash
# cma 4.5.0: a search whose rollouts call np.random.seed, so that all candidates meet the same scenes, draws the same
# numbers in every generation. Most searches for five gains then end beside the best ones, by up to 0.8 of 0.8.
#
# Candidates are compared fairly on the same scenes and noise, so a rollout begins with np.random.seed(episode), often
# in some seed_everything. cma draws its candidates by np.random.randn, from the same global generator: each generation
# then begins where the last rollout left it, and tries the same few directions again. Nothing is raised. The cost still
# falls along those directions, and where the search ends depends on the scene; one scene in three is solved by luck, so
# that a first try may pass. seed=1 in cma's options is set once, before the first generation, and does not help; seed=0
# there means the clock, so that of runs with seeds 0 to 4 the first can not be repeated. What fits: a generator of its
# own, {"seed": np.nan, "randn": np.random.RandomState(1).randn}, or rollouts that draw from one of
# np.random.default_rng. The options name "randn"; that the generator is shared is discussed in issues 54 and 221, for
# what it does to the program around the search, not for what the program does to the search.
#
# Seen (Python 3.11), greatest error of five gains after at most 2000 rollouts, in scenes of seeds 0 to 9: "rollouts
# that seed nothing: 8e-08 at most; that call np.random.seed: 0.1, 0.8, 0.04, 0.3, 7e-05, 7e-09, 3e-08, 0.2, 0.01, 0.4;
# that call it, cma with its own generator: 5e-08 at most"; "two runs with seed=0 are equal: False, with seed=1: True"
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --only-binary :all: "cma==4.5.0" "numpy==2.4.6"
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import sys

import cma
import numpy as np

BEST = np.array([0.8, 0.3, -0.5, 0.6, -0.2])
WEIGHTS = np.array([1.0, 3.0, 10.0, 30.0, 100.0])
"""Five gains and how much the cost minds each: a factor of ten between the scales of the first and of the last."""


def tune(seed, scene=None, own=False):
    """Greatest error of the gains that are found; scene is the seed of each rollout, None for none."""

    def rollout(gains):
        if scene is not None:
            np.random.seed(scene)
        np.random.normal(size=7)  # where the objects lie; here the cost is the same for all places
        return float(WEIGHTS @ (np.asarray(gains) - BEST) ** 2)

    options = {"verbose": -9, "maxfevals": 2000, "seed": seed}
    if own:
        options |= {"seed": np.nan, "randn": np.random.RandomState(seed).randn}
    search = cma.CMAEvolutionStrategy(np.zeros(5), 0.3, options)
    search.optimize(rollout)
    return float(np.abs(search.result.xbest - BEST).max())


SCENES = range(10)
free = [tune(1 + scene) for scene in SCENES]
seeded = [tune(1, scene) for scene in SCENES]
own = [tune(1, scene, own=True) for scene in SCENES]
for name, errors in (("seed nothing", free), ("call np.random.seed", seeded), ("call it, own generator", own)):
    print(f"rollouts that {name}: " + ", ".join(f"{error:.0e}" for error in errors))
equal = {seed: tune(seed) == tune(seed) for seed in (0, 1)}
print(f"two runs with seed=0 are equal: {equal[0]}, with seed=1: {equal[1]}")
missed = sum(error > 0.005 for error in seeded)
sys.exit(not (max(free + own) < 1e-5 and missed >= 5 and not equal[0] and equal[1]))
PY
