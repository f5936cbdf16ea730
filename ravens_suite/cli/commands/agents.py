"""``ravens-suite agents``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console
from ravens_suite.cli.listing import describe_all, say_broken, say_table


@dataclass(frozen=True)
class Agents(OutputOptions):
    """List every learning agent: what it observes, the actions it gives, and what it can be told."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
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
        say_broken(console, "agent", broken)
        console.result({"agents": rows, "forecasters": forecaster_names(), "broken": broken})


def _row(name: str) -> dict[str, Any]:
    from ravens_suite.core.observations import groups_with
    from ravens_suite.registry import load_agent

    agent = load_agent(name)
    return {
        "agent": name,
        "observe": list(groups_with(agent.observation_keys)),
        "controls": list(agent.controls),
        "conditions": list(agent.conditions),
        "tilts": agent.tilts,
        "keys": list(agent.observation_keys),
    }
