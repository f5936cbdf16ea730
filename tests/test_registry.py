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
    shared = {"__init__", "base", "placement"}
    files = {path.stem for path in (_PACKAGE / "tasks").glob("*.py") if not path.stem.startswith("_")}
    names = {name.replace("_", "-") for name in files - shared}
    assert names <= set(registry.task_names())
    assert "block-insertion" in names
    variants = set(registry.task_names()) - names
    assert variants == {f"{name}-{v}" for name in names for v in registry.load_task(name)[0].variants}
    assert "block-insertion-six-dof" in variants


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
def foreign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "foreign_cubes.py").write_text(
        "from typing import ClassVar\n"
        "class Cubes:\n"
        "    variants: ClassVar[dict] = {'tall': {'height': 0.1}, 'two-sided': {'sides': 2}}\n"
        "class Odd:\n"
        "    variants = {'a': dict(b=1)}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint("cubes", "foreign_cubes:Cubes", "ravens_suite.tasks"),
        EntryPoint("odd", "foreign_cubes:Odd", "ravens_suite.tasks"),
        EntryPoint("gone", "no_such_package_here.task:Task", "ravens_suite.tasks"),
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
    with pytest.raises(ConfigError, match=r"'gone' is declared to be in no_such_package_here\.task, which is not"):
        registry.load_task("gone")


@pytest.mark.usefixtures("foreign")
def test_a_task_of_another_package_has_variants_without_being_imported(caplog: pytest.LogCaptureFixture) -> None:
    names = registry.task_names()
    assert {"cubes", "cubes-tall", "cubes-two-sided", "odd"} <= set(names)
    assert "foreign_cubes" not in sys.modules
    assert not [name for name in names if name.startswith("odd-")]
    assert "variants must be a literal" in caplog.text
    assert registry.environment_id("cubes-two-sided") == "ravens_suite/CubesTwoSided-v0"
    variant, arguments = registry.load_task("cubes-tall")
    assert (variant.__name__, arguments) == ("Cubes", {"height": 0.1})


def test_an_agent_may_be_a_file_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Mine:\n    name = 'mine'\n")
    assert registry.load_agent(f"{tmp_path}/mine.py:Mine").name == "mine"
    assert registry.load_agent(f"{tmp_path}/mine.py:Mine") is registry.load_agent(f"{tmp_path}/mine.py:Mine")
    for wrong in ("mine.py:Yours", "yours.py:Mine"):
        with pytest.raises(ConfigError, match="Cannot import"):
            registry.load_agent(f"{tmp_path}/{wrong}")
