"""Names come from file names, and nothing heavy is imported to find them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
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
    shared = {"__init__", "base", "candidates", "placement", "sentences"}
    paths = [path for path in (_PACKAGE / "tasks").rglob("*.py") if path.parent.name != "primitives"]
    files = {path.stem for path in paths if not path.stem.startswith("_")}
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
    for typed, meant in (("progres", "progress"), ("transprter", "transporter")):  # Both are trained.
        with pytest.raises(UnknownNameError, match=rf"Did you mean '{meant}'\?"):
            registry.load_trainee(typed)


def test_registering_twice_changes_nothing(recwarn: pytest.WarningsRecorder) -> None:
    before = dict(gymnasium.registry)
    registry.register_environments()
    assert dict(gymnasium.registry) == before
    assert not list(recwarn)


TASKS, AGENTS = "ravens_suite.tasks", "ravens_suite.agents"
Declare = Callable[[str, Mapping[str, str | tuple[str, ...]]], None]

_FOREIGN_TASKS = """
from typing import ClassVar
from ravens_suite.tasks.base import Task

class Cubes(Task):
    max_steps = 3
    variants: ClassVar[dict] = {'tall': {'height': 0.1}, 'two-sided': {'sides': 2}}

class Balls(Task):
    variants = {'many': {'count': 9}}

class Computed(Task):
    variants = {'a': dict(b=1)}
