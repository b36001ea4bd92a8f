"""Substring search without an extension: a row keeps the set of its trigrams in an array under a GIN index.

`grams("Ärzte 12")` -> {"arz", "rzt", "zte", "te ", "e 1", " 12"}. A search for a term of three letters or
more asks for rows that contain the rarest grams of the term (index) and then checks the text itself (exact).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.db.models import Q, QuerySet

SEARCH_LIMIT = 100
ASKED = 2  # grams of a part of a word that the index is asked for; the text decides
DIGITS = 8  # characters at the end of a number that tell it from its neighbours
RARITY = {
    char: rank for rank, char in enumerate("etaoinshrdlcumwfgypbvkjxqz")
}  # from frequent letters to rare ones


def fold(text: str) -> str:
    """Lower case without accents, single spaces: what is compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.split())


def grams(text: str) -> list[str]:
    """The distinct trigrams of the folded text, sorted."""
    folded = fold(text)
    return sorted({folded[i : i + 3] for i in range(len(folded) - 2)})


def telling(word: str) -> list[str]:
    """The grams of a word that few rows should have: in each of its parts ("ada", "tarn" and "example" of
    ada@tarn.example) the two of the rarest letters, of a number its last digits.

    Two narrow an index down about as well as all of them, and spare the longest lists. The planner multiplies the
    shares of all that it is given: with more it takes any word for a rare one, and reads each row that has it instead
    of those in the country that is asked for, too. Every part counts, because a domain may be everybody's.
    """
    asked: set[str] = set()
    for part in re.split(r"[\W_]+", word):
        if any(char.isdigit() for char in part):
            asked.update(grams(part[-DIGITS:]))
        else:
            asked.update(sorted(grams(part), key=lambda gram: (-sum(map(rarity, gram)), gram))[:ASKED])
    return sorted(asked or grams(word))


def rarity(char: str) -> int:
    """The rank of a letter among names and addresses."""
    return RARITY.get(char, len(RARITY))


def search_columns(*parts: str) -> dict[str, Any]:
    """The two stored columns (`search_text`, `search_grams`) for a row made of these texts."""
    text = "\n".join(fold(part) for part in parts if part)
    found: set[str] = set()
    for part in parts:
        found.update(grams(part))
    return {"search_text": text, "search_grams": sorted(found)}


def matches(term: str, *, walk: bool = False) -> Q:
    """The text contains every word of the term. `walk`: for rows that are met along another index, where most of the
    words are frequent anyhow; then the grams are not asked for.
    """
    found = Q()
    for word in fold(term[:SEARCH_LIMIT]).split():
        if len(word) >= 3 and not walk:
            found &= Q(search_grams__contains=telling(word))
        found &= Q(search_text__contains=word)
    return found


def matching(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Rows whose text contains the term; every term of the query must match somewhere."""
    return rows.filter(matches(term))
