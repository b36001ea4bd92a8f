"""How well what a person types fits the name of a page or of an act.

Law: every word typed must fit a word of the name (or of its further words), each in the best way that it can: the
beginning of the word costs 0, a part of it 1, the beginning with one slip of a finger (a letter wrong, missing, too
many, or two exchanged; from four letters on) 2. Case and accents do not matter. The lowest sum is the best fit.

Example: "inv" fits "Invoices" at 0, "voic" at 1, "invocies" at 2; "sub add" does not fit "Add a customer".
"""

from __future__ import annotations

import unicodedata

SLIP_FROM = 4


def words_of(text: str) -> list[str]:
    """Lower case, without accents, split at whatever is no letter or digit."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text.casefold())
        if char.isalnum() or char.isspace() or char in "-_/.,&"
    )
    for mark in "-_/.,&":
        plain = plain.replace(mark, " ")
    return plain.split()


def fit(typed: str, *names: str) -> int | None:
    """The cost of the fit, or None when a word of `typed` fits nowhere. Nothing typed fits everything at 0."""
    known = [word for name in names for word in words_of(name)]
    total = 0
    for word in words_of(typed):
        costs = [cost for other in known if (cost := word_cost(word, other)) is not None]
        if not costs:
            return None
        total += min(costs)
    return total


def word_cost(typed: str, word: str) -> int | None:
    """The cost of one word typed for one word of the name."""
    if word.startswith(typed):
        return 0
    if typed in word:
        return 1
    starts = (word[: len(typed) + change] for change in (-1, 0, 1))
    return 2 if len(typed) >= SLIP_FROM and any(one_slip(typed, start) for start in starts) else None


def one_slip(first: str, second: str) -> bool:
    """Whether one letter wrong, missing, too many, or two neighbours exchanged makes one of the other."""
    if len(first) > len(second):
        first, second = second, first
    at = next((place for place, char in enumerate(first) if char != second[place]), len(first))
    if len(first) < len(second):
        return first[at:] == second[at + 1 :]
    exchanged = first[at : at + 2] == second[at : at + 2][::-1] and first[at + 2 :] == second[at + 2 :]
    return exchanged or first[at + 1 :] == second[at + 1 :]
