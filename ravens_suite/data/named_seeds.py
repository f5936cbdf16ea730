"""Files that name demonstrations by task and seed, such as those that a run shall leave out."""

from __future__ import annotations

from pathlib import Path

from ravens_suite.data.atomic import read_json
from ravens_suite.data.fields import is_whole
from ravens_suite.errors import ConfigError, DamagedDataError


def read_seeds(path: Path) -> dict[str, list[int]]:
    """The seeds by task in a JSON file, ``{"block-insertion": [4, 17]}``; one that is named twice counts once.

    Raises:
        MissingDataError: there is no such file.
        ConfigError: it says something else.
    """
    wanted = 'write it as {"TASK": [SEED, ...]}.'
    try:
        value = read_json(path)
    except DamagedDataError as error:
        raise ConfigError(f"{path} is not JSON: {wanted}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} is not a JSON object: {wanted}")
    for task, seeds in value.items():
        if not isinstance(seeds, list) or not all(is_whole(seed) for seed in seeds):
            raise ConfigError(f"{path}: {task!r} is {seeds!r:.60}, not a list of seeds: {wanted}")
    return {str(task): [*dict.fromkeys(map(int, seeds))] for task, seeds in value.items()}
