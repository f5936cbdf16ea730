"""Policies behind a socket: they do what they do in this process, whatever becomes of the connection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fake_environment
import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.cli.main import main
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    InvalidMessageError,
    OracleGaveUpError,
    PolicyServerError,
    PolicyServerLostError,
)
from ravens_suite.interop.policy_server import PolicyServer
from ravens_suite.registry import environment_id
from ravens_suite.rollout import evaluate as module
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.rollout.policy_client import PolicyClient, ServerAddress
from ravens_suite.rollout.policy_messages import decode, encode
from ravens_suite.rollout.remote_policy import RemotePolicy

pytest.importorskip("websockets")

_SPACE = fake_environment.FakeEnvironment(TASK).action_space


def _run(folder: Path, seeds: list[int]) -> Path:
    (folder / "policy").mkdir(parents=True, exist_ok=True)
    (folder / "policy" / "agent.json").write_text('{"agent": "fake-agent", "config": {}, "seed": 0}')
    (folder / "policy" / "weights.safetensors").write_text(" ".join(map(str, seeds)))
    environments = {TASK: {"id": environment_id(TASK), "arguments": {"shade": 3}}}
    plan = {"tasks": [TASK], "agent": "fake-agent"}
    (folder / "run.json").write_text(json.dumps({"plan": plan, "environments": environments}))
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[..., PolicyServer]]:
    servers = []

    def start(policy: str | Path, **options: Any) -> PolicyServer:
        server = PolicyServer(str(policy), **{"port": 0, **options})
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


def _own(name: str) -> str:
    return f"{Path(__file__).with_name('served_policies.py')}:{name}"


def _port(server: PolicyServer) -> int:
    return int(server.url.rpartition(":")[2])


@contextmanager
def _foreign(answer: Callable[[dict[Any, Any]], Any]) -> Iterator[str]:
    """A server that says nothing of itself, as openpi's: a map first, then an answer to every map."""
    from websockets.sync.server import serve

    def handle(connection: Any) -> None:
        connection.send(encode({"reset_pose": [0.0]}))
        for message in connection:
            connection.send(answer(decode(message)))

    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"


def _results(path: Path) -> bytes:
    return json.dumps(json.loads(path.read_text())["results"]).encode()


# ---------------------------------------------------------------------- the same results


def test_a_trained_agent_does_the_same_as_in_process(serve: Any, tmp_path: Path) -> None:
    run = _run(tmp_path / "run", [0, 1, 2, 8, 4, 5])
    here = evaluate(str(run), episodes=6, out=tmp_path / "here")
    # The task and the arguments of its environment are the run's own.
    there = evaluate(serve(run).url, episodes=6, out=tmp_path / "there")
    assert there.outcomes == here.outcomes
    assert there.plan.arguments == here.plan.arguments == {"shade": 3}
    assert _results(there.path) == _results(tmp_path / "here" / "test.json")
    assert 0 < here.summary.success_rate < 100
    written = json.loads(there.path.read_text())["policy"]
    assert written["kind"] == "socket"
    assert written["fingerprint"] == PolicySpec.parse(str(run)).fingerprint


def test_what_contradicts_the_run_is_refused(serve: Any, tmp_path: Path) -> None:
    server = serve(_run(tmp_path / "run", [0]))
    with pytest.raises(ConflictError, match="shade 3, and 4"):
        evaluate(server.url, episodes=1, arguments={"shade": 4}, out=tmp_path)


def test_a_policy_that_gives_up_does_so_over_a_socket(serve: Any, tmp_path: Path) -> None:
    there = evaluate(serve(_own("Counting")).url, TASK, episodes=9, out=tmp_path / "there")
    assert there.outcomes == evaluate(_own("Counting"), TASK, episodes=9, out=tmp_path / "here").outcomes
    policy = RemotePolicy(PolicySpec.parse(serve(_own("Counting")).url).served, _SPACE)  # type: ignore[arg-type]
    policy.reset(5)
    for _ in range(3):
        policy.act({})
    with pytest.raises(OracleGaveUpError, match=r"^Tired\.$"):
        policy.act({})
    policy.close()


