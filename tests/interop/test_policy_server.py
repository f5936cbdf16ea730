"""Policies behind a socket: they do what they do in this process, whatever becomes of the connection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.cli.main import main
from ravens_suite.data.episode import read_episode
from ravens_suite.data.outcomes import EpisodeOutcome
from ravens_suite.errors import (
    ConflictError,
    OracleGaveUpError,
    PolicyServerError,
    PolicyServerLostError,
)
from ravens_suite.interop.policy_server import PolicyServer, PolicySource
from ravens_suite.rollout import evaluate as module
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.rollout.policies import PolicySpec, as_policy
from ravens_suite.rollout.policy_client import PolicyClient
from ravens_suite.rollout.policy_messages import encode
from ravens_suite.rollout.remote_policy import RemotePolicy

pytest.importorskip("websockets")
from tests.interop import served_policies
from tests.interop.servers import SPACE, foreign_server, make_run, own_policy, port_of, results_in


def test_a_trained_agent_does_the_same_as_in_process(serve: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [0, 1, 2, 8, 4, 5])
    here = evaluate(str(run), episodes=6, out=tmp_path / "here")
    # The task and the arguments of its environment are the run's own.
    there = evaluate(serve(run).url, episodes=6, out=tmp_path / "there")
    assert there.outcomes == here.outcomes
    assert there.plan.arguments == here.plan.arguments == {"shade": 3}
    assert results_in(there.path) == results_in(tmp_path / "here" / "test.json")
    assert 0 < here.summary.success_rate < 100
    written = json.loads(there.path.read_text())["policy"]
    assert written["kind"] == "socket"
    assert written["fingerprint"] == PolicySpec.parse(str(run)).fingerprint


def test_what_contradicts_the_run_is_refused(serve: Any, tmp_path: Path) -> None:
    server = serve(make_run(tmp_path / "run", [0]))
    with pytest.raises(ConflictError, match="shade 3, and 4"):
        evaluate(server.url, episodes=1, arguments={"shade": 4}, out=tmp_path)


def test_a_policy_that_gives_up_does_so_over_a_socket(serve: Any, tmp_path: Path) -> None:
    there = evaluate(serve(own_policy("Counting")).url, TASK, episodes=9, out=tmp_path / "there")
    assert there.outcomes == evaluate(own_policy("Counting"), TASK, episodes=9, out=tmp_path / "here").outcomes
    policy = RemotePolicy(PolicySpec.parse(serve(own_policy("Counting")).url).served, SPACE)  # type: ignore[arg-type]
    policy.reset(5)
    for _ in range(3):
        policy.act({})
    with pytest.raises(OracleGaveUpError, match=r"^Tired\.$"):
        policy.act({})
    policy.close()


def test_what_a_policy_says_of_itself_comes_over_a_socket(serve: Any, tmp_path: Path) -> None:
    there = evaluate(serve(own_policy("Sure")).url, TASK, episodes=3, out=tmp_path / "there")
    assert there.outcomes == evaluate(own_policy("Sure"), TASK, episodes=3, out=tmp_path / "here").outcomes
    assert there.outcomes[0].confidences[:2] == (1 / 8, None)


def test_actions_keep_their_types(serve: Any) -> None:
    policy = RemotePolicy(PolicySpec.parse(serve(own_policy("Counting")).url).served, SPACE)  # type: ignore[arg-type]
    policy.reset(7)
    action = policy.act({"color": np.zeros((3, 6, 8, 3), np.uint8)})
    assert (action["pick"].dtype, action["place"].dtype) == (np.float32, np.int64)
    policy.close()


@pytest.mark.parametrize("name", ["of_another_library", "without_a_name", "nothing"])
def test_an_action_comes_as_the_policy_gives_it(name: str, serve: Any) -> None:
    """What is an action in this process is one over a socket; what is none is refused by the environment in both."""
    here = as_policy(getattr(served_policies, name)).act({})
    policy = RemotePolicy(PolicySpec.parse(serve(own_policy(name)).url).served, SPACE)  # type: ignore[arg-type]
    policy.reset(7)
    there: Any = policy.act({})
    policy.close()
    assert type(there) is type(here)
    if isinstance(here, dict):
        assert there.keys() == here.keys()
        assert all(np.array_equal(there[key], np.asarray(here[key])) for key in here)
        assert there["pick"].dtype == np.float32
    else:
        np.testing.assert_array_equal(there, here)


def test_the_random_policy_is_served_for_a_task(serve: Any, tmp_path: Path) -> None:
    arguments = {"observe": ["proprioception"]}
    there = evaluate(serve("random", task=TASK).url, TASK, episodes=4, arguments=arguments, out=tmp_path / "there")
    assert there.outcomes == evaluate("random", TASK, episodes=4, arguments=arguments, out=tmp_path / "here").outcomes


def test_what_explores_is_served_for_a_task_and_does_the_same(serve: Any, tmp_path: Path) -> None:
    wishes: Any = {"task": "block-insertion", "episodes": 1, "arguments": {"image_size": [48, 64]}}
    there = evaluate(serve("explore", task="block-insertion").url, out=tmp_path / "there", **wishes)
    assert there.outcomes == evaluate("explore", out=tmp_path / "here", **wishes).outcomes


def test_clients_are_kept_apart(serve: Any) -> None:
    served = PolicySpec.parse(serve(own_policy("Counting")).url).served
    assert served is not None
    one, other = RemotePolicy(served, SPACE), RemotePolicy(served, SPACE)
    one.reset(1)
    other.reset(2)
    given = [policy.act({}) for policy in (one, one, other, one)]
    assert [int(action["pick"][0]) for action in given] == [1, 2, 1, 3]
    assert [int(action["place"][0]) for action in given] == [1, 1, 2, 1]
    one.close()
    other.close()


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
    expected = evaluate(own_policy("Counting"), TASK, episodes=6, out=tmp_path / "here").outcomes
    server = serve(own_policy("Counting"))
    _close_before(3, server, monkeypatch)
    with pytest.raises(PolicyServerLostError, match=r"There is no policy server at ws://127.*start it"):
        evaluate(f"{server.url}?wait=0", TASK, episodes=6, out=tmp_path / "there")
    kept = json.loads((tmp_path / "there" / "test.json").read_text())["results"]
    assert [row["seed"] for row in kept] == [0, 1, 2]
    # On another port: it is the policy that counts.
    done = evaluate(serve(own_policy("Counting")).url, TASK, episodes=6, out=tmp_path / "there")
    assert done.outcomes == expected
    assert not (tmp_path / "there" / "test.json.old").exists()


def test_a_server_that_is_back_soon_is_waited_for(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(own_policy("Counting"))
    port = port_of(server)
    _close_before(2, server, monkeypatch, then=lambda: serve(own_policy("Counting"), port=port))
    done = evaluate(server.url, TASK, episodes=4, out=tmp_path / "there")
    assert done.outcomes == evaluate(own_policy("Counting"), TASK, episodes=4, out=tmp_path / "here").outcomes


def test_another_policy_at_the_same_address_is_not_taken_for_the_first(
    serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = make_run(tmp_path / "run", [0, 1, 2, 3])
    server = serve(run)
    port = port_of(server)
    _close_before(2, server, monkeypatch, then=lambda: serve(make_run(run, [0, 0, 0, 0]), port=port))
    with pytest.raises(ConflictError, match=r"serves fake-agent [0-9a-f]{8}, and this began with fake-agent"):
        evaluate(server.url, TASK, episodes=4, out=tmp_path / "out")
    assert not caplog.text.count("anew")
    done = evaluate(server.url, TASK, episodes=4, out=tmp_path / "out")
    assert "another version of the policy: all seeds are evaluated anew" in caplog.text
    assert [row.success for row in done.outcomes] == [True, False, False, False]
    assert (tmp_path / "out" / "test.json.old").exists()


def test_weights_that_change_under_a_server_are_announced_to_who_connects_then(serve: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [0])
    server = serve(run)
    before = PolicySpec.parse(server.url)
    make_run(run, [1])
    assert PolicySpec.parse(server.url).fingerprint == PolicySpec.parse(str(run)).fingerprint != before.fingerprint


def test_weights_that_are_written_while_they_are_loaded_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", [0])
    source = PolicySource(str(run))
    spec = PolicySpec.parse(str(run))
    monkeypatch.setattr(source, "_spec", iter([spec, replace(spec, fingerprint="later")]).__next__)
    make_run(run, [1])
    with pytest.raises(ConflictError, match="is being written at this moment: connect again"):
        source.make()


def test_two_policies_of_a_server_have_two_folders(serve: Any, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [0])
    server = serve(run)
    folders = {PolicySpec.parse(server.url).folder_name}
    make_run(run, [1])
    folders |= {PolicySpec.parse(server.url).folder_name, PolicySpec.parse(f"{server.url}?execute=3").folder_name}
    assert len(folders) == 3
    assert all(name.startswith("fake-agent-") and name.replace("-", "").isalnum() for name in folders)


def test_chunks_of_a_foreign_server_are_carried_out_as_far_as_asked(tmp_path: Path) -> None:
    asked = []

    def answer(observation: dict[Any, Any]) -> bytes:
        asked.append(sorted(observation))
        return encode({"actions": np.arange(70, dtype=np.float32).reshape(5, 14), "policy_timing": {}})

    with foreign_server(answer) as url:
        served = PolicySpec.parse(f"{url}?execute=3").served
        assert served is not None
        policy = RemotePolicy(served, SPACE)
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

    with foreign_server(answer) as url:
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
    with foreign_server(lambda _: answer) as url, pytest.raises(PolicyServerError, match=words):
        evaluate(url, TASK, episodes=1, out=tmp_path)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    release = threading.Event()

    def answer(_: Any) -> bytes:
        release.wait(30)
        return encode({})

    with foreign_server(answer) as url:
        client = PolicyClient(f"{url}?timeout=0.1")
        with pytest.raises(PolicyServerLostError, match=r"has not answered for 0.1 s"):
            client.infer({})
        assert not client.connected
        release.set()


def test_what_a_server_says_first_may_take_longer_than_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes its policy first, and may wait for a client that leaves: a short timeout gave it up before that."""
    asked: list[float] = []
    with foreign_server(lambda _: encode({"actions": [0.0]})) as url:
        client = PolicyClient(f"{url}?timeout=0.5")
        assert client._connection is not None
        receive = client._connection.recv
        monkeypatch.setattr(client._connection, "recv", lambda timeout: asked.append(timeout) or receive(timeout))
        client.infer({})
        assert asked == [0.5]
        monkeypatch.setattr(
            "websockets.sync.client.ClientConnection.recv",
            lambda self, timeout: asked.append(timeout) or encode({}),
        )
        client.connect()
        assert asked == [0.5, 30.0]
        PolicyClient(f"{url}?timeout=60").close()
        assert asked == [0.5, 30.0, 60.0]
        client.close()


def test_a_policy_of_ones_own_that_asks_a_server_is_known_to_ask_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from ravens_suite.rollout.policy_client import PolicyClient\ndef act(observation): ...\n")
    assert PolicySpec("import", f"{path}:act").asks_elsewhere == "ravens_suite.rollout.policy_client"


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


def test_view_takes_the_address_of_a_server(serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ravens_suite.report.view.view_episode", lambda path, *_, **__: path)
    url = serve(make_run(tmp_path / "run", [3])).url
    assert main(["view", url, "--seed", "3"]) == 0
    (kept,) = (tmp_path / "runs").glob(f"*/{TASK}/episodes/{TASK}/test/000003.safetensors")
    assert read_episode(kept).success


def test_a_server_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "ws://127.0.0.1:9", TASK, "--workers", "1"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("ravens-suite: There is no policy server at ws://127.0.0.1:9 (Connection refused)")
    assert len(said.splitlines()) == 1
