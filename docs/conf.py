"""Sphinx configuration of the documentation: ``make docs`` writes ``docs/_build/html``. Nothing is fetched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

from site_pages import docstrings, names, write_pages  # noqa: E402 (found beside this file)
from sphinx.domains import python as python_domain  # noqa: E402

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "ravens_suite"
copyright = "the ravens_suite authors"  # noqa: A001 (Sphinx calls it so)
html_title = "ravens_suite"
html_theme = "furo"
html_static_path: list[str] = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "attrs_inline", "attrs_block"]
myst_heading_anchors = 4
# Classes of two modules may share a name, such as Batch: then one of them is linked.
smartquotes_action = "qe"  # Two hyphens stay as they are: in docstrings they begin an option.
suppress_warnings = ["myst.strikethrough", "ref.python"]

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"Scene": "ravens_suite.sim.scene.Scene"}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
maximum_signature_line_length = 100
add_module_names = False
python_use_unqualified_type_names = True

nitpicky = True
nitpick_ignore_regex = docstrings.FOREIGN_NAMES
linkcheck_timeout = 20


def setup(app: Sphinx) -> None:
    """Write the generated pages before Sphinx looks for files, and tidy docstrings as they are read."""
    for field in python_domain.PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.add_config_value("draw_pictures", True, "env", bool)
    app.connect("config-inited", lambda app, config: write_pages(DOCS, pictures=config.draw_pictures))
    app.connect("doctree-read", names.keep_whole)
    app.connect("autodoc-process-docstring", docstrings.tidy, priority=400)  # Before Napoleon.
