"""The command line: exit statuses, one-line errors, one JSON object last."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import fake_environment
import pytest
from fake_environment import TASK

import ravens_suite
from ravens_suite.cli.commands import COMMANDS
from ravens_suite.cli.commands.evaluate import _notes
from ravens_suite.cli.commands.tasks import Tasks
from ravens_suite.cli.console import Console
from ravens_suite.cli.main import main
from ravens_suite.cli.progress import ConsoleProgress
from ravens_suite.data.atomic import write_json
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import CapabilityWarning, ConfigError
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.training.settings import TrainingPlan


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name}" in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_its_options_and_defaults(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    text = capsys.readouterr().out
    assert stop.value.code == 0
    assert "--json" in text
    assert "(default:" in text


@pytest.mark.parametrize("arguments", [[], ["colect"], ["collect", "--episodes", "many"], ["tasks", "--jsno"]])
def test_wrong_usage_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = int(str(stop.code))
    assert status == 2
    assert not capsys.readouterr().out


def test_an_unknown_command_suggests_one(capsys: pytest.CaptureFixture[str]) -> None:
    main(["colect"])
    assert capsys.readouterr().err == "ravens-suite: There is no command named 'colect'. Did you mean 'collect'?\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["collect"],
        ["collect", "fake-tusk"],
        ["collect", TASK, "--episodes", "0"],
        ["tasks", TASK, "--gallery", "sheet.png"],
        ["collect", TASK, "--environment", "{"],
        ["collect", TASK, "--workers", "0"],
        ["collect", TASK, "--engine", "steam"],
        ["evaluate", "no-such-run"],
        ["evaluate", "oracle"],
    ],
)
def test_failure_is_status_one_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ravens-suite: ")
    assert captured.err.count("\n") == 1


def test_agents_say_whether_they_can_be_told_and_tilt(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert main(["agents", "--json"]) == 0
    rows = {row["agent"]: row for row in json.loads(capsys.readouterr().out.splitlines()[-1])["agents"]}
    assert rows["transporter-six-dof"]["tilts"] and not rows["transporter"]["tilts"]
    assert rows["transporter"]["conditions"] == ["goal", "instruction"]
    assert main(["agents"]) == 0
    head, *table = capsys.readouterr().out.splitlines()
    assert "can be told" in head and "tilts" in head
    assert any(line.startswith("transporter-six-dof") and " yes " in line for line in table)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "without --observe images instruction, no agent can learn what to do"),
        (["--observe", "state"], "without --observe state instruction, no agent can learn what to do"),
        (["--observe", "instruction"], ""),
        (["--observe", "state", "goal"], ""),
        (["--observe", "instruction", "--environment", '{"wording": "held-out"}'], "held-out are kept for tests"),
        (["--observe", "instruction", "--environment", '{"wording": "held-out"}', "--split", "test"], ""),
    ],
)
def test_collect_says_where_no_sentence_can_be_learned_from(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise ConfigError("Stop here.")

    monkeypatch.setattr("ravens_suite.rollout.collect.collect", nothing)
    assert main(["collect", "put-block-in-bowl-seen", "block-insertion", "--workers", "1", *options]) == 1
    *notes, last = capsys.readouterr().err.splitlines()
    assert last.endswith("Stop here.")
    assert len([note for note in notes if said and said in note]) == len([note for note in notes if "note:" in note])
    assert bool(said) == any("note:" in note for note in notes)


def test_collect_of_a_run_that_is_told_does_not_say_that_it_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run knows what it observes; the options of the command do not repeat it."""

    def nothing(*_: Any, **__: Any) -> None:
        raise ConfigError("Stop here.")

    task, arguments = "put-block-in-bowl-seen", {"observe": ["images", "instruction"], "wording": "held-out"}
    run = {"plan": {"tasks": [task]}, "environments": {task: {"arguments": arguments}}}
    (tmp_path / "run.json").write_text(json.dumps(run))
    monkeypatch.setattr(PolicySpec, "parse", lambda text: PolicySpec("agent", "transporter", str(tmp_path / "policy")))
    monkeypatch.setattr("ravens_suite.rollout.collect.check_collection", lambda *_, **__: None)
    monkeypatch.setattr("ravens_suite.rollout.collect.collect", nothing)
    assert main(["collect", task, "--policy", str(tmp_path), "--workers", "1"]) == 1
    said = capsys.readouterr().err
    assert "no agent can learn what to do" not in said
    assert "held-out are kept for tests" in said


