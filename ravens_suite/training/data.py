"""The demonstrations of a run and the environments they come from."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ravens_suite.agents.base import Trainee
from ravens_suite.core.observations import Interface, groups_with
from ravens_suite.data.demonstrations import Demonstrations
from ravens_suite.data.episode_header import FORMAT
from ravens_suite.data.store import EpisodeStore
from ravens_suite.errors import ConfigError, ConflictError, MissingDataError, UnknownNameError, blame
from ravens_suite.registry import environment_id
from ravens_suite.rollout.actors import EXPERIENCE
from ravens_suite.rollout.definitions import OF_THE_TASK, changed, define, the_task_has_changed
from ravens_suite.rollout.environments import describe_interface, differing_arguments, make_environment


@dataclass(frozen=True)
class TaskData:
    """What was collected of one task.

    Attributes:
        task: registered name.
        environment: id and arguments that make the environment of its episodes, the definition of the task where it
            was noted, and the robot of the user's own that recorded them (``core/robot_setup.py``), JSON.
        interface: what the episodes hold of it, reduced to what the agent reads.
    """

    task: str
    environment: dict[str, Any]
    interface: Interface


def read_task(agent: type[Trainee[Any]], task: str, data: Path) -> TaskData:
    """How the demonstrations of a task were collected, as far as an agent is concerned.

    Args:
        agent: that shall learn.
        task: registered name.
        data: folder of all data.

    Raises:
        MissingDataError: nothing was collected.
        ConflictError: it was collected by another version of this package.
        ConfigError: the agent cannot learn from it.
    """
    store = EpisodeStore.of(data, task, "train")
    manifest = store.manifest()
    if manifest.get("format") != FORMAT:
        raise ConflictError(
            f"{store.folder} holds episodes of another version ({manifest.get('format')}, not {FORMAT}): collect into "
            "another --data folder."
        )
    if manifest.get(EXPERIENCE) is True and agent.imitates:
        raise ConfigError(
            f"{store.folder} holds episodes that are no demonstrations (collect --policy), and {agent.name} would copy "
            "them: train visual-foresight on them, or collect demonstrations of the oracle into another --data folder."
        )
    everything = store.interface()
    with blame(f"check of the agent {agent.name}"):
        agent.check(everything)
        keys = agent.reads(everything)
    interface = Interface({key: everything.observation[key] for key in keys}, everything.action, everything.control)
    arguments = {**manifest.get("arguments", {}), "observe": list(groups_with(keys))}
    if manifest.get("renderer", "none") != "none":
        arguments["renderer"] = manifest["renderer"]
    environment = {"id": "" if is_own_data(task, data) else environment_id(task), "arguments": arguments}
    for key in ("definition", "robot"):
        if key in manifest:
            environment[key] = manifest[key]
    return TaskData(task, environment, interface)


def is_own_data(task: str, data: Path) -> bool:
    """Whether there are episodes under a name that no task has: they have no environment.

    Args:
        task: name of a task, or of a folder of episodes.
        data: folder of all data.
    """
    try:
        environment_id(task)
    except UnknownNameError:
        return (EpisodeStore.of(data, task, "train").folder / "manifest.json").exists()
    return False


def check_definition(where: str, task: str, environment: Mapping[str, Any], way_out: str) -> None:
    """Refuse what was made of a task that has changed since. Of what older versions made nothing is known.

    Args:
        where: what was made, for the message.
        task: registered name.
        environment: see ``TaskData``.
        way_out: end of the message.

    Raises:
        ConflictError: the message names what has changed.
    """
    then = environment.get("definition")
    if then and (words := changed(then, define(task, "train", environment["arguments"]), OF_THE_TASK)):
        raise ConflictError(f"{the_task_has_changed(where, task, words)} {way_out}")


def data_of(record: Mapping[str, Any], data: Path | None = None) -> Path:
    """The folder of all data of a run.

    Args:
        record: its ``run.json``.
        data: where they are now; by default where they were, as ``train`` was told. Runs of version 0.1 do not say.
    """
    return Path(record.get("data", "data")) if data is None else data


def check_still_there(where: str, record: Mapping[str, Any], data: Path, way_out: str) -> None:
    """Refuse to take folders for those of a run's demonstrations if they were collected in another way.

    Args:
        where: the run, for the message.
        record: its ``run.json``.
        data: folder of all data; what is not there any more is not missed. Further data are where they were.
        way_out: end of the message.

    Raises:
        ConflictError: an argument of their environment, the definition of their task, or a key or a shape of what is
            observed is another one by now.
    """
    learnt = Interface.from_json(record["interface"]).observation
    for folder, by_task in record.get("more_demonstrations", {}).items():
        for task in by_task:
            # Of their environments each episode may have one of its own.
            with suppress(MissingDataError):
                held = EpisodeStore.of(Path(folder), task, "train").interface().observation
                _check_observed(where, learnt, task, Path(folder), held, way_out)
    for task, environment in record["environments"].items():
        store = EpisodeStore.of(data, task, "train")
        try:
            manifest, held = store.manifest(), store.interface().observation
        except MissingDataError:
            continue
        # Episodes that no environment made have none of these.
        then, now = environment["arguments"], {**manifest.get("arguments", {}), "renderer": manifest.get("renderer")}
        differing = differing_arguments(task, then, now) if environment["id"] else {}
        for name in sorted(differing.keys() - {"observe", "renderer"}):
            was, is_now = differing[name]
            raise ConflictError(
                f"{where} was trained on demonstrations of {task} with {name} {was!r}; those in {data} have "
                f"{is_now!r}. {way_out}"
            )
        words = changed(environment.get("definition"), manifest.get("definition", {}), OF_THE_TASK)
        if words and "definition" in manifest:
            raise ConflictError(f"{the_task_has_changed(where, task, words)} {way_out}")
        _check_observed(where, learnt, task, data, held, way_out)


def _check_observed(
    where: str, learnt: Mapping[str, Any], task: str, data: Path, held: Mapping[str, Any], way_out: str
) -> None:
    for key in learnt:
        if learnt[key] != held.get(key):
            raise ConflictError(
                f"{where} was trained on demonstrations of {task} whose observation {key!r} is "
                f"{_spec(learnt, key)}; in those in {data} it is {_spec(held, key)}. {way_out}"
            )


def check_environment(data: TaskData) -> None:
    """Refuse demonstrations of a task that gives or takes something else today.

    Raises:
        ConflictError: a key or a shape has changed since they were collected.
    """
    environment = make_environment(data.task, "val", data.environment["arguments"])
    try:
        now = describe_interface(environment, data.task)
    finally:
        environment.close()
    for kind in ("observation", "action"):
        then, today = getattr(data.interface, kind), getattr(now, kind)
        for key in sorted({*then, *(today if kind == "action" else ())}):
            if then.get(key) != today.get(key):
                raise ConflictError(
                    f"{data.task} has changed since its demonstrations were collected: {kind} {key!r} was "
                    f"{_spec(then, key)} and is {_spec(today, key)}. Collect again into another --data folder."
                )


def shared_interface(tasks: Sequence[TaskData]) -> Interface:
    """The interface of several tasks, which one agent can learn only if it is the same.

    Raises:
        ConfigError: it is not; the message names the first difference.
    """
    first, *others = tasks
    for other in others:
        if other.interface.control != first.interface.control:
            raise ConfigError(
                f"{first.task} takes {first.interface.control} actions, {other.task} {other.interface.control}: "
                "train on tasks of one kind."
            )
        for kind in ("observation", "action"):
            mine, theirs = getattr(first.interface, kind), getattr(other.interface, kind)
            for key in sorted({*mine, *theirs}):
                if mine.get(key) != theirs.get(key):
                    raise ConfigError(
                        f"{kind} {key!r} is {_spec(mine, key)} in {first.task} and {_spec(theirs, key)} in "
                        f"{other.task}: collect both in the same way, or train one run for each."
                    )
    return first.interface


def choose_demonstrations(seeds: Sequence[int], count: int, seed: int, task: str) -> list[int]:
    """A random subset of the collected episodes, without replacement, ascending (Transporter Networks, section 4.2).

    Args:
        seeds: of the episodes.
        count: how many are chosen.
        seed: of the choice.
        task: that they are of, for the message.

    Raises:
        MissingDataError: there are fewer than ``count``.
    """
    if len(seeds) < count:
        raise MissingDataError(
            f"{count} demonstrations of {task} were asked for (--demos), but there are {len(seeds)}: collect more, or "
            "ask for fewer."
        )
    return sorted(int(value) for value in np.random.default_rng(seed).permutation(sorted(seeds))[:count])


def without(chosen: Sequence[int], dropped: Sequence[int], task: str) -> list[int]:
    """The chosen demonstrations of a task but for some.

    Args:
        chosen: seeds.
        dropped: seeds that are left out.
        task: for the message.

    Raises:
        ConfigError: one that is to be left out is not among the chosen ones, or none would be left.
    """
    if unknown := sorted(set(dropped) - set(chosen)):
        raise ConfigError(
            f"The demonstration {unknown[0]} of {task} cannot be left out: it is not among the {len(chosen)} that were "
            "chosen. The same --demos and --seed choose the same ones."
        )
    left = [seed for seed in chosen if seed not in set(dropped)]
    if not left:
        raise ConfigError(f"No demonstration of {task} would be left: leave fewer than {len(chosen)} out.")
    return left


def more_demonstrations(
    agent: type[Trainee[Any]],
    tasks: Sequence[TaskData],
    folders: Sequence[str],
    dropped: Mapping[str, Sequence[int]],
    *,
    force: bool = False,
) -> dict[str, dict[str, list[int]]]:
    """Seeds by task of all demonstrations in further data folders, but for those that are left out.

    Args:
        agent: that shall learn.
        tasks: that it learns, as they were collected in the first folder.
        folders: the further ones; not every task need be in each.
        dropped: seeds by task.
        force: learn from them although a task has changed since they were collected.

    Raises:
        MissingDataError: there is nothing of any of the tasks in one of them.
        ConfigError: an agent cannot learn from them, or they hold other observations or actions.
        ConflictError: a task has changed since they were collected.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for folder in folders:
        stores = {each.task: EpisodeStore.of(Path(folder), each.task, "train") for each in tasks}
        seeds = {task: sorted(set(store.seeds()) - set(dropped.get(task, ()))) for task, store in stores.items()}
        found[folder] = {task: kept for task, kept in seeds.items() if kept}
        if not found[folder]:
            raise MissingDataError(
                f"There is no demonstration of {', '.join(stores)} in {folder}, which --more-data names: collect some "
                "into it."
            )
        further = [read_task(agent, task, Path(folder)) for task in found[folder]]
        for each in [] if force else further:
            where = str(stores[each.task].folder)
            check_definition(where, each.task, each.environment, "Collect again into another folder, or --force.")
        # The folder is for the message.
        shared_interface([*tasks, *(replace(each, task=f"{each.task} in {folder}") for each in further)])
    return found


