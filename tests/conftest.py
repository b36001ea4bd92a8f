"""Shared fixtures: one embedded PostgreSQL and Redis for the whole run, the real stack, and a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from billing import embedded

_servers: embedded.Servers | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, in the process that owns the run; xdist workers find them by TARN_TEST_HOME."""
    global _servers
    if os.environ.get("TARN_TEST_OWNER") == str(os.getpid()):
        _servers = embedded.start(Path(os.environ["TARN_TEST_HOME"]), safe=False)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what `pytest_configure` started; tests/settings.py removes the folder."""
    if _servers is not None:
        _servers.stop()
