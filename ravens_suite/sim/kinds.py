"""What the bodies of a scene are for."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Literal, get_args

from ravens_suite.errors import TaskDefinitionError
from ravens_suite.sim.bodies import Body

Kind = Literal["movable", "fixed", "marker", "robot"]
"""movable: can be gripped and pushed; fixed: collides, never moves; marker: only seen; robot: part of the arm.

So a body that is described with a mass is fixed as well, and one with a shape that collides may be a marker.
"""


_KINDS: tuple[str, ...] = get_args(Kind)


def check_kind(name: str, body: Body, kind: str) -> None:
    """Check that a body can be of a kind.

    Raises:
        TaskDefinitionError: it is no body by a name, of one line; there is no such kind; or a movable body could not
            move.
    """
    if not isinstance(name, str) or not isinstance(body, Body):
        raise TaskDefinitionError(f"A scene takes a Body by a name; got {body!r} by {name!r}.")
    if not name or "\n" in name:
        raise TaskDefinitionError(f"{name!r} cannot be the name of a body: give it one line of letters.")
    if kind not in _KINDS:
        near = difflib.get_close_matches(str(kind), _KINDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise TaskDefinitionError(f"kind of {name!r} is {kind!r}: {hint}Give one of {', '.join(_KINDS)}.")
    if kind == "movable" and not (body.mass > 0 and body.collisions):
        what = "no collision shape" if not body.collisions else f"a mass of {body.mass!r}"
        raise TaskDefinitionError(
            f"{name!r} is of kind 'movable' with {what}, so that it never moves: give it a shape that collides and a "
            "mass in kilograms, or add it as 'fixed' or 'marker'."
        )


def of_kind(body: Body, kind: Kind) -> Body:
    """A body as its kind has it: what is fixed has no mass, as Bullet says it, and a marker does not collide."""
    if kind == "fixed" and body.mass:
        return replace(body, mass=0.0)
    return replace(body, mass=0.0, collisions=()) if kind == "marker" and body.collisions else body
