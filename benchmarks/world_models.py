"""How well world models predict scenes that they never saw, after one and after three actions.

    python benchmarks/world_models.py pack --data explore oracle --tasks block-insertion ... --out packed.npz
    python benchmarks/world_models.py measure --packed packed.npz [--models transport ...] [--train explore]
        [--episodes 100] [--steps 1500] [--seed 0] [--policies FOLDER] [--device auto] [--out results/world_models.json]
    python benchmarks/world_models.py test --packed packed.npz --task block-insertion --policies RUN/policy ...
        [--out results/world_models.json]

Packed are the reduced scenes of the splits ``train`` and ``val`` of every task in every data folder; a source is named
as its folder. Models learn from ``train`` of the sources named by ``--train``, and are measured on ``val`` of each;
``test`` measures those of trained ``visual-foresight`` agents, and the seconds that their decisions take.

An error is the mean over the pixels that change, of the colours (0 to 1) and of the heights in decimetres together, and
what it is beside that of ``persistence`` (``share``) over all such pixels of the test scenes. Pixels change where what
is seen before the first action and after the last differs visibly; scenes in which none does are left out.
``everywhere`` is the same over the whole map, where what is predicted wrongly elsewhere counts, too, but the arm's
shadow does not. Three actions are
predicted each from the prediction before.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ravens_suite.agents.visual_foresight.agent import VisualForesight
from ravens_suite.agents.visual_foresight.config import VisualForesightConfig
from ravens_suite.agents.visual_foresight.dataset import Steps, TransitionDataset, read_steps
from ravens_suite.agents.visual_foresight.distance import changed, pixel_errors, visible_errors
from ravens_suite.agents.visual_foresight.lookup import find_model
from ravens_suite.agents.visual_foresight.models.base import WorldModel
from ravens_suite.agents.visual_foresight.scenes import Packed, unpack
from ravens_suite.data.atomic import write_json
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.store import EpisodeStore
from ravens_suite.rollout.provenance import commit

_BASELINES = ("persistence", "moved-patch")
_BATCH = 16
_PLANS = 3
"""Decisions that are timed."""
Episodes = dict[tuple[str, str, str], list[Steps]]
"""By source, task and split."""


def pack(folders: Sequence[Path], tasks: Sequence[str], out: Path) -> None:
    """Write the reduced scenes of all episodes into one file."""
    arrays: dict[str, Any] = {}
    for folder in folders:
        for task in tasks:
            for split in ("train", "val"):
                store = EpisodeStore.of(folder, task, split)
                for number, seed in enumerate(store.seeds()):
                    steps = read_steps(Demonstrations([store.path(seed)])[0])
                    name = f"{folder.name}/{task}/{split}/{number:05}"
                    arrays[f"{name}/color"] = np.stack([scene[0] for scene in steps.scenes])
                    arrays[f"{name}/height"] = np.stack([scene[1] for scene in steps.scenes])
                    arrays[f"{name}/actions"] = steps.actions
                    if steps.goal is not None:
                        arrays[f"{name}/goal_color"], arrays[f"{name}/goal_height"] = steps.goal
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **arrays)


def unpacked(path: Path) -> Episodes:
    """What ``pack`` wrote."""
    found: Episodes = {}
    with np.load(path) as arrays:
        for name in sorted({key.rpartition("/")[0] for key in arrays.files}):
            source, task, split, _ = name.split("/")
            scenes = list(zip(arrays[f"{name}/color"], arrays[f"{name}/height"], strict=True))
            goal = None
            if f"{name}/goal_color" in arrays.files:
                goal = (arrays[f"{name}/goal_color"], arrays[f"{name}/goal_height"])
            found.setdefault((source, task, split), []).append(Steps(scenes, arrays[f"{name}/actions"], goal))
    return found


def windows(episodes: Sequence[Steps], horizon: int) -> Iterator[tuple[Any, Any]]:
    """Scenes and actions of all windows of so many actions, one window for each first action."""
    for episode in episodes:
        for first in range(len(episode.actions) - horizon + 1):
            yield episode.scenes[first : first + horizon + 1], episode.actions[first : first + horizon]


@torch.inference_mode()
def measure(model: WorldModel, episodes: Sequence[Steps], horizon: int, device: torch.device) -> dict[str, float]:
    """The errors of a model after so many actions, summed over windows, with the number of pixels."""
    sums = {"changed": 0.0, "everywhere": 0.0, "persistence_changed": 0.0, "persistence_everywhere": 0.0}
    pixels = count = 0
    found = list(windows(episodes, horizon))
    for start in range(0, len(found), _BATCH):
        part = found[start : start + _BATCH]
        scenes = unpack([scene for window in part for scene in window[0]], device)
        scenes = scenes.reshape(len(part), horizon + 1, *scenes.shape[1:])
        actions = torch.from_numpy(np.stack([window[1] for window in part]).astype(np.float32)).to(device)
        before, after = scenes[:, 0], scenes[:, -1]
        where = changed(before, after)
        made, memory = before, model.begin(before)
        for step in range(horizon):
            prediction = model.predict(made.contiguous(), actions[:, step], memory)
            made, memory = prediction.scene, prediction.memory
        effect = where.flatten(1).any(dim=1)[:, None, None]
        for name, guess in (("", made), ("persistence_", before)):
            errors, visible = pixel_errors(guess, after) * where, visible_errors(guess, after) * effect
            sums[f"{name}changed"] += float(errors.double().sum())
            sums[f"{name}everywhere"] += float(visible.double().sum())
        pixels += int(where.sum())
        count += int(effect.sum())
    return {**sums, "pixels": pixels, "windows": count}


def row(sums: dict[str, float]) -> dict[str, float | None]:
    """The figures that are published of ``measure``; none where there was nothing to predict."""
    windows = int(sums["windows"])
    if not windows:
        return {"error": None, "share": None, "everywhere": None, "windows": 0}
    return {
        "error": round(sums["changed"] / sums["pixels"], 4),
        "share": round(sums["changed"] / sums["persistence_changed"], 4),
        "everywhere": round(sums["everywhere"] / sums["persistence_everywhere"], 4),
        "windows": windows,
    }


def trained(name: str, episodes: Sequence[Steps], options: argparse.Namespace) -> tuple[VisualForesight, float]:
    """An agent with the model, and the seconds of its training."""
    shows = find_model(name).shows
    config = VisualForesightConfig(
        steps=options.steps,
        model=name,
        share=options.share if shows else 1.0,
        horizon=options.horizon,
        reward="picture" if shows and options.share else "predicted",
        device=options.device,
    )
    agent = VisualForesight(config, options.seed)
    dataset, start = TransitionDataset(episodes), time.perf_counter()
    for step in range(config.steps):
        agent.fit_step(dataset, step)
    return agent, time.perf_counter() - start


def tested(model: WorldModel, episodes: Episodes, task: str, device: torch.device) -> dict[str, Any]:
    """The errors on the episodes ``val`` of each source, after one and after three actions."""
    sources = sorted({source for source, _, _ in episodes})
    return {
        source: {f"{horizon}": row(measure(model, test, horizon, device)) for horizon in (1, 3)}
        for source in sources
        if (test := episodes.get((source, task, "val")))
    }


def planning_seconds(agent: VisualForesight, shown: Sequence[tuple[Packed, Packed]]) -> float:
    """Median seconds of the processor that a decision takes, over pairs of a scene and a goal picture."""
    taken = []
    for pair in shown:
        scene, goal = unpack(list(pair), agent.device)
        agent.reset(0)
        start = time.process_time()
        agent.plan(scene, goal)
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def name_of(folder: Path) -> str:
    """What a trained agent is called: as its run, or as the folder of its policy where that lies in no run."""
    folder = folder.resolve()
    return folder.parent.name if folder.name == "policy" else folder.name


def of_trained(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of trained agents and of what needs no training."""
    episodes, task = unpacked(options.packed), options.task
    held_out = [steps for key, found in episodes.items() if key[1:] == (task, "val") for steps in found]
    shown = [(steps.scenes[0], steps.goal) for steps in held_out if steps.goal is not None][:_PLANS]
    if not shown:
        raise SystemExit(
            f"{options.packed} holds no episode of {task} in the split val that has a goal picture: collect with "
            "--split val --observe images goal, and pack again."
        )
    names = [name_of(folder) for folder in options.policies]
    if twice := sorted({name for name in names if names.count(name) > 1 or name in _BASELINES}):
        raise SystemExit(f"Two models would be named {twice[0]}: give each run or policy folder a name of its own.")
    cpu, config = torch.device("cpu"), VisualForesightConfig()
    made: dict[str, Any] = {
        name: {"test": tested(find_model(name)(config), episodes, task, cpu)} for name in _BASELINES
    }
    for name, folder in zip(names, options.policies, strict=True):
        agent = VisualForesight.load(folder)
        assert isinstance(agent, VisualForesight)
        made[name] = {
            "config": {key: getattr(agent.config, key) for key in ("model", "planner", "steps", "share", "calls")},
            "test": tested(agent.acting, episodes, task, agent.device),
            "plan_cpu_seconds": round(planning_seconds(agent, shown), 2),
        }
    print(json.dumps(made, indent=1))
    return {"task": task, "models": made}


