"""Names of tasks and agents stay in one line in tables, which browsers would break at their hyphens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

CLASS = "name"
"""Of what stays in one line; see ``static/site.css``."""
_NAME = re.compile(r"(?<![\w/.-])([a-z0-9]+(?:-[a-z0-9]+)+)(?![\w/.-])")


def pieces(text: str) -> list[str]:
    """A text in pieces, of which the second, the fourth and so on are names."""
    return _NAME.split(text)


def keep_whole(app: Sphinx, page: nodes.document) -> None:
    """Mark every name in the tables of a page."""
    from docutils import nodes  # Tests, which need none of Sphinx, import this module, too.

    for table in page.findall(nodes.table):
        for text in [text for text in table.findall(nodes.Text) if len(pieces(text)) > 1]:
            if isinstance(text.parent, nodes.literal):
                text.parent["classes"] += [CLASS] if pieces(text)[::2] == ["", ""] else []
                continue
            marked = [
                nodes.inline("", piece, classes=[CLASS]) if index % 2 else nodes.Text(piece)
                for index, piece in enumerate(pieces(text))
                if piece
            ]
            text.parent.replace(text, marked)
