"""Help is running text: no line ends where the source of a docstring broke."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from ravens_suite.cli.commands import COMMANDS
from ravens_suite.cli.help_texts import field_texts, give_help
from ravens_suite.cli.main import main


@dataclass(frozen=True)
class Inner:
    """Held by the other."""

    deep: int = 0
    """Of the inner one,
    in two lines."""


@dataclass(frozen=True)
class Base:
    """What the other one derives from."""

    shared: int = 0
    """Of the base, which
    says more."""

    changed: int = 0
    """Of the base."""

    silent: int = 0


@dataclass(frozen=True)
class Command(Base):
    """A command."""

    changed: int = 1
    """Of the command.

    Its second
    paragraph."""

    inner: Inner = field(default_factory=Inner)


def test_paragraphs_are_lines_and_those_of_a_subclass_count() -> None:
    assert field_texts(Command) == {
        "shared": "Of the base, which says more.",
        "changed": "Of the command.\n\nIts second paragraph.",
    }
    give_help(Command)
    found = {item.name: item.metadata.get("help") for item in (*fields(Command), *fields(Inner))}
    assert (found["shared"], found["silent"]) == ("Of the base, which says more.", None)
    assert found["deep"] == "Of the inner one, in two lines."


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_a_text_in_one_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def texts(command: type[Any]) -> list[str]:
        inner = [item.default_factory for item in fields(command) if isinstance(item.default_factory, type)]
        return [*field_texts(command).values(), *(text for each in inner for text in field_texts(each).values())]

    with pytest.raises(SystemExit):
        main([name, "--help"])
    said = " ".join(capsys.readouterr().out.replace("\u2502", " ").split())
    for text in texts(COMMANDS[name]):
        assert "\n" not in text.replace("\n\n", "")
        assert " ".join(text.split()[:6]) in said
