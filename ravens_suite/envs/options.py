"""Keyword arguments that neither the environment nor its task has, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from ravens_suite.errors import ConfigError, UnknownOptionError

_FORMER = {
    "segmentation": "observe=['images', 'segmentation'] gives body labels",
    "goal_image": "observe=['images', 'goal'] gives goal_color and goal_depth",
}


def refuse_unknown(task: str, given: Iterable[str], of_task: Iterable[str], of_environment: Iterable[str]) -> None:
    """Raise for the first option that nobody has.

    Args:
        task: name of the task.
        given: names of keyword arguments that the environment does not have itself.
        of_task: names that the task has.
        of_environment: names that the environment has.

    Raises:
        ConfigError: an option of former releases; the message names what took its place.
        UnknownOptionError: any other; the message names the nearest one that there is, and all of them.
    """
    own, general = sorted(of_task), sorted(of_environment)
    for option in given:
        if option in _FORMER:
            raise ConfigError(f"There is no option {option!r} any more: {_FORMER[option]}.")
        if option not in own:
            # TorchRL 0.14.1 (envs/libs/gym.py) passes frameskip, and goes on without it if a TypeError says just this.
            raise UnknownOptionError(
                f"RavensEnv got an unexpected keyword argument {option!r}: {task} has no option {option!r}."
                f"{_nearest(option, [*own, *general])} Its own options are: {', '.join(own) or 'none'}; those of every "
                f"environment: {', '.join(general)}."
            )


def _nearest(option: str, known: list[str]) -> str:
    near = difflib.get_close_matches(option, [*known, *_FORMER], n=1)
    if not near:
        return ""
    return f" Since release 0.2 {_FORMER[near[0]]}." if near[0] in _FORMER else f" Did you mean {near[0]!r}?"
