"""``ravens-suite influence`` as a job: of every agent that gives losses, on small runs; a second run costs little."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from ravens_suite.cli.main import main
from ravens_suite.core.observations import groups_with
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.locks import locked
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError, ConflictError, DamagedDataError, MissingDataError
from ravens_suite.insight import training_gradients
from ravens_suite.insight.cleaning import check_dropped, check_room, first_ranked, train_without
from ravens_suite.insight.decisions import decision_of
from ravens_suite.insight.influence import Question, decision_gradients, failed_seeds, find_influence
from ravens_suite.insight.influence_record import PICTURES, RECORD, read_influence
from ravens_suite.registry import agent_names, load_agent
from ravens_suite.report.influence import influence_sections
from ravens_suite.report.runs import find_runs
from ravens_suite.report.tables import made
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.training.loop import train
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

TASKS = {"primitive": "block-insertion", "waypoint": "block-insertion-continuous"}
TASK = "place-red-in-green"
SETTINGS = TrainingSettings(steps=6, val_episodes=0, threads=1, device="cpu")
PLAN_OF_TWO = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=2, settings=SETTINGS, keep_checkpoints=1)
SMALLEST: dict[str, dict[str, Any]] = {
    "transporter": {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4},
    "transporter-six-dof": {"widths": [2, 2, 2, 2], "depth": 1, "coarse_radius": 4, "fine_radius": 4, "angles": 4},
    "transporter-2020": {"widths": [4, 4, 4, 4, 4, 4, 4], "head": 4, "angles": 2, "crop": 16},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four demonstrations, states alone."""
    folder = tmp_path_factory.mktemp("data")
    collect(TASK, episodes=4, data=folder, arguments={"observe": ["state"]})
    return folder


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on them that kept two copies of its weights, evaluated on two test scenes."""
    run = tmp_path_factory.mktemp("runs") / "run"
    plan = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=4, settings=SETTINGS, keep_checkpoints=2)
    train(plan, data, run)
    evaluate(str(run), episodes=2)
    return run


@pytest.mark.parametrize("name", agent_names())
def test_any_agent_that_gives_losses_of_single_steps_can_be_asked(name: str, tmp_path: Path) -> None:
    agent = load_agent(name)
    if not agent.gives_example_losses():
        pytest.skip("gives no loss of a single step")
    task = TASKS[agent.controls[0]]
    arguments = {"image_size": [48, 64], "observe": list(groups_with(agent.observation_keys))}
    collect(task, episodes=2, data=tmp_path, arguments=arguments)
    plan = TrainingPlan(
        agent=name, tasks=(task,), demos=2, settings=SETTINGS, config=SMALLEST.get(name, {}), keep_checkpoints=2
    )
    train(plan, tmp_path, tmp_path / "run")
    question = Question(task, seed=0, label="oracle", step=0)
    found = find_influence(tmp_path / "run", tmp_path, [question], projection=64)
    assert len(found.demonstrations) == 2 and found.checkpoints == (2, 6) and found.projection == 64
    (decision,) = found.decisions
    assert decision.seed == 0 and decision.step == 0 and decision.action.keys() == decision.did.keys()
    named = [*decision.towards, *decision.away]
    assert named and all(-1 <= step.influence <= 1 and -1.001 <= step.cosine <= 1.001 for step in named)
    assert all((tmp_path / "run" / "influence" / PICTURES / step.picture).is_file() for step in [decision, *named])
    assert read_influence(RunFolder(tmp_path / "run")) == replace(
        found, decisions=read_influence(RunFolder(tmp_path / "run")).decisions
    )


def test_a_second_question_reads_the_gradients_and_gives_the_same(
    data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_influence(trained, data, [Question(TASK, 0)])

    def refuse(*_: Any) -> Any:
        raise AssertionError("computed again")

    monkeypatch.setattr(training_gradients, "step_gradients", refuse)
    new = {"commit": "new", "command": "more"}
    monkeypatch.setattr("ravens_suite.insight.influence.provenance", lambda: new)
    again = find_influence(trained, data, [Question(TASK, 1), Question(TASK, 0)])
    assert again.demonstrations == first.demonstrations
    asked = [decision.seed for decision in again.decisions]  # Other tests may have asked about this run, too.
    assert asked[-2:] == [1, 0] and asked.count(0) == 1, "a question asked again is answered once"
    assert json.dumps(again.decisions[1].did) == json.dumps(first.decisions[0].did)
    assert again.decisions[1].towards == first.decisions[0].towards
    noted = json.loads((RunFolder(trained).influence / "influence.json").read_text())["provenance"]
    assert noted["command"].endswith(" && more") and noted["commit"].split(" and ")[-1] == "new"


def test_a_second_process_that_would_lose_decisions_of_the_first_is_refused(data: Path, trained: Path) -> None:
    with (
        locked(RunFolder(trained).influence, "writing into"),
        pytest.raises(ConflictError, match=r"Another process is writing into .*influence: wait for it to end"),
    ):
        find_influence(trained, data)
    assert len(find_influence(trained, data).demonstrations) == 4


def test_natural_gradients_are_kept_and_say_what_bears_on_a_decision(data: Path, trained: Path) -> None:
    found = training_gradients.training_gradients(RunFolder(trained), data)
    assert found.natural is not None and found.natural.shape == (1, *found.gradients.shape[1:])
    again = training_gradients.training_gradients(RunFolder(trained), data)
    assert again.natural is not None and np.array_equal(again.natural, found.natural)
    with decision_of(RunFolder(trained), TASK, 0, step=0, label="oracle") as decision:
        asked = decision_gradients(RunFolder(trained), decision, training_gradients.PROJECTION)
    pushes = found.natural[0].astype(np.float64) @ asked[-1]
    (answer,) = [
        each
        for each in find_influence(trained, data, [Question(TASK, 0, step=0, label="oracle")]).decisions
        if each.label == "oracle"
    ]
    named = {(step.seed, step.step): step.influence for step in (*answer.towards, *answer.away)}
    expected = dict(zip([(step.seed, step.step) for step in found.steps], pushes / np.abs(pushes).max(), strict=True))
    assert named and named == pytest.approx({key: expected[key] for key in named})


def test_gradients_of_other_weights_or_damaged_ones_are_computed_anew(data: Path, trained: Path) -> None:
    first = find_influence(trained, data)
    (kept, *_) = sorted((trained / "influence").glob("gradients-*.safetensors"))
    kept.write_bytes(kept.read_bytes()[:-9])
    assert find_influence(trained, data).demonstrations == first.demonstrations
    assert find_influence(trained, data, projection=32).projection == 32
    assert find_influence(trained, data).demonstrations == first.demonstrations


def test_decisions_of_a_run_that_was_trained_anew_are_forgotten(data: Path, trained: Path) -> None:
    find_influence(trained, data, [Question(TASK, 0)])
    path = trained / "influence" / RECORD
    write_json(path, {**read_json(path), "weights": "of another run"})
    assert not find_influence(trained, data).decisions
    find_influence(trained, data, [Question(TASK, 0)])
    write_json(path, {**read_json(path), "method": "of another version"})
    assert not find_influence(trained, data).decisions


def test_what_a_copying_agent_did_has_no_loss_and_the_answer_says_so(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does just what its network says; no step would be named, and nobody would know why."""
    assert main(["influence", str(trained), "--data", str(data), "--decisions", "1"]) == 0
    said = capsys.readouterr().out
    assert "No step says anything about it" in said and "--label oracle" in said and "none" not in said
    answer = find_influence(trained, data, [Question(TASK, 0, step=0)]).decisions[-1]
    assert answer.unanswered and not (answer.towards or answer.away)
    asked = find_influence(trained, data, [Question(TASK, 0, step=0, label="oracle")]).decisions[-1]
    assert not asked.unanswered and asked.towards


