"""Signals that whoever started the tests has them ignore: nohup SIGHUP, a shell's background jobs SIGINT."""

import signal

NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def ignore_alone() -> None:
    """Go on ignoring them, but not in the programs that the tests start: those inherit no handler."""
    for number in NUMBERS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
