"""`python -m pgpromote` is the same command."""

from pgpromote.cli import main

main()
