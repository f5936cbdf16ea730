"""``ravens-suite serve``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from ravens_suite.cli.commands.options import OutputOptions
from ravens_suite.cli.console import Console

_HERE = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Serve(OutputOptions):
    """Offer a trained agent or a policy of yours to other processes; evaluate takes its address for a policy."""

    policy: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a training run, random, explore, or a policy of yours: file.py:name or package.module:name."""

    task: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[TASK]")] = None
    """Name of a task; only random and explore need it."""

    host: str = "127.0.0.1"
    """Where to listen; 0.0.0.0 lets everyone in who reaches this machine, for there are no passwords."""

    port: int = 8000
    """The port to listen at; 0 for any that is free."""

    clients: int = 16
    """Most connections at a time; each has a policy object of its own."""

    idle: int = 600
    """Seconds after which a connection that asks for nothing is closed."""

    largest_message: int = 64
    """Mebibytes of a message at most."""

    def run(self, console: Console) -> None:
        """See ``Command``."""
        from ravens_suite.core.numbers import check_number
        from ravens_suite.interop.policy_server import PolicyServer

        check_number("--largest-message", self.largest_message, 1, 1024)
        server = PolicyServer(
            self.policy,
            self.task,
            host=self.host,
            port=self.port,
            clients=self.clients,
            idle=self.idle,
            largest_message=self.largest_message * 2**20,
        )
        if self.host not in _HERE:
            console.say(f"Anyone who reaches {self.host} can use this server: there is no password and no encryption.")
        try:
            with server:
                console.say(f"Serving {server.source.label} at {server.url}; Ctrl-C stops.")
                console.result({"url": server.url, "policy": server.source.label})
                server.wait()
        except KeyboardInterrupt:
            # To be stopped is how a server ends: its work is done.
            console.say("Stopped.")
