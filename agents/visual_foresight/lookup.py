"""Models and planners by name: each file of their folders is one, named as the file with dashes."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any, TypeVar

from ravens_suite.core.modules import load_object
from ravens_suite.errors import ConfigError, did_you_mean

from . import models, planners
from .models.base import WorldModel
from .planners.base import Planner

Kind = TypeVar("Kind")


def find_model(name: str) -> type[WorldModel]:
    """The class of a model.

    Args:
        name: ``transport``, or ``package.module:Class`` or ``file.py:Class`` of yours.

    Raises:
        ConfigError: there is none; the message says which there are.
        UserCodeError: importing yours raises.
    """
    return _find(name, models, WorldModel, "model")  # type: ignore[type-abstract]  # No object is made of it.


def find_planner(name: str) -> type[Planner]:
    """The class of a planner; see ``find_model``."""
    return _find(name, planners, Planner, "planner")  # type: ignore[type-abstract]  # No object is made of it.


def names_in(folder: Any) -> list[str]:
    """The names that a folder's files have.

    Args:
        folder: the package ``models`` or ``planners``.
    """
    found = (module.name.replace("_", "-") for module in pkgutil.iter_modules(folder.__path__))
    return sorted(name for name in found if name != "base")


def _find(name: str, folder: Any, base: type[Kind], what: str) -> type[Kind]:
    if ":" in name:
        found = load_object(name, f"the {what}")
        if not (inspect.isclass(found) and issubclass(found, base)):
            raise ConfigError(f"{name!r} is no {what}: it must be a subclass of {base.__name__}.")
        return found
    if name not in names_in(folder):
        raise ConfigError(
            f"There is no {what} {name!r}.{did_you_mean(name, names_in(folder))} Choose {', '.join(names_in(folder))}, "
            "or package.module:Class or file.py:Class of yours."
        )
    module = import_module(f"{folder.__name__}.{name.replace('-', '_')}")
    own = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise ConfigError(f"{module.__name__} must hold one subclass of {base.__name__}; it holds {len(own)}.")
    return own[0]
