"""``ravens-suite tasks TASK``: what a task says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from ravens_suite.cli.main import main
from ravens_suite.core.geometry import Pose
from ravens_suite.core.goals import Goal, PoseGoal
from ravens_suite.errors import ConfigError, TaskDefinitionError
from ravens_suite.registration import register_task
from ravens_suite.registry import load_task
from ravens_suite.rollout.environments import make_environment
from ravens_suite.rollout.task_description import describe_task
from ravens_suite.sim.bodies import Box, solid
from ravens_suite.sim.scene import Scene
from ravens_suite.tasks.base import Task
from ravens_suite.tasks.candidates import Candidate, Candidates
from ravens_suite.tasks.placement import free_pose
from ravens_suite.tasks.sentences import Sentences


def described(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], str]:
    assert main(["tasks", name, "--json"]) == 0
    printed = capsys.readouterr()
    text, _, line = printed.out.rstrip().rpartition("\n")
    found: dict[str, object] = json.loads(line)
    return found, text + printed.err


def test_a_task_says_all_its_forms_and_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    found, text = described("towers-of-hanoi-seq", capsys)
    assert found["task"] == "towers-of-hanoi-seq"
    forms = found["forms"]
    assert isinstance(forms, dict)
    assert forms["plain"] == ["move the {ring} to the {rod}"]
    assert forms["plain"][0] in forms["training"]
    assert not set(forms["training"]) & set(forms["held-out"])
    said = found["said"]
    assert isinstance(said, list)
    assert len(said) == 7
    for sentence in (*forms["training"], *forms["held-out"], *said):
        assert sentence in text


def test_a_task_says_what_its_sentence_could_name_instead(capsys: pytest.CaptureFixture[str]) -> None:
    found, text = described("put-block-in-bowl-seen", capsys)
    (said,), (others,) = found["said"], found["could_mean"]  # type: ignore[misc]
    assert f"  {said}; or: " in text
    assert {words.split()[-1] for words in others} == {"blocks", "bowl"}
    assert not any(words in said for words in others)


@pytest.mark.parametrize(
    ("task", "goals"),
    [("stack-by-size-and-color-in-zones", "1 together goal, 1 on-top goal"), ("align-rope", "1 one-way goal")],
)
def test_goals_of_every_kind_are_counted(task: str, goals: str) -> None:
    """All were said to be of the kind of the first one, in a name run together."""
    assert describe_task(task)["goals"] == goals


def test_a_task_without_held_out_forms_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_task("build")[0], "sentences", Sentences())
    found, text = described("build", capsys)
    assert found["forms"]["held-out"] == []  # type: ignore[index]
    assert "wording=held-out: none\n" in text and "wording=training\n  " in text


def test_the_continuous_form_has_its_own_steps(capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = described("block-insertion-continuous", capsys)
    environment = make_environment("block-insertion-continuous", "test", {"observe": ["proprioception"]})
    assert found["max_steps"] == environment.get_wrapper_attr("max_steps")
    environment.close()


def test_options_of_a_task_change_what_it_says_and_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    """They could not be given."""
    usual, _ = described("build", capsys)
    given = json.dumps({"structure": [[0, 0, 0], [0, 1, 0]]})
    assert main(["tasks", "build", "--environment", given, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    environment = make_environment("build", "test", {**json.loads(given), "observe": ["state"]})
    limit = environment.get_wrapper_attr("max_steps")
    environment.close()
    assert found["max_steps"] == limit != usual["max_steps"]


@pytest.mark.usefixtures("registrations")
def test_options_of_a_task_of_ones_own_change_its_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    register_task("polite", Polite)
    assert main(["tasks", "polite", "--environment", '{"polite": true, "observe": ["instruction"]}', "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["forms"]["plain"] == ["please fetch the {block}"] and found["said"][0].startswith("please fetch the ")
    assert described("polite", capsys)[0]["said"] != found["said"]


def test_nobody_published_a_score_of_other_options(capsys: pytest.CaptureFixture[str]) -> None:
    for given, known in (('{"distractors": 2}', False), ('{"observe": ["state"]}', True)):
        assert main(["tasks", "block-insertion", "--environment", given, "--json"]) == 0
        found = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (found["published"]["10"] is not None) is known


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["--environment", '{"observe": ["state"]}'], "--environment is of one task: name it"),
        (["--gallery", "sheet.png", "--environment", '{"observe": ["state"]}'], "--environment is of one task"),
        (["build", "--environment", '{"structur": []}'], "structure"),
        (["build", "--environment", "structure"], "--environment is not JSON"),
        (["build-tower", "--environment", '{"structure": [[0, 0, 0]]}'], "structure"),
    ],
)
def test_options_that_no_task_takes_are_refused(
    command: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tasks", *command]) == 1
    assert words in capsys.readouterr().err


def test_an_unknown_task_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "towers-of-hanoy-seq"]) == 1
    assert "Did you mean 'towers-of-hanoi-seq'?" in capsys.readouterr().err


class Fetch(Task):
    """Of two blocks, put the named one on the spot: its words are those of the scene, and of nothing before it."""

    max_steps: ClassVar[int] = 2
    instruction: ClassVar[str] = "fetch the {block}"
    sentences: ClassVar[Sentences] = Sentences(training=("bring me the {block}",), held_out=("the {block} goes here",))

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Both blocks, one of which is drawn."""
        names = ("red block", "blue block")
        for name in names:
            scene.add(
                name, solid(Box((0.04,) * 3), (1.0, 0.0, 0.0), 0.01), free_pose(scene, (0.04,) * 3, rng), "movable"
            )
        self.meant = str(rng.choice(names))
        spot = Pose((0.5, 0.0, 0.02))
        return [PoseGoal(objects=(self.meant,), targets=(spot,), matches=((True,),), symmetries=(0.0,))]

    def slots(self, step: int) -> dict[str, str]:
        """What was drawn."""
        return {"block": self.meant}


