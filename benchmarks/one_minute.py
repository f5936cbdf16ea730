"""What a minute of training is worth: block-insertion from 10 demonstrations, judged on unseen validation scenes.

    python benchmarks/one_minute.py [--steps 100] [--threads 2] [--episodes 100] [--out results/one_minute.json]

The learning rate runs one whole cycle over the steps, so their number is fixed beforehand; how long they took is part
of the result.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from ravens_suite.data.atomic import write_json
from ravens_suite.execution.pool import available_cores, make_pool
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.provenance import provenance
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

AGENT, TASK, DEMOS = "transporter", "block-insertion", 10


def main() -> None:
    """Train, evaluate, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--episodes", type=int, default=100)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    settings = TrainingSettings(steps=options.steps, val_episodes=0, threads=options.threads)
    plan = TrainingPlan(agent=AGENT, tasks=(TASK,), demos=DEMOS, settings=settings)
    with tempfile.TemporaryDirectory() as folder, make_pool(workers=available_cores()) as pool:
        data, run = Path(folder) / "data", Path(folder) / "run"
        collect(TASK, episodes=DEMOS, data=data, pool=pool)
        trained = train(plan, data, run)
        judged = evaluate(str(run), split="val", episodes=options.episodes, pool=pool).to_json()
    result = {
        "task": TASK,
        "demos": DEMOS,
        "steps": options.steps,
        "threads": options.threads,
        "train_seconds": round(trained.seconds, 1),
        "val_episodes": options.episodes,
        "mean_score": judged["mean_score"],
        "success_rate": judged["success_rate"],
        **provenance(),
    }
    print(json.dumps(result, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
