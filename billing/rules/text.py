"""Text that people can trust to be what it looks like.

Law: a line of text holds no control characters (NUL, line breaks, escape) and no marks that reverse the order
of what follows (a name must not be able to turn the sum beside it around). Accents, joiners for emoji and
scripts, and every alphabet are fine.

Example: `hidden_character("a\\u202eb")` is "U+202E"; `hidden_character("Ömer")` is None.
"""

import unicodedata

# Embedding, override and isolate marks. LRM, RLM and ALM only hint at a direction and are used in real names.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def hidden_character(text: str, *, lines: bool = False) -> str | None:
    """The first character that may not stand in a text ("U+0000"), or None. `lines` allows line breaks."""
    for char in text:
        if lines and char in "\n\r\t":
            continue
        if char in _BIDI or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            return f"U+{ord(char):04X}"
    return None
