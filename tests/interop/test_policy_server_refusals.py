"""What a policy server and its clients refuse: policies, addresses, messages, visitors."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import fake_environment
import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.core.modules import load_object
from ravens_suite.core.observations import Interface
from ravens_suite.errors import (
    ConfigError,
    InvalidMessageError,
    PolicyServerError,
)
from ravens_suite.insight.robustness import measure_robustness
from ravens_suite.insight.search_plan import SearchPlan, changes_to_search
from ravens_suite.interop import policy_server
from ravens_suite.interop.policy_server import PolicyServer
from ravens_suite.registry import environment_id, load_agent
from ravens_suite.rollout.actors import Actor
from ravens_suite.rollout.environments import describe_interface, make_environment
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.evaluation_plan import plan_evaluation
from ravens_suite.rollout.policies import PolicySpec, close_policy
from ravens_suite.rollout.policy_client import PolicyClient, ServerAddress
from ravens_suite.rollout.policy_messages import encode
from ravens_suite.rollout.remote_policy import RemotePolicy

pytest.importorskip("websockets")
from tests.interop.servers import make_run, own_policy, port_of


def test_the_oracle_is_not_served() -> None:
    with pytest.raises(ConfigError, match="looks into the simulator"):
        PolicyServer("oracle", port=0)


@pytest.mark.parametrize("policy", ["random", "explore"])
def test_what_draws_needs_a_task(policy: str) -> None:
    with pytest.raises(ConfigError, match=f"serve {policy} TASK"):
        PolicyServer(policy, port=0)


def test_a_task_that_would_change_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="leave 'block-insertion' out"):
        PolicyServer(own_policy("Counting"), "block-insertion", port=0)


def test_seconds_may_be_numpys(serve: Any) -> None:
    with PolicyClient(serve(own_policy("Counting"), idle=np.float32(60)).url) as client:
        assert "actions" in client.infer({"state": np.zeros(2)})


def test_what_explores_needs_picks_and_places() -> None:
    with pytest.raises(ConfigError, match="gives actions of pick and place"):
        PolicyServer("explore", "block-insertion-continuous", port=0)


def test_a_served_policy_is_not_served_again(serve: Any) -> None:
    with pytest.raises(ConfigError, match="served already"):
        PolicyServer(serve(own_policy("Counting")).url, port=0)


def test_a_port_that_is_taken_is_named(serve: Any) -> None:
    port = port_of(serve(own_policy("Counting")))
    with pytest.raises(ConfigError, match=f"Cannot listen at 127.0.0.1, port {port}"):
        PolicyServer(own_policy("Counting"), port=port)


@pytest.mark.parametrize(
    "options", [{"port": -1}, {"port": 70000}, {"clients": 0}, {"idle": 0.0}, {"idle": "5"}, {"largest_message": 10}]
)
def test_numbers_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="--"):
        PolicyServer(own_policy("Counting"), **{"port": 0, **options})


@pytest.mark.parametrize(
    "text",
    [
        *("ws://", "ws://:80", "ws://host:99999", "ws://host:x", "ws://[::1", "http://host", "ws://h#part"),
        *("ws://h?execute=0", "ws://h?execute=1.5", "ws://h?execute=many", "ws://h?timeout=-1", "ws://h?wait=nan"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"(ws:|execute)"):
        ServerAddress.parse(text)


def test_an_address_keeps_what_is_not_ours() -> None:
    address = ServerAddress.parse("wss://host:1/path?key=a&execute=4&timeout=9&wait=0")
    assert address == ServerAddress("wss://host:1/path?key=a", 4, 9.0, 0.0)


def test_a_failing_policy_is_told_and_harms_nobody_else(serve: Any, tmp_path: Path) -> None:
    server = serve(own_policy("broken"))
    for _ in range(2):
        with pytest.raises(PolicyServerError, match="failed with ZeroDivisionError: a bug"):
            evaluate(server.url, TASK, episodes=1, out=tmp_path)


def test_one_object_is_not_shared_by_two_clients(serve: Any) -> None:
    server = serve(own_policy("ONE_OBJECT"))
    with PolicyClient(server.url), pytest.raises(PolicyServerError, match="serve a class"):
        PolicyClient(server.url)
    serve(own_policy("Counting"), clients=1)


def test_who_leaves_makes_room_for_who_comes_next(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client knows that its connection is closed before the thread that serves it does."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.server import ServerConnection

    receive = ServerConnection.recv

    def slow(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return receive(self, *args, **options)
        except ConnectionClosed:
            time.sleep(0.3)
            raise

    monkeypatch.setattr(ServerConnection, "recv", slow)
    server = serve(own_policy("ONE_OBJECT"))
    for _ in range(3):
        with PolicyClient(server.url), pytest.raises(PolicyServerError, match="takes 1 clients"):
            PolicyClient(server.url)


def test_a_policy_that_computes_for_a_client_that_has_left_is_not_waited_for_long(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is connected, so that it must not be said that others are."""
    from websockets.sync.client import connect

    begun, ends = threading.Event(), threading.Event()

    def act(observation: Any) -> dict[str, Any]:
        begun.set()
        ends.wait()
        return {"pick": np.zeros(7)}

    policy = own_policy("ONE_OBJECT")
    monkeypatch.setattr(load_object(policy), "act", act)
    monkeypatch.setattr(policy_server, "_GRACE_SECONDS", 0.05)
    server = serve(policy)
    try:
        with connect(server.url) as client:
            client.recv()
            client.send(encode({"state": np.zeros(2)}))
            assert begun.wait(60)
        with pytest.raises(PolicyServerError, match="for a client that has left"):
            PolicyClient(server.url)
    finally:
        ends.set()


