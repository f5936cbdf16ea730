"""Reads a LeRobot data set that this suite wrote; see ``interop/lerobot.py`` for what lies beside the frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ravens_suite.data.atomic import files_below, read_json
from ravens_suite.data.episode import Episode, EpisodeReader
from ravens_suite.errors import DamagedDataError, missing_library
from ravens_suite.interop.contents import Contents, what_was_done
from ravens_suite.interop.exports import MARK, slug
from ravens_suite.interop.lerobot import MARK_FILE
from ravens_suite.interop.lerobot_episode import END, added_key
from ravens_suite.interop.lerobot_features import IMAGES

_HALF_A_FRAME = Fraction(1, 2)
_AGAIN = "copy the data set again, or export it again"
"""What to do about a damaged file of a data set: nobody should delete a part of it."""


@dataclass(frozen=True)
class _Place:
    """Where the frames of an episode lie: file, index of the first and how many; and films with their starts."""

    data: Path
    first: int
    count: int
    films: tuple[tuple[Path, float], ...]


def contents(folder: Path) -> Iterator[Contents]:
    """What the data sets in a folder hold, or in folders below it.

    Raises:
        MissingLibraryError: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise missing_library("pyarrow") from error
    for path in files_below(folder, f"{MARK}/{MARK_FILE}"):
        yield from _Set(path.parents[1]).contents()


class _Set:
    """One data set."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._about = read_json(folder / "meta" / "info.json", _AGAIN)
        self._mark = read_json(folder / MARK / MARK_FILE, _AGAIN)
        features = self._about["features"]
        # What was seen of the goal scene lies beside the set, too. JSON sorts its keys: the order of cameras is noted.
        images = [f"{IMAGES}{name}" for name in self._mark.get("cameras", ())] or _colors(features)
        self._films = [key for key in images if features[key]["dtype"] == "video"]
        self._images = images

    def contents(self) -> Iterator[Contents]:
        options = self._mark["options"]
        places = list(self._places())
        for task, mark in self._mark["tasks"].items():
            beside = self._folder / MARK / slug(task)
            readers = {seed: EpisodeReader(beside / f"{seed:06}.safetensors") for seed in mark["seeds"]}
            # Episodes without an action have no frames; the others lie in the order in which they were written.
            acting = [seed for seed, reader in readers.items() if reader.summary.steps]
            where = dict(zip(acting, places, strict=False))
            del places[: len(acting)]
            if [place.count for place in where.values()] != [readers[seed].summary.steps for seed in acting]:
                raise ValueError("its episodes are others than were exported")
            attempts = beside / "attempts.jsonl"
            manifest = read_json(beside / "store.json", _AGAIN)
            yield Contents(
                task=task,
                split=str(manifest.get("split", next(iter(readers.values())).summary.split)),
                manifest=manifest,
                exact=options["images"] == "png" and options["image_size"] is None,
                seeds=tuple(mark["seeds"]),
                read=partial(self._read, beside, where),
                done=partial(_done, beside),
                attempts=attempts.read_bytes() if attempts.exists() else b"",
                image_size=tuple(options["image_size"]) if options["image_size"] else None,
            )
        if places:
            raise ValueError("it has more episodes than were exported")

    def _places(self) -> Iterator[_Place]:
        import pyarrow.parquet as parquet

        for path in sorted((self._folder / "meta" / "episodes").glob("*/*.parquet")):
            table = parquet.read_table(path)
            wanted = [name for name in table.schema.names if not name.startswith("stats/")]
            for row in table.select(wanted).to_pylist():
                yield _Place(
                    self._path("data_path", row, "data"),
                    row["dataset_from_index"],
                    row["length"],
                    tuple(
                        (self._path("video_path", row, f"videos/{key}", key), row[f"videos/{key}/from_timestamp"])
                        for key in self._films
                    ),
                )

    def _path(self, pattern: str, row: dict[str, Any], group: str, key: str = "") -> Path:
        place = {"chunk_index": row[f"{group}/chunk_index"], "file_index": row[f"{group}/file_index"]}
        return self._folder / str(self._about[pattern]).format(video_key=key, **place)

    def _read(self, beside: Path, where: dict[int, _Place], seed: int) -> Episode:
        rest = EpisodeReader(beside / f"{seed:06}.safetensors").episode()
        last = EpisodeReader(beside / END / f"{seed:06}.safetensors").observation(0, ["color"])["color"]
        frames = self._frames(where[seed], rest.steps) if seed in where else []
        color = np.stack([*frames, last])
        added = added_key(rest.observations)
        observed = {key: values for key, values in rest.observations.items() if key != added}
        return replace(rest, observations={"color": color, **observed})

    def _frames(self, place: _Place, steps: int) -> list[NDArray[np.uint8]]:
        """One array (N, rows, columns, 3) a frame."""
        if self._films:
            each = [_film(path, start, steps, self._about["fps"]) for path, start in place.films]
            return [np.stack(views) for views in zip(*each, strict=True)]
        import pyarrow.parquet as parquet

        rows = parquet.read_table(
            place.data,
            columns=self._images,
            filters=[("index", ">=", place.first), ("index", "<", place.first + steps)],
        )
        if len(rows) != steps:
            raise DamagedDataError(f"{place.data} has not the {steps} frames from {place.first} on: export it again.")
        return [
            np.stack([_decoded(row[key]["bytes"]) for key in self._images])
            for batch in rows.to_batches(max_chunksize=1)
            for row in batch.to_pylist()
        ]


def _done(beside: Path, seed: int) -> dict[str, NDArray[Any]]:
    reader = EpisodeReader(beside / f"{seed:06}.safetensors")
    return what_was_done(reader.actions(), reader.rewards())


def _colors(features: Mapping[str, Any]) -> list[str]:
    """The colour images of a set that does not note the order of its cameras."""
    depth = {key for key, one in features.items() if (one.get("info") or {}).get("is_depth_map")}
    return [key for key, one in features.items() if one["dtype"] in ("image", "video") and key not in depth]


def _decoded(data: bytes) -> NDArray[np.uint8]:
    """An RGB image (rows, columns, 3) from a PNG file."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("an image is no PNG file")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _film(path: Path, start: float, steps: int, fps: int) -> list[NDArray[np.uint8]]:
    """Frames of a film from a time on, in seconds."""
    import av

    wanted = range(round(start * fps), round(start * fps) + steps)
    found: dict[int, NDArray[np.uint8]] = {}
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        container.seek(int(wanted.start / fps / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            number = int(frame.pts * stream.time_base * fps + _HALF_A_FRAME)
            if number >= wanted.stop:
                break
            found[number] = np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
    return [found[number] for number in wanted]
