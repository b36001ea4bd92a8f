"""Substring search without an extension: a row keeps the set of its trigrams in an array under a GIN index.

`grams("Ärzte 12")` -> {"arz", "rzt", "zte", "te ", "e 1", " 12"}. A search for a term of three letters or
more asks for rows that contain all grams of the term (index) and then checks the text itself (exact).
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db.models import Q, QuerySet

SEARCH_LIMIT = 100


def fold(text: str) -> str:
    """Lower case without accents, single spaces: what is compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(plain.split())


def grams(text: str) -> list[str]:
    """The distinct trigrams of the folded text, sorted."""
    folded = fold(text)
    return sorted({folded[i : i + 3] for i in range(len(folded) - 2)})


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
            found &= Q(search_grams__contains=grams(word))
        found &= Q(search_text__contains=word)
    return found


def matching(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Rows whose text contains the term; every term of the query must match somewhere."""
    return rows.filter(matches(term))
