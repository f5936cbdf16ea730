"""The same weights with other settings of acting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ravens_suite.agents.transporter import Transporter
from ravens_suite.cli.main import main
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, RavensError, UnknownNameError
from ravens_suite.registry import agent_names, load_trainee
from ravens_suite.rollout.collect import collect
from ravens_suite.training import reconfigure as module
from ravens_suite.training.loop import train
from ravens_suite.training.reconfigure import reconfigure
from tests.training.plans import KilledError, changed, record, weights

PLAN = changed(steps=2, demos=1, keep_checkpoints=1)


def test_the_copy_acts_by_the_settings_and_is_what_training_with_them_gives(data: Path, tmp_path: Path) -> None:
    first, other, trained = tmp_path / "first", tmp_path / "runs" / "other", tmp_path / "trained"
    train(PLAN, data, first)
    (first / "eval").mkdir()
    before = record(first)
    done = reconfigure(str(first), {"picks": 2}, other)
    assert done == RunFolder(other) and not done.evaluations.exists()
    assert Transporter.load(done.policy.path).config.picks == 2
    assert [*done.checkpoints()] == [2] and Transporter.load(done.checkpoint(2).path).config.picks == 2
    assert weights(other) == weights(first) and record(first) == before
    assert done.policy.fingerprint() != RunFolder(first).policy.fingerprint()
    assert [path.name for path in other.parent.iterdir()] == ["other"]

    plan = changed(steps=2, demos=1, keep_checkpoints=1, config={**PLAN.config, "picks": 2})
    train(plan, data, trained)
    assert weights(trained) == weights(other)
    assert done.policy.fingerprint() == RunFolder(trained).policy.fingerprint()
    assert record(other)["plan"] == record(trained)["plan"]
    train(plan, data, other)
    assert weights(trained) == weights(other), "a finished run is left as it is"


def test_validation_by_the_settings_of_before_is_not_taken_for_one_by_those_of_now(data: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    train(replace(PLAN, settings=replace(PLAN.settings, val_episodes=1)), data, first, evaluate=lambda *_: 80.0)
    reconfigure(first, {"picks": 2}, second)
    reconfigure(second, {"picks": 3}, third)
    chosen = "best mean score on validation episodes"
    assert record(first)["selection"] == chosen
    assert record(second)["selection"] == record(third)["selection"] == f"{chosen}, acting by the settings of before"


def test_the_copy_notes_the_code_of_a_users_own_that_it_acts_by(tmp_path: Path) -> None:
    """Else the command that trains with these settings would take a change of that code for what it is not."""
    collect(
        "block-insertion", episodes=1, data=tmp_path, arguments={"image_size": [24, 32], "observe": ["images", "goal"]}
    )
    settings = {"model": "moved-patch", "calls": 2}
    plan = changed(agent="visual-foresight", steps=1, demos=1, config=settings)
    first, other, back = (tmp_path / name for name in ("first", "other", "back"))
    train(plan, tmp_path, first)
    planner = tmp_path / "mine.py"
    planner.write_text(
        "from ravens_suite.agents.visual_foresight.planners.random_shooting import RandomShooting\n"
        "class Mine(RandomShooting):\n    pass\n"
    )
    named = {"planner": f"{planner}:Mine"}
    reconfigure(first, named, other)
    standing: list[str] = []
    train(replace(plan, config={**settings, **named}), tmp_path, other, on_standing=standing.append)
    assert standing == ["is finished, after step 1."]
    reconfigure(other, {"planner": "cem"}, back)
    train(replace(plan, config={**settings, "planner": "cem"}), tmp_path, back, on_standing=standing.append)
    planner.write_text(f"{planner.read_text()}CHANGED = True\n")
    with pytest.raises(ConflictError, match=r"before a change of the code that its settings name.*mine\.py:Mine"):
        train(replace(plan, config={**settings, **named}), tmp_path, other)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({}, ConfigError, "gives_up, lookahead, picks"),
        ({"widths": [4, 4]}, ConfigError, "widths is read in training.*gives_up, lookahead, picks"),
        ({"lookahed": 1}, UnknownNameError, "Did you mean 'lookahead'"),
        ({"lookahead": -1}, ConfigError, "lookahead"),
        ({"lookahead": 1}, ConfigError, "lookahead searches.*--observe images goal"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_nothing_is_left(
    data: Path, tmp_path: Path, settings: dict[str, object], error: type[RavensError], words: str
) -> None:
    train(PLAN, data, tmp_path / "first")
    with pytest.raises(error, match=words):
        reconfigure(tmp_path / "first", settings, tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["first"]


def test_a_folder_that_is_there_and_a_run_that_is_not_finished_are_refused(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 1:
            raise KilledError

    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path / "first", on_progress=kill)
    with pytest.raises(ConflictError, match="still to be trained"):
        reconfigure(tmp_path / "first", {"picks": 1}, tmp_path / "other")
    train(PLAN, data, tmp_path / "first")
    with pytest.raises(ConflictError, match="there already"):
        reconfigure(tmp_path / "first", {"picks": 1}, tmp_path / "first")


def test_the_command_says_what_it_made(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train(PLAN, data, "first")
    command = ["reconfigure", "first", "--config", '{"picks": 2}', "--out", "other", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out) == {"run": "other", "config": {"picks": 2}}
    assert record(Path("other"))["command"].endswith(
        "ravens-suite reconfigure first --config '{\"picks\": 2}' --out other"
    )
    assert main(["reconfigure", "first", "--config", "picks", "--out", "third"]) == 1
    assert "--config is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize("name", agent_names())
def test_settings_of_acting_are_settings(name: str) -> None:
    trainee = load_trainee(name)
    assert {*trainee.acting_settings} <= {*trainee.config_type.__dataclass_fields__}


def test_what_a_killed_copy_left_is_removed_by_the_next(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = tmp_path / "first", tmp_path / "runs" / "other"
    train(PLAN, data, first)
    with monkeypatch.context() as patch:
        # As a kill does: what was begun is left as it is.
        patch.setattr(module.shutil, "rmtree", lambda *_, **__: None)
        patch.setattr(module, "_change", _kill)
        with pytest.raises(KilledError):
            reconfigure(first, {"picks": 2}, other)
    assert any(other.parent.iterdir())
    reconfigure(first, {"picks": 2}, other)
    assert [path.name for path in other.parent.iterdir()] == ["other"]


def _kill(*_: object) -> None:
    raise KilledError


def test_settings_that_are_none_are_damaged(data: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    train(PLAN, data, first)
    settings = RunFolder(first).policy.settings
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "config": 3}))
    with pytest.raises(DamagedDataError, match="'config' is not"):
        reconfigure(first, {"picks": 2}, tmp_path / "other")
