"""The table of observation keys, from the docstring that declares them."""

from __future__ import annotations

from ravens_suite.core import observations
from site_pages.docstrings import markdown_table
from site_pages.markdown import table


def key_table() -> str:
    """Groups, keys, shapes, dtypes, units and frames."""
    header, *rows = markdown_table(observations.__doc__ or "")
    return table(header, [[cell.replace("``", "`") for cell in row] for row in rows]).replace("``", "`")
