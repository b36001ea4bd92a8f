"""Marks that keep texts of both directions readable beside each other, invisible themselves.

Latin names in an Arabic sentence take the full stop at their end to the other side, and "US$" turns into "$US",
unless they say where they end.
"""

from __future__ import annotations

import re

LEFT_TO_RIGHT, RIGHT_TO_LEFT = "\u200e", "\u200f"
ISOLATE, END = "\u2068", "\u2069"
SYMBOL = re.compile(r"[A-Za-z]+[^\w\s\u200e\u200f]+")


def isolated(text: str) -> str:
    """A text that is read in its own direction, whatever stands around it."""
    return f"{ISOLATE}{text}{END}" if text else text


def with_whole_symbol(amount: str) -> str:
    """An amount written from the right whose Latin currency symbol, US$ say, stays in order."""
    return SYMBOL.sub(lambda found: f"{found[0]}{LEFT_TO_RIGHT}", amount)
