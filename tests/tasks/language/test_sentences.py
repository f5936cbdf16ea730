"""What every instruction must be in all its forms, and which of them an environment gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import gymnasium
import pytest
from task_forms import distinct_tasks

from ravens_suite.errors import ConfigError, TaskDefinitionError
from ravens_suite.registry import environment_id, load_task, task_names
from ravens_suite.tasks.sentences import FINISHED, Sentences, exchanged, fill, several

LANGUAGE = [name for name in task_names() if ".language." in load_task(name)[0].__module__]
FEWEST_FORMS = 5


def slots(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template))


def test_slots_are_filled_with_the_article_that_fits() -> None:
    words = {"block": "orange block", "bowl": "red bowl"}
    assert fill("put a {block} in a {bowl}", words) == "put an orange block in a red bowl"
    assert fill("leave {braces} alone", {}) == "leave {braces} alone"
    with pytest.raises(TaskDefinitionError, match="slot 'disc'"):
        fill("put the {disc} down", words)
    assert Sentences(("a {bowl}",), ("the {bowl}",)).filled(words) == Sentences(("a red bowl",), ("the red bowl",))


def test_what_fills_a_slot_stays_as_it_is() -> None:
    words = {"thing": "letter a", "box": "oak box", "both": "a orange and a red block"}
    assert fill("pack the {thing} in a {box}", words) == "pack the letter a in an oak box"
    assert fill("{thing} under it", words) == "letter a under it"
    assert fill("put {both} down", words) == "put an orange and a red block down"


def test_what_a_sentence_names_is_exchanged_where_it_stands() -> None:
    named = {"block": "red block", "bowl": "orange bowl", "rest": "red blocks"}
    said = "put a red block, no red blockage, in an orange bowl"
    other = {"block": "olive block", "bowl": "green bowl", "more": "unknown"}
    assert exchanged(said, named, other) == "put an olive block, no red blockage, in a green bowl"
    assert exchanged("put the red block by red blocks", named, {"block": "red blocks", "rest": "red block"}) == (
        "put the red blocks by red block"
    )
    assert exchanged("put it down", named, other) == "put it down"
    assert exchanged(said, {}, other) == exchanged(said, named, {"block": "red block"}) == said


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        ({"training": "put it there"}, r"training of Sentences is one text, 'put it there': put a comma after it"),
        ({"held_out": "lay it there"}, r"held_out of Sentences is one text"),
        ({"training": None}, r"training of Sentences is None: give a list of texts"),
        ({"held_out": ("lay it there", 3)}, r"held_out of Sentences is \('lay it there', 3\): give a list of texts"),
    ],
)
def test_forms_that_are_no_list_of_texts_are_refused(forms: Any, said: str) -> None:
    """Of one text without its comma every letter was told as a sentence."""
    with pytest.raises(TaskDefinitionError, match=said):
        Sentences(**forms)
    assert Sentences(["put it there"]) == Sentences(("put it there",))  # type: ignore[arg-type]


def test_words_are_joined() -> None:
    assert [several(["a"]), several(["a", "b"]), several(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize("name", distinct_tasks())
def test_forms_are_different_plain_and_have_the_same_slots(name: str) -> None:
    task_class, arguments = load_task(name)
    task = task_class(**arguments)
    plain, others = task.current_instruction(0), task.current_sentences(0)
    forms = [plain, *others.training, *others.held_out]
    assert len(set(forms)) == len(forms)
    for form in forms:
        assert slots(form) == slots(plain), form
        assert form[0].islower() or form[0] == "{"
        assert form.isascii()
        assert not set(form) & set(".;!?\n")
    assert len(others.training) >= FEWEST_FORMS - 1
    assert len(others.held_out) >= FEWEST_FORMS - 1


@pytest.mark.parametrize("name", [name for name in distinct_tasks() if name in LANGUAGE])
def test_every_slot_has_words_at_every_step(build: Callable[..., Any], name: str) -> None:
    start = build(name, 0)
    for step in range(len(start.goals)):
        said = start.task.current_sentences(step)
        for sentence in (start.task.current_instruction(step), *said.training, *said.held_out):
            assert "{" not in sentence
            assert "  " not in sentence
            assert sentence == sentence.strip()
    assert start.task.current_instruction(len(start.goals)) == FINISHED


def instructions(wording: str, seeds: int = 12, name: str = "put-block-in-bowl") -> list[str]:
    environment = gymnasium.make(environment_id(name), observe=["instruction"], wording=wording)
    said = [str(environment.reset(seed=seed)[0]["instruction"]) for seed in range(seeds)]
    environment.close()
    return said


def without_colors(sentences: list[str]) -> set[str]:
    return {re.sub(r"\b(a|an) ", "a ", re.sub(r"\w+ (blocks?|bowls?)", r"\1", each)) for each in sentences}


def test_the_wording_decides_between_the_forms() -> None:
    plain, training, held_out = (instructions(wording) for wording in ("plain", "training", "held-out"))
    assert without_colors(plain) == {"put the blocks in a bowl"}
    assert len(without_colors(training)) >= 4
    assert len(without_colors(held_out)) >= 3
    assert not without_colors(training) & without_colors(held_out)
    assert training == instructions("training")
    colors = [sorted(re.findall(r"(\w+) (block|bowl)", sentence)) for sentence in plain]
    assert colors == [sorted(re.findall(r"(\w+) (block|bowl)", sentence)) for sentence in held_out]


def test_the_end_is_said_in_every_wording() -> None:
    environment = gymnasium.make(environment_id("put-block-in-bowl"), observe=["instruction"], wording="held-out")
    environment.reset(seed=2)
    over = False
    while not over:
        action = environment.get_wrapper_attr("oracle_action")()
        observation, _, over, *_ = environment.step(action)
    assert observation["instruction"] == FINISHED
    environment.close()


def test_other_wordings_are_refused() -> None:
    with pytest.raises(ConfigError, match="wording must be one of plain, training, held-out"):
        instructions("loud", 1)


def test_held_out_forms_of_a_task_without_any_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_task("put-block-in-bowl")[0], "sentences", Sentences())
    with pytest.raises(ConfigError, match="no held-out forms"):
        instructions("held-out", 1)
