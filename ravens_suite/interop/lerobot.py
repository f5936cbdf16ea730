"""Collected episodes as LeRobot data sets (https://github.com/huggingface/lerobot), format v3.0, without LeRobot.

One data set a split, of all its tasks: ``OUT/train`` is what ``--dataset.root`` takes. A frame is an observation and
the action that followed it; see ``interop/lerobot_features.py`` for its keys, ``interop/vectors.py`` for its vectors.

What the format has no place for lies beside it, in ``ravens_suite/<task>/``: episode files without their colour
images, and in ``end`` what the cameras saw after the last action. So ``ravens-suite import`` makes the same episodes of
a data set. LeRobot reads neither.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from ravens_suite.core.numbers import check_number
from ravens_suite.core.observations import GOAL
from ravens_suite.data.atomic import UNFINISHED, read_json, write_bytes, write_json
from ravens_suite.data.locks import locked
from ravens_suite.data.store import EpisodeStore, differences
from ravens_suite.errors import (
    ConfigError,
    ConflictError,
    DamagedDataError,
    MissingDataError,
    missing_library,
)
from ravens_suite.execution.progress import Progress, silent
from ravens_suite.interop.exports import MARK, Exported, Source, slug, sources_in
from ravens_suite.interop.lerobot_episode import ConvertedEpisode
from ravens_suite.interop.lerobot_features import LeRobotFeatures, camera_names
from ravens_suite.interop.lerobot_options import LeRobotOptions
from ravens_suite.interop.vectors import VectorActions, VectorState, space_of_actions

MARK_FILE = "export.json"
"""In the folder ``ravens_suite`` of a data set: of what it was made, and how long its files are."""
_QUATERNIONS = "quaternions"
"""In that file: which of the two of a rotation is told (``interop/vectors.py``); earlier builds told the oracle's."""
_UNFINISHED = f"{UNFINISHED}-"
_MOST_WORKERS = 256


def export_lerobot(
    folder: Path | str,
    out: Path | str,
    options: LeRobotOptions | None = None,
    *,
    workers: int = 2,
    on_progress: Progress = silent,
) -> list[Exported]:
    """Write every split in a folder as a LeRobot data set; what was written of the same episodes before is left.

    Args:
        folder: with collected episodes, directly or below (``data/<task>/<split>``).
        out: where the data sets go, ``out/<split>``.
        options: how.
        workers: threads that decode and code images; the files are the same with any number.
        on_progress: called for every episode.

    Raises:
        MissingDataError: there is nothing to export.
        ConflictError: something else lies where a set should go, or what an earlier build made of these episodes and
            this one would make more of; tasks cannot share a set, or another process exports to ``out``.
        ConfigError: an option does not fit the episodes.
        DamagedDataError: an episode is damaged.
        MissingLibraryError: pyarrow is not installed.
    """
    folder, out = Path(folder), Path(out)
    options = (options or LeRobotOptions()).checked()
    check_number("--workers", workers, 1, _MOST_WORKERS)
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise missing_library("pyarrow") from error
    sources = sorted(sources_in(folder), key=lambda source: (source.split, source.task))
    total, done, results = sum(len(source.seeds) for source in sources), 0, []
    with locked(out, "exporting to"):
        for leftover in out.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover)
        for split, group in groupby(sources, key=lambda source: source.split):
            job = _Job(tuple(group), options, out / slug(split))
            if not job.is_there():
                job.write(out, workers, lambda count, before=done: on_progress(before + count, total))
            done += job.seeds
            results.append(job.exported())
            on_progress(done, total, results[-1].name)
    return results


