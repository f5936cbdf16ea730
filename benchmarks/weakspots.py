r"""Scenes in which an agent is sure and wrong: how many a search finds, beside random seeds of the same changes.

    python benchmarks/weakspots.py RUN... [--budget 40] [--axes light noise ...] [--out results/weakspots.json]
    python benchmarks/weakspots.py benchmarks/blind_spot.py:Blind --task place-red-in-green --axes none \
        --environment '{"observe": ["state"]}' --confidence 0.5 --budget 100 [--out results/weakspots.json]

Both run the same number of episodes of the same agent, with the same calibration, axes and grades, and seeds that no
evaluation takes. ``random`` runs the first scene of every proposal, whose change is drawn evenly; ``search`` looks at
several with one decision each and learns which to run. Counted are episodes in which the agent was sure and wrong, and
processor seconds, with those of the looks. ``per_episode`` and ``per_second`` say how many times more the search finds.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from refusals import only_task, rows_in
from same_run import beside, settings_of

from ravens_suite.cli.commands.options import json_object
from ravens_suite.core.seeding import SPLITS
from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import RunFolder, place_of
from ravens_suite.insight.calibration import CALIBRATION, calibrate
from ravens_suite.insight.search_plan import SearchPlan
from ravens_suite.insight.weak_spots import WeakSpots, check_search, find_weak_spots
from ravens_suite.rollout.provenance import provenance

_KEYS = ("policy", "task", "axes", "grades", "demos", "seed", "settings")
"""What tells rows apart."""


def measure(policy: str, task: str | None, plan: SearchPlan, given: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Both ways for one policy on one task; what lies in the working folder is not done again."""
    result: dict[str, Any] = {"policy": policy.rpartition("/")[2], "task": task}
    if RunFolder(Path(policy)).exists():
        record = RunFolder(Path(policy)).record()
        task = only_task(RunFolder(Path(policy)))
        trained = {
            "demos": record["plan"]["demos"],
            "seed": record["plan"]["seed"],
            "steps": record["training"]["best_step"],
            "settings": settings_of(record, task),
        }
        result = {"policy": record["plan"]["agent"], "task": task, **trained}
        work = work / place_of(policy)  # Of another run of this agent, too, it may be the folder.
    work = work / f"{result['policy'].replace(':', '-')}-{task}"
    arguments = json_object("--environment", given.environment)
    calibrated = calibrate(policy, task, episodes=given.calibration, arguments=arguments, out=work / "calibrated")
    result |= {
        "calibration_error": {
            "own": calibrated.own.error,
            "calibrated": calibrated.calibrated.error,
            "by_chance": calibrated.calibrated.by_chance,
            "decisions": calibrated.own.decisions,
        },
    }
    for name, way in (("random", replace(plan, looks=1, guided=False)), ("search", plan)):
        out = work / name
        (out / CALIBRATION).mkdir(parents=True, exist_ok=True)
        shutil.copy(calibrated.path, out / CALIBRATION)
        result[name] = _figures(find_weak_spots(policy, task, way, arguments=arguments, out=out), guided=way.guided)
        print(task, name, json.dumps(result[name]), flush=True)
    one, other = result["search"], result["random"]
    result["per_episode"] = _ratio(one["sure_and_wrong"], other["sure_and_wrong"])
    result["per_second"] = _ratio(
        one["sure_and_wrong"] / sum(one["seconds"].values()), other["sure_and_wrong"] / sum(other["seconds"].values())
    )
    return result


def _figures(found: WeakSpots, *, guided: bool) -> dict[str, Any]:
    figures = found.to_json()
    looks, episodes = found.seconds
    kept = ("episodes", "looks", "failures", "sure_and_wrong", "kinds")
    # The first scene of a random proposal is run without being looked at: its look is part of its episode.
    return {
        **{name: figures[name] for name in kept},
        "seconds": {"looks": round(looks, 1) if guided else 0.0, "episodes": round(episodes, 1)},
    }


def _ratio(one: float, other: float) -> float | None:
    return round(one / other, 2) if other else None


def command() -> str:
    """What was run, without folders of the machine and where results go."""
    words = [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
    places = [index for index, word in enumerate(words) if word in ("--work", "--out")]
    left = [word for index, word in enumerate(words) if not {index, index - 1} & {*places}]
    return shlex.join(["python", "benchmarks/weakspots.py", *left])


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policies", nargs="+", metavar="RUN", help="folder of a run, or file.py:name of a policy")
    parser.add_argument("--task", help="of policies that are no runs")
    parser.add_argument("--environment", default="{}", help="JSON, of policies that are no runs")
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--axes", nargs="*", default=[])
    parser.add_argument("--grades", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--split", choices=SPLITS, default="test", help="of the scenes; train for those to learn from")
    parser.add_argument("--looks", type=int, default=12)
    parser.add_argument("--confidence", type=float, default=0.8)
    parser.add_argument("--calibration", type=int, default=30, help="validation and test episodes")
    parser.add_argument("--out", type=Path, help="JSON file; rows of other tasks and axes that it has stay")
    parser.add_argument("--work", type=Path, help="folder of the searches, for a measurement that goes on where it was")
    given = parser.parse_args()
    if given.work is not None:
        run(given, given.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(given, Path(folder))


def run(given: argparse.Namespace, work: Path) -> None:
    """Measure all runs."""
    plan = SearchPlan(
        budget=given.budget,
        axes=tuple(given.axes),
        grades=tuple(given.grades),
        looks=given.looks,
        threshold=given.confidence,
        split=given.split,
    )
    for policy in given.policies:  # What is refused must not show up after all episodes of another one.
        task = only_task(RunFolder(Path(policy))) if RunFolder(Path(policy)).exists() else given.task
        check_search(policy, task, plan, arguments=json_object("--environment", given.environment))
    for policy in given.policies:
        asked = {"axes": list(given.axes), "grades": list(given.grades), "budget": given.budget}
        row = {**asked, **measure(policy, given.task, plan, given, work)}
        row |= {"command": command(), "commit": provenance()["commit"]}
        print(json.dumps(row, indent=1))
        if given.out is not None:
            rows = beside(rows_in(given.out), [row], _KEYS)
            write_json(given.out, {"provenance": provenance(), "rows": rows})


if __name__ == "__main__":
    from refusals import in_one_line

    in_one_line(main)
