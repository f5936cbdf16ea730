"""``ravens-suite agents AGENT``: what there is to set."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ravens_suite.agents.base import config_from_json
from ravens_suite.cli.main import main
from ravens_suite.errors import ConfigError
from ravens_suite.registry import agent_names, forecaster_names, load_trainee

OWN = '''
"""An agent of a user's own."""
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Literal
from ravens_suite.agents.base import Agent
from ravens_suite.agents.common.settings import setting


@dataclass(frozen=True)
class Settings:
    """Settings.

    Attributes:
        steps (int): gradient steps,
            all of them.
        mode: which of ``two`` ways.

    Nothing: of this is a setting.
    """

    folder: str
    steps: int = setting(20, least=1, most=100)
    mode: Literal["fast", "slow"] = "fast"
    sizes: tuple[int, ...] = setting((1, 2), least=0, items=(1, 3))
    encoder: str = setting("own", choices=("own", "other"), names="code")
    rate: float | None = setting(None, above=0)
    """How fast it
    learns."""
    kinds: list[str] = field(default_factory=lambda: ["a"])
    made: int = field(default=3, init=False)


class Mine(Agent):
    name = "mine"
    config_type = Settings
    observation_keys = ("color", "own_key")
    acting_settings = ("mode",)


class Unset(Agent):
    name = "unset"
    observation_keys = ()
'''


def described(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    assert main(["agents", name, "--json"]) == 0
    printed = capsys.readouterr()
    found: dict[str, Any] = json.loads(printed.out.splitlines()[-1])
    return found, printed.out + printed.err


@pytest.mark.parametrize("name", [*agent_names(), *forecaster_names()])
def test_every_setting_of_every_agent_is_shown_with_what_it_is_for(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, text = described(name, capsys)
    config_type = load_trainee(name).config_type
    assert [row["name"] for row in found["settings"]] == [item.name for item in fields(config_type)]
    for row in found["settings"]:
        assert row["text"], row["name"]
        assert "  " not in row["text"] and not row["text"].endswith(":")
        assert f"\n{row['name']}" in text and row["type"] != "value" and row["range"] in text
    usual = {row["name"]: row["default"] for row in found["settings"] if not row["required"]}
    assert config_from_json(config_type, usual) == config_type()
    assert found["forecaster"] is (name in forecaster_names())
    assert "Settings of" in text and f"ravens-suite train {name} TASK --config" in text


@pytest.mark.parametrize("name", [*agent_names(), *forecaster_names()])
def test_limits_that_are_shown_are_those_that_are_checked(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = described(name, capsys)
    config_type = load_trainee(name).config_type
    limited = 0
    for row in found["settings"]:
        several = row["type"].startswith("list of ")
        for limit, beyond in (("least", -1), ("most", 1), ("above", 0), ("below", 0)):
            if limit in row["limits"]:
                value = row["limits"][limit] + beyond
                with pytest.raises(ConfigError, match=row["name"]):
                    config_from_json(config_type, {row["name"]: [value] * 2 if several else value})
                limited += 1
        if "choices" in row["limits"]:
            with pytest.raises(ConfigError, match=row["name"]):
                config_from_json(config_type, {row["name"]: "none of them"})
            assert ", ".join(row["limits"]["choices"]) in row["range"]
            limited += 1
    assert limited


def test_settings_of_ones_own_agent_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    found, text = described("mine.py:Mine", capsys)
    rows = {row.pop("name"): row for row in found["settings"]}
    assert list(rows) == ["folder", "steps", "mode", "sizes", "encoder", "rate", "kinds"]
    assert rows["folder"]["required"] and not rows["steps"]["required"]
    assert [row["default"] for row in rows.values()] == [None, 20, "fast", [1, 2], "own", None, ["a"]]
    assert [row["type"] for row in rows.values()] == [
        "text",
        "whole number",
        "text",
        "list of whole numbers",
        "text",
        "number or null",
        "list of texts",
    ]
    assert [row["range"] for row in rows.values()] == [
        "",
        "at least 1 and at most 100",
        "one of fast, slow",
        "1 to 3 of them, each at least 0",
        "one of own, other, or package.module:name or file.py:name of yours",
        "above 0",
        "",
    ]
    assert [row["text"] for row in rows.values()] == [
        "",
        "gradient steps, all of them.",
        "which of two ways.",
        "",
        "",
        "How fast it learns.",
        "",
    ]
    assert [name for name, row in rows.items() if row["after_training"]] == ["mode"]
    assert '\nmode*: text, default "fast", one of fast, slow\n    which of two ways.\n' in text
    assert "\nfolder: text, no default\n" in text and "ravens-suite reconfigure" in text
    assert """--config '{"folder": "..."}'""" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("transportr", "Did you mean 'transporter'?"),
        ("block-insertion", "There is no agent named 'block-insertion'"),
        ("none.py:Mine", "none.py"),
        ("mine.py:None", "None"),
        ("mine.py:Settings", "is not an agent: derive the class"),
        ("mine.py:Unset", "Unset must set config_type to a dataclass of its settings, not to None"),
    ],
)
def test_what_has_no_settings_is_named(
    name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    assert main(["agents", name]) == 1
    said = capsys.readouterr().err
    assert words in said and len(said.strip().splitlines()) == 1


def test_the_list_says_how_to_see_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agents"]) == 0
    assert "ravens-suite agents AGENT shows the settings of one" in capsys.readouterr().out
