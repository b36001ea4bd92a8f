"""`manage.py prepare`: everything between an installed product and a served page. Safe to run at each start."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Tables, static files and, once per TARN_HOME, the demo. Prints one line for each step, with its time."""

    help = "Migrate, collect static files and load the demo once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave the demo data out")

    def handle(self, *args: Any, **options: Any) -> None:
        self.step("Database tables", lambda: call_command("migrate", verbosity=0, interactive=False))
        self.step("Static files", self.static_files)
        if not options["no_demo"] and "seed_demo" in get_commands():
            self.step("Demo data", self.demo)

    def step(self, name: str, work: Callable[[], object]) -> None:
        """Run one step and say how long it took."""
        started = time.monotonic()
        self.stdout.write(f"  {name} ...", ending="")
        self.stdout.flush()
        answer = work() or "done"
        self.stdout.write(f" {answer} ({time.monotonic() - started:.1f} s)")
        self.stdout.flush()

    def static_files(self) -> str | None:
        """Build fonts and stylesheet, then collect, hash and compress; left out when no source has changed."""
        with Path(os.devnull).open("w") as nowhere:
            call_command("build_fonts", stdout=nowhere)
            call_command("build_css", stdout=nowhere)
        digest = hashlib.sha256()
        for finder in get_finders():
            for name, storage in finder.list([]):
                about = Path(storage.path(name)).stat()
                digest.update(f"{name} {about.st_size} {about.st_mtime_ns}\n".encode())
        stamp = settings.TARN_HOME / "static.stamp"
        with suppress(FileNotFoundError):
            if stamp.read_text() == digest.hexdigest() and settings.STATIC_ROOT.exists():
                return "unchanged"
        call_command("collectstatic", verbosity=0, interactive=False)
        stamp.write_text(digest.hexdigest())
        return None

    def demo(self) -> str | None:
        """Load the demo unless this TARN_HOME has it; its login is kept for the supervisor's last line."""
        record = settings.TARN_HOME / "demo.json"
        if record.exists():
            return "already there"
        with Path(os.devnull).open("w") as nowhere:  # the answer is a JSON object: {"email", "password"}
            login = call_command("seed_demo", stdout=nowhere)
        record.write_text(json.dumps(json.loads(login)))
        record.chmod(0o600)
        return None
