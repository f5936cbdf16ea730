"""Files that lie: whatever a header says with a right checksum is refused by name, before it costs memory."""

from __future__ import annotations

import hashlib
import json
import math
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravens_suite.data.container import write_container
from ravens_suite.data.episode import Episode, EpisodeReader, read_episode, write_episode
from ravens_suite.errors import DamagedDataError, MissingDataError, RavensError

Make = Callable[..., Episode]
Change = Callable[[dict[str, Any], dict[str, Any]], None]
"""Changes the entries and the JSON value of a header in place."""

_MOST_MEMORY = 2**26
_TERA = 10**12


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    count = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + count]), data[8 + count : -32]


def _join(header: Any, arrays: bytes) -> bytes:
    """A file with that header, under a checksum that is right."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    head = len(text).to_bytes(8, "little") + text
    return head + arrays + hashlib.sha256(head).digest()


def _forge(path: Path, change: Change) -> None:
    header, arrays = _split(path.read_bytes())
    value = json.loads(header["__metadata__"]["value"])
    change(header, value)
    if isinstance(header.get("__metadata__"), dict) and "value" in header["__metadata__"]:
        header["__metadata__"]["value"] = json.dumps(value)
    path.write_bytes(_join(header, arrays))


def _checked(path: Path) -> None:
    """Read and verify, within a bounded memory."""
    tracemalloc.start()
    try:
        EpisodeReader(path).check()
        read_episode(path)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < _MOST_MEMORY


_FORGERIES: dict[str, Change] = {
    "a plane is missing": lambda header, value: header.pop("observations/color/0001/0"),
    "rewards are missing": lambda header, value: header.pop("rewards"),
    "no metadata": lambda header, value: header.pop("__metadata__"),
    "metadata is a list": lambda header, value: header.update(__metadata__=[1]),
    "metadata is no JSON": lambda header, value: header.update(__metadata__={"crc32": "{", "value": "{}"}),
    "no checksums": lambda header, value: header["__metadata__"].pop("crc32"),
    "checksums are a list": lambda header, value: header["__metadata__"].update(crc32="[]"),
    "an entry is a number": lambda header, value: header.update(rewards=3),
    "an unknown dtype": lambda header, value: header["rewards"].update(dtype="F128"),
    "a shape of texts": lambda header, value: header["rewards"].update(shape=["2"]),
    "a terabyte array": lambda header, value: header["rewards"].update(shape=[_TERA], data_offsets=[0, 8 * _TERA]),
    "offsets that overlap": lambda header, value: header["poses"].update(data_offsets=[0, 8]),
    "negative offsets": lambda header, value: header["rewards"].update(data_offsets=[-8, 8]),
    "a trillion steps": lambda header, value: value.update(steps=_TERA),
    "one step more": lambda header, value: value.update(steps=value["steps"] + 1),
    "steps are true": lambda header, value: value.update(steps=True),
    "steps are a text": lambda header, value: value.update(steps="2"),
    "no seed": lambda header, value: value.pop("seed"),
    "a score of text": lambda header, value: value.update(score="1"),
    "another score": lambda header, value: value.update(score=0.5),
    "cameras are a text": lambda header, value: value.update(cameras="front"),
    "a camera is empty": lambda header, value: value["cameras"].append({}),
    "a camera of texts": lambda header, value: value["cameras"][0].update(position=["a", "b", "c"]),
    "bodies twice": lambda header, value: value.update(bodies=["block", "block"]),
    "a body more": lambda header, value: value["bodies"].append("hammer"),
    "an unknown field of a layout": lambda header, value: value["images"]["color"].update(gamma=2.2),
    "a field of a layout missing": lambda header, value: value["images"]["color"].pop("units"),
    "a layout is a list": lambda header, value: value["images"].update(color=[]),
    "a layout of objects": lambda header, value: value["images"]["color"].update(dtype="object"),
    "a layout of units of bytes": lambda header, value: value["images"]["color"].update(units=True),
    "a terabyte plane": lambda header, value: value["images"]["color"].update(shape=[3, 3, _TERA, 1, 3]),
    "a larger plane": lambda header, value: value["images"]["color"].update(shape=[3, 3, 240, 320, 3]),
    "a smaller plane": lambda header, value: value["images"]["color"].update(shape=[3, 3, 2, 2, 3]),
    "an image of no rows": lambda header, value: value["images"]["color"].update(shape=[3, 3, 0, 32, 3]),
    "a trillion images": lambda header, value: value["images"]["color"].update(shape=[_TERA, 3, 24, 32, 3]),
    "texts of a trillion steps": lambda header, value: value["texts"].update(note=[[_TERA, "x"]]),
    "texts that are too few": lambda header, value: value["texts"].update(note=[[1, "x"]]),
    "texts of numbers": lambda header, value: value["texts"].update(note=[[3, 1]]),
    "an array nobody knows": lambda header, value: value.update(images={}),
}


@pytest.mark.parametrize("name", _FORGERIES)
def test_a_forged_header_is_refused_by_name(tmp_path: Path, episode: Episode, name: str) -> None:
    path = tmp_path / "000003.safetensors"
    write_episode(path, episode)
    _forge(path, _FORGERIES[name])
    with pytest.raises(DamagedDataError, match="000003"):
        _checked(path)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"3", b'"x"', b"null", b"{}", b"{", b"\xff\xfe", b'{"__metadata__": {}}', b"[" * 100_000, b'{"a": NaN}'],
)
def test_a_header_that_is_no_header_is_refused_by_name(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "000003.safetensors"
    path.write_bytes(_join(header, b""))
    with pytest.raises(DamagedDataError, match="000003"):
        EpisodeReader(path)


def _with_plane(path: Path, blob: bytes) -> None:
    """Put another coded plane in an episode, with all checksums right."""
    header, arrays = _split(path.read_bytes())
    name, begin, checksums = "observations/color/0000/0", 0, json.loads(header["__metadata__"]["crc32"])
    parts = []
    for key, entry in header.items():
        if key in ("__metadata__", "checksum"):
            continue
        old = entry["data_offsets"]
        part = blob if key == name else arrays[old[0] : old[1]]
        if key == name:
            entry["shape"], checksums[key] = [len(blob)], zlib.crc32(blob)
        entry["data_offsets"] = [begin, begin + len(part)]
        begin += len(part)
        parts.append(part)
    header["checksum"]["data_offsets"] = [begin, begin + 32]
    header["__metadata__"]["crc32"] = json.dumps(checksums)
    path.write_bytes(_join(header, b"".join(parts)))


def _zeros(count: int) -> bytes:
    packed: bytes = zstandard.ZstdCompressor(level=1).compress(bytes(count))
    return packed


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"not coded",
        _zeros(1000 * 3 * 24 * 32 * 3),
        _zeros(3 * 24 * 32 * 3)[:-3],
        _zeros(3 * 24 * 32 * 3) + b"more",
        _zeros(3 * 24 * 32 * 3 - 1),
        zstandard.ZstdCompressor(write_content_size=False).compress(bytes(3 * 24 * 32 * 3)),
    ],
    ids=["empty", "noise", "a thousand times its size", "cut", "more", "a byte less", "a size that is not said"],
)
def test_a_plane_that_does_not_unpack_to_its_layout_is_refused(tmp_path: Path, episode: Episode, blob: bytes) -> None:
    path = tmp_path / "000003.safetensors"
    write_episode(path, episode)
    _with_plane(path, blob)
    with pytest.raises(DamagedDataError, match="000003"):
        EpisodeReader(path).check()
    for read in (lambda reader: reader.observation(0), lambda reader: reader.observations()):
        with pytest.raises(DamagedDataError, match="000003"):
            read(EpisodeReader(path))


def test_files_of_others_are_refused_by_name(tmp_path: Path) -> None:
    """Also those of the same container, such as weights."""
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"weight": np.zeros(3)}, tmp_path / "weights.safetensors")
    write_container(tmp_path / "own.safetensors", {"a": np.zeros(2)}, {"format": "something else"})
    (tmp_path / "empty.safetensors").touch()
    (tmp_path / "folder.safetensors").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises((DamagedDataError, MissingDataError), match=path.name):
            EpisodeReader(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_any_alteration_is_named_or_harmless(tmp_path: Path, make_episode: Make, rng: random.Random) -> None:
    """With the checksum of the header made right again, so that no checksum helps."""
    path = tmp_path / "000003.safetensors"
    episode = make_episode(size=(6, 8))
    write_episode(path, episode)
    good = read_episode(path)
    header, arrays = _split(path.read_bytes())
    text = bytearray(json.dumps(header).encode())
    for _ in range(rng.randint(1, 3)):
        where = rng.randrange(len(text))
        text[where : where + rng.choice([0, 1, 1, 3])] = rng.choice(
            [b"", b"9", b"-", b'"', b"]", b"null", b"1e9", b"0"]
        )
    path.write_bytes(_join(bytes(text), arrays))
    try:
        _checked(path)
        found = read_episode(path)
    except RavensError as error:
        assert "000003" in str(error)
        return
    assert np.array_equal(found.rewards, good.rewards) and math.isfinite(found.score)
    assert found.steps == good.steps
