"""A run is not taken for one of today where its task, its demonstrations or its agent has changed since."""

from __future__ import annotations

import shutil
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.cli.main import main
from ravens_suite.core.goals import Goal
from ravens_suite.data.atomic import read_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.envs import definition
from ravens_suite.errors import ConfigError, ConflictError
from ravens_suite.registry import load_task
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASK_NAME = "block-insertion"
SETTINGS = TrainingSettings(steps=2, val_episodes=0, threads=1, device="cpu")
PLAN = TrainingPlan(agent="state-mlp", tasks=(TASK_NAME,), demos=1, settings=SETTINGS)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    collect(TASK_NAME, episodes=1, data=folder, arguments={"observe": ["state"]})
    return folder


@pytest.fixture
def other_goals(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Called, it makes goals twice as strict."""

    def change() -> None:
        task_class = load_task(TASK_NAME)[0]
        build = task_class.build

        def stricter(task: Any, scene: Any, rng: Any) -> list[Goal]:
            return [replace(goal, position_tolerance=0.005) for goal in build(task, scene, rng)]  # type: ignore[call-arg]

        monkeypatch.setattr(definition, "_known", {})
        monkeypatch.setattr(task_class, "build", stricter)

    return change


def test_demonstrations_of_another_task_are_refused_and_named_unless_forced(
    data: Path, tmp_path: Path, other_goals: Any
) -> None:
    other_goals()
    with pytest.raises(ConflictError, match=r"another block-insertion.*its goals.*--force"):
        train(PLAN, data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert train(PLAN, data, tmp_path / "run", force=True).steps == 2


def test_further_demonstrations_of_another_task_are_refused_too(data: Path, tmp_path: Path, other_goals: Any) -> None:
    other_goals()
    collect(TASK_NAME, episodes=1, data=tmp_path / "now", arguments={"observe": ["state"]})
    both = replace(PLAN, more_data=(str(data),))
    with pytest.raises(ConflictError, match=rf"{data}.* another block-insertion.*its goals.*--force"):
        train(both, tmp_path / "now", tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert train(both, tmp_path / "now", tmp_path / "run", force=True).steps == 2


@pytest.mark.parametrize("steps_done", [1, 2])
def test_a_run_of_another_task_is_neither_shown_nor_gone_on_with(
    data: Path, tmp_path: Path, other_goals: Any, steps_done: int, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(done: int, total: int, note: str = "") -> None:
        if done == steps_done < total:
            raise KeyboardInterrupt

    if steps_done == 1:
        with pytest.raises(KeyboardInterrupt):
            train(PLAN, data, tmp_path, save_every=1, on_progress=stop)
    else:
        train(PLAN, data, tmp_path)
    assert RunFolder(tmp_path).record()["environments"][TASK_NAME]["definition"] == definition.define(TASK_NAME)
    other_goals()
    with pytest.raises(ConflictError, match=r"another block-insertion.*its goals.*--force"):
        train(PLAN, data, tmp_path)
    assert train(PLAN, data, tmp_path, force=True).steps == 2
    evaluate(str(tmp_path), episodes=1)
    assert "It is evaluated on the task as it is now." in caplog.text
    assert read_json(tmp_path / "eval" / "test.json")["definition"] == definition.define(TASK_NAME, "test")


def test_a_wrong_value_is_named_before_anyone_is_told_what_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = "put-block-in-bowl"
    collect(task, episodes=1, data=tmp_path, arguments={"observe": ["state"]})
    train(replace(PLAN, tasks=(task,)), tmp_path, tmp_path / "run")
    monkeypatch.setattr("ravens_suite.rollout.evaluate.changed", lambda *definitions: ["its goals"])
    with pytest.raises(ConfigError, match=r"colors must be one of .*got 'sen'"):
        evaluate(tmp_path / "run", episodes=1, arguments={"colors": "sen"})
    assert not caplog.text
    evaluate(tmp_path / "run", episodes=1)
    assert "It is evaluated on the task as it is now." in caplog.text


def test_a_run_is_not_taken_for_one_of_demonstrations_collected_anew(data: Path, tmp_path: Path) -> None:
    train(PLAN, data, tmp_path / "run")
    collect(TASK_NAME, episodes=1, data=tmp_path / "data", arguments={"observe": ["state"], "distractors": 1})
    with pytest.raises(ConflictError, match=r"distractors 0; those in .* have 1\."):
        train(PLAN, tmp_path / "data", tmp_path / "run")
    shutil.rmtree(tmp_path / "data")
    assert train(PLAN, tmp_path / "data", tmp_path / "run").steps == 2, "what is finished needs no data"


def test_a_run_does_not_go_on_with_further_demonstrations_that_show_something_else(data: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int, note: str = "") -> None:
        raise KeyboardInterrupt

    more = tmp_path / "more"
    shutil.copytree(data, more)
    plan = replace(PLAN, more_data=(str(more),))
    with pytest.raises(KeyboardInterrupt):
        train(plan, data, tmp_path / "run", save_every=1, on_progress=stop)
    shutil.rmtree(more)
    collect(TASK_NAME, episodes=1, data=more, arguments={"observe": ["proprioception"]})
    with pytest.raises(ConflictError, match=rf"observation 'state' is .*; in those in {more} it is absent"):
        train(plan, data, tmp_path / "run")
    shutil.rmtree(more)
    shutil.copytree(data, more)
    assert train(plan, data, tmp_path / "run").steps == 2


@pytest.mark.parametrize("noted", [True, False], ids=["checksums", "of an earlier version"])
@pytest.mark.parametrize("stopped", [True, False], ids=["killed", "finished"])
def test_further_data_of_a_project_that_was_moved_are_given_by_their_new_name(
    data: Path, tmp_path: Path, stopped: bool, noted: bool
) -> None:
    """A run was refused, as one of another plan, and nothing else could be done with it."""

    def stop(done: int, total: int, note: str = "") -> None:
        if stopped:
            raise KeyboardInterrupt

    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(data, old / "weak")
    plan = replace(PLAN, more_data=(str(old / "weak"),))
    with pytest.raises(KeyboardInterrupt) if stopped else nullcontext():
        train(plan, data, old / "run", save_every=1, on_progress=stop)
    old.rename(new)
    run = RunFolder(new / "run")
    record = run.record()
    if not noted:
        run.write_record({key: value for key, value in record.items() if key != "more_checksums"})
    moved = replace(PLAN, more_data=(str(new / "weak"),))
    with pytest.raises(ConflictError, match=r"holds a run with more_data .* Folders that were moved hold the same"):
        train(replace(PLAN, more_data=(str(tmp_path / "none"),)), data, run.path)
    assert train(moved, data, run.path).steps == 2
    after = run.record()
    assert after["plan"]["more_data"] == [str(new / "weak")] and after["data"] == str(data)
    assert after["more_demonstrations"] == {str(new / "weak"): record["more_demonstrations"][str(old / "weak")]}
    assert train(moved, data, run.path).steps == 2 and run.record() == after
    with pytest.raises(ConflictError, match="holds a run with more_data"):
        train(plan, data, run.path)


def test_so_are_folders_that_settings_of_the_agent_name(data: Path, tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(_READER)
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(data, old)
    plan = replace(PLAN, agent=f"{tmp_path / 'reader.py'}:Reader", config={"beside": [str(old)]})
    train(plan, data, tmp_path / "run")
    old.rename(new)
    with pytest.raises(ConflictError, match=r"holds a run with config .* Folders that were moved hold the same"):
        train(replace(plan, config={"beside": [str(tmp_path / "none")]}), data, tmp_path / "run")
    moved = replace(plan, config={"beside": [str(new)]})
    settings = replace(SETTINGS, steps=3)
    assert train(replace(moved, settings=settings), data, tmp_path / "run").steps == 3
    after = RunFolder(tmp_path / "run").record()
    assert after["plan"]["config"] == {"beside": [str(new)]}
    assert after["episodes_beside"] == {str(new): {TASK_NAME: [0]}} and [*after["more_checksums"]] == [str(new)]


def test_other_episodes_of_the_same_seeds_are_no_folder_that_was_moved(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "weak")
    train(replace(PLAN, more_data=(str(tmp_path / "weak"),)), data, tmp_path / "run")
    collect(TASK_NAME, episodes=1, data=tmp_path / "other", arguments={"observe": ["state"], "distractors": 1})
    with pytest.raises(ConflictError, match="holds a run with more_data"):
        train(replace(PLAN, more_data=(str(tmp_path / "other"),)), data, tmp_path / "run")
    shutil.copytree(tmp_path / "weak", tmp_path / "copy")
    assert train(replace(PLAN, more_data=(str(tmp_path / "copy"),)), data, tmp_path / "run").steps == 2


def test_further_data_that_are_named_twice_are_refused(data: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    shutil.copytree(data, more)
    for twice, mend in (
        ((str(more), f"{more}/../more"), "name it once"),
        ((str(more), f"{data}/."), "draw more of them with --demos"),
    ):
        with pytest.raises(ConfigError, match=f"count twice: {mend}"):
            train(replace(PLAN, more_data=twice), data, tmp_path / "run")


def test_an_agent_of_ones_own_that_has_changed_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    source = "from ravens_suite.agents.state_mlp import StateMlp\nclass Mine(StateMlp):\n    name = 'mine'\n"
    file.write_text(source)
    plan = replace(PLAN, agent=f"{file}:Mine")
    train(plan, data, tmp_path / "run")
    file.write_text(f'"""Words."""\n\n{source}')
    train(plan, data, tmp_path / "run")
    file.write_text(f"{source}    scale = 2\n")
    for name in [name for name in sys.modules if name.startswith("_ravens_suite_user_")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConflictError, match=r"before a change of its code.*--force"):
        train(plan, data, tmp_path / "run")
    assert train(plan, data, tmp_path / "run", force=True).steps == 2


def test_a_run_is_said_to_go_on_only_where_it_does(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text("from ravens_suite.agents.state_mlp import StateMlp as Mine\n")
    run = tmp_path / "run"
    options = ["--demos", "1", "--data", str(data), "--out", str(run), "--val-episodes", "0", "--threads", "1"]
    command = ["train", f"{tmp_path / 'mine.py'}:Mine", TASK_NAME, *options, "--steps"]

    def said(steps: int, *, refused: str = "") -> str:
        """What stands before the line on the weights, or what is said by a command that is refused."""
        assert main([*command, str(steps)]) == bool(refused)
        out, err = capsys.readouterr()
        assert refused in err
        return out.rpartition(f"{run}: the weights")[0] if not refused else out

    assert not said(2)
    assert said(2) == f"{run}: is finished, after step 2.\n"
    assert said(3).startswith(f"{run}: was finished after step 2 and gets more.")
    RunFolder(run).training.unlink()
    before = RunFolder(run).record()
    assert not said(4, refused="cannot be given more steps")
    assert RunFolder(run).record() == before, "it is finished as it was"
    monkeypatch.setattr("ravens_suite.training.run_record.code_of", lambda agent: "changed")
    assert not said(4, refused="before a change of its code")
    assert not said(3, refused="before a change of its code")


_READER = """
from dataclasses import dataclass
from ravens_suite.agents.common.settings import setting
from ravens_suite.agents.state_mlp import StateMlp, StateMlpConfig

@dataclass(frozen=True)
class Config(StateMlpConfig):
    beside: tuple[str, ...] = setting((), names="data")

class Reader(StateMlp):
    name = "reader"
    config_type = Config
"""

_LISTENER = """
from dataclasses import dataclass
from ravens_suite.agents.common.settings import setting
from ravens_suite.agents.state_mlp import StateMlp, StateMlpConfig

@dataclass(frozen=True)
class Config(StateMlpConfig):
    words: str = setting("own", names="code")
    helper: str = setting("", names="policies")

class Listener(StateMlp):
    name = "listener"
    config_type = Config
"""


@pytest.fixture
def listener(tmp_path: Path) -> TrainingPlan:
    """A plan of an agent whose settings name code, which lies in another folder than the agent."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "listener.py").write_text(_LISTENER)
    (tmp_path / "encoder.py").write_text("def encode(words): return words\n")
    config = {"words": f"{tmp_path / 'encoder.py'}:encode"}
    return replace(PLAN, agent=f"{tmp_path / 'agent' / 'listener.py'}:Listener", config=config)


def test_a_run_whose_settings_name_code_that_has_changed_is_refused(
    data: Path, tmp_path: Path, listener: TrainingPlan
) -> None:
    train(listener, data, tmp_path / "run")
    (tmp_path / "encoder.py").write_text('"""Words."""\n\ndef encode(words): return words\n')
    train(listener, data, tmp_path / "run")
    (tmp_path / "encoder.py").write_text("def encode(words): return words[::-1]\n")
    with pytest.raises(ConflictError, match=r"the code that its settings name \(.*encoder.py:encode\).*--force"):
        train(listener, data, tmp_path / "run")
    assert train(listener, data, tmp_path / "run", force=True).steps == 2
    (tmp_path / "encoder.py").unlink()
    with pytest.raises(ConfigError, match=r"There is no .*encoder.py, which the agent's settings name"):
        train(listener, data, tmp_path / "run")


def test_its_evaluation_is_made_anew_when_that_code_has_changed(
    data: Path, tmp_path: Path, listener: TrainingPlan, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    train(listener, data, run)
    evaluate(str(run), episodes=1)
    before = PolicySpec.parse(str(run))
    assert read_json(run / "eval" / "test.json")["policy"]["outside"] == before.outside != ""
    (tmp_path / "encoder.py").write_text("def encode(words): return words[::-1]\n")
    after = PolicySpec.parse(str(run))
    assert replace(after, outside=before.outside) == before != after
    assert not after.is_that_of(before.to_json())
    evaluate(str(run), episodes=1)
    assert "the code, or of another policy, that its settings name" in caplog.text
    assert read_json(run / "eval" / "test.json")["policy"] == after.to_json()


def test_so_it_is_when_another_agent_that_its_settings_name_was_trained_anew(
    data: Path, tmp_path: Path, listener: TrainingPlan
) -> None:
    train(PLAN, data, tmp_path / "helper")
    train(replace(listener, config={"helper": str(tmp_path / "helper")}), data, tmp_path / "run")
    before = PolicySpec.parse(str(tmp_path / "run"))
    shutil.rmtree(tmp_path / "helper")
    train(replace(PLAN, seed=1), data, tmp_path / "helper")
    assert PolicySpec.parse(str(tmp_path / "run")).outside != before.outside != ""
    assert not PolicySpec.parse(str(tmp_path / "helper")).outside, "settings that name nothing"
