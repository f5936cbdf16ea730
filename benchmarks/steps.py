"""A training step and a decision of the agent transporter, beside those of the first build of this project.

    python benchmarks/steps.py [--task stack-block-pyramid] [--runs 3] [--steps 8] [--out results/steps.json]

Both builds collect the same ten demonstrations, each in its own format, and then train and act in turn on one thread,
each time in a new process: with all instructions of this processor (``all``; bfloat16 where it has them), and with
those up to AVX2 in float32 (``avx2``), as most laptops have. Counted are processor seconds, the median over the steps;
the decisions are for the images of the demonstrations, with the weights after these steps, from images to poses. A
ratio is the first build's figure over today's. ``half`` is a step whose examples show half of the table (setting
``halves``), which the first build does not have: its ratio is over a step of the whole.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import pinned

from ravens_suite.core.numbers import MOST_EPISODES, check_number
from ravens_suite.data.atomic import check_writable, write_json
from ravens_suite.errors import ConfigError
from ravens_suite.registry import load_task
from ravens_suite.rollout.provenance import provenance

DEMOS = 10
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
PROCESSORS = {"all": ({}, "auto"), "avx2": (AVX2, "float32")}
"""Variables of the environment, and precision."""
_COLLECT = """
import json, sys
{imports}
collect(sys.argv[1], episodes=int(sys.argv[2]), data=Path(sys.argv[3]))
print(json.dumps(None))
"""
_MEASURE = """
import json, statistics, sys, time
from dataclasses import replace
from pathlib import Path
import torch
from ravens_suite.registry import load_agent
{imports}
torch.set_num_threads(1)
keep_freed_memory()
task, count, data, precision, steps = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
kind = load_agent("transporter")
agent = kind(replace(kind.config_type(), precision=precision), 0)
{read}
def seconds(action):
    start = time.process_time()
    action()
    return time.process_time() - start
def median_step(agent):
    return statistics.median([seconds(lambda: agent.fit_step(dataset, step)) for step in range(steps + 2)][2:])
figures = {{"step": median_step(agent)}}
{more}
agent.reset()
acting = [seconds(lambda: act(agent, seed, step)) for seed in range(4) for step in range(2)]
print(json.dumps({{**figures, "act": statistics.median(acting)}}))
"""
FIRST = {
    "collect": "from pathlib import Path\nfrom ravens_suite.jobs.collect import collect",
    "imports": "from ravens_suite.agents.nn.memory import keep_freed_memory\n"
    "from ravens_suite.data.store import EpisodeStore\nfrom ravens_suite.jobs.training import _read_demonstrations",
    "read": 'store = EpisodeStore.of(data, task, "train")\ndataset = _read_demonstrations(store, range(count))\n'
    "episodes = [store.read(seed) for seed in range(4)]\n"
    "def act(agent, seed, step):\n"
    "    episode = episodes[seed]\n"
    "    agent.act({key: value[step] for key, value in episode.observations.items()}, episode.cameras)",
    "more": "",
}
TODAY = {
    "collect": "from pathlib import Path\nfrom ravens_suite.rollout.collect import collect",
    "imports": "from ravens_suite.core.memory import keep_freed_memory\n"
    "from ravens_suite.training.data import open_demonstrations",
    "read": "demonstrations = open_demonstrations(data, {task: range(count)})\n"
    "dataset = agent.make_dataset(demonstrations)\n"
    "seen = [[demonstrations[seed].observation(step, agent.observation_keys) for step in range(2)] "
    "for seed in range(4)]\n"
    "def act(agent, seed, step):\n    agent.act(seen[seed][step])",
    "more": 'figures["half"] = median_step(kind(replace(kind.config_type(), precision=precision, halves=1.0), 0))',
}


def check_first_task(task: str) -> None:
    """Refuse tasks that the first build does not have.

    Raises:
        ConfigError: it is none of the ten of Ravens.
        UnknownNameError: there is no such task.
    """
    if load_task(task)[0].__module__.rpartition(".")[0] != "ravens_suite.tasks":
        raise ConfigError(f"The first build has no task {task}: take one of the ten of Ravens.")


def measure(options: argparse.Namespace, first: Path, folder: Path) -> list[dict[str, Any]]:
    """The figures of both builds, one row a run and processor."""
    builds = {"first": (FIRST, first), "today": (TODAY, None)}
    for name, (code, tree) in builds.items():
        pinned.run(_COLLECT.format(imports=code["collect"]), [options.task, DEMOS, folder / name], tree)
    rows = []
    for number in range(options.runs):
        for processor, (variables, precision) in PROCESSORS.items():
            row: dict[str, Any] = {"processor": processor, "load": pinned.load()}
            for name in sorted(builds, reverse=bool(number % 2)):
                code, tree = builds[name]
                program = _MEASURE.format(imports=code["imports"], read=code["read"], more=code["more"])
                arguments = [options.task, DEMOS, folder / name, precision, options.steps]
                row[name] = pinned.run(program, arguments, tree, variables={"OMP_NUM_THREADS": "1", **variables})
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Collect, train, act, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="stack-block-pyramid")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    for option in ("runs", "steps"):
        check_number(f"--{option}", getattr(options, option), 1, MOST_EPISODES)
    check_first_task(options.task)
    if options.out:
        check_writable(options.out)
    with pinned.commit() as first, tempfile.TemporaryDirectory() as folder:
        rows = measure(options, first, Path(folder))
    ratios = {
        processor: {
            figure: pinned.spread(
                [row["first"][whole] / row["today"][figure] for row in rows if row["processor"] == processor]
            )
            for figure, whole in (("step", "step"), ("half", "step"), ("act", "act"))
        }
        for processor in PROCESSORS
    }
    result = {
        "task": options.task,
        "compared_with": pinned.FIRST,
        "ratios": ratios,
        "runs": rows,
        "instruction_sets": pinned.instruction_sets(),
        **provenance(),
    }
    print(json.dumps(ratios, indent=1))
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
