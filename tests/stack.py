"""The real product for tests: `python -m billing.supervisor` on a free port with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import psycopg

from billing import embedded
from tests.prepared import copy_to

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(ask: Callable[[], T], *, seconds: float = 30, what: str = "it") -> T:
    """Ask until the answer is true and return it; AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)
    return answer


_built: Path | None = None  # the home of a stack that has its static files, which are the same for all


class Stack:
    """Web server, worker, beat, PostgreSQL and Redis. `env` is what `manage.py` needs to reach the same data."""

    def __init__(self, home: Path | None = None, **extra: str) -> None:
        self.home = home or Path(tempfile.mkdtemp(prefix="tarn-stack-"))
        self.home.chmod(0o711)
        self.port = free_port()
        self.base_url = f"http://localhost:{self.port}"
        place = embedded.addresses(self.home)
        own = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "TARN_HTTPS", "DEBUG", "HOST"}
        self.env = {name: value for name, value in os.environ.items() if name not in own}
        self.env |= {"TARN_HOME": str(self.home), "PORT": str(self.port), "TARN_DEMO": "0", **extra}
        self.database_url = place.database_url
        self.redis_url = place.redis_url
        self.process: subprocess.Popen[bytes] | None = None

    # --- Life
    def start(self, *, prepared: bool = True) -> Stack:
        """Start and wait until /health says that all parts are up. `prepared`: a new home gets a database that has
        its tables already.
        """
        global _built
        if prepared and not (self.home / "postgres").exists():
            copy_to(self.home)
        if _built is not None and _built.exists() and not (self.home / "static.stamp").exists():
            for name in ("static", "static-build"):
                shutil.copytree(_built / name, self.home / name, dirs_exist_ok=True)
            shutil.copy2(_built / "static.stamp", self.home)
        with (self.home / "supervisor.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "billing.supervisor"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: embedded.die_with_parent(signal.SIGTERM),
            )
        self.wait_healthy(seconds=240)
        _built = self.home
        return self

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop as a person would and return the supervisor's exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(40)

    def healthy(self) -> bool:
        """Whether /health answers 200 now."""
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"The stack ended:\n{self.log('supervisor', folder='.')}")
        try:
            return httpx.get(f"{self.base_url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def wait_healthy(self, seconds: float = 60) -> None:
        """Until everything is up."""
        try:
            wait_for(self.healthy, seconds=seconds, what="a healthy stack")
        except AssertionError as error:
            logs = "\n".join(self.log(name) for name in ("web", "worker", "beat"))
            raise AssertionError(f"{error}\n{self.log('supervisor', folder='.')}\n{logs}") from None

    def log(self, name: str, *, lines: int = 30, folder: str = "log") -> str:
        """The end of a log: web, worker, beat, postgres, redis."""
        path = self.home / folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    # --- Processes
    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that runs under it."""
        assert self.process is not None
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def part(self, name: str) -> psutil.Process:
        """The main process of web, worker, beat, postgres or redis."""
        word = {"web": "gunicorn", "worker": " worker ", "beat": " beat "}.get(name, name)
        for process in psutil.Process(self.process.pid).children():  # type: ignore[union-attr]
            if word in " ".join(process.cmdline()):
                return process
        raise AssertionError(f"{name} does not run")

    def kill_worker(self) -> None:
        """SIGKILL the worker's main process, then wait until its successor shows a sign of life."""
        old = self.part("worker")
        old.send_signal(signal.SIGKILL)
        old.wait(10)
        wait_for(lambda: self._has("worker"), what="a new worker")
        self.wait_healthy()

    def freeze_worker(self) -> None:
        """Stop the worker's processes where they stand (SIGSTOP), so that jobs wait in the queue."""
        worker = self.part("worker")
        for process in [worker, *worker.children(recursive=True)]:
            process.suspend()

    def thaw_worker(self) -> None:
        """Let a frozen worker go on."""
        worker = self.part("worker")
        for process in [worker, *worker.children(recursive=True)]:
            process.resume()

    def _has(self, name: str) -> bool:
        try:
            return bool(self.part(name))
        except (AssertionError, psutil.NoSuchProcess):
            return False

    # --- Data
    def manage(self, *arguments: str) -> str:
        """Output of a management command on the stack's data; AssertionError with its errors when it fails."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def bootstrap(self, organization: str, email: str, password: str, *flags: str) -> dict[str, Any]:
        """An organization with an owner and an API key: {organizationId, apiKey, email}."""
        options = ["--organization", organization, "--email", email, "--password", password, *flags]
        answer: dict[str, Any] = json.loads(self.manage("bootstrap", *options))
        return answer

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of a query on the stack's database ([] for a statement without rows)."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []
