"""Values of options: how they are written, what help says of them, and which are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_environment import TASK

from ravens_suite.cli.commands import COMMANDS
from ravens_suite.cli.main import main, parse


@pytest.mark.parametrize("name", COMMANDS)
def test_help_speaks_of_values_not_of_types(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    assert not re.search(r"\b(STR|INT|FLOAT)\b|\{None\}|default: None|default: \)|\[bold\]", text)


@pytest.mark.parametrize(
    ("written", "option", "value"),
    [
        (["--tasks", "a", "b"], "tasks", ("a", "b")),
        (["--tasks", "a,b"], "tasks", ("a", "b")),
        (["--tasks=a,b"], "tasks", ("a", "b")),
        (["--tasks", "a,", "b"], "tasks", ("a", "b")),
        (["--demos", "1,10"], "demos", (1, 10)),
        (["--demos", "1", "10"], "demos", (1, 10)),
        (["--seeds", "3"], "seeds", (3,)),
        (["--agents", "a,b", "c"], "agents", ("a", "b", "c")),
        (["--observe", "images,state"], "observe", ("images", "state")),
        (["--observe", "images", "state"], "observe", ("images", "state")),
        (["--image-size", "240", "320"], "image_size", (240, 320)),
        (["--image-size", "240,320"], "image_size", (240, 320)),
    ],
)
def test_lists_are_written_with_spaces_or_commas(written: list[str], option: str, value: object) -> None:
    given = [] if option == "tasks" else ["--tasks", "t"]
    given += [] if option == "agents" else ["--agents", "a"]
    assert getattr(parse(["benchmark", *given, *written]), option) == value


def test_tasks_to_collect_are_written_with_spaces_or_commas() -> None:
    assert parse(["collect", "a,b", "c", "--episodes", "1"]).tasks == ("a", "b", "c")  # type: ignore[attr-defined]
    assert parse(["train", "agent", "--tasks", "a,b"]).tasks == ("a", "b")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["collect", TASK, "--image-size", "240"], "takes 2 values, not 1"),
        (["collect", TASK, "--image-size", "1", "2", "3"], "takes 2 values, not 3"),
        (["collect", TASK, "--image-size", "a", "b"], "'a' is no whole number"),
        (["collect", TASK, "--episodes", "1.5"], "'1.5' is no whole number"),
        (["collect", TASK, "--episodes", "nan"], "'nan' is no whole number"),
        (["collect", TASK, "--episodes", "9" * 5000], "is no whole number"),
        (["collect", TASK, "--observe", "imags"], "'imags' is not one of images, segmentation"),
        (["benchmark", "--agents", "a", "--tasks", "b", "--demos", "1,x"], "'x' is no whole number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_without_markup(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    complaint = " ".join(line.strip("│ ") for line in capsys.readouterr().err.splitlines())
    assert stop.value.code == 2 and said in complaint and "[bold]" not in complaint


_TRAIN = ["train", "state-mlp", "block-insertion"]
_BENCHMARK = ["benchmark", "--agents", "state-mlp", "--tasks", "block-insertion"]


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        (["collect", TASK], "--episodes", ["-1", "0", "1000001", str(10**30)]),
        (["collect", TASK], "--workers", ["-1", "0", "5000", str(10**30)]),
        (["evaluate", "oracle", TASK], "--episodes", ["-1", "0", "1000001"]),
        (["evaluate", "oracle", TASK], "--first-seed", ["-1", str(2**63), str(10**30)]),
        (_TRAIN, "--seed", ["-1", str(2**63), str(2**64), str(10**30)]),
        (_TRAIN, "--demos", ["-1", "0", str(10**30)]),
        (_TRAIN, "--steps", ["-1", "0", str(10**30)]),
        (_TRAIN, "--candidates", ["-1", "0", str(10**12)]),
        (_TRAIN, "--threads", ["-1", "0", "100000"]),
        (_TRAIN, "--val-episodes", ["-1", str(10**30)]),
        (_BENCHMARK, "--demos", ["-1", "0", "1,0"]),
        (_BENCHMARK, "--seeds", ["-1", "0,-1", str(2**64)]),
        (_BENCHMARK, "--pool", ["-1", str(10**30)]),
        (_BENCHMARK, "--workers", ["-1", "0", str(10**30)]),
        (_BENCHMARK, "--episodes", ["-1", "0", str(10**30)]),
        (["quickstart"], "--steps", ["-1", "0"]),
        (["quickstart"], "--demos", ["-1", "0", str(10**30)]),
        (["quickstart"], "--episodes", ["-1", "0", str(10**30)]),
        (["quickstart"], "--workers", ["-1", "0", str(10**30)]),
        (["report", "runs"], "--films", ["-1", str(10**30)]),
        (["report", "runs"], "--scenes", ["-1"]),
        (["report", "runs"], "--failures", ["-1"]),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line_before_anything_is_written(
    command: list[str], option: str, values: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in values:
        assert main([*command, option, value]) == 1, value
        complaint = capsys.readouterr().err
        name = "--threads|--workers" if option == "--workers" else "--seeds?" if option == "--seeds" else option
        assert re.fullmatch(rf"ravens-suite: ({name}) must be at (least|most) .*\n", complaint), complaint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ['{"camera_noise": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, "5", "[1]"])
def test_what_is_no_json_object_is_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", TASK, "--environment", text]) == 1
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1 and "--environment" in complaint
