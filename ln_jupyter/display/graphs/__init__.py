"""Graphs as drawings that need no script: `drawing` makes an SVG of boxes and arrows, `layout` says where they stand."""
