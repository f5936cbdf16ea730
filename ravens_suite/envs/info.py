"""Values of ``info`` in forms that survive libraries which take it apart."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


class ByName(OrderedDict[str, Any]):
    """A dictionary whose names differ from one step of an episode to the next, as those of bodies do.

    Minari's ``DataCollector`` (0.5.4) collects ``info`` by ``jax.tree_util.tree_map``, which takes every dict apart and
    then demands the same keys at every step. It leaves a subclass of ``OrderedDict`` whole, and a list of those Minari
    writes by the keys of the first.
    """


def frozen(value: Any) -> Any:
    """JSON values with tuples for lists: Minari writes a tuple of dictionaries, but no list of them."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value
