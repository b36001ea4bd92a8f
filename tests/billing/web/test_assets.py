"""The joined stylesheet: every source in its layer, and only written when a source is newer."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.conf import settings

from billing.web.assets import LAYERS, build_css, css_sources

STATIC = Path(settings.BASE_DIR) / "static/css"


def test_all_sources_in_layer_order(tmp_path: Path) -> None:
    target = tmp_path / "css/app.css"
    assert build_css(STATIC, target)
    text = target.read_text()
    assert text.startswith(f"@layer {', '.join(LAYERS)};")
    assert len(re.findall(r"^@layer \w+ \{$", text, re.M)) == len(css_sources(STATIC))
    assert text.count("{") == text.count("}")
    assert {path.name for _, path in css_sources(STATIC)} == {path.name for path in STATIC.rglob("*.css")}


def test_written_again_only_after_a_change(tmp_path: Path) -> None:
    target = tmp_path / "app.css"
    build_css(STATIC, target)
    os.utime(target)
    assert not build_css(STATIC, target)
    os.utime(target, (0, 0))
    assert build_css(STATIC, target)


def test_components_take_colours_from_the_tokens_only() -> None:
    for path in (STATIC / "components").glob("*.css"):
        text = re.sub(r"url\([^)]*\)", "", path.read_text())
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(", text)
        assert found == [], path.name
