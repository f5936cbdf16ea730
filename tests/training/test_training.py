"""Training as a job: killed runs go on to the same bytes, validation chooses, plans do not mix."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import make_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ravens_suite.agents.base import Agent
from ravens_suite.cli.main import main
from ravens_suite.core.seeding import Split
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, ConflictError, DivergedError, MissingDataError, RavensWarning
from ravens_suite.registry import load_agent, load_task
from ravens_suite.rollout import evaluate as evaluation
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluation_plan import tasks_of
from ravens_suite.training import settings as module
from ravens_suite.training import validation
from ravens_suite.training.data import choose_demonstrations
from ravens_suite.training.loop import check_plan, checkpoint_steps, train
from tests.training.plans import PLAN, SMALL, KilledError, changed, record, weights


def test_a_killed_run_goes_on_to_the_same_bytes(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 5:
            raise KilledError

    whole = train(PLAN, data, tmp_path / "whole", save_every=2)
    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path / "killed", save_every=2, on_progress=kill)
    steps: list[int] = []
    train(PLAN, data, tmp_path / "killed", save_every=2, on_progress=lambda done, total, note="": steps.append(done))
    assert steps == [5, 6]
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert whole.steps == 6 and whole.val_score is None


def test_a_plan_of_numpys_numbers_and_of_tuples_is_that_of_its_record(data: Path, tmp_path: Path) -> None:
    """As a loop over ``np.arange`` gives them; the second call finds the run that the first one made."""
    given = changed(
        seed=np.int64(0),
        demos=np.int64(2),
        keep_checkpoints=np.int32(0),
        steps=np.int64(6),
        config={**SMALL, "widths": tuple(SMALL["widths"]), "learning_rate": np.float64(3e-3)},
        drop={"block-insertion": np.array([], dtype=np.int64)},
    )
    for _ in range(2):
        assert train(given, data, tmp_path / "given").steps == 6
    plain = train(changed(config={**SMALL, "learning_rate": 3e-3}), data, tmp_path / "plain")
    assert plain.steps == 6
    assert weights(tmp_path / "given") == weights(tmp_path / "plain")
    first, second = (record(tmp_path / name)["plan"] for name in ("given", "plain"))
    assert first == second
    assert replace(PLAN, tasks="block-insertion") == PLAN  # type: ignore[arg-type]
    assert replace(PLAN, more_data=(tmp_path,)).more_data == (str(tmp_path),)  # type: ignore[arg-type]


def test_weights_that_were_removed_are_put_back_by_the_same_command(data: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    train(PLAN, data, run.path)
    before = weights(run.path)
    for remove in (lambda: shutil.rmtree(run.policy.path), run.policy.weights.unlink, run.policy.settings.unlink):
        remove()
        assert train(PLAN, tmp_path / "no data are needed", run.path).steps == 6
        assert weights(run.path) == before and run.policy.is_there()
    shutil.rmtree(run.policy.path)
    run.training.unlink()
    with pytest.raises(MissingDataError, match=r"the weights after step 6, is gone.*delete .*run"):
        train(PLAN, data, run.path)


def test_weights_that_were_removed_and_were_not_the_last_are_not_taken_for_those(data: Path, tmp_path: Path) -> None:
    plan, run = changed(val_episodes=1, candidates=2), RunFolder(tmp_path / "run")
    scores = iter([90.0, 40.0])
    train(plan, data, run.path, evaluate=lambda agent, split, seeds: next(scores))
    shutil.rmtree(run.policy.path)
    with pytest.raises(MissingDataError, match="the weights after step 4"):
        train(plan, data, run.path)


def test_a_run_that_goes_on_without_its_best_weights_ends_with_others(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        if done == 6:
            raise KilledError

    plan, run = changed(val_episodes=1, candidates=3), RunFolder(tmp_path / "run")
    scores = iter([90.0, 50.0])  # After steps 4 and 5.
    with pytest.raises(KilledError):
        train(plan, data, run.path, evaluate=lambda *_: next(scores), on_progress=kill, save_every=1)
    shutil.rmtree(run.policy.path)
    done = train(plan, data, run.path, evaluate=lambda *_: 40.0)
    assert (done.steps, done.val_score) == (6, 40.0)
    assert run.policy.is_there()


@pytest.mark.parametrize("changes", [{"demos": True}, {"demos": 2.0}, {"seed": 1.5}, {"steps": 2.5}])
def test_what_is_no_whole_number_is_refused_before_anything_is_written(
    data: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """A run.json with it could not be read again."""
    with pytest.raises(ConfigError, match="must be a whole number"):
        train(changed(**changes), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_candidates_that_nothing_chooses_among_are_named() -> None:
    with pytest.warns(RavensWarning, match=r"--candidates 3 changes nothing without validation.*--val-episodes 20"):
        changed(candidates=3).check()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed(candidates=3, val_episodes=1).check()
        changed().check()


def test_figures_of_a_step_may_be_numpys_numbers(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = load_agent("transporter")
    monkeypatch.setattr(agent, "fit_step", lambda *_: {"loss": np.float32(0.5)})
    assert train(changed(steps=1), data, tmp_path / "run").steps == 1
    for figures in (None, {"loss": "0.5"}):
        monkeypatch.setattr(agent, "fit_step", lambda *_, figures=figures: figures)
        with pytest.raises(ConfigError, match="must return a dict of numbers by name"):
            train(changed(steps=1), data, tmp_path / "other")


def test_a_run_that_diverges_stops_and_says_so(data: Path, tmp_path: Path) -> None:
    diverging = changed(steps=200, config={**SMALL, "learning_rate": 1e30})
    with pytest.raises(DivergedError, match="learning_rate"):
        train(diverging, data, tmp_path / "run")
    assert not record(tmp_path / "run")["finished"]


def test_validation_chooses_the_best_and_only_sees_validation_seeds(data: Path, tmp_path: Path) -> None:
    scores = iter([90.0, 40.0])
    asked: list[tuple[str, list[int]]] = []
    judged: list[dict[str, torch.Tensor]] = []

    def judge(agent: Agent[Any], split: Split, seeds: Sequence[int]) -> float:
        asked.append((split, list(seeds)))
        judged.append({name: value.clone() for name, value in agent.weights().items()})
        return next(scores)

    result = train(changed(candidates=2, val_episodes=3), data, tmp_path, evaluate=judge)
    assert asked == [("val", [0, 1, 2])] * 2
    assert result.val_score == 90 and result.steps == min(checkpoint_steps(6, 2))
    kept = load_agent("transporter").load(RunFolder(tmp_path).policy.path).weights()
    assert all(torch.equal(kept[name], judged[0][name]) for name in kept)
    assert any(not torch.equal(kept[name], judged[1][name]) for name in kept)
    assert record(tmp_path)["training"]["validation"] == {"4": 90.0, "6": 40.0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"demos": -1}, "--demos must be at least 1"),
        ({"seed": -1}, "--seed must be at least 0"),
        ({"steps": 0}, "--steps must be at least 1"),
        ({"config": {"stpes": 5}}, "no setting 'stpes'"),
        ({"config": {"steps": 0}, "steps": None}, "steps must be at least 1"),
        ({"candidates": 0}, "--candidates must be at least 1"),
        ({"val_episodes": -1}, "--val-episodes must be at least 0"),
        ({"threads": 0}, "--threads must be at least 1"),
        ({"tasks": ()}, "at least one task"),
        ({"tasks": ("block-insertion", "block-insertion")}, "each once"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_before_anything_is_begun(
    data: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(changed(**changes), data, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value", "config"), [("steps", 3, 2), ("device", "auto", "cpu")])
def test_a_setting_is_not_given_twice_with_two_values(
    data: Path, tmp_path: Path, name: str, value: Any, config: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is {value} by --{name} and {config!r} in --config"):
        train(changed(**{name: value}, config={name: config}), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_is_asked_for_where_there_is_one_only(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--device cpu"):
        train(changed(device="cuda"), data, tmp_path / "gpu")
    assert not (tmp_path / "gpu").exists()
    train(PLAN, data, tmp_path / "cpu")
    run = RunFolder(tmp_path / "cpu")
    settings = read_json(run.policy.settings)
    settings["config"]["device"] = "cuda"
    write_json(run.policy.settings, settings)
    assert load_agent("transporter").load(run.policy.path).config.device == "auto"
    run.write_record({**run.record(), "plan": {**run.record()["plan"], "device": "cuda"}})
    assert train(changed(device="cuda"), data, run.path).steps == 6, "what is finished needs no GPU"


def test_demonstrations_are_drawn_from_the_pool_and_stay(data: Path, tmp_path: Path) -> None:
    def kill(done: int, total: int, note: str = "") -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(PLAN, data, tmp_path, pool=2, on_progress=kill)
    assert record(tmp_path)["demonstrations"] == {"block-insertion": [0, 1]}
    train(PLAN, data, tmp_path, pool=3)
    found = record(tmp_path)
    assert (found["demonstrations"], found["pool"]) == ({"block-insertion": [0, 1]}, {"block-insertion": 2})


def test_an_agent_needs_a_number_of_steps(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_agent("state-mlp"), "config_type", make_dataclass("Nothing", []))
    with pytest.raises(ConfigError, match="Nothing needs a field steps: int"):
        train(changed(agent="state-mlp", config={}), data, tmp_path / "other")


def test_a_run_goes_on_with_the_threads_it_was_begun_with(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--demos", "2", "--steps", "2", "--val-episodes", "0", "--config", json.dumps(SMALL)]
    words = ["train", "transporter", "block-insertion", *options, "--data", str(data), "--out", str(tmp_path)]
    real, saved = Agent.save_training, []

    def save_once(agent: Agent[Any], path: Path, step: int) -> None:
        real(agent, path, step)
        saved.append(step)
        if len(saved) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Agent, "save_training", save_once)
    monkeypatch.setattr(module, "available_cores", lambda: 5)
    assert main([*words, "--threads", "1"]) == 130
    assert main(words) == 0
    assert record(tmp_path)["plan"]["threads"] == 1 and saved == [2]
    assert main([*words, "--threads", "2"]) == 1


def test_threads_of_torch_are_as_before_afterwards(data: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(PLAN, data, tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_run_is_validated_and_tested_where_its_demonstrations_come_from(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, data with moved cameras or another image size were validated in one environment and tested in another."""
    seen: list[dict[str, Any]] = []
    for where in (validation, evaluation):
        real = where.make_environment

        def make(task: str, split: str, arguments: Any, real: Any = real) -> Any:
            seen.append({"split": split, **arguments})
            return real(task, split, arguments)

        monkeypatch.setattr(where, "make_environment", make)
    train(changed(steps=2, val_episodes=1), data, tmp_path)
    evaluate(str(tmp_path), episodes=1)
    own = {"image_size": [24, 32], "randomize": ["camera"], "observe": ["images"], "renderer": seen[0]["renderer"]}
    assert seen == [{"split": "val", **own}, {"split": "test", **own}]
    assert record(tmp_path)["environments"]["block-insertion"]["arguments"] == own
    with pytest.raises(ConflictError, match=r"image_size \[24, 32\], and \[48, 64\] is asked for"):
        evaluate(str(tmp_path), episodes=1, arguments={"image_size": [48, 64]})


