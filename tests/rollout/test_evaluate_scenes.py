"""Sets of scenes: what is evaluated on them, and where it lies."""

from __future__ import annotations

from pathlib import Path

from ravens_suite.data.scenes import SceneSet, SceneSpec
from ravens_suite.rollout.evaluate_scenes import evaluate_scenes

OBSERVED = {"observe": ["state"]}


def test_sets_of_one_name_but_several_tasks_keep_their_outcomes_in_one_folder(tmp_path: Path) -> None:
    sets = [SceneSet("hard", task, (SceneSpec(0), SceneSpec(1))) for task in ("block-insertion", "place-red-in-green")]
    first = [evaluate_scenes("oracle", each, arguments=OBSERVED, out=tmp_path) for each in sets]
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    again = [evaluate_scenes("oracle", each, arguments=OBSERVED, out=tmp_path) for each in sets]
    assert [each.outcomes for each in again] == [each.outcomes for each in first]
    assert first[0].path != first[1].path
    parts = {path for path in files if not path.name.startswith("summary")}
    assert len(parts) == 2 and all(path.read_bytes() == files[path] for path in parts), "nothing was evaluated again"
    assert not list(tmp_path.rglob("*.old"))


def test_a_scene_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    kinds = (("a", 0), ("a", 1), ("b", 1), ("b", 1))
    scenes = SceneSet("twice", "block-insertion", tuple(SceneSpec(seed, kind=kind) for kind, seed in kinds))
    done = evaluate_scenes("oracle", scenes, arguments=OBSERVED, out=tmp_path)
    assert [outcome.seed for outcome in done.outcomes] == [0, 1, 1, 1]
    assert [row.episodes for row in (done.summary, done.of_kind("a"), done.of_kind("b"))] == [2, 2, 1]
