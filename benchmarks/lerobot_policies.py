"""LeRobot's own commands on this suite: its ACT trained on an export and evaluated, and the oracle as its policy.

    python benchmarks/lerobot_policies.py --lerobot-python PYTHON [--demos 100] [--steps 300] [--batch-size 8]
        [--episodes 10] [--folder DIR] [--out results/lerobot.json]

PYTHON has LeRobot 0.6, this suite and ``lerobot_env_ravens_suite``. A task of pick and place and a continuous one are
collected with images of 48 x 64, exported, and learned by a small ACT on one thread: weights of ResNet-18 from nothing,
because the usual ones would have to be downloaded. A few hundred steps show that everything fits together, not what ACT
can learn. Steps cost processor time of about 0.3 s; with ``--folder`` a second run goes on with what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.interop.lerobot import export_lerobot
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.provenance import provenance

_SIZE = (48, 64)
_ORACLE = """
import json, sys
from types import SimpleNamespace
import torch
from lerobot.envs.configs import EnvConfig
from lerobot.envs.factory import make_env
from lerobot.scripts import lerobot_eval
from lerobot.utils.import_utils import register_third_party_plugins

register_third_party_plugins()
lerobot_eval.PreTrainedPolicy = torch.nn.Module
task, actions, episodes = sys.argv[1], sys.argv[2], int(sys.argv[3])
config = EnvConfig.get_choice_class("ravens_suite")(
    task=task, actions=actions, proprioception=True, render_rows=48, render_columns=64
)
((suite, environments),) = make_env(config, n_envs=1).items()


class Oracle(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight, self.config = torch.nn.Parameter(torch.zeros(1)), SimpleNamespace()

    def reset(self):
        pass

    def select_action(self, batch):
        return torch.stack([torch.tensor(action) for action in environments[0].call("oracle_action")])


same = [lambda value: value] * 4
names = ("env_preprocessor", "env_postprocessor", "preprocessor", "postprocessor")
found = lerobot_eval.eval_policy(
    env=environments[0], policy=Oracle(), n_episodes=episodes, start_seed=0, **dict(zip(names, same))
)
environments[0].close()
print(json.dumps(found["aggregated"]))
"""


@dataclass(frozen=True)
class Case:
    """A task and how its actions are written.

    Attributes:
        task: registered name.
        actions: layout; see ``interop/vectors.py``.
        chunk: actions that ACT plans and carries out at a time.
    """

    task: str
    actions: Any
    chunk: int


CASES = (Case("block-insertion", "yaw", 1), Case("block-insertion-continuous", "delta", 5))


def train_command(case: Case, data: Path, out: Path, steps: int, batch_size: int) -> list[str]:
    """``lerobot-train`` for a small ACT."""
    options = {
        "dataset.repo_id": "ravens_suite/train",
        "dataset.root": data / "train",
        "policy.type": "act",
        "policy.push_to_hub": "false",
        "policy.device": "cpu",
        "policy.pretrained_backbone_weights": "null",
        "policy.dim_model": 128,
        "policy.n_heads": 4,
        "policy.dim_feedforward": 512,
        "policy.n_encoder_layers": 2,
        "policy.use_vae": "false",
        "policy.chunk_size": case.chunk,
        "policy.n_action_steps": case.chunk,
        "policy.optimizer_lr": 1e-4,
        "policy.optimizer_lr_backbone": 1e-4,
        "batch_size": batch_size,
        "steps": steps,
        "save_freq": steps,
        "log_freq": min(steps, 50),
        "num_workers": 0,
        "env_eval_freq": 0,
        "seed": 1,
        "output_dir": out,
    }
    return ["lerobot-train", *(f"--{name}={value}" for name, value in options.items())]


def eval_command(case: Case, run: Path, out: Path, episodes: int) -> list[str]:
    """``lerobot-eval`` on the first test scenes."""
    options = {
        "policy.path": run / "checkpoints/last/pretrained_model",
        "policy.device": "cpu",
        "env.type": "ravens_suite",
        "env.task": case.task,
        "env.actions": case.actions,
        "env.proprioception": "true",
        "env.render_rows": _SIZE[0],
        "env.render_columns": _SIZE[1],
        "eval.n_episodes": episodes,
        "eval.batch_size": 1,
        "seed": 0,
        "output_dir": out,
    }
    return ["lerobot-eval", *(f"--{name}={value}" for name, value in options.items())]


def run_lerobot(python: Path, command: list[str]) -> str:
    """Run one of LeRobot's commands on one thread and without a network; what it printed on standard output."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    path = python.parent / command[0]
    words = [str(path), *command[1:]] if path.exists() else [str(python), *command]
    return subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def result_of(case: Case, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Collect, export, train, evaluate; then the oracle."""
    python = given.lerobot_python.absolute()
    observed = {"image_size": list(_SIZE), "observe": ["images", "proprioception", "instruction"]}
    data, exported, run = folder / "data" / case.task, folder / "exported" / case.task, folder / "run" / case.task
    collect(case.task, episodes=given.demos, data=folder / "data", arguments=observed)
    export_lerobot(data, exported, LeRobotOptions(actions=case.actions), workers=1)
    train = train_command(case, exported, run, given.steps, given.batch_size)
    if not (run / "checkpoints" / "last").exists():
        run_lerobot(python, train)
    out = folder / "eval" / case.task
    evaluation = eval_command(case, run, out, given.episodes)
    run_lerobot(python, evaluation)
    # Without -P the folder lerobot_env_ravens_suite of a checkout would be taken for the package that lies in it.
    oracle = run_lerobot(python, ["-P", "-c", _ORACLE, case.task, case.actions, str(given.episodes)])
    keep = ("avg_sum_reward", "pc_success")
    own, scripted = read_json(out / "eval_info.json")["overall"], json.loads(oracle.strip().splitlines()[-1])
    return {
        "task": case.task,
        "act": {name: own[name] for name in keep},
        "oracle": {name: scripted[name] for name in keep},
        "commands": [" ".join(words).replace(f"{folder}/", "") for words in (train, evaluation)],
    }


def main() -> None:
    """Both tasks, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lerobot-python", type=Path, required=True)
    parser.add_argument("--demos", type=int, default=100)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--folder", type=Path, help="keep everything there; a second run goes on with it")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    version = run_lerobot(given.lerobot_python.absolute(), ["-c", "import lerobot; print(lerobot.__version__)"])
    with tempfile.TemporaryDirectory() as name:
        folder = (given.folder or Path(name)).absolute()
        rows = [result_of(case, given, folder) for case in CASES]
    chosen = {key: getattr(given, key) for key in ("demos", "steps", "batch_size", "episodes")}
    result = {"lerobot": version.strip().splitlines()[-1], **chosen, "tasks": rows, **provenance()}
    print(json.dumps(result, indent=1))
    if given.out:
        write_json(given.out, result)


if __name__ == "__main__":
    main()
