"""A process that does one cut-over, to be killed in it: `cutover_victim.py SHADOW`, or `--back`."""

import os
import sys

from pgpromote.postgres import cutover
from pgpromote.postgres.server import parse_url

if __name__ == "__main__":
    target = parse_url(os.environ["PROD_DATABASE_URL"], "PROD_DATABASE_URL")
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    if sys.argv[1] == "--back":
        cutover.rollback(target, "victim")
    else:
        cutover.swap(target, sys.argv[1], "victim")
    print("done", flush=True)  # noqa: T201 - same
