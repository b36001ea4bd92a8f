"""Cut Inter down to what our pages use; run once before `collectstatic`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import unfold
from django.conf import settings
from django.core.management.base import BaseCommand
from fontTools import subset

FONTS = {400: "Inter-Regular", 500: "Inter-Medium", 600: "Inter-SemiBold"}
# The first file has what English and Western European pages show; the browser fetches the second when a name
# needs it (Polish, Czech, Turkish, Romanian, Vietnamese marks, rare currency signs). base.css repeats LATIN.
LATIN = "U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+02C6,U+02DC,U+2009,U+2010-2014,U+2018-201A"
LATIN += ",U+201C-201E,U+2020-2022,U+2026,U+202F,U+2039-203A,U+20AC,U+2122,U+2190-2193,U+2212,U+2248"
LATIN += ",U+2260,U+2264-2265"
EXTENDED = (
    "U+0100-0130,U+0132-0151,U+0154-017F,U+0192,U+0218-021B,U+02C7,U+02D8-02DB,U+02DD,U+1E80-1E85,U+1E9E"
)
EXTENDED += ",U+1EA0-1EF9,U+2002,U+2007,U+200A,U+2015,U+2030,U+2044,U+20A0-20AB,U+20AD-20C0,U+2116,U+2197"
FEATURES = ["kern", "liga", "tnum", "ccmp", "locl"]


def build_fonts(target: Path, *, force: bool = False) -> dict[str, int]:
    """Write inter-400/500/600.woff2 and the same with -ext; name -> bytes.

    Source: the full Inter that django-unfold ships. Existing files are kept unless `force`.
    """
    source = Path(unfold.__file__).parent / "static/unfold/fonts/inter"
    target.mkdir(parents=True, exist_ok=True)
    sizes: dict[str, int] = {}
    for weight, name in FONTS.items():
        for suffix, characters in (("", LATIN), ("-ext", EXTENDED)):
            path = target / f"inter-{weight}{suffix}.woff2"
            if force or not path.exists():
                cut(source / f"{name}.woff2", path, characters)
            sizes[path.name] = path.stat().st_size
    return sizes


def cut(source: Path, path: Path, characters: str) -> None:
    """Write the part of a font that draws `characters` (Unicode ranges), in one move."""
    options = subset.Options(flavor="woff2", layout_features=FEATURES, hinting=False)
    options.name_IDs = [1, 2, 3, 4, 5, 6]
    font = subset.load_font(str(source), options)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=subset.parse_unicodes(characters))
    cutter.subset(font)
    temporary = path.with_suffix(".tmp")
    subset.save_font(font, str(temporary), options)
    temporary.replace(path)


class Command(BaseCommand):
    help = "Writes three weights of Inter as small woff2 files to STATIC_BUILD_DIR/fonts."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="make them again when they exist")

    def handle(self, *args: Any, **options: Any) -> None:
        sizes = build_fonts(Path(settings.STATIC_BUILD_DIR) / "fonts", force=options["force"])
        self.stdout.write(f"fonts: {len(sizes)} files, {sum(sizes.values()) / 1024:.0f} kB")
