"""Probing whether a policy listens: one that does, one that does not, what is said, and going on after a stop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import own_sentences
import pytest

import ravens_suite
from ravens_suite.core.observations import decode_text, named_poses
from ravens_suite.data.language_probes import SENTENCES, ProbedEpisode
from ravens_suite.errors import ConfigError, InvalidActionError, OracleGaveUpError
from ravens_suite.execution.pool import make_pool
from ravens_suite.insight import language_probe as module
from ravens_suite.insight.language_probe import LanguageProbe, ProbeJob, probe_language
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.evaluation_plan import EvaluationPlan
from ravens_suite.rollout.policies import PolicySpec
from ravens_suite.tasks.base import Task

TASK = "put-block-in-bowl-seen"
SEEDS = 4
LISTENER = f"{__file__}:listen"
DEAF = f"{__file__}:take_the_first"
OBSERVE = {"observe": ["state", "instruction"]}
DOWN = (0.0, 0.0, 0.0, 1.0)


def listen(observation: Mapping[str, Any]) -> dict[str, Any]:
    """Picks a block that the sentence names and is in no bowl yet, and places it in a bowl that the sentence names."""
    assert decode_text(observation["instruction_bytes"]) == observation["instruction"]
    return _act(observation, set(observation["instruction"].split()))


def take_the_first(observation: Mapping[str, Any]) -> dict[str, Any]:
    """Does not read the sentence."""
    return _act(observation, set())


def _act(observation: Mapping[str, Any], said: set[str]) -> dict[str, Any]:
    poses = named_poses(observation)
    block, bowl = (_choose(poses, kind, said) for kind in ("block", "bowl"))
    return {"pick": np.array([*block, *DOWN]), "place": np.array([*bowl[:2], 0.05, *DOWN])}


def _choose(poses: Mapping[str, Any], kind: str, said: set[str]) -> Any:
    """The position of a body of a kind whose colour is said; where nothing is said, of the last one."""
    bowls = [np.asarray(pose)[:2] for name, pose in poses.items() if name.split()[1] == "bowl"]
    free = {
        name: np.asarray(pose)[:3]
        for name, pose in poses.items()
        if name.split()[1] == kind
        and (kind == "bowl" or min(float(np.hypot(*(np.asarray(pose)[:2] - bowl))) for bowl in bowls) > 0.05)
    }
    named = [position for name, position in free.items() if name.split()[0] in said]
    return ((named if said else [*free.values()][::-1]) or [np.array([0.3, -0.45, 0.0])])[0]


def give_up(observation: Mapping[str, Any]) -> dict[str, Any]:
    """Does nothing, whatever it is told."""
    raise OracleGaveUpError("Nothing that I understand.")


_NO_ACTIONS: list[Any] = [
    None,
    "pick",
    {"pick": "here", "place": (0.5, 0, 0, *DOWN)},
    {"pick": [0.5], "place": (0.5, 0, 0, *DOWN)},
    {"pick": [10**400] * 7, "place": (0.5, 0, 0, *DOWN)},
    {"pick": (np.nan, 0, 0, *DOWN), "place": (0.5, 0, 0, *DOWN)},
    {"place": (0.5, 0, 0, *DOWN)},
]


class NoAction:
    """Gives what is no action."""

    given: Any = None

    def reset(self, seed: int) -> None:
        """Nothing to forget."""

    def act(self, observation: Mapping[str, Any]) -> Any:
        """What is no action."""
        return NoAction.given


def probe(policy: str, out: Path, **options: Any) -> LanguageProbe:
    return probe_language(policy, TASK, **{"episodes": SEEDS, "arguments": OBSERVE, "out": out, **options})


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> LanguageProbe:
    return probe(LISTENER, tmp_path_factory.mktemp("listener"))


def test_who_listens_does_as_told_and_only_then_what_the_task_wants(listener: LanguageProbe) -> None:
    figures = listener.figures
    assert list(figures) == list(SENTENCES)
    for kind in ("own", "paraphrase"):
        assert figures[kind].summary.success_rate == 100
        assert figures[kind].first["pick"].named == figures[kind].first["place"].named == 100
    another = figures["another"]
    assert another.summary.mean_score == 0
    assert (another.first["pick"].named, another.first["pick"].told) == (0, 100)
    for kind in ("nonsense", "empty"):
        assert figures[kind].summary.mean_score < 100
        assert figures[kind].first["pick"].told is None


def test_what_is_said_is_about_the_same_scene(listener: LanguageProbe) -> None:
    for seed in range(SEEDS):
        said = {one.sentence: one.said for one in listener.episodes if one.seed == seed}
        colors = set(said["own"].split()) - {"put", "the", "blocks", "in", "a", "an", "bowl"}
        assert len(colors) == 2
        assert colors <= set(said["paraphrase"].split())
        assert said["paraphrase"] != said["own"]
        assert len(colors & set(said["another"].split())) == 1
        assert not set(said["nonsense"].split()) & set(said["own"].split())
        assert said["empty"] == ""


def test_who_does_not_listen_does_the_same_whatever_is_said(tmp_path: Path) -> None:
    done = probe(DEAF, tmp_path, episodes=2)
    for seed in range(2):
        assert len({(one.score, one.steps) for one in done.episodes if one.seed == seed}) == 1


def test_what_was_said_is_noted_where_the_policy_does_nothing_about_it(tmp_path: Path) -> None:
    done = probe(f"{__file__}:give_up", tmp_path, episodes=1)
    assert [one.steps for one in done.episodes] == [0] * len(SENTENCES)
    said = {one.sentence: one.said for one in done.episodes}
    assert said["own"].startswith("put the ") and said["empty"] == "" and len({*said.values()}) == len(SENTENCES)


def test_chance_is_the_share_of_named_blocks_among_all(listener: LanguageProbe) -> None:
    choices = [one.first["pick"] for one in listener.episodes if one.sentence == "own"]
    assert all(0 < choice.chance < 1 for choice in choices)
    value = json.loads(listener.path.read_text())
    figure = value["sentences"]["own"]["first_pick"]
    assert figure["chance"] == pytest.approx(100 * sum(choice.chance for choice in choices) / len(choices), abs=1e-3)
    low, high = figure["named_interval_95"]
    assert low < 100 == high


@pytest.mark.parametrize("policy", ["oracle", "random"])
def test_who_reads_no_observation_is_run_with_the_tasks_own_sentence_alone(tmp_path: Path, policy: str) -> None:
    done = probe(policy, tmp_path, episodes=2, arguments={})
    assert {one.sentence for one in done.episodes} == {"own"}
    assert (done.figures["own"].first["pick"].named == 100) == (policy == "oracle")


def test_a_second_call_goes_on_where_the_first_stopped(
    listener: LanguageProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[ProbeJob] = []
    real = module.ProbeWorker.run

    def run(worker: module.ProbeWorker, job: ProbeJob) -> ProbedEpisode | None:
        if len(tried) == 7:
            raise KeyboardInterrupt
        tried.append(job)
        return real(worker, job)

    monkeypatch.setattr(module.ProbeWorker, "run", run)
    with pytest.raises(KeyboardInterrupt):
        probe(LISTENER, tmp_path)
    monkeypatch.setattr(module.ProbeWorker, "run", lambda worker, job: (tried.append(job), real(worker, job))[1])
    done = probe(LISTENER, tmp_path)
    # One more than all: a policy that is imported and does not identify itself is tried out on an earlier episode.
    assert len(tried) == 5 * SEEDS + 1
    assert done.episodes == listener.episodes
    written, expected = (json.loads(one.path.read_text()) for one in (done, listener))
    assert written["results"] == expected["results"]


def test_any_number_of_workers_finds_out_the_same(listener: LanguageProbe, tmp_path: Path) -> None:
    with make_pool(workers=2) as pool:
        done = probe(LISTENER, tmp_path, episodes=1, pool=pool)
    assert done.episodes == tuple(one for one in listener.episodes if one.seed == 0)


def test_another_policy_is_probed_anew_and_the_earlier_file_is_kept(tmp_path: Path) -> None:
    first = probe("random", tmp_path, episodes=1, arguments=OBSERVE)
    probe("oracle", tmp_path, episodes=1, arguments=OBSERVE)
    assert json.loads(first.path.read_text())["policy"]["name"] == "oracle"
    assert json.loads(first.path.with_name(f"{first.path.name}.old").read_text())["policy"]["name"] == "random"
    first.path.write_text("{")
    assert probe("oracle", tmp_path, episodes=1, arguments=OBSERVE).figures["own"].summary.episodes == 1


def test_a_policy_that_is_told_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is told no sentence .*--observe state instruction"):
        probe(LISTENER, tmp_path, arguments={"observe": ["state"]})


def test_the_way_out_is_that_of_the_policy() -> None:
    def said(kind: Any, name: str, observed: set[str], run: str = "") -> str:
        plan = EvaluationPlan(PolicySpec(kind, name), TASK, "test", {}, run)
        return module._not_told(plan, dict.fromkeys(observed))

    assert said("import", DEAF, {"color"}) == (
        "let its environment observe the sentence, too (--observe images instruction)"
    )
    assert said("agent", "transporter", {"color"}, "runs/a").startswith(
        "collect demonstrations with --observe images instruction,"
    )
    assert said("agent", "state-mlp", {"instruction"}, "runs/a").startswith("it reads no sentence")
    shown = said("agent", "transporter", {"color", "goal_color"}, "runs/a")
    assert shown.startswith("a goal picture tells it what to do")
    assert not said("agent", "transporter", {"color", "instruction"}, "runs/a")
    planner = said("agent", "visual-foresight", {"color", "goal_color"}, "runs/a")
    assert planner.startswith("a goal picture tells it what to do, and it reads no sentence; train an agent that does")
    assert said("agent", "state-mlp", {"goal_color"}, "runs/a").startswith("it reads no sentence")


def test_a_task_whose_sentence_does_not_choose_has_no_other_object_to_name(tmp_path: Path) -> None:
    done = probe_language("oracle", "even-blocks-in-matching-zone", episodes=1, out=tmp_path)
    assert done.figures["own"].first == {}


@pytest.mark.usefixtures("registrations")
def test_where_a_task_has_no_paraphrases_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(__file__).parents[2] / "demos" / "own_task" / "cube_line.py"
    ravens_suite.register_task("own-line", f"{file}:CubeLine")
    rest = f"{__file__}:rest"
    found = probe_language(rest, "own-line", episodes=1, arguments=OBSERVE, out=tmp_path)
    assert list(found.figures) == ["own", "nonsense", "empty"]
    again = probe_language(rest, "own-line", episodes=1, arguments=OBSERVE, out=tmp_path)
    assert again.episodes == found.episodes
    monkeypatch.setattr(module, "provenance", lambda: {"commit": "new", "command": "more"})
    probe_language(rest, "own-line", episodes=2, arguments=OBSERVE, out=tmp_path)
    noted = json.loads(found.path.read_text())["provenance"]
    assert noted["commit"].split(" and ")[-1] == "new" and noted["command"].endswith(" && more")


@pytest.mark.usefixtures("registrations")
def test_what_could_not_be_said_does_not_settle_whether_a_policy_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = Path(__file__).parents[2] / "demos" / "own_task" / "cube_line.py"
    ravens_suite.register_task("own-line", f"{file}:CubeLine")
    rest = f"{__file__}:rest"
    probe_language(rest, "own-line", episodes=1, arguments=OBSERVE, out=tmp_path)
    real = module.ProbeWorker.run

    def other(worker: module.ProbeWorker, job: ProbeJob) -> ProbedEpisode | None:
        episode = real(worker, job)
        return None if episode is None else replace(episode, score=0.5)

    monkeypatch.setattr(module.ProbeWorker, "run", other)
    monkeypatch.setattr(module, "provenance", lambda: {"commit": "new", "command": "again"})
    again = probe_language(rest, "own-line", episodes=1, arguments=OBSERVE, out=tmp_path)
    assert "does not come out the same again" in caplog.text
    assert {one.score for one in again.episodes} == {0.5}
    assert json.loads(again.path.read_text())["provenance"] == {"commit": "new", "command": "again"}


@pytest.mark.parametrize(
    ("task", "own", "another"),
    [
        (own_sentences.Template, "bring {a} {cube}", "bring {b} {other}"),
        (own_sentences.OwnSentence, "today fetch the {cube}", "today fetch the {other}"),
        (own_sentences.WithoutSlots, "fetch {a} {cube}", "fetch {b} {other}"),
        (own_sentences.Pointing, "fetch the one I mean", None),
    ],
)
@pytest.mark.usefixtures("registrations")
def test_the_sentence_that_is_told_is_about_another_object_however_the_task_says_it(
    task: type[Task], own: str, another: str | None, tmp_path: Path
) -> None:
    """Its ``instruction`` was filled, which a task need not say at all: an empty line, or the sentence unchanged."""
    ravens_suite.register_task("own-words", task)
    done = probe_language(f"{__file__}:take_the_orange", "own-words", episodes=3, arguments=OBSERVE, out=tmp_path)
    named = set()
    for seed in range(3):
        told = {one.sentence: one for one in done.episodes if one.seed == seed}
        right = told["own"].first["pick"].named
        words = {"cube": "orange cube", "other": "blue cube", "a": "an", "b": "a"}
        if not right:
            words = {"cube": "blue cube", "other": "orange cube", "a": "a", "b": "an"}
        named.add(right)
        assert told["own"].said == own.format(**words) and told["own"].first["pick"].told == right
        if another is None:
            assert "another" not in told
        else:
            assert told["another"].said == another.format(**words) and told["another"].first["pick"].told != right
    assert named == {True, False}


def take_the_orange(observation: Mapping[str, Any]) -> dict[str, Any]:
    """Does not read the sentence."""
    place = np.asarray(named_poses(observation)["orange cube"])[:3]
    return {"pick": np.array([*place, *DOWN]), "place": np.array([0.3, -0.45, 0.0, *DOWN])}


def test_another_objects_sentence_is_mistyped_as_all_others_are() -> None:
    arguments = {"observe": ["instruction"], "perturb": {"mistyped": 2}}
    environment = make_environment(TASK, "test", arguments)
    environment.reset(seed=1)
    now = environment.get_wrapper_attr("sentences")
    mistyped = now.about_another(0)
    environment.close()
    plain = make_environment(TASK, "test", {"observe": ["instruction"]})
    plain.reset(seed=1)
    right = plain.get_wrapper_attr("sentences").about_another(0)
    plain.close()
    assert sum(a != b for a, b in zip(mistyped.split(), right.split(), strict=True)) == 2


def rest(observation: Mapping[str, Any]) -> dict[str, Any]:
    """Picks where nothing is."""
    return {"pick": np.array([0.3, -0.45, 0.0, *DOWN]), "place": np.array([0.3, -0.45, 0.0, *DOWN])}


@pytest.mark.parametrize("number", range(len(_NO_ACTIONS)))
def test_what_is_no_action_is_named_as_in_an_evaluation(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NoAction, "given", _NO_ACTIONS[number])
    with pytest.raises(InvalidActionError):
        probe(f"{__name__}:NoAction", tmp_path, episodes=1)


def test_what_is_refused_is_not_said_to_be_run_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It was, of episodes in another environment, although they stayed and nothing was run."""
    path = probe(LISTENER, tmp_path, episodes=1).path
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is told no sentence"):
        probe(LISTENER, tmp_path, episodes=1, arguments={"observe": ["state"]})
    assert "run anew" not in caplog.text
    assert path.read_bytes() == before and not list(tmp_path.glob("*.old"))
