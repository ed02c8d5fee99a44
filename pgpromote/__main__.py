"""Run the `pgpromote` command by `python -m pgpromote`."""

from pgpromote.cli import main

main()
