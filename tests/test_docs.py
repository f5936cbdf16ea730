"""The documentation is true: its code runs, its commands parse, its links lead somewhere, its tables are the files'."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from ravens_suite.cli.commands import COMMANDS
from ravens_suite.cli.main import parse
from ravens_suite.envs.perturbations import MOST
from ravens_suite.registry import agent_names, environment_id, forecaster_names
from ravens_suite.rollout.environments import checked_arguments, make_environment

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.append(str(DOCS))

import update_pages  # noqa: E402 (found in docs/)
from site_pages import api, commands, docstrings, tasks  # noqa: E402

GENERATED = {"command_line.md"}
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.glob("*.md") if path.name not in GENERATED)]
TEXTS = [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]
LANGUAGES = {"python", "console", "toml", "text", "{toctree}", "{include}", "{literalinclude}"}
OF_EXTRAS = {"torch": "ravens_suite.training", "minari": "interop.minari"}
"""Libraries that not every installation has, and what needs them."""
OF_RECORDINGS = "insert-block"
"""The free name of recorded episodes on the page about own data."""
README_LINES = 150
ARCHITECTURE_BYTES = 8_000


class Block(NamedTuple):
    """A fenced block: its language, its text, and the name of the file that it is, if it is one."""

    language: str
    text: str
    file: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(
        r"(?:`([\w./]+)`:\n\n)?^```(\S+)[^\n]*\n(.*?)^```$", page.read_text(), flags=re.DOTALL | re.MULTILINE
    )
    return [Block(language, text, file) for file, language, text in found]


def python_pages() -> list[Path]:
    return [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


def command_lines() -> list[tuple[str, str]]:
    lines = []
    for page in PAGES:
        for block in blocks(page):
            if block.language == "console":
                lines += [(page.name, line) for line in block.text.splitlines() if line.strip()]
    return lines


def own_lines() -> list[tuple[str, str]]:
    return [(page, line) for page, line in command_lines() if line.startswith("ravens-suite ")]


@pytest.mark.usefixtures("registrations")
@pytest.mark.parametrize("page", python_pages(), ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for extra, used in OF_EXTRAS.items():
        if any(used in block.text for block in blocks(page) if block.language == "python"):
            pytest.importorskip(extra)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = ModuleType(f"page_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for number, block in enumerate(blocks(page), 1):
        if block.language != "python":
            continue
        if block.file:
            (tmp_path / block.file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / block.file).write_text(block.text)
        exec(compile(block.text, f"{page.name}, block {number}", "exec"), vars(module))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize(("page", "line"), own_lines())
def test_a_command_on_a_page_is_one_that_the_command_line_takes(page: str, line: str) -> None:
    command: Any = parse(shlex.split(line, comments=True)[1:])
    named = getattr(command, "tasks", ()) or ()
    for task in (*named, getattr(command, "task", None)):
        if task is not None and task.removesuffix("-continuous") not in _own_tasks() | {OF_RECORDINGS}:
            environment_id(task)
            if given := getattr(command, "environment", ""):
                checked_arguments(task, "test", json.loads(given))
    for agent in (*getattr(command, "agents", ()), getattr(command, "agent", None)):
        known = agent is None or ":" in agent or agent in (*agent_names(), *forecaster_names())
        assert known, f"{page} names the agent {agent}"


@pytest.mark.parametrize("page", python_pages(), ids=lambda page: page.stem)
def test_code_and_commands_of_a_page_use_folders_of_their_own(page: Path) -> None:
    """Who followed a page from above was refused: its code collects and trains otherwise than its commands."""
    texts = {language: "\n".join(b.text for b in blocks(page) if b.language == language) for language in LANGUAGES}
    by_code = set(re.findall(r'Path\("([\w/-]+)"\)', texts["python"]))
    by_commands = {"data", *re.findall(r"--(?:data|out) (\S+)", texts["console"])}
    assert by_code & by_commands <= {"robot_episodes"}, "this one is imported in the same way by both"


def _own_tasks() -> set[str]:
    """Tasks that the pages tell how to add."""
    declared = [block.text for block in blocks(DOCS / "own_task.md") if block.language == "toml"]
    points = [tomllib.loads(text).get("project", {}).get("entry-points", {}) for text in declared]
    return {name for group in points for name in group.get("ravens_suite.tasks", {})}


def test_other_commands_on_the_pages_exist() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    for page, line in command_lines():
        words = shlex.split(line, comments=True)
        if words[0] == "make":
            assert set(words[1:]) <= targets, page
        for wanted in re.findall(r"ravens-suite\[([\w,]+)\]", line):
            assert set(wanted.split(",")) <= extras, page


def test_tables_agree_with_what_they_show() -> None:
    for page in update_pages.PAGES:
        text = page.read_text()
        assert update_pages.updated(text) == text, f"{page.name} is out of date: python docs/update_pages.py"


def test_the_page_about_robustness_says_all_that_perturb_takes() -> None:
    rows = re.findall(r"^\| (`.*`) \| .* \| ([\d.]+) \|$", (DOCS / "robustness.md").read_text(), flags=re.MULTILINE)
    told = {name: float(most) for names, most in rows for name in re.findall(r"`(\w+)`", names)}
    assert told == MOST


def test_the_page_about_observations_says_all_that_info_holds() -> None:
    environment = make_environment("block-insertion", "test", {"observe": ["state"]})
    _, info = environment.reset(seed=0)
    environment.close()
    _, _, section = (DOCS / "observations.md").read_text().partition("## What `info` says")
    said = re.findall(r"^\| `(\w+)` \|", section.partition("\n## ")[0], flags=re.MULTILINE)
    assert sorted(said) == sorted(info)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    for target in _links(page):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        generated = found.is_relative_to(DOCS) and found.relative_to(DOCS).parts[0] in {"api", "tasks", *GENERATED}
        if not generated:
            assert found.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in _anchors(found), f"{page.name} links to {target}"


def _links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_files_shown_on_the_pages_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"^```\{(?:literal)?include\} (\S+)", page.read_text(), flags=re.MULTILINE):
            assert (page.parent / name).exists(), f"{page.name} shows {name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_reference_of_a_command_has_just_the_options_that_its_help_has(name: str) -> None:
    listed = {option.name for option in commands.options(COMMANDS[name]) if option.name.startswith("--")}
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit):
        parse([name, "--help"])
    # An option stands at the start of a line; the descriptions beside them name others.
    shown = set(re.findall(r"^[│ ] (?:-\w, )?(--[a-z][a-z-]*)", out.getvalue(), flags=re.MULTILINE))
    assert listed == shown - {"--help"}
    assert all(option.text for option in commands.options(COMMANDS[name]))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_options_named_in_the_reference_can_be_copied(name: str) -> None:
    """As code: in prose two hyphens may become a dash."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", commands.section(name, COMMANDS[name]), flags=re.DOTALL)
    assert "--" not in re.sub(r"^\|[-| ]+\|$", "", prose, flags=re.MULTILINE)


