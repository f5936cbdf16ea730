"""Sets of scenes that a person wrote: what is misspelt is refused, and what is left out has its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ravens_suite.data.scenes import FORMAT, VERSION, SceneSet, SceneSpec, changes_digest, read_scenes, scenes_digest
from ravens_suite.errors import ConfigError, DamagedDataError


def written(folder: Path, *scenes: dict[str, Any]) -> str:
    path = folder / "mine.json"
    head = {"format": FORMAT, "version": VERSION, "name": "mine", "task": "block-insertion"}
    path.write_text(json.dumps({**head, "scenes": scenes}))
    return str(path)


@pytest.mark.parametrize(
    ("name", "meant"), [("change", "changes"), ("Changes", "changes"), ("splits", "split"), ("kinds", "kind")]
)
def test_a_misspelt_name_is_refused_and_the_right_one_named(tmp_path: Path, name: str, meant: str) -> None:
    with pytest.raises(DamagedDataError, match=f"scene 2 has '{name}'. Did you mean '{meant}'"):
        read_scenes(written(tmp_path, {"seed": 1}, {"seed": 2, name: {}}))


def test_what_is_known_beside_is_kept_as_notes(tmp_path: Path) -> None:
    notes = {"confidence": 0.9, "score": 0.0, "why": "the post hides it"}
    (scene,) = read_scenes(written(tmp_path, {"seed": 3, **notes})).scenes
    assert (scene.seed, scene.split, dict(scene.changes), scene.kind, dict(scene.notes)) == (3, "test", {}, "", notes)
    (again,) = read_scenes(written(tmp_path, {**scene.to_json(), "kinds": "its own"})).scenes
    assert again.notes["kinds"] == "its own", "beside a kind it is no slip"


def test_an_empty_set_has_no_first_scene(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert read_scenes(path).scenes == ()
    with pytest.raises(ConfigError, match="has no scene"):
        read_scenes(f"{path}#1")


def test_a_set_made_by_a_program_may_have_numbers_of_numpy(tmp_path: Path) -> None:
    own = SceneSet("mine", "block-insertion", (SceneSpec(3, changes={"distractors": 1}),))
    same = SceneSet("mine", "block-insertion", (SceneSpec(np.int64(3), changes={"distractors": np.int64(1)}),))
    assert changes_digest(same.scenes[0].changes) == changes_digest(own.scenes[0].changes)
    assert changes_digest({"structure": np.zeros((1, 3), int)}) == changes_digest({"structure": [[0, 0, 0]]})
    with pytest.raises(ConfigError, match="which has no set"):
        changes_digest({"perturb": {"light"}})
    assert scenes_digest(same) == scenes_digest(own)
    same.write(tmp_path / "mine.json")
    assert read_scenes(str(tmp_path / "mine.json")) == own
