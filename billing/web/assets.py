"""The browser gets one stylesheet; it is made here, by a plain function.

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
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)


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
