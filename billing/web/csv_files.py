"""Files of comma-separated values, streamed: memory stays the same however long they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

from billing.rules.csv_cells import written

BOM = "\ufeff"


def csv_answer(
    name: str, columns: Sequence[str], lines: Iterable[Sequence[Any]], *, start: str = ""
) -> HttpResponse:
    """A download; `name` without its ending, `start` stands before everything (a mark of UTF-8)."""
    response = StreamingHttpResponse(written(columns, lines, start), content_type="text/csv; charset=utf-8")
    plain = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in name)
    response["Content-Disposition"] = (
        f'attachment; filename="{plain.encode("ascii", "replace").decode()}.csv"'
    )
    response["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]
