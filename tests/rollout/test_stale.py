"""What was made of another task, by other code or by another policy is noticed and named; ``force`` keeps it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_environment
import pytest
from fake_environment import TASK, FakeEnvironment, FakeTask

from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal
from ravens_suite.data.atomic import read_json
from ravens_suite.data.store import EpisodeStore, _checksum
from ravens_suite.envs import definition
from ravens_suite.errors import ConfigError, ConflictError, UserCodeError
from ravens_suite.rollout import evaluate as module
from ravens_suite.rollout.collect import collect
from ravens_suite.rollout.environments import differing_arguments
from ravens_suite.rollout.evaluate import evaluate
from ravens_suite.sim.bodies import Box, marker

Change = Callable[[], None]


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process knows a class by one definition; here its methods are replaced."""
    monkeypatch.setattr(definition, "_known", {})


@pytest.fixture
def other_slots(monkeypatch: pytest.MonkeyPatch) -> Change:
    """The task is written anew: its scenes have a slot more."""
    build = FakeTask.build

    def with_slot(task: FakeTask, scene: Any, rng: Any) -> list[Goal]:
        scene.add("slot", marker((Box((0.05, 0.05, 0.001)),), (0.0, 1.0, 0.0)), Pose(), "marker")
        return list(build(task, scene, rng))

    def change() -> None:
        monkeypatch.setattr(definition, "_known", {})
        monkeypatch.setattr(FakeTask, "build", with_slot)

    return change


@pytest.fixture
def other_suite(monkeypatch: pytest.MonkeyPatch) -> Change:
    """A newer suite, of which nothing is known but that its code is another one."""

    def change() -> None:
        monkeypatch.setattr(definition, "_known", {})
        monkeypatch.setattr(definition, "_suite", lambda: {"simulation": "newer", "images": "newer"})

    return change


@pytest.fixture
def other_physics(monkeypatch: pytest.MonkeyPatch, other_suite: Change) -> Change:
    """A newer suite in which the third seed and all later ones end otherwise."""

    def change() -> None:
        other_suite()
        observe = FakeEnvironment._observe
        monkeypatch.setattr(
            FakeEnvironment, "_observe", lambda env: {**observe(env), "depth": observe(env)["depth"] + 0.1}
        )
        info = FakeEnvironment._info
        monkeypatch.setattr(
            FakeEnvironment,
            "_info",
            lambda env, progress: {**info(env, progress), "motion": {**info(env, progress)["motion"], "steps": 4}},
        )

    return change


def _store(data: Path) -> EpisodeStore:
    return EpisodeStore.of(data, TASK, "train")


def _forget_definition(store: EpisodeStore) -> None:
    """As version 0.1 wrote it."""
    manifest = store.manifest()
    del manifest["definition"]
    manifest["checksum"] = _checksum(manifest)
    (store.folder / "manifest.json").write_text(json.dumps(manifest))


# ---------------------------------------------------------------------- collect


def test_everything_on_disk_says_what_task_it_is_of(tmp_path: Path) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    evaluate("oracle", TASK, episodes=1, out=tmp_path / "out")
    now = definition.define(TASK)
    assert _store(tmp_path).manifest()["definition"] == now
    assert _store(tmp_path).read(2).metadata["definition"] == now
    assert read_json(tmp_path / "out" / "test.json")["definition"] == definition.define(TASK, "test")


