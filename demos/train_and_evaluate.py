"""Train a Transporter on three demonstrations for a few steps and try it on five unseen scenes.

python demos/train_and_evaluate.py [FOLDER] [STEPS]
"""

import sys
from pathlib import Path

from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo")
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 300

collect("block-insertion", episodes=3, data=folder / "data")
plan = TrainingPlan(
    agent="transporter",
    tasks=("block-insertion",),
    demos=3,
    settings=TrainingSettings(steps=steps, val_episodes=0),
)
result = train(plan, folder / "data", folder / "run")
print(f"{result.steps} steps in {result.seconds:.0f} s")

figures = evaluate(str(folder / "run"), split="test", episodes=5).summary
print(f"mean score {figures.mean_score:.0f} of 100, success rate {figures.success_rate:.0f} %")
