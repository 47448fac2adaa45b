"""How Sphinx makes the site of the pages that `assemble.py` has brought together. Run: make site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from names import homes  # noqa: E402

import spacetune  # noqa: E402

project = author = "spacetune"
version = release = spacetune.__version__
html_title = f"spacetune {version}"
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "names",
]
templates_path = [str(HERE / "templates")]  # autosummary looks beside the pages, not here
exclude_patterns = ["drawn"]

myst_heading_anchors = 4
suppress_warnings = ["config.cache"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autosummary_ignore_module_all = False
autosummary_imported_members = True
autosummary_context = {"homes": homes()}
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
maximum_signature_line_length = 88
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": [str(HERE.parents[1] / "examples")],
    "gallery_dirs": ["tutorials"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": (),
    "reset_modules": (),
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "abort_on_example_error": True,
}

html_theme = "pydata_sphinx_theme"
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_domain_indices = False
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": html_title},
    "header_links_before_dropdown": 6,
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_prev_next": False,
    "show_nav_level": 1,
    "footer_start": ["last-updated"],
    "footer_end": [],
}


def setup(app: Any) -> None:
    """Take the styles that stand beside the pages."""
    app.config.html_static_path.append(str(app.srcdir / "drawn" / "static"))