@pytest.mark.usefixtures("registrations")
def test_a_task_of_ones_own_whose_words_come_of_the_scene_shows_its_forms(capsys: pytest.CaptureFixture[str]) -> None:
    register_task("fetch", Fetch)
    found, _ = described("fetch", capsys)
    assert found["forms"] == {
        "plain": ["fetch the {block}"],
        "training": ["fetch the {block}", "bring me the {block}"],
        "held-out": ["the {block} goes here"],
    }
    assert found["said"] in (["fetch the red block"], ["fetch the blue block"])


@pytest.mark.usefixtures("registrations")
def test_it_is_told_in_held_out_words_too() -> None:
    register_task("fetch", Fetch)
    environment = make_environment("fetch", "test", {"observe": ["instruction"], "wording": "held-out"})
    told = environment.reset(seed=0)[0]["instruction"]
    environment.close()
    assert told in ("the red block goes here", "the blue block goes here")


class Polite(Fetch):
    """Says it as an option asks."""

    def __init__(self, split: Any = "train", polite: bool = False) -> None:
        super().__init__(split)
        self.instruction = f"{'please ' if polite else ''}fetch the {{block}}"  # type: ignore[misc]


class SaidByTheScene(Fetch):
    """All that it says comes of its scene, without templates."""

    instruction: ClassVar[str] = ""
    sentences: ClassVar[Sentences] = Sentences()

    def current_instruction(self, step: int) -> str:
        """By what was drawn."""
        return f"fetch the {self.meant}"

    def current_sentences(self, step: int) -> Sentences:
        """The same."""
        return Sentences((f"bring me the {self.meant}",), (f"the {self.meant} goes here",))


