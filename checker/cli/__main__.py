"""`python -m checker.cli` is `lab`."""

from checker.cli.app import main

main()