def test_one_run_learns_several_tasks_and_is_evaluated_on_each(data: Path, tmp_path: Path) -> None:
    tasks = ("block-insertion", "place-red-in-green")
    plan = changed(agent="state-mlp", tasks=tasks, config={"width": 8}, val_episodes=1)
    assert train(plan, data, tmp_path).val_score is not None
    assert tasks_of(str(tmp_path)) == tasks
    with pytest.raises(ConfigError, match=r"Say which task \(block-insertion, place-red-in-green\)"):
        evaluate(str(tmp_path), episodes=1)
    paths = [evaluate(str(tmp_path), task, episodes=1).path.name for task in tasks]
    assert paths == ["block-insertion-test.json", "place-red-in-green-test.json"]


@pytest.mark.parametrize(
    ("agent", "task", "said"),
    [
        (
            "waypoint-mlp",
            "block-insertion-continuous",
            "'state', 'tip_pose', 'gripper_state'.*--observe .*proprioception; .* when they are collected",
        ),
        ("waypoint-mlp", "block-insertion", "gives actions of control waypoint"),
        ("transporter", "block-insertion-continuous", "gives actions of control primitive"),
    ],
)
def test_an_agent_refuses_what_it_cannot_use(data: Path, tmp_path: Path, agent: str, task: str, said: str) -> None:
    if task.endswith("-continuous"):
        collect(task, episodes=1, data=data, arguments={"image_size": [24, 32]})
    with pytest.raises(ConfigError, match=said):
        train(changed(agent=agent, tasks=(task,), demos=1, config={}), data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_demonstrations_are_a_random_subset_without_replacement() -> None:
    seeds = range(0, 100, 3)
    chosen = choose_demonstrations(seeds, 10, seed=1, task="block-insertion")
    assert len(set(chosen)) == 10 and set(chosen) <= set(seeds)
    assert chosen == choose_demonstrations(list(reversed(seeds)), 10, seed=1, task="block-insertion")
    assert chosen != choose_demonstrations(seeds, 10, seed=2, task="block-insertion")
    with pytest.raises(MissingDataError, match=r"35 demonstrations of block-insertion .* there are 34: collect more"):
        choose_demonstrations(seeds, 35, seed=0, task="block-insertion")


def test_demonstrations_of_a_task_that_has_changed_since_are_refused_before_the_first_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = load_task("block-insertion")[0].primitive
    other = type("Other", (type(real),), {"poses": ("grip", "drop")})()
    monkeypatch.setattr(load_task("block-insertion")[0], "primitive", other)
    plan = changed(agent="state-mlp", config={}, val_episodes=1)
    with pytest.raises(ConflictError, match=r"has changed since .* action 'drop' was absent"):
        train(plan, data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("observation_keys", "state", r"observation_keys of state-mlp must be a tuple of names, \('state',\)"),
        ("observation_keys", None, r'must be a tuple of names, \("color", "depth"\); it is None'),
        ("controls", ("waypoints",), "controls of state-mlp has 'waypoints': there are primitive and waypoint"),
        ("conditions", "instruction", r"must be a tuple of names, \('instruction',\)"),
        ("action_keys", (1,), r'must be a tuple of names, \("color", "depth"\); it is \(1,\)'),
        ("config_type", None, "config_type of state-mlp must be a dataclass of its settings.*it is None"),
        ("config_type", dict, "must be a dataclass of its settings"),
    ],
)
def test_what_an_agent_says_of_itself_is_checked_first(
    attribute: str, value: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comma was missing: letters were looked for among what is observed, or an attribute ended in a traceback."""
    monkeypatch.setattr(load_agent("state-mlp"), attribute, value)
    with pytest.raises(ConfigError, match=said):
        check_plan(changed(agent="state-mlp", config={}))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("controls", {"primitive"}), ("conditions", frozenset()), ("observation_keys", ["state"]), ("action_keys", {})],
)
def test_names_that_an_agent_gives_in_another_collection_are_taken(
    attribute: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_agent("state-mlp"), attribute, value)
    check_plan(changed(agent="state-mlp", config={}))


def test_a_gpu_for_an_agent_that_takes_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_agent("state-mlp"), "config_type", make_dataclass("Own", [("steps", int, 5)]))
    with pytest.warns(RavensWarning, match="--device cuda changes nothing: the settings of state-mlp have no device"):
        check_plan(changed(agent="state-mlp", config={}, device="cuda"))


def test_a_run_on_many_tasks_has_a_name_that_a_file_system_takes(tmp_path: Path) -> None:
    """Without --out, a run on all tasks that are told in words could not begin."""
    tasks = tuple(f"separating-piles-{number}" for number in range(20))
    names = {changed(tasks=each, seed=3).name for each in (tasks, tasks[::-1], tasks[:-1])}
    assert len(names) == 3
    for name in names:
        (tmp_path / name).mkdir()
        assert name.startswith("separating-piles-") and name.endswith("-2-3")
    assert changed(tasks=tasks[:2]).name == "separating-piles-0+separating-piles-1-2-0"


def test_an_unfinished_agent_is_named(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from ravens_suite.agents.base import Agent\n"
        "class Mine(Agent):\n"
        "    name = 'mine'\n"
        "    def act(self, observation): return {}\n"
    )
    with pytest.raises(ConfigError, match="lacks fit_step, make_dataset, set_training_state"):
        train(changed(agent=f"{tmp_path}/mine.py:Mine", config={}), data, tmp_path / "run")
