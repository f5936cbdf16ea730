"""Code of users is imported in one way, whatever it is for, and what is wrong with it is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ravens_suite.core import modules
from ravens_suite.core.modules import import_file, load_object, source_of_reference
from ravens_suite.core.source_digest import own_files
from ravens_suite.errors import ConfigError, UserCodeError
from ravens_suite.registry.variants import declared_variants


def test_a_file_is_imported_once_and_gives_what_it_defines(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("things = []\n")
    assert load_object(f"{file}:things") is load_object(f"{file}:things") is import_file(file).things
    assert load_object("pathlib:Path") is Path
    assert source_of_reference(f"{file}:things") == (file, "mine")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{folder}/none.py:thing", r"there is no file \S+none.py\. Write"),
        ("none.py:thing", "there is no file none.py in the working directory, where a relative path starts"),
        ("{folder}/mine.py:thing", "defines no 'thing'"),
        ("no_such_module:thing", "there is no module no_such_module"),
        ("pathlib:thing", "pathlib defines no 'thing'"),
        ("thing", "there is no colon"),
        ("mine.py", "there is no colon"),
        (":thing", "there is no colon, with a module before it"),
        (".relative:thing", "is not the name of a module"),
    ],
)
def test_what_is_not_there_is_named_with_what_it_was_to_be(tmp_path: Path, reference: str, said: str) -> None:
    (tmp_path / "mine.py").write_text("")
    reference = reference.format(folder=tmp_path)
    with pytest.raises(ConfigError, match=rf"^Cannot import the tool '.*{said}"):
        load_object(reference, "the tool")
    with pytest.raises(ConfigError, match=rf"^Cannot import '.*{said}"):
        load_object(reference)


def test_what_a_file_raises_is_its_own_and_a_library_that_it_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UserCodeError, match=r"ZeroDivisionError: .*broken.py, line 1"):
        load_object(f"{tmp_path / 'broken.py'}:thing")
    (tmp_path / "needs.py").write_text("import no_such_library\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        load_object(f"{tmp_path / 'needs.py'}:thing")


def test_a_file_imports_others_of_its_folder_and_never_one_of_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(modules, "_REACHED", set())
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "helper_beside.py").write_text(f"from helper_below import *\nVALUE = {value}\n")
        (tmp_path / name / "helper_below.py").write_text("import random\n")
        (tmp_path / name / "mine.py").write_text("import helper_beside, random\nVALUE = helper_beside.VALUE\n")
        (tmp_path / name / "random.py").write_text("1 / 0\n")
    assert load_object(f"{tmp_path / 'one' / 'mine.py'}:VALUE") == 1
    with pytest.raises(
        ConfigError, match=r"two/mine.py imports helper_be.* of its folder, but .*one/helper_be.* rename"
    ):
        load_object(f"{tmp_path / 'two' / 'mine.py'}:VALUE")
    (tmp_path / "one" / "second.py").write_text("from helper_beside import VALUE\n")
    assert load_object(f"{tmp_path / 'one' / 'second.py'}:VALUE") == 1


def test_a_package_in_the_working_directory_is_not_just_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package_here").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    with pytest.raises(ConfigError, match=r"no module package_here.*PYTHONPATH=\."):
        load_object("package_here.module:thing")


@pytest.mark.parametrize(
    ("encoding", "first"), [("utf-8-sig", ""), ("latin-1", "# -*- coding: latin-1 -*-\n")], ids=["mark", "declared"]
)
def test_a_file_in_any_encoding_of_python_may_import_others_and_declare_variants(
    tmp_path: Path, encoding: str, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python itself reads could not be parsed here, so that imports and variants were not seen."""
    name = f"beside_{encoding.replace('-', '_')}"
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(modules, "_REACHED", set())
    (tmp_path / f"{name}.py").write_text("value = 3")
    path = tmp_path / f"main_{name}.py"
    path.write_text(f"{first}import {name}\nword = 'ü'\nclass T:\n    variants = {{'x': {{'a': 1}}}}\n", encoding)
    assert load_object(f"{path}:{name}").value == 3
    assert own_files(path, path.stem) == {path, tmp_path / f"{name}.py"}
    assert declared_variants(str(path), "T", None) == {"x": {"a": 1}}
