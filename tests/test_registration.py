"""Tasks and agents registered without a package: known here, in child processes and on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

import ravens_suite
from ravens_suite import registry
from ravens_suite.cli.main import main
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import PoseGoal
from ravens_suite.core.palette import PALETTE
from ravens_suite.envs.definition import define
from ravens_suite.errors import ConfigError, UnknownNameError, UnknownOptionError
from ravens_suite.rollout.environments import differing_options, make_environment, task_defaults, task_options
from ravens_suite.sim import objects
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task, Variants

SOURCE = """
import ravens_suite
from ravens_suite.tasks.stack_block_pyramid import StackBlockPyramid

@ravens_suite.register_task("from-file")
class FromFile(StackBlockPyramid):
    max_steps = 17
    variants = {"odd": {}}
"""


class Tiles(Task):
    """One tile, one place."""

    max_steps = 2
    variants: ClassVar[Variants] = {"far": {"x": 0.7}}

    def __init__(self, split: Any = "train", x: float = 0.5) -> None:
        super().__init__(split)
        self.x = x

    def build(self, scene: Scene, rng: np.random.Generator) -> Any:
        scene.add("tile", objects.block(PALETTE["red"]), Pose((0.4, 0.1, 0.02)), "movable")
        target = Pose((self.x, -0.1, 0.02))
        return [PoseGoal(objects=("tile",), targets=(target,), matches=((True,),), symmetries=(0.0,))]


pytestmark = pytest.mark.usefixtures("registrations")


def clear() -> None:
    registry.entries.tasks.cache_clear()
    registry.entries.agents.cache_clear()


def reward_of_the_oracle(identifier: str) -> float:
    env = gymnasium.make(identifier, observe=["state"])
    env.reset(seed=0)
    reward = env.step(env.get_wrapper_attr("oracle_action")())[1]
    env.close()
    return float(reward)


def test_a_class_of_a_notebook_is_a_task_with_variants_and_a_continuous_form() -> None:
    assert ravens_suite.register_task("tiles", Tiles) is Tiles
    assert {"tiles", "tiles-far"} <= set(registry.task_names())
    assert reward_of_the_oracle("ravens_suite/Tiles-v0") == 1.0
    assert reward_of_the_oracle("ravens_suite/TilesFar-v0") == 1.0
    assert "ravens_suite/TilesFarContinuous-v0" in gymnasium.registry
    with pytest.raises(UnknownNameError, match="Did you mean 'tiles'"):
        registry.load_task("tilse")


def test_a_cell_that_runs_again_replaces_its_task() -> None:
    first = ravens_suite.register_task("tiles")(type("Tiles", (Tiles,), {"max_steps": 1, "variants": {}}))
    assert registry.load_task("tiles")[0] is first
    assert "tiles-far" not in registry.task_names()
    ravens_suite.register_task("tiles", Tiles)
    assert registry.load_task("tiles")[0] is Tiles
    assert os.environ["RAVENS_SUITE_TASKS"].count("tiles=") == 1


@pytest.mark.parametrize("name", ["Tiles", "my tiles", "tiles-continuous", "", "tiles;x"])
def test_a_name_must_be_one(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a task"):
        ravens_suite.register_task(name, Tiles)


def test_names_of_the_suite_are_taken() -> None:
    for name in ("block-insertion", "block-insertion-easy"):
        with pytest.raises(ConfigError, match=f"There is a task '{name}' already"):
            ravens_suite.register_task(name, Tiles)
    assert registry.load_task("block-insertion")[0].__name__ == "BlockInsertion"


def test_what_is_no_class_of_the_right_kind_is_refused() -> None:
    wrong: Any
    for wrong in (Tiles(), Scene, 3):
        with pytest.raises(ConfigError, match="is not a task"):
            ravens_suite.register_task("tiles", wrong)
    for wrong in ("Tiles", ":Tiles", "module:"):
        with pytest.raises(ConfigError, match=r"package\.module:Class"):
            ravens_suite.register_task("tiles", wrong)
    assert "tiles" not in registry.task_names()


def test_a_file_is_a_place_too_and_is_imported_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(SOURCE.replace("from-file", "another-name"))
    monkeypatch.chdir(tmp_path)
    ravens_suite.register_task("from-file", "mine.py:FromFile")
    monkeypatch.chdir("/")
    assert "from-file-odd" in registry.task_names()
    assert "another-name" not in registry.task_names()
    assert registry.load_task("from-file")[0].max_steps == 17
    assert "another-name" in registry.task_names()


def test_child_processes_and_the_command_line_know_what_was_registered(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        SOURCE + "import subprocess, sys\n"
        "if __name__ == '__main__':\n"
        "    code = 'from ravens_suite import registry as r; print(r.load_task(\"from-file-odd\")[0].max_steps)'\n"
        "    subprocess.run([sys.executable, '-c', code], check=True)\n"
    )
    run = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["17"]


@pytest.mark.parametrize(
    "variants",
    [
        "from base import Base\nclass Own(Base):\n    pass\n",
        "from base import Base\nclass Own(Base):\n    variants = {f'of-{n}': {'n': n} for n in (2, 3)}\n",
    ],
    ids=["inherited", "computed"],
)
def test_child_processes_know_variants_that_no_source_says(tmp_path: Path, variants: str) -> None:
    (tmp_path / "base.py").write_text(
        "from ravens_suite.tasks.base import Task\n"
        "class Base(Task):\n"
        "    max_steps = 1\n"
        "    variants = {'of-2': {'n': 2}}\n"
        "    def build(self, scene, rng): ...\n"
    )
    (tmp_path / "script.py").write_text(
        variants + "import subprocess, sys\n"
        "if __name__ == '__main__':\n"
        "    import ravens_suite\n"
        "    ravens_suite.register_task('own', Own)\n"
        "    code = 'from ravens_suite import registry as r; print(r.load_task(\"own-of-2\")[1])'\n"
        "    subprocess.run([sys.executable, '-c', code], check=True)\n"
        "    Own.variants = {}\n"
        "    ravens_suite.register_task('own', Own)\n"
        "    code = 'from ravens_suite import registry as r; print(\"own-of-2\" in r.task_names())'\n"
        "    subprocess.run([sys.executable, '-c', code], check=True)\n"
    )
    run = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["{'n': 2}", "False"]


@pytest.mark.parametrize("reference", ["__main__:Tiles", "tests.test_registration:make.<locals>.Tiles"])
def test_a_child_process_says_that_it_cannot_import_a_class_of_a_notebook(
    monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    monkeypatch.setenv("RAVENS_SUITE_TASKS", f"tiles={reference}")
    clear()
    with pytest.raises(ConfigError, match=r"registered in a notebook.*workers=1"):
        registry.load_task("tiles")


def test_a_variable_that_makes_no_sense_is_said_and_passed_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = "tests.test_registration:Tiles"
    monkeypatch.setenv("RAVENS_SUITE_TASKS", f" ; tiles = {place};worse;x=;block-insertion={place};BAD={place}")
    clear()
    names = registry.task_names()
    assert "tiles-far" in names
    assert caplog.text.count("write name=package.module:Class") == 2
    assert "the suite itself has a 'block-insertion'" in caplog.text
    assert "must be lower-case words" in caplog.text


def test_agents_are_registered_alike() -> None:
    pytest.importorskip("torch")
    from ravens_suite.agents.state_mlp import StateMlp

    mine = type("Mine", (StateMlp,), {"name": "mine"})
    assert ravens_suite.register_agent("mine")(mine) is mine
    assert registry.load_agent("mine") is mine
    with pytest.raises(ConfigError, match="name must be 'thine'; it is 'mine'"):
        ravens_suite.register_agent("thine", mine)
    with pytest.raises(ConfigError, match="'state-mlp' already"):
        ravens_suite.register_agent("state-mlp", StateMlp)
    with pytest.raises(ConfigError, match="is not an agent"):
        ravens_suite.register_agent("mine", Tiles)  # type: ignore[type-var]
    ravens_suite.register_agent("by-place", "no_such_module:Mine")
    with pytest.raises(ConfigError, match="no module no_such_module"):
        registry.load_agent("by-place")


def test_lists_go_on_behind_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing module, one that raises, a class that cannot be made, and a scene that cannot be built."""
    (tmp_path / "raises.py").write_text("raise RuntimeError('not today')\n")
    (tmp_path / "parts.py").write_text(
        "from ravens_suite.tasks.base import Task\n"
        "class Needs(Task):\n    max_steps = 1\n    def __init__(self, split, more): ...\n"
        "    def build(self, scene, rng): ...\n"
        "class Builds(Task):\n    max_steps = 1\n    def build(self, scene, rng): return 1 / 0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    broken = {"a": "no_such_module:A", "b": "raises:B", "c": "parts:Needs", "d": "parts:Builds", "e": "parts:None"}
    monkeypatch.setenv("RAVENS_SUITE_TASKS", ";".join(f"{name}={place}" for name, place in broken.items()))
    clear()
    assert set(broken) < set(registry.task_names())
    monkeypatch.setattr(registry, "task_names", lambda: [*broken, "block-insertion"])
    assert main(["tasks"]) == 0
    said = capsys.readouterr().out
    assert "ravens_suite/BlockInsertion-v0" in said
    assert [name for name in broken if f"Broken: {name}. " in said] == list(broken)
    assert "RuntimeError: not today" in said and "ZeroDivisionError" in said
    assert main(["tasks", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["task"] for row in result["tasks"]] == ["block-insertion"]
    assert [row["task"] for row in result["broken"]] == list(broken)
    registry.register_environments()
    assert main(["evaluate", "oracle", "b", "--episodes", "1", "--out", str(tmp_path / "out.json")]) == 1
    assert "'b' is broken" in capsys.readouterr().err


def test_agents_are_listed_behind_one_that_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("RAVENS_SUITE_AGENTS", "gone=no_such_module:Gone")
    clear()
    assert main(["agents"]) == 0
    said = capsys.readouterr().out
    assert "transporter" in said
    assert "Broken: gone. " in said


def test_a_task_whose_environment_another_would_stand_in_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ravens_suite.register_task("tiles-2", Tiles)
    with pytest.raises(ConfigError, match="'tiles2' would have the id of that of 'tiles-2'"):
        ravens_suite.register_task("tiles2", Tiles)
    ravens_suite.register_task("tiles-2", Tiles)  # As when a cell of a notebook runs again.
    monkeypatch.setenv("RAVENS_SUITE_TASKS", "tiles-2=tiles.py:Tiles;tiles2=tiles.py:Other")
    clear()
    assert "tiles2" not in registry.task_names()
    assert "'tiles2' would have the id of 'tiles-2'" in caplog.text


class HandsOn(Tiles):
    """Takes an option of its own, and hands all others on."""

    variants: ClassVar[Variants] = {"heavy": {"weight": 2.0}}

    def __init__(self, *split: Any, weight: float = 1.0, **others: Any) -> None:
        super().__init__(*split, **others)
        self.weight = weight


def test_a_class_that_hands_options_on_has_those_of_the_class_that_it_is_derived_from() -> None:
    """They were refused, and the names of what stands for them were listed as options."""
    ravens_suite.register_task("hands-on", HandsOn)
    assert task_options("hands-on") == {"weight", "x"} and task_options("hands-on-heavy") == {"x"}
    assert task_defaults("hands-on") == {"weight": 1.0, "x": 0.5}
    assert differing_options("hands-on-heavy", {}, {"x": 0.6}) == {"x": 0.6}
    assert define("hands-on", "train", {"x": 0.6})["goals"] != define("hands-on")["goals"]
    environment = make_environment("hands-on-heavy", "train", {"observe": ["state"], "x": 0.6})
    task = environment.get_wrapper_attr("task")
    environment.close()
    assert (task.x, task.weight) == (0.6, 2.0)
    with pytest.raises(UnknownOptionError, match=r"Options of this task: weight, x;"):
        make_environment("hands-on", "train", {"others": 1})
