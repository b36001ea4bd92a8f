"""Cut Inter down to what our pages use; run once before `collectstatic`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from billing.web.assets import build_fonts


class Command(BaseCommand):
    help = "Writes the three Inter weights as small woff2 files to STATIC_BUILD_DIR/fonts."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="make them again when they exist")

    def handle(self, *args: Any, **options: Any) -> None:
        sizes = build_fonts(Path(settings.STATIC_BUILD_DIR) / "fonts", force=options["force"])
        total = sum(sizes.values())
        self.stdout.write(f"fonts: {len(sizes)} files, {total / 1024:.0f} kB")