def test_actions_keep_their_types(serve: Any) -> None:
    policy = RemotePolicy(PolicySpec.parse(serve(_own("Counting")).url).served, _SPACE)  # type: ignore[arg-type]
    policy.reset(7)
    action = policy.act({"color": np.zeros((3, 6, 8, 3), np.uint8)})
    assert (action["pick"].dtype, action["place"].dtype) == (np.float32, np.int64)
    policy.close()


def test_the_random_policy_is_served_for_a_task(serve: Any, tmp_path: Path) -> None:
    arguments = {"observe": ["proprioception"]}
    there = evaluate(serve("random", task=TASK).url, TASK, episodes=4, arguments=arguments, out=tmp_path / "there")
    assert there.outcomes == evaluate("random", TASK, episodes=4, arguments=arguments, out=tmp_path / "here").outcomes


def test_clients_are_kept_apart(serve: Any) -> None:
    served = PolicySpec.parse(serve(_own("Counting")).url).served
    assert served is not None
    one, other = RemotePolicy(served, _SPACE), RemotePolicy(served, _SPACE)
    one.reset(1)
    other.reset(2)
    given = [policy.act({}) for policy in (one, one, other, one)]
    assert [int(action["pick"][0]) for action in given] == [1, 2, 1, 3]
    assert [int(action["place"][0]) for action in given] == [1, 1, 2, 1]
    one.close()
    other.close()


# ---------------------------------------------------------------------- servers that come and go


def _close_before(seed: int, server: PolicyServer, monkeypatch: pytest.MonkeyPatch, then: Any = lambda: None) -> None:
    """When a seed is about to be run, the server goes away."""
    real = module.EvaluationWorker.run

    def run(worker: module.EvaluationWorker, which: int) -> tuple[EpisodeOutcome, str]:
        if which == seed:
            monkeypatch.setattr(module.EvaluationWorker, "run", real)
            server.close()
            then()
        return real(worker, which)

    monkeypatch.setattr(module.EvaluationWorker, "run", run)


