"""Errors: they survive pickling, copying and other people's executors, and what the system refuses is named."""

from __future__ import annotations

import copy
import errno
import importlib
import multiprocessing
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import fake_jobs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravens_suite.errors import ConfigError, FileAccessError, MissingLibraryError, RavensError, UnknownNameError, named

_ROOT = Path(__file__).parents[1]


def _every_error() -> list[type[RavensError]]:
    """All of errors.py, and of every other file of the package that defines one."""
    for path in [*(_ROOT / "ravens_suite").rglob("*.py"), *(_ROOT / "agents").rglob("*.py")]:
        if re.search(r"^class \w+\(.*Error", path.read_text(encoding="utf-8"), re.MULTILINE):
            below = path.relative_to(_ROOT / "ravens_suite" if "agents" not in path.parts else _ROOT)
            importlib.import_module(".".join(("ravens_suite", *below.with_suffix("").parts)))
    found, left = [], [RavensError]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        found += [kind] if kind.__module__.startswith("ravens_suite.") else []
    return sorted(found, key=lambda kind: kind.__name__)


def _make(kind: type[RavensError]) -> RavensError:
    error = UnknownNameError("task", "tusk", ["task", "mask"]) if kind is UnknownNameError else kind("It failed.")
    error.add_note("Seen at step 3.")
    error.place = ("somewhere", 7)  # type: ignore[attr-defined]
    return error


def _same(first: RavensError, second: object) -> bool:
    return (
        type(second) is type(first)
        and str(second) == str(first)
        and second.args == first.args
        and second.__dict__ == first.__dict__
    )


@pytest.mark.parametrize("kind", _every_error())
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling_and_copying(kind: type[RavensError], protocol: int) -> None:
    error = _make(kind)
    assert _same(error, pickle.loads(pickle.dumps(error, protocol)))
    assert _same(error, copy.copy(error)) and _same(error, copy.deepcopy(error))


def test_the_attributes_of_an_unknown_name() -> None:
    copied = pickle.loads(pickle.dumps(UnknownNameError("task", "tusk", {"task", "mask"})))
    assert (copied.kind, copied.name, copied.known) == ("task", "tusk", ("mask", "task"))


def test_an_executor_of_the_standard_library_hands_on_errors_and_does_not_break() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        jobs = [executor.submit(fake_jobs.fail, number) for number in range(4)]
        errors = [job.exception(timeout=60) for job in jobs]
    assert [type(error) for error in errors] == [UnknownNameError, fake_jobs.TwoPartsError] * 2
    assert isinstance(errors[1], fake_jobs.TwoPartsError) and (errors[1].left, errors[1].right) == (1, "the other")


@given(
    st.sampled_from([*errno.errorcode, 0, 99999]),
    st.sampled_from([None, "a/file", b"a/\xff", Path("a/file")]),
    st.none() | st.text(max_size=20),
)
def test_whatever_the_system_refuses_is_one_line_that_says_what_to_do(
    number: int, name: object, second: str | None
) -> None:
    arguments = [] if name is None else [name, None, second]
    error = named(OSError(number, "Refused", *arguments))
    assert isinstance(error, FileAccessError)
    text = str(error)
    assert "\n" not in text.replace(second or "-", "") and text.endswith("the same command then continues.")
    assert name is None or "a/" in text


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "can only be read"),
        (errno.ENOTDIR, "a file lies where a folder is needed"),
        (errno.EEXIST, "a file lies where a folder is needed"),
        (errno.EISDIR, "a folder lies where a file is needed"),
        (errno.ENAMETOOLONG, "choose a shorter one"),
        (errno.ENOENT, "removed meanwhile"),
        (errno.EMFILE, "ulimit -n"),
    ],
)
def test_the_usual_refusals_have_a_remedy(number: int, said: str) -> None:
    assert said in str(named(OSError(number, "x", "f")))


@pytest.mark.parametrize(
    ("library", "command"),
    [
        ("torch", 'pip install "ravens-suite[train]"'),
        ("torch.utils", 'pip install "ravens-suite[train]"'),
        ("tensorboard.backend", 'pip install "ravens-suite[train]"'),
        ("PIL", 'pip install "ravens-suite[minari]"'),
        ("rerun", 'pip install "ravens-suite[rerun]"'),
        ("ray", 'pip install "ravens-suite[ray]"'),
        ("somebodys_library", "pip install the package that provides it"),
    ],
)
def test_a_library_that_is_not_installed_names_what_brings_it(library: str, command: str) -> None:
    error = named(ModuleNotFoundError("No module", name=library))
    assert isinstance(error, MissingLibraryError) and command in str(error)


def test_faults_of_our_own_keep_their_traceback() -> None:
    ours = ModuleNotFoundError("No module", name="ravens_suite.cores")
    assert [named(error) for error in (ours, ValueError("x"), ModuleNotFoundError("x"))] == [None] * 3
    error = ConfigError("No.")
    assert named(error) is error


def test_a_name_that_is_near_none_of_many_says_where_they_are_listed_and_how_ones_own_is_found() -> None:
    many = [f"name-{number}" for number in range(30)]
    said = str(UnknownNameError("task", "cube-line", many))
    assert "ravens-suite tasks lists" in said and "RAVENS_SUITE_TASKS" in said and "name-3" not in said
    assert "RAVENS_SUITE_AGENTS" in str(UnknownNameError("agent", "mine", many))
    # Of a policy's folder that was copied without its run, the name of its agent is all that there is.
    few = str(UnknownNameError("agent", "mine", ["zzz"]))
    assert "Known: zzz. One of yours needs its package installed, or RAVENS_SUITE_AGENTS" in few
    assert str(UnknownNameError("renderer", "mine", ["zzz"])).endswith("Known: zzz.")
    assert "Did you mean 'name-1" in str(UnknownNameError("task", "nam-1", many))
