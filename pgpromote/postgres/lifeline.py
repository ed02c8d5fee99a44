"""A launcher of a program that dies with its parent: `lifeline.py PARENT SIGNAL PROGRAM ARGUMENT …`.

A process of its own asks the kernel for that, and then becomes the program. Asking between fork and exec of a
process with threads ends some children before their program begins (36 of 300 in Dagster's code server).
Linux only. It imports nothing of ours, so that it begins in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
CANNOT_RUN = 127  # as a shell says it, and the loader where a library is missing


def main(parent: int, number: int, *command: str) -> None:
    """Tie this process to its parent, and become the program."""
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and so by the program
        signal.signal(ignored, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before prctl could see it
        os.kill(os.getpid(), number)
    try:
        os.execv(command[0], command)  # noqa: S606 - the command is an argument list of ours
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}.\n")
        sys.exit(CANNOT_RUN)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
