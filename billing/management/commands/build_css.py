"""Join static/css into the one stylesheet; run before `collectstatic` (with DEBUG pages do it themselves)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from billing.web.assets import build_css


class Command(BaseCommand):
    help = "Writes STATIC_BUILD_DIR/css/app.css from static/css."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(settings.STATIC_BUILD_DIR) / "css/app.css"
        written = build_css(Path(settings.BASE_DIR) / "static/css", target)
        self.stdout.write(
            f"css: {target.stat().st_size / 1024:.0f} kB, {'written' if written else 'up to date'}"
        )
