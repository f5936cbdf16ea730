"""Writes the files of a LeRobot data set as frames come; memory holds one episode, and a few numbers of every frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from ravens_suite.core.h264 import x264_options
from ravens_suite.data.atomic import write_json
from ravens_suite.interop.lerobot_features import (
    ACTION,
    DATA_MEGABYTES,
    DATA_PATH,
    EPISODES_PATH,
    FILES_A_CHUNK,
    NUMBERS,
    STATE,
    VIDEO_MEGABYTES,
    VIDEO_PATH,
    LeRobotFeatures,
    data_schema,
    info,
    tasks_table,
)
from ravens_suite.interop.lerobot_statistics import PixelStatistics, Statistics, of_columns, of_vectors

_MEGABYTE = 2**20
_ROWS_AT_ONCE = 100
_QUALITY = "18"
"""Constant rate factor of x264: differences are hard to see."""
_MILLIMETRES = 2**16


@dataclass(frozen=True)
class Frame:
    """What was seen before an action, the action, and what it earned.

    Attributes:
        text: the instruction.
        state: (numbers,) float32.
        action: (numbers,) float32.
        reward: of the action.
        color: N images, (rows, columns, 3) uint8.
        embedded: coded images by key.
    """

    text: str
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    reward: float
    color: Sequence[NDArray[np.uint8]]
    embedded: dict[str, bytes]


class SetWriter:
    """One data set; ``close`` writes what is known at the end only.

    Args:
        folder: of the set; need not exist.
        features: of every frame.
    """

    def __init__(self, folder: Path, features: LeRobotFeatures) -> None:
        self._folder, self._features = folder, features
        self._schema = data_schema(arrow, features)
        self._data = _Numbered(folder, DATA_PATH, DATA_MEGABYTES)
        self._table: Any = None
        self._films = {key: _Films(folder, key, features) for key in features.video_keys}
        self._episodes = _EpisodeRows(folder)
        self._columns: dict[str, list[NDArray[Any]]] = {}
        self._pixels = self._new_pixels()
        self._texts: dict[str, int] = {}
        self.episodes = self.frames = 0

    def add(self, frames: Iterable[tuple[Frame, dict[str, PixelStatistics]]], success: bool) -> None:
        """Write an episode.

        Args:
            frames: its frames, at least one, each with the counts of its images by key.
            success: strict success at its end.
        """
        rows: list[Frame] = []
        pixels = self._new_pixels()
        starts = {key: films.begin() for key, films in self._films.items()}
        for frame, counted in frames:
            for key, film in zip(self._films, frame.color, strict=False):
                self._films[key].add(film)
            for key, one in counted.items():
                pixels[key].merge(one)
            rows.append(Frame(frame.text, frame.state, frame.action, frame.reward, (), frame.embedded))
        columns = self._numbers(rows, success)
        statistics = of_columns(columns)
        statistics |= {key: one.summary() for key, one in pixels.items()}
        for key, values in columns.items():
            self._columns.setdefault(key, []).append(values)
        for key, one in pixels.items():
            self._pixels[key].merge(one)
        place = self._write_rows(rows, columns)
        self._episodes.add(self._row(rows, place, starts, statistics))
        self.episodes, self.frames = self.episodes + 1, self.frames + len(rows)

    def close(self, splits: dict[str, str]) -> None:
        """Finish every file, and write those of the whole set."""
        self.release()
        self._episodes.close()
        arrow_tasks = tasks_table(arrow, list(self._texts))
        parquet.write_table(arrow_tasks, self._folder / "meta" / "tasks.parquet")
        statistics: dict[str, Statistics] = {
            key: of_vectors(np.concatenate(values)) for key, values in self._columns.items()
        }
        statistics |= {key: one.summary() for key, one in self._pixels.items()}
        write_json(self._folder / "meta" / "stats.json", statistics)
        about = info(self._features, self.episodes, self.frames, len(self._texts), splits)
        write_json(self._folder / "meta" / "info.json", about)

    def release(self) -> None:
        """Close what is open, as far as it is written."""
        if self._table is not None:
            self._table.close()
            self._table = None
        for films in self._films.values():
            films.close()

    def _new_pixels(self) -> dict[str, PixelStatistics]:
        colors = {key: PixelStatistics(3) for key in self._features.color_keys}
        return colors | {key: PixelStatistics(1, _MILLIMETRES, 1.0) for key in self._features.depth_keys}

    def _numbers(self, rows: Sequence[Frame], success: bool) -> dict[str, NDArray[Any]]:
        """Columns of numbers, (frames, numbers) each."""
        count = len(rows)
        last = np.arange(count) == count - 1
        indices = [self._texts.setdefault(row.text, len(self._texts)) for row in rows]
        single = {
            "next.reward": np.array([row.reward for row in rows]),
            "next.done": last,
            "next.success": last & success,
            "timestamp": np.arange(count) / self._features.fps,
            "frame_index": np.arange(count),
            "episode_index": np.full(count, self.episodes),
            "index": self.frames + np.arange(count),
            "task_index": np.array(indices),
        }
        found: dict[str, NDArray[Any]] = {
            STATE: np.stack([row.state for row in rows]),
            ACTION: np.stack([row.action for row in rows]),
        }
        return found | {key: single[key].astype(kind).reshape(-1, 1) for key, kind in NUMBERS.items()}

    def _write_rows(self, rows: Sequence[Frame], columns: dict[str, NDArray[Any]]) -> tuple[int, int]:
        """Write the rows of an episode as one row group; says in which chunk and file."""
        size = sum(len(blob) for row in rows for blob in row.embedded.values())
        if self._data.is_full() and self._table is not None:
            self._table.close()
            self._table = None
        if self._table is None:
            path = self._data.next()
            # Images are compressed already; dictionaries of them would double the memory.
            self._table = parquet.ParquetWriter(
                path,
                self._schema,
                compression="none",
                use_dictionary=False,
                write_statistics=["index", "episode_index"],
            )
        self._data.size += size + sum(values.nbytes for values in columns.values())
        self._table.write_table(self._arrow(rows, columns), row_group_size=len(rows))
        return self._data.place

    def _arrow(self, rows: Sequence[Frame], columns: dict[str, NDArray[Any]]) -> Any:
        arrays = []
        for name in self._schema.names:
            kind = self._schema.field(name).type
            if name in columns and columns[name].shape[1] == getattr(kind, "list_size", 0):
                flat = arrow.array(columns[name].reshape(-1), type=kind.value_type)
                arrays.append(arrow.FixedSizeListArray.from_arrays(flat, type=kind))
            elif name in columns:
                arrays.append(arrow.array(columns[name].reshape(-1), type=kind))
            else:
                arrays.append(arrow.array([{"bytes": row.embedded[name], "path": None} for row in rows], type=kind))
        return arrow.Table.from_arrays(arrays, schema=self._schema)

    def _row(
        self, rows: Sequence[Frame], place: tuple[int, int], starts: dict[str, float], found: dict[str, Statistics]
    ) -> dict[str, Any]:
        """What ``meta/episodes`` says of an episode."""
        row: dict[str, Any] = {
            "episode_index": self.episodes,
            "tasks": list(dict.fromkeys(row.text for row in rows)),
            "length": len(rows),
            "data/chunk_index": place[0],
            "data/file_index": place[1],
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + len(rows),
        }
        for key, start in starts.items():
            chunk, file = self._films[key].place
            row |= {f"videos/{key}/chunk_index": chunk, f"videos/{key}/file_index": file}
            row[f"videos/{key}/from_timestamp"] = start
            row[f"videos/{key}/to_timestamp"] = start + len(rows) / self._features.fps
        for key, values in found.items():
            row |= {f"stats/{key}/{name}": value for name, value in values.items()}
        return row


class _Numbered:
    """Files ``chunk-000/file-000`` and on, each of a size at most unless one episode has more."""

    def __init__(self, folder: Path, pattern: str, megabytes: int) -> None:
        self._folder, self._pattern, self._most = folder, pattern, megabytes * _MEGABYTE
        self._number = -1
        self.size = 0

    @property
    def place(self) -> tuple[int, int]:
        """Numbers of chunk and file."""
        chunk, file = divmod(self._number, FILES_A_CHUNK)
        return chunk, file

    def is_full(self) -> bool:
        """Whether the next episode goes to another file."""
        return self.size >= self._most

    def next(self, **names: str) -> Path:
        """Path of the next file, whose folder is made."""
        self._number, self.size = self._number + 1, 0
        chunk, file = self.place
        path = self._folder / self._pattern.format(chunk_index=chunk, file_index=file, **names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class _Films:
    """The films of one camera; an episode lies in one of them, one after the other."""

    def __init__(self, folder: Path, key: str, features: LeRobotFeatures) -> None:
        self._files = _Numbered(folder, VIDEO_PATH, VIDEO_MEGABYTES)
        self._key, self._features = key, features
        self._container: Any = None
        self._stream: Any = None
        self._frames = 0

    @property
    def place(self) -> tuple[int, int]:
        """Numbers of chunk and file."""
        return self._files.place

    def begin(self) -> float:
        """Begin an episode; seconds in its film at which it starts."""
        if self._container is not None and self._files.is_full():
            self.close()
        if self._container is None:
            self._open()
        return self._frames / self._features.fps

    def add(self, image: NDArray[np.uint8]) -> None:
        """One more frame, (rows, columns, 3) uint8."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts = self._frames
        self._frames += 1
        self._mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the film."""
        if self._container is not None:
            self._mux(self._stream.encode(None))
            self._container.close()
            self._container = None

    def _open(self) -> None:
        self._frames = 0
        fps = self._features.fps
        self._container = av.open(str(self._files.next(video_key=self._key)), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=fps)
        self._stream.height, self._stream.width = self._features.size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = Fraction(1, fps)
        self._stream.codec_context.time_base = Fraction(1, fps)
        # One thread: the same bytes on every machine. Every second frame stands alone, as single ones are asked for.
        self._stream.thread_count = 1
        self._stream.options = x264_options(crf=_QUALITY, g="2", bf="0")

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            self._files.size += packet.size
            self._container.mux(packet)


class _EpisodeRows:
    """``meta/episodes``, written a hundred rows at a time."""

    def __init__(self, folder: Path) -> None:
        self._files = _Numbered(folder, EPISODES_PATH, DATA_MEGABYTES)
        self._rows: list[dict[str, Any]] = []
        self._writer: Any = None

    def add(self, row: dict[str, Any]) -> None:
        """One more episode."""
        self._rows.append(row)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write the rest."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is not None and self._files.is_full():
            self._writer.close()
            self._writer = None
        path = self._files.next() if self._writer is None else None
        chunk, file = self._files.place
        here = {"meta/episodes/chunk_index": chunk, "meta/episodes/file_index": file}
        table = arrow.Table.from_pylist([row | here for row in self._rows])
        if path is not None:
            self._writer = parquet.ParquetWriter(path, table.schema)
        self._files.size += len(json.dumps(self._rows))
        self._writer.write_table(table.cast(self._writer.schema))
        self._rows = []