def results(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of all models on all tasks."""
    episodes = unpacked(options.packed)
    tasks = options.tasks or sorted({task for _, task, _ in episodes})
    made: dict[str, Any] = {}
    for task in tasks:
        learned = [
            each for source in options.train for each in episodes.get((source, task, "train"), [])[: options.episodes]
        ]
        if not learned:
            raise SystemExit(f"There is no training episode of {task} in {options.packed}: collect and pack some.")
        made[task] = {"episodes": len(learned), "steps": sum(len(each.actions) for each in learned), "models": {}}
        for name in (*_BASELINES, *options.models):
            seconds = 0.0
            if name in _BASELINES:
                device = torch.device("cpu")
                model = find_model(name)(VisualForesightConfig())
            else:
                agent, seconds = trained(name, learned, options)
                model, device = agent.acting, agent.device
                if options.policies is not None:
                    agent.save(options.policies / f"{task}-{name}-{options.label}")
            made[task]["models"][name] = {"test": tested(model, episodes, task, device), "seconds": round(seconds, 1)}
            print(json.dumps({"task": task, "model": name, **made[task]["models"][name]}), flush=True)
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("--data", type=Path, nargs="+", required=True)
    packing.add_argument("--tasks", nargs="+", required=True)
    packing.add_argument("--out", type=Path, required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("--packed", type=Path, required=True)
    measuring.add_argument("--tasks", nargs="*", default=())
    measuring.add_argument("--models", nargs="*", default=("transport",))
    measuring.add_argument("--train", nargs="+", default=("explore",))
    measuring.add_argument("--episodes", type=int, default=100)
    measuring.add_argument("--steps", type=int, default=1500)
    measuring.add_argument("--seed", type=int, default=0)
    measuring.add_argument("--share", type=float, default=1.0)
    measuring.add_argument("--horizon", type=int, default=1)
    measuring.add_argument("--device", default="auto")
    measuring.add_argument("--label", default="0")
    measuring.add_argument("--policies", type=Path)
    measuring.add_argument("--out", type=Path)
    testing = commands.add_parser("test")
    testing.add_argument("--packed", type=Path, required=True)
    testing.add_argument("--task", required=True)
    testing.add_argument("--policies", type=Path, nargs="*", default=())
    testing.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.command == "pack":
        pack(options.data, options.tasks, options.out)
        return
    torch.set_num_threads(1)
    if options.command == "test":
        tests = of_trained(options)
        if options.out is not None:
            write_json(options.out, {"commit": commit(), **tests})
        return
    made = results(options)
    settings = {name: getattr(options, name) for name in ("train", "steps", "seed", "share", "horizon", "device")}
    if options.out is not None:
        write_json(options.out, {"commit": commit(), "settings": settings, "tasks": made})


if __name__ == "__main__":
    main()
