"""Sphinx's configuration. ``make docs`` builds into ``build/docs`` and takes warnings for errors."""

from __future__ import annotations

from pathlib import Path

from flask_accrue.config import settings_table

project = "Flask-Accrue"
author = "Flask-Accrue contributors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "pallets_sphinx_themes"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "flask"
html_title = "Flask-Accrue"
html_static_path: list[str] = []
html_theme_options = {"globaltoc_maxdepth": 2}
html_sidebars = {"**": ["globaltoc.html", "relations.html", "searchbox.html"]}
autodoc_typehints = "description"
autodoc_member_order = "bysource"
exclude_patterns = ["generated"]
nitpicky = False

_generated = Path(__file__).parent / "generated"
_generated.mkdir(exist_ok=True)
(_generated / "settings.md").write_text(settings_table())
