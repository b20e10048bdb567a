"""How Sphinx builds these pages; `scripts/docs` calls it on a copy whose tutorials were run."""

from __future__ import annotations

import ln_jupyter

project = "ln_jupyter"
author = "the ln_jupyter contributors"
version = release = ln_jupyter.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click", "sphinx_copybutton"]
exclude_patterns = ["**/.ipynb_checkpoints"]
nb_execution_mode = "off"  # nbclient has no file to name, which header() needs: scripts/docs runs them
nb_mime_priority_overrides = [("html", "text/html", 0)]
suppress_warnings = ["mystnb.unknown_mime_type"]  # a header also carries itself for programs
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # `x` in a docstring is code
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "ln_jupyter"