def test_an_evaluation_goes_on_when_the_server_is_back(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = evaluate(_own("Counting"), TASK, episodes=6, out=tmp_path / "here").outcomes
    server = serve(_own("Counting"))
    _close_before(3, server, monkeypatch)
    with pytest.raises(PolicyServerLostError, match=r"There is no policy server at ws://127.*start it"):
        evaluate(f"{server.url}?wait=0", TASK, episodes=6, out=tmp_path / "there")
    kept = json.loads((tmp_path / "there" / "test.json").read_text())["results"]
    assert [row["seed"] for row in kept] == [0, 1, 2]
    # On another port: it is the policy that counts.
    done = evaluate(serve(_own("Counting")).url, TASK, episodes=6, out=tmp_path / "there")
    assert done.outcomes == expected
    assert not (tmp_path / "there" / "test.json.old").exists()


def test_a_server_that_is_back_soon_is_waited_for(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(_own("Counting"))
    port = _port(server)
    _close_before(2, server, monkeypatch, then=lambda: serve(_own("Counting"), port=port))
    done = evaluate(server.url, TASK, episodes=4, out=tmp_path / "there")
    assert done.outcomes == evaluate(_own("Counting"), TASK, episodes=4, out=tmp_path / "here").outcomes


def test_another_policy_at_the_same_address_is_not_taken_for_the_first(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = _run(tmp_path / "run", [0, 1, 2, 3])
    server = serve(run)
    port = _port(server)
    _close_before(2, server, monkeypatch, then=lambda: serve(_run(run, [0, 0, 0, 0]), port=port))
    with pytest.raises(ConflictError, match=r"serves fake-agent [0-9a-f]{8}, and this began with fake-agent"):
        evaluate(server.url, TASK, episodes=4, out=tmp_path / "out")
    assert not caplog.text.count("anew")
    done = evaluate(server.url, TASK, episodes=4, out=tmp_path / "out")
    assert "another version of the policy: all seeds are evaluated anew" in caplog.text
    assert [row.success for row in done.outcomes] == [True, False, False, False]
    assert (tmp_path / "out" / "test.json.old").exists()


def test_weights_that_change_under_a_server_are_announced_to_who_connects_then(serve: Any, tmp_path: Path) -> None:
    run = _run(tmp_path / "run", [0])
    server = serve(run)
    before = PolicySpec.parse(server.url)
    _run(run, [1])
    assert PolicySpec.parse(server.url).fingerprint == PolicySpec.parse(str(run)).fingerprint != before.fingerprint


def test_two_policies_of_a_server_have_two_folders(serve: Any, tmp_path: Path) -> None:
    run = _run(tmp_path / "run", [0])
    server = serve(run)
    folders = {PolicySpec.parse(server.url).folder_name}
    _run(run, [1])
    folders |= {PolicySpec.parse(server.url).folder_name, PolicySpec.parse(f"{server.url}?execute=3").folder_name}
    assert len(folders) == 3
    assert all(name.startswith("fake-agent-") and name.replace("-", "").isalnum() for name in folders)


# ---------------------------------------------------------------------- other servers


def test_chunks_of_a_foreign_server_are_carried_out_as_far_as_asked(tmp_path: Path) -> None:
    asked = []

    def answer(observation: dict[Any, Any]) -> bytes:
        asked.append(sorted(observation))
        return encode({"actions": np.arange(70, dtype=np.float32).reshape(5, 14), "policy_timing": {}})

    with _foreign(answer) as url:
        served = PolicySpec.parse(f"{url}?execute=3").served
        assert served is not None
        policy = RemotePolicy(served, _SPACE)
        policy.reset(0)
        actions = [policy.act({"x": i}) for i in range(4)]
        policy.reset(1)
        actions.append(policy.act({"x": 9}))
        policy.close()
    assert asked == [["x"]] * 3
    assert [float(action["pick"][0]) for action in actions] == [0, 14, 28, 0, 0]
    assert [float(action["place"][0]) for action in actions] == [7, 21, 35, 7, 7]


def test_results_of_a_server_that_does_not_say_what_it_serves_are_not_reused_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def answer(observation: dict[Any, Any]) -> bytes:
        asked.append(observation["instruction"])
        return encode({"actions": np.zeros((1, 14))})

    with _foreign(answer) as url:
        first = evaluate(url, TASK, episodes=2, out=tmp_path)
        count = len(asked)
        evaluate(url, TASK, episodes=2, out=tmp_path, force=True)
        assert len(asked) == count
        assert evaluate(url, TASK, episodes=2, out=tmp_path).outcomes == first.outcomes
        assert len(asked) == 2 * count
        assert first.plan.policy.name == url
        assert first.plan.policy.folder_name == url.removeprefix("ws://").replace(":", "-")
    assert "does not say what it serves" in caplog.text
    assert "--force" in caplog.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (encode({"actions": np.zeros((2, 7))}), r"\(2, 7\) came. An action here is 14 numbers \(pick 7, place 7\)"),
        (encode({"actions": np.zeros((0, 14))}), "came"),
        (encode({"actions": "up"}), "str came"),
        (encode({"pose": 1}), "answers 'pose', without 'actions'"),
        ("Traceback ...\nKeyError: 'observation/state'", "says: Traceback ... KeyError: 'observation/state'"),
    ],
)
def test_what_is_no_action_is_said_in_words(answer: Any, words: str, tmp_path: Path) -> None:
    with _foreign(lambda _: answer) as url, pytest.raises(PolicyServerError, match=words):
        evaluate(url, TASK, episodes=1, out=tmp_path)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    release = threading.Event()

    def answer(_: Any) -> bytes:
        release.wait(30)
        return encode({})

    with _foreign(answer) as url:
        client = PolicyClient(f"{url}?timeout=0.1")
        with pytest.raises(PolicyServerLostError, match=r"has not answered for 0.1 s"):
            client.infer({})
        assert not client.connected
        release.set()


def test_a_policy_of_ones_own_that_asks_a_server_is_known_to_ask_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from ravens_suite.rollout.policy_client import PolicyClient\ndef act(observation): ...\n")
    assert PolicySpec("import", f"{path}:act").asks_elsewhere == "ravens_suite.rollout.policy_client"


# ---------------------------------------------------------------------- what is refused


def test_the_oracle_is_not_served() -> None:
    with pytest.raises(ConfigError, match="looks into the simulator"):
        PolicyServer("oracle", port=0)


def test_random_needs_a_task() -> None:
    with pytest.raises(ConfigError, match="serve random TASK"):
        PolicyServer("random", port=0)


def test_a_served_policy_is_not_served_again(serve: Any) -> None:
    with pytest.raises(ConfigError, match="served already"):
        PolicyServer(serve(_own("Counting")).url, port=0)


def test_a_port_that_is_taken_is_named(serve: Any) -> None:
    port = _port(serve(_own("Counting")))
    with pytest.raises(ConfigError, match=f"Cannot listen at 127.0.0.1, port {port}"):
        PolicyServer(_own("Counting"), port=port)


@pytest.mark.parametrize(
    "options", [{"port": -1}, {"port": 70000}, {"clients": 0}, {"idle": 0.0}, {"largest_message": 10}]
)
def test_numbers_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="--"):
        PolicyServer(_own("Counting"), **{"port": 0, **options})


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
    server = serve(_own("broken"))
    for _ in range(2):
        with pytest.raises(PolicyServerError, match="failed with ZeroDivisionError: a bug"):
            evaluate(server.url, TASK, episodes=1, out=tmp_path)


