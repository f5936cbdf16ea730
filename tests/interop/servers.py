"""Runs, own policies and foreign servers that the tests of serving share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fake_environment
from fake_environment import TASK

from ravens_suite.interop.policy_server import PolicyServer
from ravens_suite.registry import environment_id
from ravens_suite.rollout.policy_messages import decode, encode

SPACE = fake_environment.FakeEnvironment(TASK).action_space


def make_run(folder: Path, seeds: list[int]) -> Path:
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    (folder / "policy" / "agent.json").write_text('{"agent": "fake-agent", "config": {}, "seed": 0}')
    (folder / "policy" / "weights.safetensors").write_text(" ".join(map(str, seeds)))
    environments = {TASK: {"id": environment_id(TASK), "arguments": {"shade": 3}}}
    plan = {"tasks": [TASK], "agent": "fake-agent"}
    (folder / "run.json").write_text(json.dumps({"plan": plan, "environments": environments}))
    return folder


def own_policy(name: str) -> str:
    return f"{Path(__file__).with_name('served_policies.py')}:{name}"


def port_of(server: PolicyServer) -> int:
    return int(server.url.rpartition(":")[2])


@contextmanager
def foreign_server(answer: Callable[[dict[Any, Any]], Any]) -> Iterator[str]:
    """A server that says nothing of itself, as openpi's: a map first, then an answer to every map."""
    from websockets.sync.server import serve

    def handle(connection: Any) -> None:
        connection.send(encode({"reset_pose": [0.0]}))
        for message in connection:
            connection.send(answer(decode(message)))

    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"


def results_in(path: Path) -> bytes:
    return json.dumps(json.loads(path.read_text())["results"]).encode()
