"""Signals that the tests inherit as ignored: SIGHUP from nohup, SIGINT in a shell's background jobs."""

import signal

NUMBERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def ignore_alone() -> None:
    """Keep ignoring them, but not in the programs that the tests start: those inherit no handler."""
    for number in NUMBERS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)