def test_one_object_is_not_shared_by_two_clients(serve: Any) -> None:
    server = serve(_own("ONE_OBJECT"))
    with PolicyClient(server.url), pytest.raises(PolicyServerError, match="serve a class"):
        PolicyClient(server.url)
    serve(_own("Counting"), clients=1)


@pytest.mark.parametrize(
    "message", ["text", b"\xc1", encode({"ravens_suite": {"reset": -1}}), encode({"ravens_suite": 1})]
)
def test_messages_that_are_none_are_answered_in_words(serve: Any, message: Any) -> None:
    from websockets.sync.client import connect

    with connect(serve(_own("Counting")).url, compression=None) as connection:
        connection.recv()
        connection.send(message)
        assert str(connection.recv()).startswith("InvalidMessageError: ")


def test_too_large_messages_are_refused_by_both_sides(serve: Any) -> None:
    from websockets.exceptions import ConnectionClosedError
    from websockets.sync.client import connect

    url = serve(_own("Counting"), largest_message=2048).url
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
        connect(serve(_own("Counting")).url, origin="https://example.org")


def test_who_asks_for_nothing_is_let_go(serve: Any) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with connect(serve(_own("Counting"), idle=0.05).url) as connection:
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
        evaluate(serve(_run(tmp_path / "run", [0])).url, episodes=1, out=tmp_path)


# ---------------------------------------------------------------------- the command


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_stopped(number: int, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def act(observation):\n    return {'pick': [1.0] * 7, 'place': [2.0] * 7}\n")
    command = [sys.executable, "-m", "ravens_suite.cli.main", "serve", f"{path}:act", "--port", "0", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with PolicyClient(told["url"]) as client:
            assert client.infer({})["actions"].tolist() == [[1.0] * 7 + [2.0] * 7]
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert said.splitlines()[-1] == "Stopped."


def test_a_server_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "ws://127.0.0.1:9", TASK, "--workers", "1"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ravens-suite: There is no policy server at ws://127.0.0.1:9 (Connection refused)")
    assert len(said.splitlines()) == 1