class SetInBuild(Fetch):
    """Its ``build`` sets what it says."""

    instruction: ClassVar[str] = ""
    sentences: ClassVar[Sentences] = Sentences()

    def build(self, scene: Scene, rng: np.random.Generator) -> Sequence[Goal]:
        """Both blocks, and the sentences."""
        goals = super().build(scene, rng)
        self.instruction = f"fetch the {self.meant}"  # type: ignore[misc]
        self.sentences = Sentences((f"bring me the {self.meant}",), (f"the {self.meant} goes here",))  # type: ignore[misc]
        return goals


@pytest.mark.parametrize("task", [SaidByTheScene, SetInBuild])
@pytest.mark.usefixtures("registrations")
def test_forms_that_there_are_only_with_a_scene_are_shown_and_told(
    task: type[Task], capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty line stood for them, and the held-out ones were said not to be there."""
    register_task("fetch", task)
    found, _ = described("fetch", capsys)
    (said,) = found["said"]  # type: ignore[misc]
    block = said.removeprefix("fetch the ")
    assert found["forms"] == {
        "plain": [said],
        "training": [said, f"bring me the {block}"],
        "held-out": [f"the {block} goes here"],
    }
    environment = make_environment("fetch", "test", {"observe": ["instruction"], "wording": "held-out"})
    told = environment.reset(seed=0)[0]["instruction"]
    environment.close()
    assert told in ("the red block goes here", "the blue block goes here")


class Yields(Fetch):
    """Yields its goal, and looks at its scene for what it says."""

    built: ClassVar[int] = 0

    def build(self, scene: Scene, rng: np.random.Generator) -> Iterator[Goal]:  # type: ignore[override]
        """Counted."""
        type(self).built += 1
        self.scene = scene
        yield from super().build(scene, rng)

    def current_instruction(self, step: int) -> str:
        """By where things lie."""
        return f"fetch what lies at x {self.scene.pose(self.meant).position[0]:.2f}"

    def candidates(self, step: int) -> Candidates:
        """All blocks of the scene as it is; the meant one first."""
        names = sorted(self.scene.names("movable"), key=lambda name: name != self.meant)
        return Candidates(picks=tuple(Candidate({"block": name}, (name,)) for name in names))


@pytest.mark.usefixtures("registrations")
def test_a_task_is_built_once_and_asked_while_its_scene_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    register_task("yields", Yields)
    Yields.built = 0
    found, text = described("yields", capsys)
    assert Yields.built == 1
    assert found["goals"] == "1 pose goal" and found["could_mean"] in ([["blue block"]], [["red block"]])
    assert "fetch what lies at x 0." in text and "fetch the {block}" in text


RED = {"block": "red block"}


def names(*candidates: Any) -> Any:
    """A method that says what could be picked."""
    return lambda self, step: Candidates(picks=candidates)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"sentences": ("bring it", "fetch it")}, "sentences gives ('bring it', 'fetch it'): give Sentences("),
        ({"current_instruction": lambda self, step: None}, "current_instruction returned None: return a text"),
        ({"slots": lambda self, step: {}}, "has a slot 'block', but slots() gives no words at goal step 0"),
        (
            {"sentences": Sentences(("bring the {blok}",))},
            "has a slot 'blok', but words are given for block: let slots()",
        ),
        (
            {
                "current_sentences": lambda self, step: Sentences((), ("a {b}",)),
                "slots": lambda self, step: {},
                "instruction": "fetch it",
            },
            "'a {b}' has a slot 'b', but slots() gives no words at goal step 0",
        ),
        (
            {"__init__": lambda self, split="train", wording="": None},
            "its option 'wording' has the name of an argument",
        ),
        ({"candidates": lambda self, step: [RED]}, "candidates returned [{'block': 'red block'}]: return Candidates("),
        ({"candidates": lambda self, step: Candidates(Candidate(RED))}, "picks of Candidates is one alone"),  # type: ignore[arg-type]
        ({"candidates": lambda self, step: Candidates((RED,))}, "give a list of candidates"),  # type: ignore[arg-type]
        ({"candidates": lambda self, step: names(Candidate(RED, ("red blok",)))(self, step)}, "mean 'red block'?"),
        ({"candidates": lambda self, step: names(Candidate(RED, "red block"))(self, step)}, "bodies of Candidate is"),  # type: ignore[arg-type]
        ({"candidates": lambda self, step: names(Candidate("red block"))(self, step)}, "words of Candidate is 'red"),  # type: ignore[arg-type]
        ({"candidates": lambda self, step: names(Candidate(RED, (), Pose()))(self, step)}, "give a list of poses"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.usefixtures("registrations")
def test_what_is_said_wrongly_is_named(wrong: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Some of it was shown as if it were right, and figures of a probe were of no body at all."""
    register_task("wrong", type("Wrong", (Fetch,), wrong))
    assert main(["tasks", "wrong"]) == 1
    said = capsys.readouterr().err
    assert "The task wrong is defined wrongly" in said and words in said


@pytest.mark.parametrize(
    ("sentences", "refused", "why"),
    [
        (Sentences(("hol den {block}, schön",)), "hol den red block, schön", "has the character 'ö'"),
        (Sentences((), ("fetch " + "the nice " * 60 + "{block}",)), "fetch " + "the nice " * 60, "512 at most"),
    ],
    ids=["character", "length"],
)
@pytest.mark.usefixtures("registrations")
def test_what_no_observation_holds_is_marked_where_it_is_shown(
    sentences: Sentences, refused: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was shown as if it were right, and collecting with it failed later."""
    register_task("fetch", type("Strange", (Fetch,), {"sentences": sentences}))
    found, text = described("fetch", capsys)
    assert found["said"] in (["fetch the red block"], ["fetch the blue block"])
    told = found["cannot_be_observed"]
    assert isinstance(told, dict)
    blue = {sentence.replace("blue", "red") for sentence in told}
    assert any(sentence.startswith(refused) for sentence in blue)
    (shown,) = (*sentences.training, *sentences.held_out)
    assert f"{shown}  [cannot be observed]" in text and why in text
    wording = "training" if sentences.training else "held-out"
    environment = make_environment("fetch", "test", {"observe": ["instruction"], "wording": wording})
    with pytest.raises(ConfigError, match=why):
        for seed in range(10):
            environment.reset(seed=seed)
    environment.close()


def test_sentences_of_the_suite_can_all_be_observed(capsys: pytest.CaptureFixture[str]) -> None:
    for task in ("towers-of-hanoi-seq", "put-block-in-bowl-full"):
        found, text = described(task, capsys)
        assert found["cannot_be_observed"] == {} and "cannot be observed" not in text


@pytest.mark.usefixtures("registrations")
def test_what_is_defined_wrongly_is_said_once() -> None:
    """Of a paraphrase that is asked for within the building of a scene, it was said twice."""
    wrong = Sentences(training=("bring the {blok}",))
    register_task("wrong", type("Wrong", (Fetch,), {"sentences": wrong}))
    with pytest.raises(TaskDefinitionError, match="has a slot 'blok'") as raised:
        make_environment("wrong", "test", {"observe": ["instruction"], "wording": "held-out"})
    assert str(raised.value).count("is defined wrongly") == 1


@pytest.mark.parametrize(
    ("goals", "words"), [("one", "returned one goal: return a list of goals"), ("none", "build returned no goals")]
)
@pytest.mark.usefixtures("registrations")
def test_what_is_no_list_of_goals_is_named(goals: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def build(self: Any, scene: Scene, rng: np.random.Generator) -> Any:
        (goal,) = Fetch.build(self, scene, rng)
        return goal if goals == "one" else []

    register_task("wrong", type("Wrong", (Fetch,), {"build": build}))
    assert main(["tasks", "wrong"]) == 1
    said = capsys.readouterr().err
    assert "The task wrong is defined wrongly" in said and words in said
