"""A task that a user wrote raises: the command says which, where and what, in a few lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ravens_suite import registry
from ravens_suite.cli.main import main
from ravens_suite.envs.task_checks import task_code
from ravens_suite.tasks.block_insertion import BlockInsertion

pytestmark = pytest.mark.usefixtures("registrations")

_TASK = """
import numpy as np
from dataclasses import dataclass
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.sim import objects
from ravens_suite.sim.grippers import Suction
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.primitives import PickPlace

class Goal(PoseGoal):
    COUNTED
    REACHED
    MET

class Cup(Suction):
    TOOL

class Move(PickPlace):
    tool = Cup
    CALL
    PLAN
    WAYPOINTS
    FOLLOW

class Own(Task):
    max_steps = 2
    primitive = Move()
    INIT
    INSTRUCTION
    AFTER
    def build(self, scene, rng):
        BUILD
        scene.add("tile", objects.block(PALETTE["red"]), Pose((0.4, 0.1, 0.02)), "movable")
        target = Pose((0.5, -0.1, 0.02))
        kind = {"objects": ("tile",), "matches": ((True,),), "symmetries": (0.0,), "position_tolerance": 1e-9}
        return [Goal(targets=(target,), **kind)]
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("INIT", "def __init__(self, split='train'): 1 / 0", "__init__ of the task own raised ZeroDivisionError"),
        ("BUILD", "1 / 0", "build of the task own raised ZeroDivisionError: division by zero ("),
        (
            "BUILD",
            "if scene.names('no'): pass\n        raise SystemExit(3)",
            "build of the task own raised SystemExit: 3",
        ),
        ("BUILD", "from os import nothing", "build of the task own raised ImportError: cannot import name"),
        ("BUILD", "open('/no/file')", "it is not there"),
        ("BUILD", "import no_such_library", "This needs the library no_such_library"),
        ("BUILD", "Pose((float('nan'), 0, 0))", "nan"),
        ("BUILD", "Goal(objects=(), targets=(), matches=(), symmetries=())", "The task own is defined wrongly"),
        ("TOOL", "def __init__(self, scene, pose): {}['cup']", "own raised KeyError: 'cup'"),
        ("COUNTED", "def counted(self, poses): 1 / 0", "a goal, at step 0 of seed 0, of the task own raised"),
        ("MET", "def met(self, poses): 1 / 0", "a goal, at step 0 of seed 0, of the task own raised"),
        ("REACHED", "def reached(self, poses): 1 / 0", "the oracle, at step 0 of seed 0, of the task own raised"),
        ("PLAN", "def plan(self, *_): 1 / 0", "the oracle, at step 0 of seed 0, of the task own raised"),
        ("CALL", "def __call__(self, robot, action): 1 / 0", "the primitive, at step 0 of seed 0, of the task own"),
        ("CALL", "def __call__(self, robot, action): pass", "its primitive returned None: return a MotionReport"),
        ("AFTER", "def after_action(self, scene): 1 / 0", "after_action, at step 0 of seed 0, of the task own raised"),
        ("AFTER", "def step_limit(self): 1 / 0", "step_limit, at step 1 of seed 0, of the task own raised"),
        ("AFTER", "def step_limit(self): pass", "step_limit returned None: return a whole number of at least 1"),
        ("AFTER", "def step_limit(self): return 0", "step_limit returned 0: return a whole number of at least 1"),
        ("AFTER", "def after_action(self, scene): return np.ones(2)", "after_action, at step 0 of seed 0, of the task"),
        (
            "AFTER",
            "def after_action(self, scene): free_pose(scene, (2.0, 2.0, 0.1), np.random.default_rng(0))",
            "after_action, at step 0 of seed 0, of the task own found no room. There is no free place",
        ),
        ("INSTRUCTION", "def current_instruction(self, step): 1 / 0", "current_instruction, at step 0 of seed 0, of"),
        ("INSTRUCTION", "def current_instruction(self, step): pass", "current_instruction returned None"),
    ],
)
def test_a_task_that_raises_is_named_with_its_line(
    place: str, code: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_own_task("own", place, code, monkeypatch) == 1
    lines = capsys.readouterr().err.splitlines()
    complaints = [line for line in lines if line.startswith("ravens-suite: ")]
    assert len(complaints) == 1 and said in complaints[0]
    assert len(lines) <= 10
    # What returned nonsense is named by its task, what raised by its line, too.
    assert "the task own" in "\n".join(lines).lower()
    assert (
        "returned" in said
        or "no room" in said
        or "ones(2)" in code
        or re.search(r"own\.py\"?, line \d+", "\n".join(lines))
    )


@pytest.mark.parametrize(
    ("place", "code", "said"),
    [
        ("WAYPOINTS", "def waypoints(self, robot, action): 1 / 0", "the oracle, at step 0 of seed 0, of the task own"),
        ("FOLLOW", "def follow(self, robot, waypoint): 1 / 0", "the primitive, at step 0 of seed 0, of the task own"),
    ],
)
def test_so_is_one_in_its_continuous_form(
    place: str, code: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_own_task("own-continuous", place, code, monkeypatch) == 1
    assert said in capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("command", ["collect", "tasks"])
def test_every_command_names_a_task_that_raises(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register_own_task("BUILD", "1 / 0", monkeypatch)
    monkeypatch.setattr("ravens_suite.cli.commands.tasks._names", lambda: ["own"])
    options = {"collect": ["own", "--episodes", "2", "--workers", "1", "--data", "data"], "tasks": []}[command]
    # The list goes on, with the reason; the others end.
    assert main([command, *options]) == (0 if command == "tasks" else 1)
    told = "".join(capsys.readouterr())
    assert re.search(r"build.* of the task own raised ZeroDivisionError: division by zero \(.*own.py, line \d", told)
    assert "Traceback" not in told


def test_the_suites_own_tasks_keep_their_tracebacks() -> None:
    """An error in them is ours: nobody is told to mend it."""
    with pytest.raises(ZeroDivisionError), task_code("block-insertion", BlockInsertion, "build"):
        raise ZeroDivisionError


def run_own_task(name: str, place: str, code: str, monkeypatch: pytest.MonkeyPatch) -> int:
    register_own_task(place, code, monkeypatch)
    options = ["--episodes", "1", "--workers", "1", "--environment", '{"observe": ["instruction"]}', "--out", "out"]
    return main(["evaluate", "oracle", name, *options])


def register_own_task(place: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task ``own`` in a file, with some code in one of its places."""
    text = _TASK.replace(place, code)
    Path("own.py").write_text(re.sub(r"^( +)[A-Z]+$", r"\1pass", text, flags=re.MULTILINE))
    monkeypatch.setenv("RAVENS_SUITE_TASKS", "own=own.py:Own")
    registry.entries.tasks.cache_clear()
    registry.register_environments()
