"""``ravens-suite agents``."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.cli.help_texts import field_texts
from ravens_suite.cli.listing import describe_all, say_broken, say_table

if TYPE_CHECKING:
    from ravens_suite.agents.base import Trainee

_WIDTH = 100
"""Columns of the texts about settings."""


@dataclass(frozen=True)
class Agents(OutputOptions):
    """List every learning agent: what it observes, the actions it gives, and what it can be told.

    With the name of one: every setting that --config takes, with its type, default, range and purpose.
    """

    agent: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[AGENT]")] = None
    """Name of an agent or a forecaster, or file.py:Class or package.module:Class of yours."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        if self.agent is not None:
            self._describe(console, self.agent)
            return
        from ravens_suite.registry import agent_names, forecaster_names

        rows, broken = describe_all("agent", agent_names(), _row)
        table = [("agent", "collect with --observe", "control", "can be told", "tilts", "observation keys")]
        table += [
            (
                row["agent"],
                *(" ".join(row[key]) or "-" for key in ("observe", "controls", "conditions")),
                "yes" if row["tilts"] else "no",
                " ".join(row["keys"]),
            )
            for row in rows
        ]
        say_table(console, table)
        console.say("\nCan be told: what it is conditioned on, where that is observed (--observe images instruction).")
        console.say("Tilts: whether its poses may tilt the tool, or only turn it about the vertical axis.")
        console.say("An agent of yours: file.py:Class or package.module:Class in place of the name.")
        console.say(
            f"Trained likewise, but they watch instead of acting (forecasters): {', '.join(forecaster_names())}."
        )
        console.say("ravens-suite agents AGENT shows the settings of one: types, defaults, ranges and purposes.")
        say_broken(console, "agent", broken)
        console.result({"agents": rows, "forecasters": forecaster_names(), "broken": broken})

    def _describe(self, console: Console, name: str) -> None:
        from ravens_suite.registry import is_forecaster, load_trainee

        trainee = load_trainee(name)
        described = {
            **_described(name, trainee),
            "forecaster": is_forecaster(name),
            "settings": _settings_of(trainee),
        }
        console.say(f"{name}{' (a forecaster: it watches episodes instead of acting)' * described['forecaster']}")
        for title, key in (
            ("collect with --observe", "observe"),
            ("control", "controls"),
            ("can be told", "conditions"),
        ):
            console.say(f"{title:<24}{' '.join(described[key]) or '-'}")
        console.say(f"\nSettings of {trainee.config_type.__name__}:")
        for setting in described["settings"]:
            _say_setting(console, setting)
        console.say(f"\nOthers than the defaults: ravens-suite train {name} TASK --config '{_example(described)}'.")
        if any(each["after_training"] for each in described["settings"]):
            console.say("Those marked with * may be changed after training, too: ravens-suite reconfigure.")
        console.result(described)


def _row(name: str) -> dict[str, Any]:
    from ravens_suite.registry import load_agent

    return _described(name, load_agent(name))


def _described(name: str, trainee: type[Trainee[Any]]) -> dict[str, Any]:
    from ravens_suite.core.observations import groups_with

    return {
        "agent": name,
        "observe": list(groups_with(trainee.observation_keys)),
        "controls": list(trainee.controls),
        "conditions": list(trainee.conditions),
        "tilts": trainee.tilts,
        "keys": list(trainee.observation_keys),
    }


def _settings_of(trainee: type[Trainee[Any]]) -> list[dict[str, Any]]:
    """Every setting in JSON values; what it is for may also stand below its field."""
    found = trainee.described_settings()
    below = field_texts(trainee.config_type)
    return [
        {
            **setting.to_json(),
            "text": setting.text or below.get(setting.name, ""),
            "after_training": setting.name in trainee.acting_settings,
        }
        for setting in found
    ]


def _say_setting(console: Console, setting: Mapping[str, Any]) -> None:
    """Two lines or more: what it may be, and what it is for."""
    default = "no default" if setting["required"] else f"default {json.dumps(setting['default'])}"
    may_be = ", ".join(filter(None, (setting["type"], default, setting["range"])))
    console.say(f"\n{setting['name']}{'*' if setting['after_training'] else ''}: {may_be}")
    for line in textwrap.wrap(setting["text"], _WIDTH - 4, break_on_hyphens=False):
        console.say(f"    {line}")


def _example(described: Mapping[str, Any]) -> str:
    """Settings as ``--config`` takes them: all without a default, or else one; steps and device are options."""
    settings = [each for each in described["settings"] if each["name"] not in ("steps", "device")]
    chosen = [each for each in settings if each["required"]] or settings[:1]
    return json.dumps({each["name"]: "..." if each["required"] else each["default"] for each in chosen})
