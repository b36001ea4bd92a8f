"""Child processes that never outlive their parent, and the packages their binaries come from."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

LOG_LIMIT = 5_000_000


class EmbeddedError(RuntimeError):
    """An embedded server could not be started; the message says what to do."""


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


def spawn(
    command: Sequence[str], log: Path, *, end: int, drop: dict[str, Any] | None = None
) -> subprocess.Popen[bytes]:
    """A server as a child in a session of its own; the kernel sends it `end` when this process dies.

    `drop` holds the account to change to: user, group and extra_groups of Popen.
    """
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal must not reach the servers before their clients stop
            preexec_fn=lambda: die_with_parent(end),
            **(drop or {}),
        )


def wait_until(
    answers: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, *, seconds: float
) -> None:
    """Until a server answers. EmbeddedError with the end of its log when it ends instead or takes too long."""
    deadline = time.monotonic() + seconds
    while not answers():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()[-12:]
            raise EmbeddedError(f"{log.stem} did not start:\n" + "\n".join(lines))
        time.sleep(0.05)


def quiet(*command: str) -> int:
    """The exit status of a short command, its output thrown away."""
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported for it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"The package {name} is not installed: pip install -r requirements.lock")
    return Path(spec.submodule_search_locations[0])


def private_folder(path: Path, owner: pwd.struct_passwd | None = None) -> None:
    """Make a folder that only its owner may enter, and refuse one that somebody else prepared (in /tmp)."""
    path.mkdir(mode=0o711, parents=True, exist_ok=True)
    allowed = {os.geteuid()} | ({owner.pw_uid} if owner else set())
    if path.is_symlink() or path.stat().st_uid not in allowed:
        raise EmbeddedError(f"{path} belongs to somebody else; remove it or choose another TARN_HOME.")
    if owner is not None:
        os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(0o700)