def test_the_page_of_a_task_says_what_there_is_to_know() -> None:
    family = next(family for family in tasks.families() if family.name == "block-insertion")
    text = tasks.task_page(family, None)
    for fact in (
        "`ravens_suite/BlockInsertion-v0`",
        "put the red L-shaped block into the grey fixture",
        "3 actions; 48 way-points",
        "`pick` and `place`",
        "## Block insertion six dof",
        "| `images` | `color` | (3, 480, 640, 3) | uint8 |",
        "Transporter",
    ):
        assert fact in text


def test_every_task_and_every_room_has_a_page() -> None:
    shown = {name for family in tasks.families() for name in (family.name, *family.variants)}
    from ravens_suite.registry import task_names

    assert shown == set(task_names())
    rooms = {path.parent.name for path in (ROOT / "ravens_suite").glob("*/__init__.py")}
    assert rooms - {"cli", "registry"} <= set(api.ROOMS)  # The registry is on the page of names and errors.


def test_the_parts_of_a_docstring_become_text() -> None:
    def documented() -> None:
        """What it does.

        | a | b |
        |---|---|
        | 1 | two |

        Args:
            first: metres: of something
                long.
            second: a number.
        """

    assert docstrings.summary(documented).startswith("What it does.")
    assert "Args" not in docstrings.summary(documented)
    assert docstrings.arguments(documented) == {"first": "metres: of something long.", "second": "a number."}
    text = inspect.cleandoc(documented.__doc__ or "")
    assert docstrings.markdown_table(text) == [["a", "b"], ["1", "two"]]
    lines = text.splitlines()
    docstrings.tidy(None, "function", "documented", documented, None, lines)
    assert ".. list-table::" in lines
    assert "   * - 1" in lines


def test_first_visitors_are_not_told_too_much() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES
    assert len((ROOT / "ARCHITECTURE.md").read_bytes()) <= ARCHITECTURE_BYTES


def test_pages_name_no_file_that_is_gone() -> None:
    for page in TEXTS:
        for name in _files_named(page):
            assert any((base / name).exists() for base in (ROOT, ROOT / "ravens_suite", DOCS)), f"{page.name}: {name}"


def _files_named(page: Path) -> Iterator[str]:
    """Source files named in a text, as ``core/observations.py``."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`((?!runs/|data/)(?:\w+/)+\w+\.(?:py|csv|json|md))`", text)
