"""Export to other libraries' formats, read back through those libraries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_environment import TASK

from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConflictError, MissingDataError, UnknownNameError
from ravens_suite.interop.minari import export
from ravens_suite.rollout.collect import collect


@pytest.fixture
def data(tmp_path: Path) -> Path:
    collect(TASK, episodes=3, data=tmp_path / "data")
    return tmp_path / "data"


def _load(out: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    minari = pytest.importorskip("minari")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(out))
    return minari.load_dataset(name)


def test_minari_reads_back_what_was_collected(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    (done,) = export(data, "minari", tmp_path / "out")
    dataset = _load(tmp_path / "out", done.name, monkeypatch)
    store = EpisodeStore.of(data, TASK, "train")
    assert (done.episodes, dataset.total_episodes) == (3, 3)
    for seed, found in zip(store.seeds(), dataset.iterate_episodes(), strict=True):
        episode = store.read(seed)
        assert np.array_equal(found.rewards, episode.rewards)
        assert found.terminations.tolist() == [False] * (episode.steps - 1) + [True]
        assert not found.truncations.any()
        for group, wanted in ((found.observations, episode.observations), (found.actions, episode.actions)):
            assert group.keys() == wanted.keys()
            for key, values in wanted.items():
                assert np.array_equal(group[key], values)
                assert np.asarray(group[key]).dtype == values.dtype
    mark = dataset.storage.metadata["ravens_suite"]
    assert mark["seeds"] == store.seeds()
    assert [camera["name"] for camera in mark["cameras"]] == ["front", "left", "right"]


def test_a_second_export_leaves_what_is_there_and_mends_what_is_not_whole(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    out = tmp_path / "out"
    (done,) = export(data, "minari", out)
    file = done.folder / "data" / "main_data.hdf5"
    before = file.stat().st_mtime_ns
    assert export(data, "minari", out) == [done]
    assert file.stat().st_mtime_ns == before
    metadata = done.folder / "data" / "metadata.json"
    metadata.write_text(metadata.read_text().replace('"ravens_suite":', '"killed before the end":'))
    assert export(data, "minari", out) == [done]
    assert file.stat().st_mtime_ns != before


def test_other_episodes_are_not_overwritten(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    pytest.importorskip("minari")
    export(data, "minari", tmp_path / "out")
    collect(TASK, episodes=4, data=data)
    with pytest.raises(ConflictError, match="other episodes"):
        export(data, "minari", tmp_path / "out")


def test_a_missing_library_says_how_to_install_it(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(MissingDataError, match=r"pip install 'ravens-suite\[minari\]'"):
        export(data, "minari", tmp_path / "out")


def test_nothing_to_export_and_unknown_formats_are_said(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="ravens-suite collect"):
        export(tmp_path, "minari", tmp_path / "out")
    with pytest.raises(UnknownNameError, match="minari"):
        export(tmp_path, "minary", tmp_path / "out")
