"""``ravens-suite tasks TASK``: what a task says."""

from __future__ import annotations

import json

import pytest

from ravens_suite.cli.main import main


def described(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], str]:
    assert main(["tasks", name, "--json"]) == 0
    printed = capsys.readouterr()
    text, _, line = printed.out.rstrip().rpartition("\n")
    found: dict[str, object] = json.loads(line)
    return found, text + printed.err


def test_a_task_says_all_its_forms_and_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    found, text = described("towers-of-hanoi-seq", capsys)
    assert found["task"] == "towers-of-hanoi-seq"
    forms = found["forms"]
    assert isinstance(forms, dict)
    assert forms["plain"] == ["move the {ring} to the {rod}"]
    assert forms["plain"][0] in forms["training"]
    assert not set(forms["training"]) & set(forms["held-out"])
    said = found["said"]
    assert isinstance(said, list)
    assert len(said) == 7
    for sentence in (*forms["training"], *forms["held-out"], *said):
        assert sentence in text


def test_a_task_says_what_its_sentence_could_name_instead(capsys: pytest.CaptureFixture[str]) -> None:
    found, text = described("put-block-in-bowl-seen", capsys)
    (said,), (others,) = found["said"], found["could_mean"]  # type: ignore[misc]
    assert f"  {said}; or: " in text
    assert {words.split()[-1] for words in others} == {"blocks", "bowl"}
    assert not any(words in said for words in others)


def test_an_unknown_task_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "towers-of-hanoy-seq"]) == 1
    assert "Did you mean 'towers-of-hanoi-seq'?" in capsys.readouterr().err
