"""`python -m billing.embedded addresses` and `psql`: see the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from billing import embedded
from billing.embedded.addresses import DATABASE
from billing.embedded.postgres import binary


def main(arguments: Sequence[str]) -> int:
    """Run one of the two commands on the servers of TARN_HOME."""
    place = embedded.addresses(Path(os.environ.get("TARN_HOME", "var")))
    match list(arguments):
        case ["addresses"]:
            print(f"DATABASE_URL='{place.database_url}'\nREDIS_URL='{place.redis_url}'")
        case ["psql", *rest]:
            command = [binary("psql"), "-h", str(place.postgres_socket_dir), "-U", DATABASE, *rest]
            os.execv(command[0], command)
        case _:
            print(embedded.__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