def test_a_policy_that_explores_now_and_then_lets_its_server_go(serve: Any) -> None:
    """The next one would find the only place taken."""
    server = serve(own_policy("ONE_OBJECT"))
    environment = make_environment("block-insertion", "train", {"observe": ["state"]})
    for _ in range(2):
        close_policy(Actor(PolicySpec.parse(server.url), explore=0.5).make(environment))
    waypoints = make_environment("block-insertion-continuous", "train", {"observe": ["state"]})
    close_policy(Actor(PolicySpec.parse(server.url), explore=0.5).make(waypoints))
    close_policy(PolicySpec.parse(server.url).make(environment))
    environment.close()
    waypoints.close()


@pytest.mark.parametrize(
    "message", ["text", b"\xc1", encode({"ravens_suite": {"reset": -1}}), encode({"ravens_suite": 1})]
)
def test_messages_that_are_none_are_answered_in_words(serve: Any, message: Any) -> None:
    from websockets.sync.client import connect

    with connect(serve(own_policy("Counting")).url, compression=None) as connection:
        connection.recv()
        connection.send(message)
        assert str(connection.recv()).startswith("InvalidMessageError: ")


def test_too_large_messages_are_refused_by_both_sides(serve: Any) -> None:
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import connect

    url = serve(own_policy("Counting"), largest_message=2048).url
    with PolicyClient(url) as client, pytest.raises(InvalidMessageError, match="takes 2048: take smaller images"):
        client.infer({"color": np.zeros(3000, np.uint8)})
    with connect(url) as connection:
        connection.recv()
        with pytest.raises(ConnectionClosedError, match="1009"):
            connection.send(bytes(3000))
            connection.recv()


def test_a_page_in_a_browser_cannot_connect(serve: Any) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    with pytest.raises(InvalidStatus, match="403"):
        connect(serve(own_policy("Counting")).url, origin="https://example.org")


def test_who_asks_for_nothing_is_let_go(serve: Any) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with connect(serve(own_policy("Counting"), idle=0.05).url) as connection:
        connection.recv()
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)


def test_an_environment_that_an_agent_cannot_act_in_is_refused(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(interface: Any) -> None:
        raise ConfigError("fake-agent cannot be used here.")

    monkeypatch.setattr(fake_environment.FakeAgent, "check", check)
    with pytest.raises(ConfigError, match=r"^fake-agent cannot be used here"):
        evaluate(serve(make_run(tmp_path / "run", [0])).url, episodes=1, out=tmp_path)


def test_a_served_agent_on_states_says_that_other_bodies_make_the_state_longer(serve: Any, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    task, arguments = "block-insertion-easy", {"observe": ["state"]}
    few, many = (_interface(task, {**arguments, **more}) for more in ({}, {"distractors": 2}))
    load_agent("state-mlp")(interface=few).save(tmp_path / "policy")
    environments = {task: {"id": environment_id(task), "arguments": arguments}}
    plan = {"tasks": [task], "agent": "state-mlp"}
    (tmp_path / "run.json").write_text(json.dumps({"plan": plan, "environments": environments}))
    spec = PolicySpec.parse(serve(tmp_path).url)
    assert spec.served is not None and spec.is_trained
    policy = RemotePolicy(spec.served, fake_environment.FakeEnvironment(TASK).action_space)
    policy.check(few)
    with pytest.raises(ConfigError, match=r"learnt from a state of \d+ numbers, and that of this .* \d+: it holds"):
        policy.check(many)
    policy.close()
    # So axes that add bodies are left out, as they are for the run itself.
    evaluation = plan_evaluation(spec, None, "test", {})
    axes = {axis for axis, _ in changes_to_search(SearchPlan(), evaluation)}
    assert axes == {"", "layout"}
    with pytest.raises(ConfigError, match="'distractors' here: more bodies make the observed state longer"):
        measure_robustness(spec, axes=["distractors"], out=tmp_path)


def _interface(task: str, arguments: dict[str, Any]) -> Interface:
    environment = make_environment(task, "test", arguments)
    try:
        return describe_interface(environment, task)
    finally:
        environment.close()