class _Job:
    """One data set that is to be written."""

    def __init__(self, sources: tuple[Source, ...], options: LeRobotOptions, target: Path) -> None:
        if options.image_size is not None and _have_size(sources, tuple(options.image_size)):
            options = replace(options, image_size=None)  # To give what they have makes no other set.
        self._sources, self._options, self._target = sources, options, target
        self.seeds = sum(len(source.seeds) for source in sources)
        names = [slug(source.task) for source in sources]
        if twice := [source for source in sources if names.count(slug(source.task)) > 1]:
            raise ConflictError(
                f"{twice[0].store.folder} and {twice[1].store.folder} hold episodes of one task and split: export one "
                "at a time, each to an --out folder of its own."
            )
        self._mark = {
            "tasks": {source.task: source.mark for source in sources},
            "options": {**asdict(options), "image_size": list(options.image_size) if options.image_size else None},
        }

    def is_there(self) -> bool:
        """Whether the set of these episodes is there already, whole and unchanged.

        Raises:
            ConflictError: another one is, or something that is none.
        """
        if not self._target.exists():
            return False
        advice = "name another --out, or delete that folder to export again"
        try:
            found = read_json(self._target / MARK / MARK_FILE)
            sizes, then = found["files"], {key: found[key] for key in ("tasks", "options")}
        except (DamagedDataError, MissingDataError, OSError, KeyError, TypeError):
            raise ConflictError(f"{self._target} is in the way: it is not a whole export. {advice}.") from None
        if sizes != _sizes(self._target):
            raise ConflictError(f"{self._target} has been changed since it was exported: {advice}.")
        fps = _usual_rate(self._sources[0].acting.actions())
        before, now = _comparable(then, fps), _comparable(self._mark, fps)
        if before == now:
            if lacks := self._lacks(found):
                raise ConflictError(f"{self._target} was exported by an earlier build, {lacks}: {advice}.")
            return True
        what = "; ".join(list(differences(before, now))[:5])
        raise ConflictError(f"{self._target} was exported otherwise ({what}): {advice}.")

    def _lacks(self, found: Mapping[str, Any]) -> str:
        """What a set of the same episodes has not that this build would write, in words; empty for nothing.

        Args:
            found: content of its ``MARK_FILE``.
        """
        wanted = self._features()
        features = wanted.to_json()
        there = read_json(self._target / "meta" / "info.json").get("features", {})
        if missing := [key for key in features if key not in there]:
            return f"without {', '.join(missing)}"
        parts = ("dtype", "shape", "names")
        if other := [key for key in features if any(there[key].get(part) != features[key][part] for part in parts)]:
            return f"in another form of {', '.join(other)}"
        if _QUATERNIONS not in found and any(name.endswith("qw") for name in (*wanted.state, *wanted.action)):
            return "with quaternions of either sign, of which environments show one"
        # An import then takes the order of the alphabet.
        order = found.get("cameras", sorted(wanted.cameras))
        return "" if order == list(wanted.cameras) else "without the order of its cameras"

    def exported(self) -> Exported:
        """What is there now."""
        about = read_json(self._target / "meta" / "info.json")
        name = f"{MARK}/{self._target.name}"
        return Exported(name, int(about["total_episodes"]), int(about["total_frames"]), self._target)

    def write(self, out: Path, workers: int, on_done: Any) -> None:
        """Write the set beside its place, and move it there when it is whole."""
        from ravens_suite.interop.lerobot_writer import SetWriter

        folder = out / f"{_UNFINISHED}{uuid.uuid4().hex}"
        folder.mkdir(parents=True)
        try:
            features = self._features()
            writer = SetWriter(folder, features)
            done = 0
            try:
                with ThreadPoolExecutor(workers) as pool:
                    for source in self._sources:
                        for seed in source.seeds:
                            ConvertedEpisode(source, seed, self._options, features).write(
                                writer, folder, pool, 2 * workers
                            )
                            done += 1
                            on_done(done)
                        _keep_records(source.store, folder / MARK / slug(source.task))
                if not writer.episodes:
                    raise MissingDataError("No episode has an action: there is nothing to export.")
                split = self._sources[0].split
                writer.close({slug(split): f"0:{writer.episodes}"})
            finally:
                writer.release()
            about = {**self._mark, "cameras": list(features.cameras), "files": _sizes(folder), _QUATERNIONS: "w >= 0"}
            write_json(folder / MARK / MARK_FILE, about)
            folder.rename(self._target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _features(self) -> LeRobotFeatures:
        """What every frame has, of all tasks.

        Raises:
            ConflictError: two tasks differ in it.
        """
        found = {source.task: _features_of(source, self._options) for source in self._sources}
        first, *rest = found.items()
        for task, features in rest:
            if differing := list(differences(asdict(first[1]), asdict(features))):
                raise ConflictError(
                    f"{first[0]} and {task} cannot share a data set ({differing[0]}): export each alone, or collect "
                    "both with the same images and the same kind of control."
                )
        return first[1]


def _features_of(source: Source, options: LeRobotOptions) -> LeRobotFeatures:
    reader = source.acting
    if not reader.summary.steps:
        raise MissingDataError(f"No episode in {source.store.folder} has an action: there is nothing to export.")
    goal = GOAL + "color" in reader.keys
    depth = ("depth", GOAL + "depth") if goal else ("depth",)
    if "color" not in reader.keys or (options.depth and not set(depth) <= set(reader.keys)):
        raise MissingDataError(
            f"The episodes in {source.store.folder} have no images, which frames of LeRobot are made of: collect with "
            "--observe images."
        )
    count, *size = reader.window(0, 1, ["color"])["color"].shape[1:4]
    cameras = camera_names([camera.name for camera in reader.summary.cameras], count)
    rows, columns = options.image_size or (size[0], size[1])
    if options.images == "video" and (rows % 2 or columns % 2):
        raise ConfigError(f"Films have an even number of rows and columns, not {rows} x {columns}: give --image-size.")
    if not (arrays := reader.actions()):
        # Of a column without a number pyarrow (26.0.1) ends the process.
        raise MissingDataError(
            f"The episodes in {source.store.folder} say what was earned, but not what was done: frames of LeRobot have "
            "actions, so give the episodes theirs."
        )
    actions = VectorActions(space_of_actions(arrays), options.actions)
    state = VectorState(reader.keys, actions)
    fps = options.fps or _usual_rate(arrays)
    return LeRobotFeatures(
        cameras, (rows, columns), state.names, actions.names, fps, options.images, options.depth, goal
    )


def _keep_records(store: EpisodeStore, folder: Path) -> None:
    """Keep what a store says of its episodes."""
    write_json(folder / "store.json", store.manifest())
    attempts = store.folder / "attempts.jsonl"
    if attempts.exists():
        write_bytes(folder / attempts.name, [attempts.read_bytes()])


def _sizes(folder: Path) -> dict[str, int]:
    """Length of every file of a set, by path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARK_FILE)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}


def _usual_rate(actions: Mapping[str, Any]) -> int:
    """Frames a second unless options say otherwise: 1 with whole motions, 5 with way-points."""
    return 5 if "gripper" in actions else 1


def _have_size(sources: Sequence[Source], size: tuple[int, ...]) -> bool:
    """Whether all colour images are of a size already."""
    readers = (source.store.reader(seed) for source in sources for seed in source.seeds)
    return all("color" in reader.image_keys and reader.image_shape("color")[2:4] == size for reader in readers)


def _comparable(mark: dict[str, Any], fps: int) -> dict[str, Any]:
    """What two sets of the same data share.

    Args:
        mark: content of ``MARK_FILE``.
        fps: of these data where the options do not say.
    """
    tasks = {
        task: {key: one.get(key) for key in ("settings", "seeds", "digest")} for task, one in mark["tasks"].items()
    }
    return {"tasks": tasks, "options": {**mark["options"], "fps": mark["options"].get("fps") or fps}}