def checksum_of(folder: str, seeds: Mapping[str, Sequence[int]]) -> str:
    """SHA-256 of which episodes of a data folder are meant and of their checksums; equal for the same episodes only.

    Args:
        folder: a data folder.
        seeds: of the episodes, by task.

    Raises:
        MissingDataError: one of them is not there.
        DamagedDataError: one of them is damaged.
    """
    total = hashlib.sha256()
    for task in sorted(seeds):
        store = EpisodeStore.of(Path(folder), task, "train")
        for seed in sorted(seeds[task]):
            total.update(f"{task} {seed} {store.reader(seed).checksum}\n".encode())
    return total.hexdigest()


def episodes_beside(
    agent: type[Trainee[Any]],
    named: Mapping[str, Sequence[str]],
    counts: Mapping[str, int],
    *,
    force: bool = False,
) -> dict[str, dict[str, list[int]]]:
    """Seeds by task of the episodes in data folders that settings name: the lowest ones, as many as demonstrations.

    They need not show what the demonstrations show, such as images of the same size, but what the agent reads.

    Args:
        agent: that shall learn.
        named: by setting, the folders (``agents/common/settings.py``).
        counts: demonstrations by task.
        force: learn from them although a task has changed since they were collected.

    Returns:
        By folder.

    Raises:
        MissingDataError: there is no episode of a task in one of them.
        ConfigError: an agent cannot learn from them, or a folder is named twice.
        ConflictError: a task has changed since they were collected.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for setting, folders in named.items():
        for folder in folders:
            if folder in found:
                raise ConfigError(f"{setting} names {folder} again, whose episodes would count twice: name it once.")
            found[folder] = {}
            for task, count in counts.items():
                store = EpisodeStore.of(Path(folder), task, "train")
                if not (seeds := store.seeds()[:count]):
                    raise MissingDataError(
                        f"There is no episode in {store.folder}, which {setting} names: collect some (ravens-suite "
                        f"collect {task} --policy ... --data {shlex.quote(folder)})."
                    )
                held = read_task(agent, task, Path(folder))
                if not force:
                    way_out = "Collect again into another folder, or --force."
                    check_definition(str(store.folder), task, held.environment, way_out)
                found[folder][task] = seeds
    return found


def open_demonstrations(
    data: Path,
    chosen: Mapping[str, Sequence[int]],
    more: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
    beside: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
) -> Demonstrations:
    """The episodes of some seeds by task.

    Args:
        data: folder of all data.
        chosen: seeds by task.
        more: seeds by task of further data folders, by folder.
        beside: the same of folders that settings of the agent name (``episodes_beside``).

    Raises:
        MissingDataError: a file is not there any more.
    """
    further = [*(more or {}).items(), *(beside or {}).items()]
    places = [(data, chosen), *((Path(folder), seeds) for folder, seeds in further)]
    paths = [
        EpisodeStore.of(folder, task, "train").path(seed)
        for folder, by_task in places
        for task, seeds in by_task.items()
        for seed in seeds
    ]
    if gone := [path for path in paths if not path.exists()]:
        raise MissingDataError(
            f"The demonstration {gone[0]} is not there (any more): name the folder of the run's data with --data, or "
            "collect again with the same command. Folders of --more-data are looked for where they were: if they were "
            "moved, run the train command of the run with their new names."
        )
    return Demonstrations(paths)


def _spec(specs: Mapping[str, Any], key: str) -> str:
    return f"{specs[key].dtype} {specs[key].shape}" if key in specs else "absent"
