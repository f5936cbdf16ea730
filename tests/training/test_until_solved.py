"""Runs that end when validation scenes are solved."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.agents.base import Agent
from ravens_suite.core.seeding import Split
from ravens_suite.data.run_folder import RunFolder
from ravens_suite.errors import ConfigError
from ravens_suite.rollout.policies import RandomPolicy
from ravens_suite.training import validation
from ravens_suite.training.loop import train
from ravens_suite.training.until_solved import LEAST_SCORE, SolvedState, check, is_due, scenes_of_check
from ravens_suite.training.validation import Validator
from tests.fake_environment import TASK, FakeEnvironment
from tests.training.plans import KilledError, changed, record, weights

STEPS = 80
SOLVE = {"until": "solved", "val_episodes": 2, "steps": STEPS}


def scores_from(step: int, then: float = 100.0) -> tuple[Callable[..., float], list[int]]:
    """An evaluation that is perfect from the n-th question on, and the seeds that were asked."""
    asked: list[int] = []

    def evaluate(agent: Agent[Any], split: Split, seeds: Sequence[int]) -> float:
        assert split == "val" and len(seeds) == 1
        asked.extend(seeds)
        return 0.0 if len(asked) <= step else then

    return evaluate, asked


def test_a_run_ends_after_other_scenes_are_solved_too(data: Path, tmp_path: Path) -> None:
    evaluate, asked = scores_from(1)
    result = train(changed(**SOLVE), data, tmp_path, evaluate=evaluate)
    # The first check fails with its first scene. The second passes, and the learning rate comes down for a twentieth.
    assert asked == [0, 0, 1, 2, 3]
    assert result.steps == 12 and result.val_score == 100
    found = record(tmp_path)
    assert found["training"]["until_solved"]["periods"] == [[8, 12]]
    assert found["selection"] == "solved validation episodes" and found["finished"]
    train(changed(**SOLVE), data, tmp_path, evaluate=lambda *_: pytest.fail("it is done"))


@pytest.mark.parametrize(("count", "kept"), [(0, []), (1, [12]), (4, [5, 12])])
def test_the_last_copy_that_is_kept_is_of_the_end_where_that_comes_sooner(
    data: Path, tmp_path: Path, count: int, kept: list[int]
) -> None:
    evaluate, _ = scores_from(1)
    train(changed(**SOLVE, keep_checkpoints=count), data, tmp_path, evaluate=evaluate)
    run = RunFolder(tmp_path)
    assert [*run.checkpoints()] == kept
    assert not count or run.checkpoint(12).weights.read_bytes() == weights(tmp_path)


def test_a_run_that_solves_nothing_takes_all_its_steps(data: Path, tmp_path: Path) -> None:
    evaluate, _ = scores_from(0, then=98.0)
    seen: list[int] = []

    def at_the_end(agent: Agent[Any], split: Split, seeds: Sequence[int]) -> float:
        seen.append(len(seeds))
        return evaluate(agent, split, seeds) if len(seeds) == 1 else 97.0

    result = train(changed(**{**SOLVE, "steps": 20}), data, tmp_path, evaluate=at_the_end)
    assert result.steps == 20 and result.val_score == 97
    assert seen[-1] == 2 and set(seen[:-1]) == {1}


def test_a_killed_run_ends_with_the_same_weights(data: Path, tmp_path: Path) -> None:
    def evaluate(agent: Agent[Any], split: Split, seeds: Sequence[int]) -> float:
        # The first other scenes are not solved, those at the end of a later period are.
        return 0.0 if seeds[0] >= 2 and at[-1] == 8 else 100.0

    def follow(done: int, total: int, note: str = "") -> None:
        at.append(done)

    def kill(done: int, total: int, note: str = "") -> None:
        follow(done, total)
        if done in remaining:
            remaining.remove(done)
            raise KilledError

    plan, at = changed(**SOLVE), list[int]()
    train(plan, data, tmp_path / "whole", evaluate=evaluate, save_every=3, on_progress=follow)
    assert record(tmp_path / "whole")["training"]["until_solved"]["periods"] == [[4, 8], [12, 16]]
    remaining = [5, 9, 12, 14]
    for save_every in (3, 5, 4, 3):
        with pytest.raises(KilledError):
            train(plan, data, tmp_path / "killed", evaluate=evaluate, save_every=save_every, on_progress=kill)
    train(plan, data, tmp_path / "killed", evaluate=evaluate, save_every=5, on_progress=follow)
    assert not remaining and weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_solving_needs_scenes(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--val-episodes 20"):
        train(changed(until="solved", val_episodes=0), data, tmp_path / "run")


@given(scores=st.lists(st.floats(0, 100), min_size=1, max_size=8), hardest=st.integers(0, 8))
def test_scenes_pass_by_their_mean_whatever_is_tried_first(scores: list[float], hardest: int) -> None:
    state = SolvedState(hardest=hardest % len(scores), scenes=len(scores))
    check(state, 4, STEPS, 1, scores.__getitem__)
    lost = sum(100 - score for score in scores)
    limit = (100 - LEAST_SCORE) * len(scores)
    if abs(lost - limit) > 1e-9:
        assert bool(state.periods) == (lost < limit)


def test_scenes_that_cannot_be_placed_hold_no_run_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "make_environment", lambda task, split, arguments: FakeEnvironment(task, split))
    agent: Any = RandomPolicy(FakeEnvironment(TASK).action_space)
    with Validator({TASK: {"arguments": {}}}) as validator:
        assert validator(agent, "val", [9]) is None
        assert validator(agent, "val", [8, 9]) == validator(agent, "val", [8])


@pytest.mark.parametrize(
    ("scores", "passes"), [([100.0, None], True), ([98.0, None], False), ([98.2, None, 100.0], True), ([None], False)]
)
def test_what_was_placed_decides(scores: list[float | None], passes: bool) -> None:
    state = SolvedState(scenes=len(scores))
    check(state, 4, STEPS, 1, scores.__getitem__)
    assert bool(state.periods) == passes
    state = SolvedState(periods=[(0, 4)], scenes=len(scores))
    score = check(state, 4, STEPS, len(scores), lambda seed: scores[seed - len(scores)])
    known = [each for each in scores if each is not None]
    assert (score, state.solved) == ((pytest.approx(sum(known) / len(known)), True) if passes else (None, False))


def test_where_nothing_can_be_placed_the_last_weights_are_kept(data: Path, tmp_path: Path) -> None:
    result = train(changed(val_episodes=2, candidates=2), data, tmp_path, evaluate=lambda *_: None)
    assert (result.steps, result.val_score) == (6, None)
    assert record(tmp_path)["selection"] == "last weights" and not record(tmp_path)["training"]["validation"]


def test_checks_are_at_twentieths_and_at_the_end_of_periods() -> None:
    assert [step for step in range(1, STEPS) if is_due(SolvedState(), step, STEPS)] == list(range(4, STEPS, 4))
    assert is_due(SolvedState(periods=[(4, 7)]), 7, STEPS)


@pytest.mark.parametrize(("actions", "scenes"), [(0, 20), (1, 20), (2, 20), (6, 17), (18, 6), (40, 5)])
def test_a_check_takes_as_many_actions_whatever_the_task(actions: float, scenes: int) -> None:
    assert scenes_of_check(20, actions) == scenes
    assert scenes_of_check(3, actions) == 3


def test_the_scene_that_failed_last_is_tried_first_and_wherever_it_is() -> None:
    state, asked = SolvedState(periods=[(4, 8)], scenes=5), list[int]()

    def score(seed: int) -> float:
        asked.append(seed)
        return 0.0 if seed == 7 else 100.0

    assert check(state, 8, STEPS, 4, score) is None  # Others than those of the check that let it cool down.
    assert asked == [5, 6, 7] and state.hardest == 7
    asked.clear()
    assert check(state, 12, STEPS, 4, score) is None
    assert asked == [7] and state.periods == [(4, 8)]
    assert check(state, 16, STEPS, 4, lambda seed: asked.append(seed) or 100.0) is None
    assert asked == [7, 7, 0, 1, 2, 3, 4] and state.periods == [(4, 8), (16, 20)]


@given(step=st.integers(1, 1399))
def test_the_later_the_longer_the_learning_rate_comes_down(step: int) -> None:
    state = SolvedState(scenes=1)
    check(state, step, 1400, 1, lambda _: 100.0)
    first, end = state.periods[0]
    assert first == step and end == min(step + max(70, math.ceil(0.15 * step)), 1400)
