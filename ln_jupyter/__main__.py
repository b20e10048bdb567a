"""`python -m ln_jupyter`: the command line, where its script is not on the path."""

from ln_jupyter.cli import main

main(prog_name="ln-jupyter")
