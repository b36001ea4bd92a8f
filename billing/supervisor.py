"""`make run` after the installation: servers, tables, demo, then web, worker and beat until told to stop.

    python -m billing.supervisor

Starts the embedded PostgreSQL and Redis (unless DATABASE_URL / REDIS_URL are set), runs `manage.py prepare`, then
every line of the Procfile. A part that ends by itself is started again. Ctrl-C or SIGTERM stops all, also in the
middle of a start. Should this process be killed, the kernel stops its children; their output goes to files under
TARN_HOME/log and not through pipes, so that nothing hangs on it.

Standard library only, so that the supervisor itself needs little memory.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from billing import embedded

ROOT = Path(__file__).resolve().parent.parent
LOG_LIMIT = 20_000_000
SECONDS_TO_STOP = 20


class Stop(BaseException):
    """Ctrl-C or SIGTERM; a BaseException so that no `except Exception` on the way takes it."""


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


@dataclass
class Part:
    """One line of the Procfile and its process. `wait` grows with each quick end, up to half a minute."""

    name: str
    command: str
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 1.0

    def start(self) -> None:
        """Start the process, its output appended to the log."""
        self.started = time.monotonic()
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.command}"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
                preexec_fn=lambda: embedded.die_with_parent(signal.SIGTERM),
            )

    def ended(self) -> int | None:
        """The exit status if the process has ended (minus the signal's number), else None."""
        return None if self.process is None else self.process.poll()


@dataclass
class Supervisor:
    """Everything that runs for one TARN_HOME and one port."""

    home: Path
    host: str
    port: int
    parts: list[Part] = field(default_factory=list)
    servers: embedded.Servers | None = None

    def run(self) -> None:
        """Start all and stay until stopped. Raises Stop, or EmbeddedError when a start fails."""
        with ExitStack() as stack:
            stack.enter_context(self.lock())
            self.check_port()
            stack.callback(self.stop)
            self.start_servers()
            self.prepare()
            for line in (ROOT / "Procfile").read_text().splitlines():
                name, _, command = line.partition(":")
                self.parts.append(
                    Part(name.strip(), command.strip(), self.home / "log" / f"{name.strip()}.log")
                )
            for part in self.parts:
                part.start()
            self.announce(self.wait_until_ready())
            while True:
                time.sleep(1)
                self.look_after()

    def lock(self) -> IO[str]:
        """One supervisor per home; the lock ends with the process, however it ends."""
        self.home.mkdir(parents=True, exist_ok=True)
        file = (self.home / "supervisor.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise embedded.EmbeddedError(
                f"Tarn is already running on {self.home}. For a second copy set TARN_HOME and PORT."
            ) from None
        return file

    def check_port(self) -> None:
        """Refuse a port that somebody uses; wait a little for one that a killed predecessor is leaving."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for _ in range(30):
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with suppress(OSError):
                    probe.bind((self.host, self.port))
                    return
            time.sleep(0.5)
        raise embedded.EmbeddedError(f"Port {self.port} is taken. Choose another: PORT=8001 make run")

    def start_servers(self) -> None:
        """Embedded servers for what is not given from outside, their addresses put into the environment."""
        postgres, redis = "DATABASE_URL" not in os.environ, "REDIS_URL" not in os.environ
        place = embedded.addresses(self.home)
        if postgres or redis:
            names = " and ".join(n for n, own in (("PostgreSQL 18", postgres), ("Redis", redis)) if own)
            say(f"Starting {names} under {self.home}")
            self.servers = embedded.start(self.home, with_postgres=postgres, with_redis=redis)
        os.environ.setdefault("DATABASE_URL", place.database_url)
        os.environ.setdefault("REDIS_URL", place.redis_url)

    def prepare(self) -> None:
        """Tables, static files, demo: `manage.py prepare`, whose lines are shown as they come."""
        say("Preparing")
        demo = [] if os.environ.get("TARN_DEMO", "1") != "0" else ["--no-demo"]
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "prepare", *demo],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: embedded.die_with_parent(signal.SIGTERM),
        )
        try:
            status = process.wait()
        except BaseException:
            embedded.stop_process(process, signal.SIGTERM, seconds=5)
            raise
        if status:
            raise embedded.EmbeddedError("The preparation failed; the reason stands above.")

    def wait_until_ready(self) -> bool:
        """Ask /health until everything is up, for a minute at most. False when something is still missing."""
        say("Starting web server, worker and beat")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.health() == 200:
                return True
            self.look_after()
            time.sleep(0.2)
        return False

    def health(self) -> int | None:
        """The status of /health, None when nothing answers."""
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        allowed = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
        connection = http.client.HTTPConnection(address, self.port, timeout=5)
        try:
            connection.request("GET", "/health", headers={"Host": allowed if allowed != "*" else "localhost"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def announce(self, ready: bool) -> None:
        """The last lines of a start: the address and how to sign in."""
        if not ready:
            say(f"Not everything is up yet. See /health and the files in {self.home / 'log'}.")
        name = self.host if self.host not in ("0.0.0.0", "127.0.0.1", "::") else "localhost"  # noqa: S104
        say(f"\nTarn is ready: http://{name}:{self.port}/")
        with suppress(FileNotFoundError, ValueError, KeyError):
            login = json.loads((self.home / "demo.json").read_text())
            say(f"Sign in with {login['email']} / {login['password']}")
        say(f"Logs: {self.home / 'log'}   Stop: Ctrl-C")

    def look_after(self) -> None:
        """Start again what has ended by itself, and keep the logs short."""
        for name in self.servers.revive() if self.servers else ():
            say(f"{name} had ended and was started again")
        for part in self.parts:
            status = part.ended()
            lived = time.monotonic() - part.started
            if status is not None and lived > part.wait:
                part.wait = 1.0 if lived > 60 else min(part.wait * 2, 30)
                say(f"{part.name} ended (status {status}) and is started again; see {part.log}")
                part.start()
            if part.log.exists() and part.log.stat().st_size > LOG_LIMIT:
                part.log.with_suffix(".log.1").write_bytes(part.log.read_bytes())
                os.truncate(part.log, 0)  # the process appends, so it goes on at the start of the file

    def stop(self) -> None:
        """Stop the parts together, then Redis and PostgreSQL under them. Further signals change nothing."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        say("\nStopping")
        running = [part.process for part in self.parts if part.process and part.process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_STOP
        for process in running:
            remaining = max(deadline - time.monotonic(), 0.1)
            embedded.stop_process(process, signal.SIGTERM, seconds=remaining)
        if self.servers:
            self.servers.stop()
        say("Stopped")


def _stop(signum: int, frame: object) -> None:
    raise Stop(signal.Signals(signum).name)


def main() -> int:
    """Run by the settings in the environment. 0 after a stop by signal, 1 when the start failed."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(signum, _stop)
    home = Path(os.environ.get("TARN_HOME") or ROOT / "var").resolve()
    os.environ["TARN_HOME"] = str(home)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    host = os.environ.setdefault("HOST", "127.0.0.1")
    port = int(os.environ.setdefault("PORT", "8000"))
    try:
        Supervisor(home, host, port).run()
    except Stop:
        return 0
    except embedded.EmbeddedError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
