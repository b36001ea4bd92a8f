"""What documents wear: the style sheet with the issuer's colour, the language's fonts and direction, and what stands
in the margins of each page.

Fonts are the system's (`setup.sh` installs them as Debian packages); the renderer embeds the letters that are used.
Inter has Latin, Greek and Cyrillic; one Noto font follows for each of the other scripts. The same Chinese character
looks different in Chinese and Japanese, so the language decides which of these comes first.
"""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from invoicing.documents.labels import labels
from invoicing.documents.local_text import right_to_left

COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
DEFAULT_ACCENT = "#0e6f7c"
SHEET = Path(settings.BASE_DIR) / "templates" / "documents" / "document.css"
FONTS = ("Inter", "Noto Sans", "Noto Sans Arabic")
HAN = {"ja": "JP", "zh": "TC", "ko": "KR"}
LEAST_CONTRAST = 3  # of a line against white paper: WCAG 2.2, 1.4.11


def sheet(accent: str, locale: str) -> str:
    """The whole style sheet."""
    words, family = labels(locale), fonts(locale)
    start, end = ("right", "left") if right_to_left(locale) else ("left", "right")
    pages = f'"{words["page"]} " counter(page) " {words["of"]} " counter(pages)'
    box = f"font: 7.5pt/1.5 {family}; color: #5a6b7a; white-space: pre;"
    margins = (
        f"@top-{end} {{ content: string(brought, start); {box} vertical-align: bottom; padding-bottom: 5mm; }} "
        f"@bottom-{start} {{ content: string(reference); {box} }} "
        f"@bottom-{end} {{ content: string(carried, last) {pages}; text-align: {end}; {box} }}"
    )
    return (
        f"{SHEET.read_text(encoding='utf-8')}\nhtml {{ font-family: {family}; }}\n@page {{ {margins} }}\n"
        f".accent {{ background: {drawn(accent)}; }} .due {{ border-inline-start-color: {drawn(accent)}; }}"
    )


def fonts(locale: str) -> str:
    """The fonts in the order in which a letter is looked for."""
    own = HAN.get(locale[:2].lower(), "SC")
    han = [f"Noto Sans CJK {region}" for region in dict.fromkeys([own, "SC", "JP"])]
    return ", ".join([*(f'"{name}"' for name in (*FONTS, *han)), "sans-serif"])


def drawn(accent: str) -> str:
    """The issuer's colour, darkened until a line in it can be seen on white paper; ours for what is no colour."""
    colour = accent if COLOUR.fullmatch(accent) else DEFAULT_ACCENT
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    while contrast_with_white(parts) < LEAST_CONTRAST:
        parts = [part * 9 // 10 for part in parts]
    return "#" + "".join(f"{part:02x}" for part in parts)


def contrast_with_white(parts: list[int]) -> float:
    """WCAG's contrast of a colour (red, green, blue of 0 to 255) with white, 1 to 21."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in parts)
    ]
    light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 1.05 / (light + 0.05)
