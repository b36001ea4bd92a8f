"""Where the embedded servers of a home listen: a function of TARN_HOME alone."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

DATABASE = "tarn"
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes; PostgreSQL adds ".lock" to its own


@dataclass(frozen=True)
class Addresses:
    """Where the embedded servers of one TARN_HOME listen."""

    postgres_socket_dir: Path
    redis_socket: Path

    @property
    def database_url(self) -> str:
        """The form that dj-database-url and libpq read: a socket folder instead of a host."""
        return f"postgresql://{DATABASE}@/{DATABASE}?host={self.postgres_socket_dir}"

    @property
    def redis_url(self) -> str:
        """The form that redis-py reads."""
        return f"unix://{self.redis_socket}?db=0"


def addresses(home: Path) -> Addresses:
    """The addresses for a home folder; the servers need not run.

    Socket paths have a limit of about 100 bytes: a longer home gets a short folder under /tmp, named by its hash.
    """
    home = home.resolve()
    run = home / "run"
    if len(os.fsencode(run / "pg" / ".s.PGSQL.5432.lock")) > LONGEST_SOCKET_PATH:
        run = Path("/tmp") / f"tarn-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    return Addresses(run / "pg", run / "redis.sock")