def test_failed_scenes_are_asked_about_by_default(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = failed_seeds(trained, TASK)
    assert failed and not failed_seeds(trained, TASK, "val")
    assert main(["influence", str(trained), "--data", str(data), "--decisions", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert failed[0] in [decision["seed"] for decision in json.loads(out)["decisions"]]
    assert "wrong or rare" in err and "what the agent did" in err and "held-out loss" in err


def test_what_is_asked_now_is_answered_and_the_rest_is_counted(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    find_influence(trained, data, [Question(TASK, 5), Question(TASK, 6)])
    earlier = len(find_influence(trained, data).decisions)
    assert main(["influence", str(trained), "--data", str(data), "--seeds", "7"]) == 0
    told = capsys.readouterr().out
    assert told.count("test scene ") == 1 and "test scene 7 " in told
    assert f"{earlier} decisions were asked about before" in told


def test_failed_scenes_are_those_of_the_plain_evaluation_or_else_of_a_watched_one(
    trained: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run, ignore=shutil.ignore_patterns("eval"))

    def write(name: str, failed: int) -> None:
        results = [EpisodeOutcome(seed, 0.5, seed != failed, 1, "done").to_json() for seed in range(3)]
        write_json(run / "eval" / name, {"task": TASK, "results": results})

    assert failed_seeds(run, TASK) == []
    write("watched/watcher/test.json", 2)
    assert failed_seeds(run, TASK) == [2] and failed_seeds(run, "towers-of-hanoi") == []
    write("test.json", 1)
    assert failed_seeds(run, TASK) == [1]
    record = json.loads(RunFolder(run).record_path.read_text().replace(f'"{TASK}"', '"lab-task"'))
    record["environments"]["lab-task"]["id"] = ""
    RunFolder(run).write_record(record)
    assert failed_seeds(run, "lab-task") == [], "what was recorded elsewhere has no scenes to fail on"


def test_what_was_evaluated_before_a_run_was_trained_on_names_no_failed_scenes(
    trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    assert failed_seeds(run, TASK)
    path = RunFolder(run).evaluations / "test.json"
    value = json.loads(path.read_text())
    write_json(path, {**value, "policy": {**value["policy"], "fingerprint": "of other weights"}})
    assert failed_seeds(run, TASK) == []
    assert "is of other weights than the run holds now" in caplog.text and "--seeds" in caplog.text


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data of two rows of cubes, collected with a distractor, and a run on them."""
    folder = tmp_path_factory.mktemp("rows")
    collect("build-row", episodes=2, data=folder, arguments={"observe": ["state"], "distractors": 1})
    train(replace(PLAN_OF_TWO, tasks=("build-row",)), folder, folder / "run")
    return folder, folder / "run"


def test_decisions_may_be_on_a_task_that_was_not_learnt_with_options_of_its_own(
    builder: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = builder
    structure = {"structure": [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]]}
    evaluate(run, "build", episodes=2, arguments=structure)
    assert failed_seeds(run, "build", "test", structure) and not failed_seeds(run, "build")
    command = ["influence", str(run), "build", "--data", str(data), "--json"]
    assert main([*command, "--environment", json.dumps(structure), "--decisions", "1"]) == 0
    out, said = capsys.readouterr()
    (decision,) = json.loads(out)["decisions"]
    assert (decision["task"], decision["options"]) == ("build", structure)
    assert "build, structure [[0, 0, 0], [0, 1, 0], [0, 0.5, 1]], test scene" in said
    assert main([*command, "--seeds", str(decision["seed"])]) == 0
    assert [each["options"] for each in json.loads(capsys.readouterr().out)["decisions"]] == [structure, {}]
    shown = [each for each in find_runs(data) if each.task == "build"]
    assert sorted(each.test is None for each in shown) == [False, True], "the plain structure was not evaluated"
    for each in shown:
        (section,) = influence_sections([each])
        assert len(section.decisions) == 1 and not section.demonstrations


def test_decisions_about_scenes_that_nobody_evaluated_are_in_the_report(builder: tuple[Path, Path]) -> None:
    """As the command says: on other tasks, with options of a task, and with both."""
    data, run = builder
    gate = {"structure": [[0, 0, 0], [0, 1, 0]]}
    find_influence(run, data, [Question("build-tower", 2), Question("build", 3, arguments=gate)], projection=32)
    shown = {each.title: each for each in find_runs(data) if each.test is None}
    for title in ("build-tower", "build, structure [[0, 0, 0], [0, 1, 0]]"):
        (section,) = influence_sections([shown[title]])
        assert len(section.decisions) == 1
    assert not influence_sections([shown["build-row"]])[0].decisions


def test_what_contradicts_the_training_is_refused(
    builder: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data, run = builder
    shutil.rmtree(run / "influence", ignore_errors=True)
    with decision_of(RunFolder(run), "build-row", 0) as decision:
        assert any("distractor" in name for name in decision.episode.poses()), "as in its training"
    assert main(["influence", str(run), "--data", str(data), "--environment", '{"distractors": 0}']) == 1
    assert "was trained with distractors 1, and 0 is asked for now" in capsys.readouterr().err
    wrong = ["build", "--seeds", "0", "--environment", '{"structure": "tower of pisa"}']
    assert main(["influence", str(run), "--data", str(data), *wrong]) == 1
    assert "structure" in capsys.readouterr().err
    assert main(["influence", str(run), "--data", str(data), "--seeds", "0", "-1"]) == 1
    assert "--seeds must be at least 0" in capsys.readouterr().err
    assert not (run / "influence").exists(), "before minutes of gradients"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--seeds", "0", "--step", "50"], "--step must be below"),
        (["--seeds", "-1"], "--seeds must be at least 0"),
        (["--seeds", "0", "--step", "-1"], "--step must be at least 0"),
        (["--named", "0"], "--named must be at least 1"),
        (["--decisions", "-1"], "--decisions must be at least 0"),
        (["--projection", "-1"], "--projection must be at least 0"),
        (["--drop", "4", "--decisions", "0"], "--drop must be below the number of demonstrations, 4"),
        (["--drop", "-1", "--decisions", "0"], "--drop must be at least 1"),
        (["--drop", "1", "--val-episodes", "0"], "--val-episodes must be at least 1"),
        (["--drop", "1", "--drop-file", "x.json"], "give one of them"),
        (["towers-of-hanoy", "--seeds", "0"], "Did you mean 'towers-of-hanoi'?"),
        (["block-insertion-continuous", "--seeds", "0"], "gives actions of control primitive"),
        (["--seeds", "0", "--environment", "[]"], "--environment must be a JSON object"),
    ],
)
def test_what_has_no_answer_is_refused_in_one_line(
    data: Path, trained: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["influence", str(trained), "--data", str(data), *options]) == 1
    line = [line for line in capsys.readouterr().err.splitlines() if line.startswith("ravens-suite:")]
    assert len(line) == 1 and said in line[0]


def test_runs_that_cannot_be_asked_say_what_to_do(data: Path, trained: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="There is no run"):
        find_influence(tmp_path / "nothing", data)
    plan = TrainingPlan(agent="state-mlp", tasks=(TASK,), demos=4, settings=SETTINGS)
    train(plan, data, tmp_path / "run")
    with pytest.raises(MissingDataError, match="--keep-checkpoints 5"):
        find_influence(tmp_path / "run", data)
    run = RunFolder(tmp_path / "run")
    run.write_record({**run.record(), "finished": False})
    with pytest.raises(ConfigError, match="not finished"):
        find_influence(tmp_path / "run", data)
    # To train again with copies of the weights would not help those.
    for name, said in (("form2fit", "gives no loss of a single"), ("progress", "is a forecaster")):
        run.write_record({**run.record(), "plan": {**run.record()["plan"], "agent": name}})
        with pytest.raises(ConfigError, match=said):
            find_influence(tmp_path / "run", data)


def test_a_damaged_record_is_named_and_written_anew(data: Path, trained: Path) -> None:
    find_influence(trained, data)
    path = trained / "influence" / RECORD
    write_json(path, {**read_json(path), "demonstrations": [{"task": TASK}]})
    with pytest.raises(DamagedDataError, match=RECORD):
        read_influence(RunFolder(trained))
    assert len(find_influence(trained, data).demonstrations) == 4


def test_training_without_what_is_ranked_first_says_what_that_gained(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = find_influence(trained, data)
    dropped = first_ranked(found, 2)
    assert dropped == {TASK: sorted(each.seed for each in found.demonstrations[:2])}
    command = ["influence", str(trained), "--data", str(data), "--decisions", "0", "--drop", "2", "--workers", "1"]
    assert main([*command, "--out", str(tmp_path / "clean"), "--val-episodes", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    cleaned = json.loads(out)["cleaned"]
    record, first = RunFolder(tmp_path / "clean").record(), RunFolder(trained).record()["command"]
    assert record["command"].startswith(f"{first} && "), "without the first run, the command repeats nothing"
    assert first in made(find_runs(tmp_path))[0]["commands"]
    assert cleaned["dropped"] == dropped == record["plan"]["drop"]
    left = {each.seed for each in found.demonstrations} - set(dropped[TASK])
    assert record["demonstrations"] == {TASK: sorted(left)}
    assert cleaned[TASK]["before"]["episodes"] == cleaned[TASK]["after"]["episodes"] == 1
    assert "1 validation scenes: mean score" in err
    with pytest.raises(ConfigError, match="already trained without"):
        train_without(tmp_path / "clean", data, dropped)


def test_the_demonstrations_to_leave_out_can_be_named(data: Path, trained: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "drop.json", {TASK: [0]})
    command = ["influence", str(trained), "--data", str(data), "--decisions", "0", "--workers", "1"]
    options = ["--drop-file", str(tmp_path / "drop.json"), "--out", str(tmp_path / "clean"), "--val-episodes", "1"]
    assert main([*command, *options]) == 0
    assert 0 not in RunFolder(tmp_path / "clean").record()["demonstrations"][TASK]


def test_seeds_to_leave_out_may_be_numpys(trained: Path) -> None:
    check_dropped(trained, {TASK: np.array([0, 1])})
    with pytest.raises(ConfigError, match=r"The demonstration 99 of .* cannot be left out"):
        check_dropped(trained, {TASK: np.array([99, 0])})
    with pytest.raises(ConfigError, match="No demonstration is named"):
        check_dropped(trained, {TASK: np.array([], dtype=np.int64)})


def test_training_again_without_some_learns_from_nothing_that_was_collected_since(tmp_path: Path) -> None:
    tasks, data, more = (TASK, "block-insertion"), tmp_path / "data", tmp_path / "more"
    states = {"observe": ["state"]}
    for task, first, further in ((tasks[0], 2, 1), (tasks[1], 3, 2)):
        collect(task, episodes=first, data=data, arguments=states)
        collect(task, episodes=further, data=more, arguments=states)
    plan = replace(PLAN_OF_TWO, tasks=tasks, more_data=(str(more),), drop={tasks[1]: [0]})
    settings = replace(SETTINGS, steps=1)
    train(replace(plan, settings=settings), data, tmp_path / "run")
    before = RunFolder(tmp_path / "run").record()
    for task in tasks:
        collect(task, episodes=8, data=data, arguments=states)
        collect(task, episodes=3, data=more, arguments=states)
    train_without(tmp_path / "run", data, {tasks[0]: [1]}, val_episodes=1, out=tmp_path / "clean")
    after = RunFolder(tmp_path / "clean").record()
    assert before["demonstrations"][tasks[0]] == [0, 1]
    assert after["demonstrations"] == {**before["demonstrations"], tasks[0]: [0]}
    assert after["more_demonstrations"] == before["more_demonstrations"] == {str(more): {tasks[0]: [0], tasks[1]: [1]}}
    assert after["plan"]["drop"] == {tasks[0]: [1], tasks[1]: [0]} and after["pool"] == before["pool"]


def test_a_run_is_named_from_within_its_folder(
    data: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    monkeypatch.chdir(run)
    assert train_without(Path(), data, {TASK: [0]}, val_episodes=1).run == tmp_path / "run-without-1"


def test_a_damaged_evaluation_is_named(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    write_json(run / "eval" / "test.json", {"task": TASK})
    with pytest.raises(DamagedDataError, match=r"test\.json is damaged .* evaluate again"):
        failed_seeds(run, TASK)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"task": "none"}', "not a list of seeds"),
        (f'{{"{TASK}": [0, 99]}}', f"The demonstration 99 of {TASK} cannot be left out"),
        (f'{{"{TASK}": [0, 1, 2, 3]}}', f"No demonstration of {TASK} would be left"),
        ('{"block-insertion": [0]}', "Demonstrations of block-insertion cannot be left out"),
        (f'{{"{TASK}": []}}', "No demonstration is named"),
    ],
)
def test_a_wrong_file_of_demonstrations_is_refused_before_anything_is_computed(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str
) -> None:
    (tmp_path / "drop.json").write_text(text)
    assert main(["influence", str(trained), "--data", str(data), "--drop-file", str(tmp_path / "drop.json")]) == 1
    assert why in (said := capsys.readouterr().err) and "self-influence" not in said and "1/2" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--drop", "1"], "holds a run that no demonstrations were left out of, not 1: name another folder with --out"),
        (["--drop", "1", "--seed", "1"], "with seed 1, not 0"),
        (["--drop-file", "drop.json"], f"with drop {{}}, not {{'{TASK}': [0]}}"),
    ],
)
def test_a_folder_that_holds_another_run_is_named_before_anything_is_computed(
    data: Path,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "drop.json", {TASK: [0]})
    shutil.copytree(trained, "other")
    if "--seed" in options:  # One that lacks as many, but is of another plan.
        options, other = options[:2], RunFolder(tmp_path / "other")
        record = other.record()
        other.write_record({**record, "plan": {**record["plan"], "seed": 1, "drop": {TASK: [0]}}})
    command = ["influence", str(trained), "--data", str(data), "--decisions", "0", *options]
    assert main([*command, "--out", "other"]) == 1
    assert said in (told := capsys.readouterr().err) and "self-influence" not in told and "1/2" not in told


@pytest.mark.parametrize("dropped", [1, {TASK: [0]}])
def test_a_device_that_is_not_here_is_named_before_anything_is_computed(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dropped: Any
) -> None:
    """It was after all gradients, which need no GPU."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    shutil.copytree(trained, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.write_record({**run.record(), "plan": {**run.record()["plan"], "agent": "transporter", "device": "cuda"}})
    with pytest.raises(ConfigError, match="finds no GPU here"):
        check_room(run.path, dropped)
    shutil.copytree(run.path, again := tmp_path / "run-without-1")
    done = RunFolder(again).record()
    RunFolder(again).write_record({**done, "plan": {**done["plan"], "drop": {TASK: [0]}}})
    check_room(run.path, dropped)


def test_the_demonstrations_are_those_of_the_training_wherever_others_lie(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(data, "mine")
    train(PLAN_OF_TWO, Path("mine"), Path("run"))
    own = find_influence(Path("run"))
    assert own.demonstrations == find_influence(Path("run"), data).demonstrations
    collect(TASK, episodes=4, data=Path("data"), arguments={"observe": ["state"], "distractors": 1})
    with pytest.raises(ConflictError, match=r"distractors 0; those in data have 1\. Name .* --data"):
        find_influence(Path("run"), Path("data"))
    collect(TASK, episodes=4, data=Path("images"), arguments={"image_size": [48, 64]})
    with pytest.raises(ConflictError, match=r"image_size \[480, 640\]; those in images have \[48, 64\]"):
        find_influence(Path("run"), Path("images"))
    collect(TASK, episodes=4, data=Path("words"), arguments={"observe": ["instruction"]})
    with pytest.raises(ConflictError, match=r"observation 'state' is .*; in those in words it is absent"):
        find_influence(Path("run"), Path("words"))
    Path("mine").rename("moved")
    with pytest.raises(MissingDataError, match="--data"):
        find_influence(Path("run"))
    assert find_influence(Path("run"), Path("moved")).demonstrations == own.demonstrations


def test_demonstrations_of_one_seed_in_two_folders_are_two(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = tmp_path / "more"
    collect(TASK, episodes=2, data=more, arguments={"observe": ["state"], "perturb": {"crowding": 0.5}})
    train(replace(PLAN_OF_TWO, more_data=(str(more),)), data, tmp_path / "run")
    assert main(["influence", str(tmp_path / "run"), "--data", str(data)]) == 0
    told = capsys.readouterr().out
    found = read_influence(RunFolder(tmp_path / "run"))
    assert len(found.demonstrations) == 4 and {each.folder for each in found.demonstrations} == {"", str(more)}
    assert all(f"  {each.name}: self-influence" in told for each in found.demonstrations)
    assert len({each.name for each in found.demonstrations}) == 4
    with pytest.raises(ConfigError, match="in several folders"):
        first_ranked(replace(found, demonstrations=sorted(found.demonstrations, key=lambda each: each.seed)), 1)


def test_an_agent_in_a_file_of_ones_own_can_be_asked(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from ravens_suite.agents.state_mlp import StateMlp\n\n\nclass Mine(StateMlp):\n    name = 'mine-alone'\n"
    )
    plan = replace(PLAN_OF_TWO, agent=f"{file}:Mine")
    train(plan, data, tmp_path / "run")
    found = find_influence(tmp_path / "run", data, [Question(TASK, seed=0, label="oracle", step=0)], projection=64)
    assert len(found.demonstrations) == 2
    copied = RunFolder(tmp_path / "run").checkpoint(6).path
    assert PolicySpec.parse(str(copied)).name == PolicySpec.parse(str(tmp_path / "run" / "policy")).name == plan.agent
