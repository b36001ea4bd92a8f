"""Choices that several forms offer."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from babel import Locale
from django.db.models import QuerySet

from billing.models import Organization, Tax
from billing.rules.money import CURRENCIES

_NO_CODE = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1)
def currency_choices() -> tuple[tuple[str, str], ...]:
    """Every currency that can be billed in: ("EUR", "EUR – Euro")."""
    names = Locale("en").currencies
    return tuple((code, f"{code} – {names[code]}" if code in names else code) for code in sorted(CURRENCIES))


def taxes_of(organization: Organization) -> QuerySet[Tax]:
    """The organization's taxes that can be chosen."""
    return Tax.objects.of(organization).kept().order_by("name")


def code_from(name: str, rows: QuerySet[Any] | None = None) -> str:
    """A code made of a name: "API calls (EU)" -> "api_calls_eu", with a number when `rows` has it already."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    code = _NO_CODE.sub("_", plain).strip("_")[:90]
    if not code or rows is None:
        return code
    taken = set(rows.filter(code__startswith=code).values_list("code", flat=True))
    number, free = 2, code
    while free in taken:
        free, number = f"{code}_{number}", number + 1
    return free
