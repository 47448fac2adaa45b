"""`python -m spacetune` is the command line."""

from spacetune.cli import main

main()
