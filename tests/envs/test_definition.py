"""The definition of a task changes with what happens in its scenes, names what changed, and not with documentation."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module, invalidate_caches
from pathlib import Path

import pytest

from ravens_suite import registry
from ravens_suite.envs import definition
from ravens_suite.envs.definition import OF_THE_SUITE, OF_THE_TASK, changed, define

_HELPER = "SIDE = 0.04\n"
_TASK = '''"""A task."""
import math

from own_helper import SIDE
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal, all_to_all
from ravens_suite.sim.bodies import Box, Mesh, marker, solid
from ravens_suite.tasks.base import Task

SLOTS = (0.1, 0.2)


class OwnTask(Task):
    """Put the cube into a slot."""

    max_steps = 3

    def __init__(self, split="train", side=SIDE):
        super().__init__(split)
        self.side = side

    def build(self, scene, rng):
        """Slots, then a cube."""
        # Where the slots are.
        for y in SLOTS:
            scene.add(f"slot {y}", marker((Box((0.05, 0.05, 0.001)),), (0.0, 1.0, 0.0)), Pose((0.4, y, 0.0)), "marker")
        body = solid(Box((self.side,) * 3), (1.0, 0.0, 0.0), mass=0.01)
        scene.add("cube", body, Pose((0.5, rng.uniform(-0.3, 0.0), 0.02)), "movable")
        targets = tuple(Pose((0.4, y, 0.02)) for y in SLOTS)
        return [PoseGoal(objects=("cube",), targets=targets, matches=all_to_all(1, 2), symmetries=(math.pi / 2,))]

    def after_action(self, scene):
        return False
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Writes the task, with some words replaced, imports it anew and defines it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    own = registry.Entry("own-task", "own_task", "OwnTask", foreign=True)
    monkeypatch.setitem(registry.entries.tasks(), own.name, own)

    def written(*changes: tuple[str, str], helper: str = _HELPER, **arguments: object) -> dict[str, str]:
        source = _TASK
        for before, after in changes:
            assert before in source
            source = source.replace(before, after)
        (tmp_path / "own_task.py").write_text(source)
        (tmp_path / "own_helper.py").write_text(helper)
        for module in ("own_task", "own_helper"):
            sys.modules.pop(module, None)
        invalidate_caches()
        import_module("own_task")
        return define("own-task", "train", arguments)

    return written


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("SLOTS = (0.1, 0.2)", "SLOTS = (0.1, 0.25)", ["bodies", "poses", "goals", "code"]),
        ("(0.0, 1.0, 0.0))", "(0.0, 0.0, 1.0))", ["colors", "code"]),
        ("mass=0.01", "mass=0.02", ["bodies", "code"]),
        ("Box((self.side,) * 3)", "Box((0.03, 0.04, 0.05))", ["bodies", "code"]),
        ("rng.uniform(-0.3, 0.0)", "rng.uniform(-0.2, 0.0)", ["poses", "code"]),
        ("math.pi / 2", "math.pi", ["goals", "code"]),
        ("max_steps = 3", "max_steps = 4", ["limits", "code"]),
        ("return False", "return True", ["code"]),
    ],
)
def test_what_changes_a_scene_changes_the_definition_and_is_named(
    own: Callable[..., dict[str, str]], before: str, after: str, words: list[str]
) -> None:
    then, now = own(), own((before, after))
    assert changed(then, now, OF_THE_TASK) == [OF_THE_TASK[part] for part in words]
    assert changed(then, now, OF_THE_SUITE) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""Put the cube into a slot."""', '"""Put the red cube into one of the slots.\n\n    Or not.\n    """'),
        ("# Where the slots are.", "# Anywhere."),
        ('"""A task."""\n', '"""A task of mine."""\n\n\n'),
        ("return False\n", "return False   \n\n"),
    ],
)
def test_documentation_does_not_count(own: Callable[..., dict[str, str]], before: str, after: str) -> None:
    assert own() == own((before, after))


def test_what_the_file_imports_from_beside_it_counts(own: Callable[..., dict[str, str]]) -> None:
    assert changed(own(), own(helper="SIDE = 2 * 0.02\n"), OF_THE_TASK) == [OF_THE_TASK["code"]]


def test_options_of_the_task_count_and_other_arguments_do_not(own: Callable[..., dict[str, str]]) -> None:
    assert changed(own(), own(side=0.03), OF_THE_TASK) == [OF_THE_TASK["bodies"]]
    assert own() == own(image_size=[60, 80], observe=["state"])


def test_a_mesh_of_ones_own_counts_by_what_is_in_it(own: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    corners = "v 0 0 0\nv 0.04 0 0\nv 0 0.04 0\nv 0 0 {}\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n"
    mesh = tmp_path / "wedge.obj"
    swap = ("Box((self.side,) * 3)", f"Mesh({str(mesh)!r})")
    mesh.write_text(corners.format(0.04))
    then = own(swap)
    assert own(swap) == then
    mesh.write_text(corners.format(0.05))
    assert changed(then, own(swap), OF_THE_TASK) == [OF_THE_TASK["bodies"]]


def test_files_that_the_task_names_count_by_what_is_in_them(own: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    listed = tmp_path / "things.txt"
    names = ("self.side = side", f"self.side = side; self.files = [{str(listed)!r}]")
    listed.write_text("mug")
    then = own(names)
    assert own(names) == then
    listed.write_text("cup")
    assert changed(then, own(names), OF_THE_TASK) == [OF_THE_TASK["bodies"]]


def test_a_scene_that_cannot_be_placed_is_passed_over(own: Callable[..., dict[str, str]]) -> None:
    crowded = (
        "# Where the slots are.",
        "if not hasattr(self, 'tried'):\n            self.tried = True\n"
        "            from ravens_suite.errors import PlacementError\n            raise PlacementError('full')",
    )
    assert own(crowded)["poses"]


def test_every_task_of_the_suite_has_its_own_definition() -> None:
    names = ["block-insertion", "block-insertion-easy", "towers-of-hanoi", "palletizing-boxes"]
    made = [define(name) for name in names]
    assert len({tuple(parts.values()) for parts in made}) == len(names)
    assert len({(parts["simulation"], parts["images"]) for parts in made}) == 1
    assert made == [define(name) for name in names]
    assert define("block-insertion-continuous") == made[0]


def test_of_a_script_that_runs_its_class_counts_and_not_the_lines_around_it(tmp_path: Path) -> None:
    calls = (
        "\n\nimport ravens_suite\n"
        "from ravens_suite.envs.definition import define\n"
        "ravens_suite.register_task('own-task', OwnTask)\n"
        "print(define('own-task')['code'])\n"
    )
    source = _TASK.replace("from own_helper import SIDE", "SIDE = 0.04")
    said = []
    for text in (source + calls, source + calls + "x = 1\n", source.replace("max_steps = 3", "max_steps = 4") + calls):
        (tmp_path / "script.py").write_text(text)
        run = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        said.append(run.stdout.strip())
    assert said[0] == said[1] != said[2]


def test_a_definition_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    define("block-insertion")
    monkeypatch.setattr(definition, "_known", {})
    definition._suite.cache_clear()
    start = time.process_time()
    define("block-insertion")
    assert time.process_time() - start < 1, "50 ms on an idle core"