def test_collect_prints_its_figures_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", TASK, "--episodes", "3", "--workers", "1", "--data", "d", "--json"]) == 0
    out = capsys.readouterr().out
    row = json.loads(out.splitlines()[-1])
    keys = (
        "episodes attempts mean_score mean_score_interval_95 success_rate success_rate_interval_95 mean_steps failures"
    )
    assert set(row) == {*keys.split(), "seconds", "seconds_per_episode", "renderer"}
    assert (row["episodes"], row["attempts"]) == (3, 4)
    assert EpisodeStore.of("d", TASK, "train").seeds() == [0, 2, 3]
    assert main(["collect", TASK, "--episodes", "3", "--workers", "1", "--data", "d"]) == 0
    assert "3 episodes in d/fake-task/train" in capsys.readouterr().out


def test_evaluate_prints_and_records_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "oracle", TASK, "--episodes", "4", "--workers", "1", "--json", "--record", "oracle.csv"]
    assert main(command) == 0
    row = json.loads(capsys.readouterr().out)
    assert {"episodes", "mean_score", "success_rate", "success_rate_interval_95", "seconds"} <= set(row)
    table = Path("oracle.csv").read_text().splitlines()
    assert table == ["task,split,episodes,score,strict,mean_steps", "fake-task,test,4,82.5,75.0,2.25"]
    assert Path("runs/oracle/fake-task/test.json").exists()


def test_rows_of_other_policies_and_environments_stand_beside_those_of_the_oracle() -> None:
    command = ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", "o", "--record", "t.csv"]
    assert main(command) == 0
    assert main([*command, "--environment", '{"shade": 3}']) == 0
    assert main(["evaluate", "random", *command[2:]]) == 0
    assert main(command) == 0
    assert Path("t.csv").read_text().splitlines() == [
        "task,split,episodes,score,strict,mean_steps,environment,policy",
        "fake-task,test,1,100.0,100.0,2.0,,",
        'fake-task,test,1,100.0,100.0,2.0,"{""shade"": 3}",',
        "fake-task,test,1,30.0,0.0,3.0,,random",
    ]


