"""The browser gets one stylesheet and three small fonts; both are made here, by plain functions.

CSS is written in small files under static/css. `build_css` puts each into its cascade layer and joins them
to one file in STATIC_BUILD_DIR, so that the browser makes one request and no build tool is needed. The
order of layers, not of files, decides who wins: tokens, base, layout, components, print.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

LAYERS = ("tokens", "base", "layout", "components", "print")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SPACE = re.compile(r"\s*\n\s*")


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one move, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def css_sources(folder: Path) -> list[tuple[str, Path]]:
    """(layer, file) in the order they are joined."""
    sources = [(layer, folder / f"{layer}.css") for layer in LAYERS if layer != "components"]
    parts = [("components", path) for path in sorted((folder / "components").glob("*.css"))]
    at = next(index for index, (layer, _) in enumerate(sources) if layer == "print")
    return sources[:at] + parts + sources[at:]


def build_css(folder: Path, target: Path) -> bool:
    """Join the sources to `target` when one is newer (or gone); whether anything was written."""
    sources = css_sources(folder)
    newest = max(path.stat().st_mtime for path in [folder / "components", *(path for _, path in sources)])
    if target.exists() and target.stat().st_mtime >= newest:
        return False
    parts = [f"@layer {', '.join(LAYERS)};"]
    for layer, path in sources:
        text = SPACE.sub("\n", COMMENT.sub("", path.read_text(encoding="utf-8"))).strip()
        parts.append(f"@layer {layer} {{\n{text}\n}}")
    _write(target, "\n".join(parts).encode())
    return True


FONTS = {400: "Inter-Regular", 500: "Inter-Medium", 600: "Inter-SemiBold"}
RANGES = "U+0020-007E,U+00A0-017F,U+0192,U+0218-021B,U+02C6-02C7,U+02D8-02DD,U+1E9E,U+2002,U+2007,U+2009-200A"
RANGES += ",U+2010-2015,U+2018-201E,U+2020-2022,U+2026,U+202F,U+2030,U+2039-203A,U+2044,U+20A0-20C0,U+2116"
RANGES += ",U+2122,U+2190-2193,U+2197,U+2212,U+2215,U+2248,U+2260,U+2264-2265,U+00D7,U+2318,U+FEFF,U+FFFD"
FEATURES = ["kern", "liga", "calt", "tnum", "ccmp", "locl", "mark", "mkmk", "case", "frac", "cv11", "ss03"]


def build_fonts(target: Path, *, force: bool = False) -> dict[str, int]:
    """Write inter-400/500/600.woff2 with Latin, punctuation and currency signs; name -> bytes.

    Source: the full Inter that django-unfold ships. Existing files are kept unless `force`.
    """
    import unfold
    from fontTools import subset

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
            os.replace(temporary, path)
        sizes[path.name] = path.stat().st_size
    return sizes
