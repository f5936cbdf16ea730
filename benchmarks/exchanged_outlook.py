"""What the outlook network of one run does in the weights of another: which of the two makes a score.

    python benchmarks/exchanged_outlook.py WEIGHTS OUTLOOK --tasks T... [--split val] [--episodes 24] [--out FILE]

``WEIGHTS`` and ``OUTLOOK`` are folders of runs of ``transporter`` that are told by sentences, with equal settings of
the network. The agent is that of ``WEIGHTS`` with the outlook (``agents/transporter/outlook.py``) of ``OUTLOOK``. The
scores of ``WEIGHTS`` as it is stand beside.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ravens_suite.agents.transporter import Transporter
from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluation_plan import run_arguments
from ravens_suite.rollout.provenance import commit

_PART = "outlook."


def exchanged(weights: Path, outlook: Path) -> Transporter:
    """The agent of one run with the outlook of another.

    Raises:
        SystemExit: the two networks are not of one kind.
    """
    agent, giver = (Transporter.load(RunFolder(run).policy.path) for run in (weights, outlook))
    given = {name: value for name, value in giver.weights().items() if name.startswith(_PART)}
    own = {name for name in agent.weights() if name.startswith(_PART)}
    if not own or own != set(given):
        raise SystemExit(f"{weights} and {outlook} have not the same kind of outlook: train both with equal settings.")
    agent.set_weights({**agent.weights(), **given})
    return agent


def main() -> None:
    """Exchange, evaluate, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("outlook", type=Path)
    parser.add_argument("--tasks", nargs="+", required=True)
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--episodes", type=int, default=24)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        run, mixed = RunFolder(options.weights), Path(folder) / "exchanged"
        exchanged(options.weights, options.outlook).save(mixed)
        for task in options.tasks:
            arguments, scores = run_arguments(run, task, {}), {}
            for name, policy in (("exchanged", mixed), ("own", run.policy.path)):
                out = Path(folder) / f"{name}-{task}"
                done = evaluate(
                    policy, task, episodes=options.episodes, split=options.split, arguments=arguments, out=out
                )
                scores[name] = round(done.summary.mean_score, 1)
            rows.append({"task": task, **scores})
            print(json.dumps(rows[-1]), flush=True)
    if options.out is not None:
        chosen = {name: getattr(options, name) for name in ("split", "episodes")}
        write_json(options.out, {"commit": commit(), **chosen, "rows": rows})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
