"""The scripts that measure write to the committed results only when they are told to."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.core.observations import ArraySpec, Interface
from ravens_suite.data.atomic import read_json, write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.data.tables import record_row
from ravens_suite.errors import ConflictError
from ravens_suite.training.settings import TrainingPlan, TrainingSettings

_SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_nothing_is_written_to_results_unless_out_says_so(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    for option in re.findall(r"""add_argument\(\s*"--out".*""", source):
        assert "default" not in option, option
    code = re.sub(r'"""[\s\S]*?"""', "", source)
    written = [line for line in code.splitlines() if re.search(r"[\"']results\b", line)]
    read = [line for line in written if "--scores" in line or "PUBLISHED" in line]
    assert written == read, set(written) - set(read)


@pytest.mark.parametrize("script", _SCRIPTS, ids=lambda path: path.stem)
def test_whatever_is_written_says_of_which_commit_it_is(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    if '"--out"' in source:
        assert re.search(r"\bcommit\(|\bprovenance\(|made_by\(|\"commit\"", source)


def test_a_measurement_notes_its_command_without_where_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--tasks", "a b", "--out", "/y/z.json", "--out=z", "-q"]
    monkeypatch.setattr("sys.argv", ["/x/benchmarks/states.py", *words])
    made = functions_of("made_by", monkeypatch)["made_by"]()
    assert made["command"] == "python benchmarks/states.py --tasks 'a b' -q"
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", made["commit"])


def functions_of(script: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.syspath_prepend(str(_SCRIPTS[0].parent))
    return runpy.run_path(str(next(path for path in _SCRIPTS if path.stem == script)))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["language", "none"], "There is no run in none: train one"),
        (["language", "torn"], "torn/run.json"),
        (["steps", "--task", "stack-block-pyramyd"], "Did you mean 'stack-block-pyramid'?"),
        (["steps", "--task", "put-block-in-bowl"], "The first build has no task put-block-in-bowl"),
        (["steps", "--runs", "0"], "--runs must be at least 1, not 0"),
        (["steps", "--out", "one"], "one"),
        (["column", "--tasks", "block-insertoin"], "Did you mean 'block-insertion'?"),
        (["column", "--timed", "0"], "--timed must be at least 1, not 0"),
        (["column", "--out", "one/run.json"], "one/run.json has no list of rows"),
        (["column", "--merge", "one/run.json"], "one/run.json has no list of rows"),
        (["acting", "none"], "There is no run in none: train one"),
        (["acting", "two"], "two was trained on 2 tasks: name runs of one task each"),
        (["acting", "one"], "There is no trained agent in one/policy"),
        (["acting", "told"], "told observes instruction, too: name runs that see images alone"),
        (["acting", "other"], "other is a run of state-mlp: name runs of transporter"),
        (["influence", "rank", "--agent", "state-mpl"], "Did you mean 'state-mlp'?"),
        (["influence", "rank", "--tasks", "block-insertoin"], "Did you mean 'block-insertion'?"),
        (["influence", "rank", "--config", "wide"], "--config is not JSON"),
        (["influence", "rank", "--out", "one/run.json"], "one/run.json has no list of runs"),
        (["weakspots", "none"], "none"),
        (["weakspots", "two"], "two was trained on 2 tasks"),
        (["weakspots", "random", "--task", "build", "--environment", "{"], "--environment is not JSON"),
        (["weakspots", "random", "--task", "build", "--axes", "smell"], "There is no axis 'smell' here"),
        (["calibration", "two"], "two was trained on 2 tasks"),
        (["language_probes", "none"], "No run in none was probed"),
        (["exchanged_outlook", "none", "one", "--tasks", "build"], "none"),
        (["robustness", "none"], "There is no run in none: train one"),
        (["robustness", "one"], "There is no robustness in one: measure it first"),
    ],
    ids=" ".join,
)
def test_what_is_named_wrongly_is_one_line(
    command: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended in a traceback, or in nothing at all."""
    monkeypatch.chdir(tmp_path)
    told = {"color": ArraySpec((3, 8, 8, 3), "uint8"), "instruction": ArraySpec((), "str")}
    for name, agent, tasks in (
        ("one", "transporter", ["build"]),
        ("two", "transporter", ["build", "build-tower"]),
        ("told", "transporter", ["build"]),
        ("other", "state-mlp", ["build"]),
    ):
        write_json(tmp_path / name / "run.json", {"plan": {"agent": agent, "tasks": tasks, "demos": 1}})
        if name in ("told", "other"):
            settings = {"agent": agent, "interface": Interface(told).to_json(), "config": {}}
            write_json(RunFolder(tmp_path / name).policy.settings, settings)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "run.json").write_text("{")
    script, *words = command
    monkeypatch.syspath_prepend(str(_SCRIPTS[0].parent))
    monkeypatch.setattr("sys.argv", [f"{script}.py", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(_SCRIPTS[0].parent / f"{script}.py"), run_name="__main__")
    message = str(ended.value.code)
    assert message.startswith(f"{script}.py: error: ") and said in message and "\n" not in message


def test_what_is_brought_back_is_a_share_of_what_wrong_demonstrations_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    script = functions_of("planted", monkeypatch)
    result = script["Result"]
    # Of each run: all demonstrations, without the wrong ones, without the first 3, without the first 5.
    one = [result(5.0, 20.0), result(1.0, 80.0), result(2.0, 50.0), result(1.0, 80.0)]
    other = [result(3.0, 40.0), result(1.0, 80.0), result(2.0, 60.0), result(3.0, 40.0)]
    row = script["recovered"]([one, other], [3, 5])
    assert row["score"] == {"all": 30.0, "without_wrong": 80.0, "without_first": {"3": 55.0, "5": 60.0}}
    assert row["score_brought_back"] == {"3": 0.5, "5": 0.6}
    assert row["unseen_loss_brought_back"] == {"3": 0.667, "5": 0.667}
    alone = [[result(2.0, None)] * 3]
    assert script["recovered"](alone, [3]) == {
        "unseen_loss": {"all": 2.0, "without_wrong": 2.0, "without_first": {"3": 2.0}},
        "unseen_loss_brought_back": {"3": None},
    }


def test_weak_spots_to_learn_from_are_taken_of_one_kind_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = functions_of("more_data", monkeypatch)["spread"]
    kinds = ["posts", "posts", "posts", "light", "noise", "noise"]
    scenes = SceneSet("weak", "block-insertion", tuple(SceneSpec(n, "train", kind=k) for n, k in enumerate(kinds)))
    assert [scene.seed for scene in spread(scenes, 5)] == [0, 3, 4, 1, 5]
    assert len(spread(scenes, 99)) == 6


def test_what_is_known_of_scenes_that_no_search_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    keep = functions_of("more_data", monkeypatch)["with_unsearched"]
    before = [{"command": "a", "unsearched": {"seeds": [1000, 1023]}}, {"command": "b"}]
    assert keep({"command": "a", "demos": 10}, before)["unsearched"] == {"seeds": [1000, 1023]}
    assert keep({"command": "a", "unsearched": {}}, before)["unsearched"] == {}
    assert keep({"command": "b"}, before) == {"command": "b"}


def test_world_models_without_anything_to_predict_have_no_errors_and_runs_have_names_of_their_own() -> None:
    script = runpy.run_path(str(next(path for path in _SCRIPTS if path.stem == "world_models")))
    nothing = {"pixels": 0, "windows": 0, "changed": 0.0, "persistence_changed": 0.0, "persistence_everywhere": 0.0}
    assert script["row"](nothing) == {"error": None, "share": None, "everywhere": None, "windows": 0}
    folders = [Path("runs/one/policy"), Path("runs/two/policy"), Path("policies/three"), Path("policies/four")]
    assert [script["name_of"](folder) for folder in folders] == ["one", "two", "three", "four"]


def test_the_table_of_seeds_says_what_its_means_are_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tasks that had one seed alone, and of a seed only where it had all of the others."""
    runs = {("align-box-corner", 0): 90, ("align-box-corner", 1): 100, ("align-box-corner", 2): 98}
    runs |= {("stack-block-pyramid", 0): 80, ("stack-block-pyramid", 1): 96, ("block-insertion", 0): 100}
    rows = [{"task": task, "seed": str(seed), "score": str(of), "strict": "50"} for (task, seed), of in runs.items()]
    assert functions_of("scores", monkeypatch)["spread"](rows, 1)[2:] == [
        "| align-box-corner | 90.0 | 100.0 | 98.0 | 96.0 | 10.0 | 50.0 % |",
        "| stack-block-pyramid | 80.0 | 96.0 |  | 88.0 | 16.0 | 50.0 % |",
        "| **mean of these 2** | 85.0 | 98.0 |  | 92.0 | 13.0 | 50.0 % |",
    ]


def test_an_interval_is_of_as_many_test_seeds_as_the_command_of_a_row_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was that of 100 seeds, whatever had been run."""
    script = functions_of("scores", monkeypatch)
    scores = {"task": "a", "score": "80", "strict": "80", "low": "70", "high": "88", "train_seconds": "60"}
    rows = [
        script["row"]({**scores, "commit": "abc", "command": f"ravens-suite benchmark{options}"}, 70.0)
        for options in ("", " --episodes 100 --steps 9", " --episodes=25", " --episodes 400")
    ]
    assert rows[0] == rows[1] and len(set(rows)) == 3
    widths = [
        int(high) - int(low) for low, high in (re.findall(r"\(([+-]\d+) to ([+-]\d+)\)", row)[-1] for row in rows)
    ]
    assert widths[2] > widths[1] > widths[3]


def test_no_colour_is_unseen_to_a_run_that_was_shown_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = functions_of("language", monkeypatch)

    def run(*tasks: str, demos: int = 10) -> RunFolder:
        write_json(tmp_path / "run.json", {"plan": {"tasks": tasks, "demos": demos}})
        return RunFolder(tmp_path)

    bowls = ["put-block-in-bowl-seen", "put-block-in-bowl-unseen"]
    assert sorted(script["columns"](run("put-block-in-bowl-unseen"))) == bowls
    assert script["columns"](run("put-block-in-bowl-full", "packing-shapes")) == ["packing-shapes", bowls[0]]
    monkeypatch.setattr("sys.argv", ["language.py", str(tmp_path), "--columns", bowls[1]])
    with pytest.raises(SystemExit):
        script["main"]()
    assert "can be judged in packing-shapes, put-block-in-bowl-seen, not in put-block-in-bowl-unseen" in (
        capsys.readouterr().err
    )
    run("put-block-in-bowl-seen", demos=7)
    with pytest.raises(SystemExit):
        script["main"]()
    assert "no published column" in capsys.readouterr().err


ROW = {"agent": "transporter", "task": "packing-shapes", "demos": 10, "seed": 0, "settings": {}}


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ({**ROW, "steps": 5}, False),
        ({**ROW, "split": "test", "tasks": 1}, False),
        ({**ROW, "split": "val"}, True),
        ({**ROW, "tasks": 8}, True),
        ({**ROW, "demos": 100}, True),
        ({**ROW, "seed": 1}, True),
        ({**ROW, "settings": {"batch": 4}}, True),
        ({**ROW, "agent": "form2fit"}, True),
    ],
)
def test_a_row_takes_the_place_of_that_of_the_same_run_alone(
    other: dict[str, Any], stays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of an agent and a task took each other's place, whatever their settings were."""
    script = functions_of("same_run", monkeypatch)
    new = {**ROW, "steps": 9}
    assert script["beside"]([other], [new]) == ([other, new] if stays else [new])
    if stays:
        assert script["beside"]([], [other, new]) == [other, new]
        one, two = script["names"]([other, new])
        assert one != two or other["agent"] != new["agent"]
    else:
        with pytest.raises(ConflictError, match="Two of the runs are of agent transporter"):
            script["beside"]([], [other, new])


def test_rows_are_named_by_what_tells_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    names = functions_of("same_run", monkeypatch)["names"]
    assert names([ROW, {**ROW, "task": "build", "demos": 1}]) == ["transporter"] * 2
    rows = [ROW, {**ROW, "settings": {"batch": 4, "angles": 8}}, {**ROW, "settings": {"batch": 6, "angles": 8}}]
    assert names(rows) == ["transporter", "transporter (batch 4, angles 8)", "transporter (batch 6, angles 8)"]


def test_a_row_of_before_that_does_not_say_its_settings_is_not_replaced_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = functions_of("same_run", monkeypatch)["beside"]
    before = {name: ROW[name] for name in ("agent", "task", "demos")}
    assert beside([before, {**before, "demos": 1}], [ROW]) == [{**before, "demos": 1}, ROW]
    assert "does not say its seed and settings" in capsys.readouterr().out
    assert beside([ROW], [ROW]) == [ROW] and not capsys.readouterr().out


def test_settings_of_a_run_are_those_that_are_no_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_of = functions_of("same_run", monkeypatch)["settings_of"]
    plan = TrainingPlan(agent="transporter", tasks=("block-insertion",)).to_json()
    usual = {"renderer": "tiny", "observe": ["images"]}
    record = {"plan": plan, "environments": {"block-insertion": {"arguments": usual}}}
    assert settings_of(record, "block-insertion") == {}
    settings = TrainingSettings(steps=9, val_episodes=0, threads=3)
    other = TrainingPlan(
        agent="transporter", tasks=("block-insertion",), settings=settings, config={"batch": 4}
    ).to_json()
    record = {"plan": other, "environments": {"block-insertion": {"arguments": {**usual, "image_size": [48, 64]}}}}
    found = settings_of(record, "block-insertion")
    assert found == {"batch": 4, "steps": 9, "val_episodes": 0, "image_size": [48, 64]}


def test_curves_of_two_runs_of_one_agent_stand_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = functions_of("robustness", monkeypatch)
    settings = {"small": {"angles": 8}, "large": {"angles": 72}, "again": {"angles": 8}}

    def rows_of(run: RunFolder) -> list[dict[str, Any]]:
        point = {"mean_score": 90.0}
        axes = {"light": {"grades": [point]}}
        return [{**ROW, "settings": settings[run.path.name], "steps": 7, "unchanged": point, "axes": axes}]

    monkeypatch.setitem(script["main"].__globals__, "rows_of", rows_of)

    def gather(*runs: str) -> list[dict[str, Any]]:
        monkeypatch.setattr("sys.argv", ["robustness.py", *runs, "--out", str(tmp_path / "out.json")])
        script["main"]()
        found: list[dict[str, Any]] = read_json(tmp_path / "out.json")["rows"]
        return found

    assert [row["settings"] for row in gather("small", "large")] == [{"angles": 8}, {"angles": 72}]
    assert "transporter (angles 8) light 90 90" in capsys.readouterr().out
    assert [row["settings"] for row in gather("again")] == [{"angles": 72}, {"angles": 8}]
    with pytest.raises(ConflictError, match="nothing tells their rows apart"):
        gather("small", "again")


def test_a_table_of_one_model_takes_no_other_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its means would be over columns of both, or the former's would be gone."""
    refuse = functions_of("language", monkeypatch)["refuse_another_run"]
    table, run = tmp_path / "out.csv", RunFolder(tmp_path / "run")
    row = {"agent": "transporter", "task": "packing-shapes", "demos": 10, "seed": 0, "tasks": 1}
    row["train_command"] = "ravens-suite train transporter packing-shapes --data data --threads=2"
    write_json(
        run.path / "run.json",
        {
            "plan": {"agent": "transporter", "tasks": ["packing-shapes"], "demos": 10, "seed": 0},
            "command": "ravens-suite train transporter packing-shapes --out run --threads 4",
        },
    )
    refuse(table, run, ["packing-shapes"])
    record_row(table, row, ("task",))
    refuse(table, run, ["packing-shapes"])
    record_row(table, {**row, "train_command": row["train_command"] + " --steps 9"}, ("task",))
    with pytest.raises(ConflictError, match=r"another run of transporter from 10 demonstrations .* --steps 9\): name"):
        refuse(table, run, ["packing-shapes"])
    refuse(table, run, ["build"])


@pytest.mark.parametrize(
    ("script", "held", "words"),
    [
        ("progress", {"build": {"steps": 9, "config": {}}}, ["build", "--data", "d", "--failing", "f", "--steps", "8"]),
        ("wrong_demonstrations", {"steps": 9, "influence": {}}, ["--steps", "8", "--work", "work"]),
    ],
)
def test_parts_that_were_measured_otherwise_are_not_mixed(
    script: str, held: dict[str, Any], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of other settings took the place of one, or stood beside settings that were not its own."""
    monkeypatch.chdir(tmp_path)
    write_json(tmp_path / "out.json", held)
    functions = functions_of(script, monkeypatch)
    monkeypatch.setattr("sys.argv", [script, *words, "--out", "out.json"])
    with pytest.raises(ConflictError, match=r"out\.json holds .* with steps 9, and it is 8 now: name another file"):
        functions["main"]()
    assert read_json(tmp_path / "out.json") == held
