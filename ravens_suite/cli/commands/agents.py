"""``ravens-suite agents``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console


@dataclass(frozen=True)
class Agents(OutputOptions):
    """List every learning agent: what it observes, the actions it gives, and what it can be told."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.registry import agent_names

        rows = [_row(name) for name in agent_names()]
        table = [("agent", "collect with --observe", "control", "conditions", "observation keys")]
        table += [
            (row["agent"], *(" ".join(row[key]) or "-" for key in ("observe", "controls", "conditions", "keys")))
            for row in rows
        ]
        widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
        for cells in table:
            console.say("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
        console.say("\nAn agent of yours: file.py:Class or package.module:Class in place of the name.")
        console.result({"agents": rows})


def _row(name: str) -> dict[str, Any]:
    from ravens_suite.core.observations import groups_with
    from ravens_suite.registry import load_agent

    agent = load_agent(name)
    return {
        "agent": name,
        "observe": list(groups_with(agent.observation_keys)),
        "controls": list(agent.controls),
        "conditions": list(agent.conditions),
        "keys": list(agent.observation_keys),
    }