def test_episodes_of_a_changed_task_are_not_added_to(tmp_path: Path, other_slots: Change) -> None:
    collect(TASK, episodes=3, data=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other_slots()
    for episodes in (3, 4):
        with pytest.raises(ConflictError, match=r"another fake-task.*the bodies of its scenes.*--force"):
            collect(TASK, episodes=episodes, data=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_force_adds_to_them_and_every_episode_keeps_its_own_definition(tmp_path: Path, other_slots: Change) -> None:
    collect(TASK, episodes=3, data=tmp_path)
    then = definition.define(TASK)
    other_slots()
    now = definition.define(TASK)
    collect(TASK, episodes=4, data=tmp_path, force=True)
    store = _store(tmp_path)
    assert store.seeds() == [0, 2, 3, 5]
    assert (store.manifest()["definition"], store.manifest()["earlier_definitions"]) == (now, [then])
    assert [store.read(seed).metadata["definition"] for seed in store.seeds()] == [then, then, then, now]
    collect(TASK, episodes=5, data=tmp_path)


def test_a_newer_suite_adds_to_them_where_an_episode_comes_out_the_same(tmp_path: Path, other_suite: Change) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    other_suite()
    collect(TASK, episodes=3, data=tmp_path)
    assert _store(tmp_path).manifest()["definition"]["simulation"] == "newer"
    assert len(_store(tmp_path)) == 3


def test_a_suite_that_acts_otherwise_does_not(tmp_path: Path, other_physics: Change) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    other_physics()
    with pytest.raises(ConflictError, match=r"comes out otherwise today \(observations\).*code of the simulation"):
        collect(TASK, episodes=3, data=tmp_path)
    collect(TASK, episodes=3, data=tmp_path, force=True)


@pytest.mark.parametrize("same", [True, False])
def test_older_data_are_taken_up_if_an_episode_comes_out_the_same(
    tmp_path: Path, other_physics: Change, same: bool
) -> None:
    collect(TASK, episodes=2, data=tmp_path)
    _forget_definition(_store(tmp_path))
    if same:
        collect(TASK, episodes=3, data=tmp_path)
        assert _store(tmp_path).manifest()["definition"] == definition.define(TASK)
        return
    other_physics()
    with pytest.raises(ConflictError, match="comes out otherwise today"):
        collect(TASK, episodes=3, data=tmp_path)


# --------------------------------------------------------------------- evaluate


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds that are run, in order."""
    seeds: list[int] = []
    real = module.EvaluationWorker.run
    monkeypatch.setattr(
        module.EvaluationWorker, "run", lambda worker, seed: (seeds.append(seed), real(worker, seed))[1]
    )
    return seeds


def test_results_of_a_changed_task_are_not_reused(
    tmp_path: Path, other_slots: Change, tried: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    former = (tmp_path / "test.json").read_bytes()
    other_slots()
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    assert tried == [0, 1, 0, 1]
    assert "fake-task before a change of the bodies of its scenes" in caplog.text
    assert (tmp_path / "test.json.old").read_bytes() == former
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    assert len(tried) == 4


def test_force_lets_them_count(tmp_path: Path, other_slots: Change, tried: list[int]) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    other_slots()
    evaluate("oracle", TASK, episodes=3, out=tmp_path, force=True)
    assert tried == [0, 1, 2]


def test_results_of_an_older_suite_count_if_a_seed_comes_out_the_same(
    tmp_path: Path, other_suite: Change, tried: list[int]
) -> None:
    evaluate("oracle", TASK, episodes=3, out=tmp_path)
    other_suite()
    evaluate("oracle", TASK, episodes=3, out=tmp_path)
    evaluate("oracle", TASK, episodes=3, out=tmp_path)
    assert tried == [0, 1, 2, 0]


def test_results_of_a_suite_that_acts_otherwise_do_not(
    tmp_path: Path, other_physics: Change, tried: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    other_physics()
    done = evaluate("oracle", TASK, episodes=2, out=tmp_path)
    assert tried == [0, 1, 0, 0, 1]
    assert done.outcomes[0].motions[0]["steps"] == 4
    assert "Seed 0" in caplog.text
    assert "the suite's code of the simulation" in caplog.text


def test_results_of_version_01_count_if_a_seed_comes_out_the_same(tmp_path: Path, tried: list[int]) -> None:
    evaluate("oracle", TASK, episodes=2, out=tmp_path)
    value = read_json(tmp_path / "test.json")
    del value["definition"], value["policy"]["code"]
    (tmp_path / "test.json").write_text(json.dumps(value))
    evaluate("oracle", TASK, episodes=3, out=tmp_path)
    assert tried == [0, 1, 0, 2]


_POLICY = """
import numpy as np
{imports}

def act(observation):
    return {{"pick": np.full(7, {seed}), "place": np.zeros(7)}}

"""


def _write_policy(path: Path, seed: str, imports: str = "") -> str:
    path.write_text(_POLICY.format(seed=seed, imports=imports))
    return f"{path}:act"


def _reloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("_ravens_suite_user_") or name == "own_choice"]:
        monkeypatch.delitem(sys.modules, name)


def test_a_policy_whose_file_has_changed_is_evaluated_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy = _write_policy(tmp_path / "mine.py", "2.0")
    assert evaluate(policy, TASK, episodes=4, out=tmp_path / "out").summary.success_rate == 25
    _write_policy(tmp_path / "mine.py", "3.00")
    _reloaded(monkeypatch)
    done = evaluate(policy, TASK, episodes=4, out=tmp_path / "out")
    assert [outcome.seed for outcome in done.outcomes if outcome.success] == [3]
    assert "the policy before a change of its code" in caplog.text


def test_so_is_one_whose_helper_beside_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_choice.py").write_text("CHOICE = 2.0\n")
    policy = _write_policy(tmp_path / "mine.py", "CHOICE", "from own_choice import CHOICE")
    evaluate(policy, TASK, episodes=4, out=tmp_path / "out")
    (tmp_path / "own_choice.py").write_text("CHOICE = 3.00\n")
    _reloaded(monkeypatch)
    done = evaluate(policy, TASK, episodes=4, out=tmp_path / "out")
    assert [outcome.seed for outcome in done.outcomes if outcome.success] == [3]


def test_an_unchanged_policy_is_asked_again_on_one_seed(tmp_path: Path, tried: list[int]) -> None:
    """What it reads (weights, say) may be another file by now."""
    (tmp_path / "weights.txt").write_text("2.0")
    policy = _write_policy(tmp_path / "mine.py", f"float(open({str(tmp_path / 'weights.txt')!r}).read())")
    evaluate(policy, TASK, episodes=4, out=tmp_path / "out", first_seed=2)
    evaluate(policy, TASK, episodes=4, out=tmp_path / "out", first_seed=2)
    assert tried == [2, 3, 4, 5, 2]
    (tmp_path / "weights.txt").write_text("3.0")
    done = evaluate(policy, TASK, episodes=4, out=tmp_path / "out", first_seed=2)
    assert [outcome.seed for outcome in done.outcomes if outcome.success] == [3]


_CLIENT = """
import socket
import numpy as np

class Client:
    {identity}
    def __init__(self):
        self.connection = socket.create_connection(("127.0.0.1", {port}))
    def reset(self, seed): pass
    def act(self, observation):
        return {{"pick": np.full(7, 2.0), "place": np.zeros(7)}}
"""


@pytest.mark.parametrize("identity", ["", "fingerprint = 'v1'"])
def test_a_policy_behind_a_server_that_is_stopped_has_no_score(tmp_path: Path, identity: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        (tmp_path / "client.py").write_text(_CLIENT.format(port=server.getsockname()[1], identity=identity))
        evaluate(f"{tmp_path / 'client.py'}:Client", TASK, episodes=3, out=tmp_path / "out")
    with pytest.raises(UserCodeError, match="refused"):
        evaluate(f"{tmp_path / 'client.py'}:Client", TASK, episodes=3, out=tmp_path / "out")


def test_a_policy_that_asks_another_process_is_never_taken_for_the_same_unless_it_says_so(
    tmp_path: Path, tried: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    policy = _write_policy(tmp_path / "mine.py", "2.0", "import socket")
    evaluate(policy, TASK, episodes=3, out=tmp_path / "out")
    evaluate(policy, TASK, episodes=3, out=tmp_path / "out")
    assert tried == [0, 1, 2, 0, 1, 2]
    assert "it imports socket" in caplog.text
    evaluate(policy, TASK, episodes=3, out=tmp_path / "out", force=True)
    assert len(tried) == 6
    for said, runs in (("one", 3), ("one", 0), ("two", 3)):
        del tried[:]
        (tmp_path / "mine.py").write_text(
            _POLICY.format(seed="2.0", imports="import socket") + f"act.fingerprint = lambda: {said!r}\n"
        )
        _reloaded(monkeypatch)
        evaluate(policy, TASK, episodes=3, out=tmp_path / "said")
        assert len(tried) == runs


assert fake_environment


# ------------------------------------------------------------------ environment


@pytest.mark.parametrize("policy", ["oracle", "own.py:act"])
@pytest.mark.parametrize(
    "more",
    [
        {"observe": ["images"]},
        {"observe": ["images", "images"]},
        {"shade": 0},
        {"image_size": [480, 640], "renderer": "auto"},
    ],
)
def test_to_give_what_is_the_default_makes_no_other_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tried: list[int], policy: str, more: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("def act(observation):\n    return {'pick': [0.0] * 7, 'place': [0.0] * 7}\n")
    evaluate(policy, TASK, episodes=1, out=tmp_path)
    evaluate(policy, TASK, episodes=2, out=tmp_path, arguments=more)
    evaluate(policy, TASK, episodes=2, out=tmp_path)
    assert [seed for seed in tried if seed] == [1], "seed 0 may be run again where the policy may have changed"
    assert not list(tmp_path.glob("*.old"))


def test_differing_arguments_are_named_with_both_values() -> None:
    now = {"structure": [[0, 0, 0]], "motion": "fast"}
    differing = differing_arguments("build", {"wording": "training", "structure": "row"}, now)
    assert differing == {"structure": ("row", [[0, 0, 0]]), "wording": ("training", "plain")}
    assert not differing_arguments("build", {"structure": "row"}, {})


def test_names_in_another_order_make_no_other_environment() -> None:
    one, two = (
        {"observe": ["images", "state"], "randomize": ["light", "color"]},
        {"observe": ["state", "images"], "randomize": ["color", "light"]},
    )
    assert not differing_arguments("block-insertion", one, two)
    assert differing_arguments("block-insertion", one, {**two, "observe": ["state"]}) == {
        "observe": (["images", "state"], ["state"])
    }


def test_a_wrong_value_is_named_before_anyone_is_told_that_results_give_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = {"observe": ["state"]}
    evaluate("oracle", "block-insertion", episodes=1, out=tmp_path, arguments=arguments)
    before = (tmp_path / "test.json").read_bytes()
    with pytest.raises(ConfigError, match="motion must be one of"):
        evaluate("oracle", "block-insertion", episodes=1, out=tmp_path, arguments={**arguments, "motion": "fst"})
    assert not caplog.text
    assert (tmp_path / "test.json").read_bytes() == before
