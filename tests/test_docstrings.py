"""What takes or gives an array says its shape, wherever the site publishes it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))

from site_pages import api  # noqa: E402 (found in docs/)

_ARRAYS = {"Array", "NDArray", "Picture", "Tensor", "Values"}
_WORD = r"(?:``\w+``|[A-Za-z_][\w.]*(?:\(\w+\)|\[\w+\])?|\d+|\.\.\.)"
_SIZE = rf"{_WORD}(?: ?[-+*/^] ?{_WORD})*"
_SHAPE = re.compile(rf"\(\)|\({_SIZE}(?:,|(?:, {_SIZE})+)\)|\b(?:any|same) shapes?\b|\bshapes? and dtypes?\b|[Ss]ee ``")
"""``(n, 3)``, ``(N,)``, ``()``, ``(rows / 2, ...)``; any, or the same; or where to see it."""
_DTYPE = re.compile(r"\b(?:u?int\d+|b?float\d+|bool|dtypes?)\b|[Ss]ee ``")
_OF_ALL = re.compile(rf"\b(?:is|are|of)\b(?:[^.;]|\.(?=\S))*(?:{_DTYPE.pattern})")
"""What a module says of all its arrays, as "Tensors are float32". A dtype that is named by the way says nothing."""
_CALLED = {"__call__", "__getitem__", "__init__"}


def undescribed(source: str, wanted: re.Pattern[str] = _SHAPE) -> Iterator[str]:
    """Public functions, methods and attributes with arrays in their annotations and nothing wanted in their docstrings.

    A shape is said beside each of them. A dtype may be said of all, in the docstring of the module.
    """
    tree = ast.parse(source)
    if wanted is _DTYPE and _OF_ALL.search(" ".join((ast.get_docstring(tree) or "").split())):
        return
    yield from _undescribed_in(tree.body, "", "", wanted)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _undescribed_in(node.body, f"{node.name}.", ast.get_docstring(node) or "", wanted)


def _undescribed_in(body: list[ast.stmt], prefix: str, of_class: str, wanted: re.Pattern[str]) -> Iterator[str]:
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef):
            name, annotations = node.name, [*(argument.annotation for argument in _arguments(node)), node.returns]
            text = of_class if name == "__init__" else ast.get_docstring(node) or ""
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, annotations = node.target.id, [node.annotation]
            text = of_class + (ast.unparse(following) if isinstance(following, ast.Expr) else "")
        else:
            continue
        public = not name.startswith("_") or name in _CALLED
        if public and any(map(_has_array, annotations)) and not wanted.search(text):
            yield prefix + name


def _has_array(annotation: ast.expr | None) -> bool:
    parts = ast.walk(annotation) if annotation is not None else ()
    names = {part.id if isinstance(part, ast.Name) else getattr(part, "attr", "") for part in parts}
    return not names.isdisjoint(_ARRAYS)


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    given = node.args
    more = [argument for argument in (given.vararg, given.kwarg) if argument is not None]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *more]


def _published() -> Iterator[Path]:
    for room in api.ROOMS:
        for name in api.modules(room):
            path = ROOT.joinpath(*name.removeprefix("ravens_suite." if room == "agents" else "").split("."))
            yield path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_what_takes_or_gives_an_array_says_its_shape() -> None:
    missing = {path: found for path in _published() if (found := list(undescribed(path.read_text())))}
    assert not missing, "Say the shape in the docstring, as (rows, columns), or where to see it:\n" + "\n".join(
        f"{path.relative_to(ROOT)}: {', '.join(names)}" for path, names in missing.items()
    )


def test_what_takes_or_gives_an_array_says_its_dtype() -> None:
    missing = {path: found for path in _published() if (found := list(undescribed(path.read_text(), _DTYPE)))}
    assert not missing, "Say the dtype in the docstring, or of all arrays in that of the module:\n" + "\n".join(
        f"{path.relative_to(ROOT)}: {', '.join(names)}" for path, names in missing.items()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(n, 3) float64 metres, world frame.", True),
        ("(N,) int64.", True),
        ("() float32 loss.", True),
        ("(batch, widths[i] * 4, rows / 2^i, ...), finest first.", True),
        ("Tensors by name, of any shape.", True),
        ("The averaged weights. See ``Trainee``.", True),
        ("Every object counts the same.", False),
        ("A depth image in metres (holes are 0).", False),
    ],
)
def test_a_shape_is_told_from_prose(text: str, said: bool) -> None:
    source = f'def heights() -> Array:\n    """{text}"""\n'
    assert list(undescribed(source)) == ([] if said else ["heights"])
    source = f'class Seen:\n    """What is seen.\n\n    Attributes:\n        map: {text}\n    """\n\n    map: Tensor\n'
    assert list(undescribed(source)) == ([] if said else ["Seen.map"])


@pytest.mark.parametrize(
    ("module", "text", "said"),
    [
        ("Tensors are float32.", "(n, 3) metres.", True),
        ("Heights.", "(n, 3) float64 metres.", True),
        ("Heights, from a table with float64 rows.", "(n, 3) metres.", False),
        ("Heights.", "Of any shape.", False),
    ],
)
def test_a_dtype_is_said_of_an_array_or_of_all(module: str, text: str, said: bool) -> None:
    source = f'"""{module}"""\n\ndef heights() -> Array:\n    """{text}"""\n'
    assert list(undescribed(source, _DTYPE)) == ([] if said else ["heights"])
