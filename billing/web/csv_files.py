"""Files of comma-separated values, streamed: memory stays the same however long they are."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse

from billing.rules.csv_cells import cell

CHUNK = 60_000
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


def written(columns: Sequence[str], lines: Iterable[Sequence[Any]], start: str = "") -> Iterator[str]:
    """The file in pieces of some 60 kB."""
    out = StringIO()
    out.write(start)
    writer = csv.writer(out)
    writer.writerow([cell(name) for name in columns])
    for line in lines:
        writer.writerow([cell(value) for value in line])
        if out.tell() > CHUNK:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()