def test_rows_of_policies_in_two_folders_stand_beside_each_other() -> None:
    folders = ["first/checkpoints/00000001", "first/checkpoints/00000009", "first/policy"]
    specs = [PolicySpec("agent", "transporter", folder) for folder in folders]
    plans = [EvaluationPlan(spec, TASK, "test", run=run) for spec, run in zip(specs, ["", "", "first"], strict=True)]
    assert [_notes(plan)["policy"] for plan in plans] == [f"transporter ({name})" for name in [*folders[:2], "first"]]


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "oracle", "", "--episodes", "1"],
        ["evaluate", "", TASK, "--episodes", "1"],
        ["evaluate", "oracle", TASK, "--episodes", "1", "--record", ""],
        ["collect", TASK, "--episodes", "1", "--data", ""],
        ["view", ""],
        ["report", "."],
        ["report", "x", "--out", ""],
        ["train", "", TASK],
    ],
    ids=" ".join,
)
def test_an_empty_name_or_path_is_wrong_usage(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if "" in command:
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 2
        assert "is empty: give a value" in " ".join(capsys.readouterr().err.replace("\u2502", " ").split())
    else:
        assert main(command) == 1


@pytest.mark.parametrize("path", [".", "/", ".."])
def test_a_file_is_not_written_over_a_folder(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", "o", "--record", path]
    assert main(command) == 1
    assert "a folder lies where a file is needed" in capsys.readouterr().err


def test_a_table_that_takes_no_row_is_refused_before_the_first_episode(capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.csv").write_text("name,value\na,1\n")
    command = ["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1", "--out", "o", "--record", "other.csv"]
    assert main(command) == 1
    assert "other.csv has columns name, value, not task, split" in capsys.readouterr().err
    assert not Path("o").exists()


@pytest.mark.parametrize("name", ["self", "disable_env_checker"])
def test_arguments_that_reach_no_environment_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["collect", TASK, "--episodes", "1", "--workers", "1", "--environment", json.dumps({name: True})]
    assert main(command) == 1
    assert f"fake-task has no option '{name}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["view", "d/x.safetensors", TASK], "go with --seed"),
        (["view", "d/x.safetensors", "--split", "val"], "go with --seed"),
        (["view", "d/x.safetensors", "--format", "png", "--out", "page.html"], "ends in .html"),
        (["view", "oracle", TASK, "--seed", str(10**30)], "--seed must be at most"),
        (["view", "run.json"], "is no episode"),
        (["view", "weights.safetensors"], "holds arrays, but no episode"),
    ],
    ids=str,
)
def test_what_view_cannot_show_is_said(command: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("run.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "U8", "shape": [40], "data_offsets": [0, 40]}}).encode()
    Path("weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(40))
    assert main(command) == 1
    complaint = capsys.readouterr().err
    assert said in complaint and "delete" not in complaint


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["influence", "run", "--out", "elsewhere"], "--drop"),
        (["influence", "run", "--val-episodes", "3"], "--drop"),
        (["import", "exported", "--from", "minari", "--force"], "--from arrays"),
        (["import", "exported", "--from", "lerobot", "--force"], "--from arrays"),
    ],
    ids=str,
)
def test_an_option_that_would_change_nothing_is_refused(
    command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 1
    assert said in capsys.readouterr().err


def test_control_c_keeps_what_is_done_and_is_status_130(tmp_path: Path) -> None:
    code = (
        # A shell starts what runs in the background with control-C ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import sys, time; sys.path.insert(0, sys.argv[1]); import fake_environment as f; f.register();"
        "from ravens_suite.cli.main import main;"
        "real = f.FakeEnvironment.step;"
        "f.FakeEnvironment.step = lambda *a: (time.sleep(0.1), real(*a))[1];"
        "sys.exit(main(['collect', f.TASK, '--episodes', '50', '--workers', '1', '--data', 'd']))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(fake_environment.__file__).parent)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    store = EpisodeStore.of(tmp_path / "d", TASK, "train")
    deadline = time.monotonic() + 30
    while len(store) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    _, complaint = run.communicate(timeout=30)
    assert run.returncode == 130
    assert complaint.splitlines()[-1] == "ravens-suite: stopped. What is done is kept; the same command continues."
    assert store.seeds()[:2] == [0, 2]
    assert all(store.intact(seed) for seed in store.seeds())


def test_progress_is_a_bar_on_a_terminal_and_plain_lines_elsewhere() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream in (Terminal(), io.StringIO()):
        with ConsoleProgress("work", stream) as progress:
            for done in range(1, 4):
                progress(done, 3, "fine")
        text = stream.getvalue()
        assert ("\r" in text) == stream.isatty()
        assert "3/3" in text


@pytest.fixture
def _without_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after ``pip install ravens-suite``: none of the libraries of the extras can be imported."""
    for name in list(sys.modules):
        if name.startswith(
            (
                "ravens_suite.agents",
                "ravens_suite.training.loop",
                "ravens_suite.training.resolved_config",
                "ravens_suite.training.run_record",
                "ravens_suite.execution.ray",
            )
        ):
            monkeypatch.delitem(sys.modules, name)
    for library in ("torch", "safetensors", "tensorboard", "minari", "h5py", "PIL", "ray"):
        for name in [name for name in sys.modules if name.startswith(f"{library}.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["train", "state-mlp", "block-insertion"], "train"),
        (["benchmark", "--agents", "transporter", "--tasks", "block-insertion"], "train"),
        (["quickstart", "--task", "block-insertion"], "train"),
        (["evaluate", "run", "--workers", "1"], "train"),
        (["report", "run"], "train"),
        (["collect", TASK, "--engine", "ray"], "ray"),
        (["export", "d", "--to", "minari"], "minari"),
    ],
)
@pytest.mark.usefixtures("_without_extras")
def test_without_an_extra_one_line_names_it(
    arguments: list[str], extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "d"]) == 0
    _make_run(Path("run"))
    capsys.readouterr()
    assert main(arguments) == 1
    *progress, complaint = capsys.readouterr().err.splitlines()
    assert not [line for line in progress if not line.startswith("report: ")]
    assert complaint.startswith("ravens-suite: ")
    assert re.search(rf"pip install .ravens-suite\[{extra}\]", complaint), complaint


@pytest.mark.usefixtures("_without_extras")
def test_what_needs_no_extra_works_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", TASK, "--episodes", "1", "--workers", "1", "--data", "d"]) == 0
    assert main(["evaluate", "oracle", TASK, "--episodes", "1", "--workers", "1"]) == 0
    assert main(["view", "d/fake-task/train/000000.safetensors"]) == 0


def _make_run(path: Path) -> None:
    """A finished run of an agent, with the curves of its training and without weights."""
    plan = TrainingPlan(agent="state-mlp", tasks=(TASK,)).to_json()
    environment = {"id": "ravens_suite/FakeTask-v0", "arguments": {}}
    state = {"step": 1, "seconds": 1.0, "best_step": 1, "best_score": None, "validation": {}}
    run = RunFolder(path)
    run.write_record({"plan": plan, "environments": {TASK: environment}, "training": state, "finished": True})
    write_json(run.policy.settings, {"agent": "state-mlp"})
    run.policy.weights.touch()
    run.logs.mkdir()
    (run.logs / "events.out.tfevents.1").touch()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/data/d"), "/data/d: permission denied"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (MemoryError(), "too little memory"),
        (ModuleNotFoundError("No module named 'jax'", name="jax"), "the library jax, which is not installed"),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(command: Tasks, console: Console) -> None:
        raise error

    monkeypatch.setattr(Tasks, "run", refuse)
    assert main(["tasks"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("ravens-suite: ") and complaint.count("\n") == 1 and said in complaint


def test_a_reader_that_has_ended_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(command: Tasks, console: Console) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    redirected: list[int] = []
    monkeypatch.setattr(Tasks, "run", write)
    monkeypatch.setattr(os, "dup2", lambda new, old: redirected.append(old))
    with Path(os.devnull).open("w") as reader:
        monkeypatch.setattr(sys, "stdout", reader)
        assert main(["tasks"]) == 141
        assert redirected == [reader.fileno()]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_a_reader_that_has_ended_before_the_help_is_no_error(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "ravens_suite", *arguments]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert capsys.readouterr().out == f"ravens-suite {ravens_suite.__version__}\n"
    assert ravens_suite.__version__ == metadata.version("ravens-suite")


@pytest.mark.parametrize(("given", "kept"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_that_wait_for_others_leave_their_core_alone(
    given: str | None, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    main(["--version"])
    assert os.environ["OMP_WAIT_POLICY"] == kept


def test_our_own_warnings_are_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(self: object, console: object) -> None:
        warnings.warn("It can\n  do less.", CapabilityWarning, stacklevel=1)
        warnings.warn("Of others.", FutureWarning, stacklevel=1)

    monkeypatch.setattr(COMMANDS["agents"], "run", warn)
    assert main(["agents"]) == 0
    first, *others = capsys.readouterr().err.splitlines()
    assert first == "ravens-suite: note: It can do less."
    assert "FutureWarning: Of others." in others[0]