"""


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Declare]:
    """``declare(group, values)``: as if a package with these entry points and the tasks above were installed."""
    package = tmp_path / "foreign"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported, although nobody uses it')\n")
    (package / "cubes.py").write_text(_FOREIGN_TASKS)
    (tmp_path / "foreign_cubes.py").write_text(_FOREIGN_TASKS)
    (tmp_path / "no_python.py").write_text("class Cubes:\n    variants = {\n")
    (tmp_path / "exits.py").write_text("raise SystemExit('not today')\n")
    (tmp_path / "needs_more.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    known, registered = set(sys.modules), set(gymnasium.registry)

    def points(group: str, values: Mapping[str, str | tuple[str, ...]]) -> None:
        pairs = [
            (name, value) for name, given in values.items() for value in ([given] if isinstance(given, str) else given)
        ]
        declared = [EntryPoint(name, value, group) for name, value in pairs]
        monkeypatch.setattr(
            registry.entries, "entry_points", lambda group: declared if declared[0].group == group else []
        )
        registry.entries.tasks.cache_clear()
        registry.entries.agents.cache_clear()

    yield points
    monkeypatch.undo()
    registry.entries.tasks.cache_clear()
    registry.entries.agents.cache_clear()
    for identifier in set(gymnasium.registry) - registered:
        del gymnasium.registry[identifier]
    for name in set(sys.modules) - known:
        if name.startswith(("foreign", "needs_more", "my_agents", "exits")):
            del sys.modules[name]


def test_other_packages_add_tasks_with_variants_and_are_not_imported_for_it(declare: Declare) -> None:
    declare(TASKS, {"cubes": "foreign_cubes:Cubes", "balls": "foreign.cubes:Balls"})
    names = registry.task_names()
    assert {"cubes", "cubes-tall", "cubes-two-sided", "balls", "balls-many"} <= set(names)
    assert not {"foreign", "foreign.cubes", "foreign_cubes"} & set(sys.modules)
    assert registry.environment_id("cubes-two-sided") == "ravens_suite/CubesTwoSided-v0"
    task, arguments = registry.load_task("cubes-tall")
    assert (task.__name__, arguments) == ("Cubes", {"height": 0.1})
    registry.register_environments()
    assert gymnasium.spec("ravens_suite/CubesTallContinuous-v0").kwargs == {"task": "cubes-tall", "control": "waypoint"}


def test_the_own_names_of_the_suite_cannot_be_taken(declare: Declare, caplog: pytest.LogCaptureFixture) -> None:
    declare(TASKS, {"block-insertion": "foreign_cubes:Cubes"})
    assert registry.load_task("block-insertion")[0].__name__ == "BlockInsertion"
    assert "Ignored foreign_cubes:Cubes" in caplog.text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_package_here.task:Task", "there is no module no_such_package_here: install it"),
        ("foreign_cubes:Missing", "must define a class Missing"),
        ("foreign_cubes", "must define a class"),
        ("not a module!", "there is no module not a module!"),
        ("fractions:Fraction", "fractions:Fraction is not a task"),
        ("math:pi", "math:pi is not a task"),
        (
            ("foreign_cubes:Cubes", "foreign_cubes:Balls"),
            "Several tasks are named 'sort': foreign_cubes:Cubes, foreign",
        ),
    ],
)
def test_a_wrong_entry_point_is_said_when_it_is_used(
    declare: Declare, value: str | tuple[str, ...], message: str
) -> None:
    declare(TASKS, {"sort": value})
    assert "block-insertion" in registry.task_names()
    assert registry.environment_id("sort") == "ravens_suite/Sort-v0"
    with pytest.raises(ConfigError, match=message):
        registry.load_task("sort")


@pytest.mark.parametrize(
    ("module", "cause"),
    [
        ("no_python", SyntaxError),
        ("needs_more", ModuleNotFoundError),
        ("foreign", RuntimeError),
        ("exits", SystemExit),
    ],
)
def test_an_import_that_fails_is_named_with_its_cause_when_the_task_is_used(
    declare: Declare, module: str, cause: type[BaseException]
) -> None:
    declare(TASKS, {"broken": f"{module}:Cubes"})
    assert "broken" in registry.task_names()
    with pytest.raises(ConfigError, match=f"'broken' is broken: importing {module} ends in {cause.__name__}") as error:
        registry.load_task("broken")
    assert isinstance(error.value.__cause__, cause)
    assert registry.load_task("block-insertion")


@pytest.mark.parametrize(
    "source",
    [
        "from foreign_cubes import Cubes\nclass Own(Cubes):\n    max_steps = 4\n",
        "from foreign_cubes import Cubes as Base\nclass Between(Base): ...\nclass Own(Between): ...\n",
        "import foreign_cubes as cubes\nclass Mixin: ...\nclass Own(Mixin, cubes.Cubes): ...\n",
        "import foreign.cubes\nclass Own(foreign.cubes.Cubes): ...\n",
        "from foreign import cubes\nclass Own(cubes.Cubes): ...\n",
        "from foreign_cubes import Cubes as Own\n",
    ],
    ids=["imported", "renamed, twice", "of a module", "of a package", "from a package", "no class of its own"],
)
def test_a_class_inherits_variants_and_nothing_is_imported_for_it(
    declare: Declare, tmp_path: Path, source: str
) -> None:
    (tmp_path / "foreign_own.py").write_text(source)
    declare(TASKS, {"own": "foreign_own:Own"})
    assert {name for name in registry.task_names() if name.startswith("own")} == {"own", "own-tall", "own-two-sided"}
    assert registry.variant_arguments("own-two-sided") == {"sides": 2}
    assert not {"foreign", "foreign.cubes", "foreign_cubes", "foreign_own"} & set(sys.modules)


def test_what_a_package_hands_on_has_its_variants_and_a_file_those_of_its_folder(
    declare: Declare, tmp_path: Path
) -> None:
    package = tmp_path / "foreign"
    (package / "__init__.py").write_text("from .own import Own\n")
    (package / "own.py").write_text("from .cubes import Cubes\nclass Own(Cubes): ...\n")
    away = tmp_path / "away"
    away.mkdir()
    (away / "base_of_mine.py").write_text(_FOREIGN_TASKS)
    (away / "mine.py").write_text("from base_of_mine import Cubes\nclass Mine(Cubes): ...\n")
    declare(TASKS, {"own": "foreign:Own", "mine": f"{away / 'mine.py'}:Mine"})
    assert {"own-tall", "mine-tall"} <= set(registry.task_names())


def test_variants_of_its_own_take_the_place_of_inherited_ones(
    declare: Declare, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "foreign_own.py").write_text(
        "from foreign_cubes import Cubes\nfrom nowhere import Gone\n"
        "class Other(Cubes):\n    variants = {'flat': {'height': 0.01}}\n"
        "class None_(Cubes):\n    variants = {}\n"
        "class Unknown(Gone, dict(a=1)['a'], Round): ...\nclass Round(Unknown): ...\n"
    )
    declare(TASKS, {"other": "foreign_own:Other", "unknown": "foreign_own:Unknown", "none": "foreign_own:None_"})
    names = {name for name in registry.task_names() if name.partition("-")[0] in ("other", "none", "unknown")}
    assert names == {"other", "other-flat", "none", "unknown"} and not caplog.text


def test_variants_that_are_no_literal_are_left_out_and_said(declare: Declare, caplog: pytest.LogCaptureFixture) -> None:
    declare(TASKS, {"odd": "foreign_cubes:Computed"})
    assert not [name for name in registry.task_names() if name.startswith("odd-")]
    assert "variants must be a literal" in caplog.text


@pytest.mark.parametrize("name", ["Sort", "sort cubes", "sort_cubes", "sort-continuous", "-sort", ""])
def test_names_that_cannot_be_typed_or_registered_are_left_out(
    declare: Declare, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    declare(TASKS, {name: "foreign_cubes:Cubes"})
    assert not [known for known in registry.task_names() if known.startswith(name or "-")]
    assert "must be lower-case words joined by hyphens" in caplog.text
    registry.register_environments()


def test_tasks_in_family_folders_are_named_by_their_files(tmp_path: Path) -> None:
    for file in ("stack_rings.py", "language/put_in_bowl.py", "language/_words.py", "language/hard/sort_all.py"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        (path.parent / "__init__.py").touch()
    found = set(registry.entries._modules([str(tmp_path)], frozenset(), packages_are_families=True))
    assert found == {"stack_rings", "language.put_in_bowl", "language.hard.sort_all"}
    assert set(registry.entries._modules([str(tmp_path)], frozenset(), packages_are_families=False)) == {
        "stack_rings",
        "language",
    }


def test_two_files_of_one_name_are_refused_when_used() -> None:
    entries = registry.entries.named_entries(
        [registry.Entry("a", "tasks.a", "A"), registry.Entry("a", "tasks.family.a", "A")]
    )
    with pytest.raises(ConfigError, match=r"Several tasks are named 'a': tasks\.a:A, tasks\.family\.a:A"):
        registry._load("task", entries["a"])


_AGENT = """
from ravens_suite.agents.base import Agent

