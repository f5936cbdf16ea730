"""Commands that are printed can be pasted into a shell, whatever the paths in them are called."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ravens_suite.cli.commands.weakspots import WeakSpotsCommand
from ravens_suite.cli.console import Console
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.errors import ConfigError
from ravens_suite.insight.weak_spots import WeakSpots
from ravens_suite.rollout.evaluation_plan import tasks_of

ODD = "Anna's runs"


def test_the_commands_after_a_search_name_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(ODD, "block-insertion.json")
    scenes = SceneSet("weak spots", "block-insertion", (SceneSpec(3),))
    found = WeakSpots(scenes, (), 1, 0.8, path, Path("search.json"))
    WeakSpotsCommand(policy=ODD)._say(Console(), found)
    commands = [line.partition(": ")[2] for line in capsys.readouterr().out.splitlines() if ": ravens-suite" in line]
    assert [shlex.split(command)[2:] for command in commands] == [
        ["POLICY", "--scenes", str(path)],
        [ODD, "--scenes", f"{path}#1"],
    ]


def test_an_error_shows_where_the_task_is_to_be_named(tmp_path: Path) -> None:
    policy = tmp_path / "my rules.py"
    policy.write_text("def act(observation):\n    return {}\n")
    with pytest.raises(ConfigError, match="as in") as error:
        tasks_of(f"{policy}:act")
    assert shlex.split(str(error.value).partition("as in ")[2]) == [f"{policy}:act", "TASK."]
