"""The pages of the site that are made from the code: tasks, the command line, the API."""

from __future__ import annotations

from pathlib import Path

from site_pages import api, commands, pictures, tasks


def write_pages(docs: Path, *, pictures: bool = True) -> None:
    """Write all generated pages; files whose content would be the same are left alone.

    Args:
        docs: folder of the site's sources.
        pictures: whether scenes are drawn, too, which takes half a minute; else pages name no picture.
    """
    api.write_pages(docs / "api")
    commands.write_page(docs / "command_line.md")
    tasks.write_pages(docs / "tasks", _draw(docs / "tasks" / "pictures") if pictures else None)


def _draw(folder: Path) -> pictures.Gallery:
    return pictures.Gallery(folder)