class Mine(Agent):
    name = 'mine'

class Nameless(Agent):
    pass

class Other:
    pass
"""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("my_agents:Other", "my_agents:Other is not an agent"),
        ("my_agents:Nameless", "must set its name to 'thine'; it is None"),
        ("my_agents:Mine", "must set its name to 'thine'; it is 'mine'"),
    ],
)
def test_agents_of_other_packages_are_checked_when_used(
    declare: Declare, tmp_path: Path, value: str, message: str
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "my_agents.py").write_text(_AGENT)
    declare(AGENTS, {"mine": "my_agents:Mine", "thine": value})
    assert registry.load_agent("mine").name == "mine"
    with pytest.raises(ConfigError, match=message):
        registry.load_agent("thine")


def test_an_agent_may_be_a_file_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    (tmp_path / "mine.py").write_text(_AGENT)
    (tmp_path / "wrong.py").write_text("import no_such_dependency\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    own = registry.load_agent(f"{tmp_path}/mine.py:Mine")
    assert own.name == "mine"
    assert registry.load_agent("mine.py:Mine") is own
    assert registry.load_agent("mine:Mine").name == "mine"
    del sys.modules["mine"]
    assert own.__name__ in dir(sys.modules[own.__module__])
    for wrong in ("mine.py:Yours", "yours.py:Mine", "no_such_module:Mine", ":Mine", ".py:Mine", "..mine:Mine"):
        with pytest.raises(ConfigError, match="Cannot import"):
            registry.load_agent(wrong)
    with pytest.raises(ConfigError, match="is not an agent"):
        registry.load_agent("mine.py:Other")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
            registry.load_agent("wrong.py:Mine")


def test_a_fresh_process_finds_the_same_agent(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "mine.py").write_text(_AGENT)
    code = "from ravens_suite.registry import load_agent; print(load_agent('mine.py:Mine').__module__)"
    runs = [subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)]
    assert runs[0].stdout.strip() == registry.load_agent(f"{tmp_path}/mine.py:Mine").__module__


def test_without_torch_agents_say_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ravens_suite.agents")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ConfigError, match=r'pip install "ravens-suite\[train\]"'):
        registry.load_agent("state-mlp")


def test_the_control_follows_from_the_name() -> None:
    assert registry.control_of("block-insertion") == "primitive"
    assert registry.control_of("block-insertion-continuous") == "waypoint"
