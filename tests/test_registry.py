"""Names come from file names, and nothing heavy is imported to find them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import gymnasium
import pytest

import ravens_suite
from ravens_suite import registry
from ravens_suite.errors import ConfigError, UnknownNameError

_PACKAGE = Path(ravens_suite.__file__).parent


def test_importing_the_package_is_light_and_registers_every_task() -> None:
    code = (
        "import sys, ravens_suite, gymnasium; from ravens_suite import registry; registry.agent_names();"
        "heavy = ('pybullet', 'moderngl', 'torch', 'cv2', 'scipy', 'ravens_suite.agents');"
        "print([name for name in heavy if name in sys.modules]);"
        "print('ravens_suite/BlockInsertion-v0' in gymnasium.registry)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[]", "True"]


def test_every_task_file_is_a_task() -> None:
    shared = {"__init__", "base", "placement", "primitives", "waypoints"}
    files = {path.stem for path in (_PACKAGE / "tasks").glob("*.py") if not path.stem.startswith("_")}
    names = {name.replace("_", "-") for name in files - shared}
    assert names <= set(registry.task_names())
    assert "block-insertion" in names
    assert set(registry.task_names()) - names == {name for name in registry._VARIANTS if name in registry.task_names()}


@pytest.mark.parametrize("name", registry.task_names())
def test_every_task_loads_under_its_name(name: str) -> None:
    task, arguments = registry.load_task(name)
    assert task(**arguments).max_steps > 0


@pytest.mark.parametrize("name", registry.agent_names())
def test_every_agent_loads_under_its_name(name: str) -> None:
    pytest.importorskip("torch")
    assert registry.load_agent(name).name == name


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("block-insertion", "ravens_suite/BlockInsertion-v0"),
        ("block-insertion-six-dof", "ravens_suite/BlockInsertionSixDof-v0"),
        ("block-insertion-no-fixture", "ravens_suite/BlockInsertionNoFixture-v0"),
        ("block-insertion-continuous", "ravens_suite/BlockInsertionContinuous-v0"),
    ],
)
def test_ids_are_camel_case(name: str, identifier: str) -> None:
    assert registry.environment_id(name) == identifier
    assert identifier in gymnasium.registry
    assert gymnasium.spec(identifier).max_episode_steps is None


def test_a_variant_is_its_task_with_other_arguments() -> None:
    base, plain = registry.load_task("block-insertion")
    variant, arguments = registry.load_task("block-insertion-six-dof")
    assert (variant, plain, arguments) == (base, {}, {"variant": "six-dof"})


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"no task named 'block-insertoin'. Did you mean 'block-insertion'\?"):
        registry.load_task("block-insertoin")
    with pytest.raises(UnknownNameError, match="no agent named 'transprter'"):
        registry.load_agent("transprter")


def test_registering_twice_changes_nothing(recwarn: pytest.WarningsRecorder) -> None:
    before = dict(gymnasium.registry)
    registry.register_environments()
    assert dict(gymnasium.registry) == before
    assert not list(recwarn)


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    points = [
        EntryPoint("sort-cubes", "fractions:Fraction", "ravens_suite.tasks"),
        EntryPoint("no-class", "fractions:Missing", "ravens_suite.tasks"),
        EntryPoint("block-insertion", "fractions:Fraction", "ravens_suite.tasks"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "ravens_suite.tasks" else [])
    registry._tasks.cache_clear()
    yield
    monkeypatch.undo()
    registry._tasks.cache_clear()


@pytest.mark.usefixtures("foreign")
def test_other_packages_add_tasks_but_replace_none() -> None:
    from fractions import Fraction

    assert registry.load_task("sort-cubes") == (Fraction, {})
    assert registry.environment_id("sort-cubes") == "ravens_suite/SortCubes-v0"
    assert registry.load_task("block-insertion")[0].__name__ == "BlockInsertion"
    with pytest.raises(ConfigError, match="must define a class Missing"):
        registry.load_task("no-class")
