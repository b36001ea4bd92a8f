"""Text from people, made safe to print: no control or direction-changing characters, bounded length.

A right-to-left override would show a name backwards, a NUL breaks XML, and a thousand combining marks stop the
renderer; none of them is ever meant.
"""

from __future__ import annotations

import unicodedata

BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
MOST_MARKS = 8


def clean(text: str, most: int = 1000) -> str:
    """NFC, without control characters (line breaks stay) and direction marks, at most `most` characters."""
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text[: most * 2]):
        kind = unicodedata.category(char)
        if (kind in {"Cc", "Cs", "Co", "Cn"} and char != "\n") or ord(char) in BIDI:
            continue
        marks = marks + 1 if kind == "Mn" else 0
        if marks <= MOST_MARKS:
            kept.append(char)
    return "".join(kept)[:most].strip()
