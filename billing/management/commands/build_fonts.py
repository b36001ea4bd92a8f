"""Cut Inter down to what our pages use; run once before `collectstatic`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, ClassVar

import unfold
from django.conf import settings
from django.core.management.base import BaseCommand
from fontTools import subset

FONTS = {400: "Inter-Regular", 500: "Inter-Medium", 600: "Inter-SemiBold"}
RANGES = "U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6-02C7,U+02D8-02DD,U+1E9E,U+2002,U+2007,U+2009-200A"
RANGES += ",U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2039-203A,U+2044,U+20A0-20C0,U+2116"
RANGES += ",U+2122,U+2190-2193,U+2197,U+2212,U+2215,U+2248,U+2260,U+2264-2265,U+00D7,U+2318,U+FEFF,U+FFFD"
FEATURES = ["kern", "liga", "tnum", "ccmp", "locl"]


def build_fonts(target: Path, *, force: bool = False) -> dict[str, int]:
    """Write inter-400/500/600.woff2 with Latin, punctuation and currency signs; name -> bytes.

    Source: the full Inter that django-unfold ships. Existing files are kept unless `force`.
    """
    source = Path(unfold.__file__).parent / "static/unfold/fonts/inter"
    sizes: dict[str, int] = {}
    for weight, name in FONTS.items():
        path = target / f"inter-{weight}.woff2"
        if force or not path.exists():
            options = subset.Options(
                flavor="woff2", layout_features=FEATURES, hinting=False, desubroutinize=True
            )
            options.name_IDs = [1, 2, 3, 4, 5, 6]
            font = subset.load_font(str(source / f"{name}.woff2"), options)
            cutter = subset.Subsetter(options)
            cutter.populate(unicodes=subset.parse_unicodes(RANGES))
            cutter.subset(font)
            temporary = path.with_suffix(".tmp")
            path.parent.mkdir(parents=True, exist_ok=True)
            subset.save_font(font, str(temporary), options)
            temporary.replace(path)
        sizes[path.name] = path.stat().st_size
    return sizes


class Command(BaseCommand):
    help = "Writes the three Inter weights as small woff2 files to STATIC_BUILD_DIR/fonts."
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="make them again when they exist")

    def handle(self, *args: Any, **options: Any) -> None:
        sizes = build_fonts(Path(settings.STATIC_BUILD_DIR) / "fonts", force=options["force"])
        self.stdout.write(f"fonts: {len(sizes)} files, {sum(sizes.values()) / 1024:.0f} kB")
