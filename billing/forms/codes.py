"""Codes of the catalogue: made from the name when the person leaves them empty."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.db.models import QuerySet

_NO_CODE = re.compile(r"[^a-z0-9]+")
LONGEST = 40


def code_from(name: str, rows: QuerySet[Any]) -> str:
    """A code made of a name, with a number when `rows` has it already: "API calls (EU)" -> "api_calls_eu"."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    code = _NO_CODE.sub("_", plain).strip("_")[:LONGEST].rstrip("_")
    if not code:
        return ""
    taken = set(rows.filter(code__startswith=code).values_list("code", flat=True))
    number, free = 2, code
    while free in taken:
        free, number = f"{code}_{number}", number + 1
    return free


def fill_code(form: Any, data: dict[str, Any]) -> None:
    """Make the code from the name when the person left it empty. `form.rows` are those it must differ from."""
    if data.get("name") and not data.get("code") and "code" not in form.errors:
        data["code"] = code_from(data["name"], form.rows)
        if not data["code"]:
            form.add_error("code", "Enter a code: the name has no letters or digits to make one from.")
