"""Where it is measured: the real stack in a home of its own, and Django in this process on the same data."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from tests.bench.tables import Report
from tests.stack import ROOT, Stack

PASSWORD = "bench-password-1"


@dataclass
class Place:
    """The running stack and what all sections need of it."""

    stack: Stack
    report: Report
    quick: bool
    seconds_to_start: float

    def organization(self, name: str) -> tuple[Any, str]:
        """An organization of its own for a section (made once), and a new API key of it."""
        from billing.models import Organization

        email = f"{re.sub('[^a-z0-9]+', '-', name.lower())}@bench.example"
        made = self.stack.bootstrap(name, email, PASSWORD, "--new-key")
        return Organization.objects.get(name=name), str(made["apiKey"])

    def demo(self) -> float | None:
        """Load the demo; the seconds it took, None when it is there already."""
        from billing.models import Organization

        if Organization.objects.filter(name="Tarn Demo").exists():
            return None
        started = time.monotonic()
        command = [sys.executable, str(ROOT / "manage.py"), "seed_demo"]
        done = subprocess.run(command, cwd=ROOT, env=self.stack.env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        json.loads(done.stdout)
        return time.monotonic() - started

    def client(self, organization: Any) -> Any:
        """Django's test client, signed in as an admin of the organization."""
        from django.test import Client

        from billing.models import Member

        member = Member.objects.filter(organization=organization, role="admin").select_related("user").first()
        assert member is not None
        client = Client(HTTP_HOST="localhost")
        client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session["organization_id"] = str(organization.pk)
        session.save()
        return client

    def browser(self, client: Any) -> httpx.Client:
        """An HTTP client with the same session, on one kept connection."""
        session = client.cookies["sessionid"].value
        return httpx.Client(base_url=self.stack.base_url, cookies={"sessionid": session}, timeout=60)

    @contextmanager
    def frozen_worker(self) -> Iterator[None]:
        """Keep the worker from taking up what this process is measuring."""
        self.stack.freeze_worker()
        try:
            yield
        finally:
            self.stack.thaw_worker()


def set_up_django(stack: Stack) -> None:
    """Django in this process with the stack's settings (production) and data."""
    os.environ.update(stack.env)
    os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = stack.database_url, stack.redis_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "billing.settings"
    os.environ["LOG_LEVEL"] = "WARNING"
    import django

    django.setup()
    logging.getLogger("django.request").setLevel(
        logging.ERROR
    )  # the walk over all pages meets some 404 and 405


def queries_of(work: Callable[[], object]) -> tuple[int, list[str]]:
    """How many queries a call makes, and their SQL with values."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as found:
        work()
    texts = [str(query["sql"]) for query in found.captured_queries]
    own = [text for text in texts if not text.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]
    return len(own), own


def fetched(client: Any, path: str) -> Any:
    """The answer of a page that must be there."""
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return answer


def pss(process: psutil.Process) -> float:
    """Megabytes of memory of a process, its share of what is shared counted in."""
    return float(process.memory_full_info().pss) / 1e6
