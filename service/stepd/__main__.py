"""`python -m stepd` is `stepd`."""

from stepd.cli import main

main()
