"""Lists as files, asked for over the API: rows are fixed at once, a worker writes them, the file is kept for a day.

What a list's file holds is known where the list is: each app registers its own (`register`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.files import File
from django.db import transaction
from django.utils import timezone

from billing.actions import audit, later
from billing.models import Export, Job, Organization
from billing.orm.actor import Actor
from billing.rules.csv_cells import written
from billing.rules.errors import Conflict

TASK = "billing.export"
MOST = 100_000
KEPT = timedelta(hours=24)
Lines = tuple[Sequence[str], Iterable[Sequence[Any]]]


@dataclass(frozen=True)
class Content:
    """What can be exported: its rows by key, newest first, and (head, lines) of them at a moment."""

    name: str
    act: str
    rows: Callable[[Organization], Any]
    lines: Callable[[Organization, Any, datetime], Lines]


CONTENTS: dict[str, Content] = {}


def register(content: Content) -> Content:
    """Make a list exportable."""
    CONTENTS[content.name] = content
    return content


@transaction.atomic
def start_export(
    organization: Organization,
    content: Content,
    rows: Any,
    filters: dict[str, Any],
    *,
    by: Actor,
    at: datetime,
) -> Export:
    """Fix the rows and hand them to a worker. Conflict when there are too many of them."""
    keys = list(rows.order_by("-created_at", "-pk").values_list("pk", flat=True)[: MOST + 1])
    if len(keys) > MOST:
        raise Conflict(f"One file holds at most {MOST:,} rows: narrow the list.", code="too_many")
    row = Export.objects.create(
        organization=organization,
        content=content.name,
        filters=filters,
        keys=keys,
        rows=len(keys),
        actor_label=by.label[:200],
    )
    said = ", ".join(f"{name}={value}" for name, value in sorted(filters.items())) or "none"
    changes = {"filters": (None, said[:500]), "content": (None, content.name)}
    audit.record(organization, content.act, organization, by=by, at=at, changes=changes)
    label = f"Export of {content.name.replace('_', ' ')}"
    later.enqueue(organization, TASK, key=f"export:{row.pk}", label=label, subject_id=row.pk, first=True)
    return row


def write(job: Job) -> None:
    """The file of an export. A worker that was killed begins anew; the file has one name."""
    row = Export.objects.select_related("organization").get(pk=job.subject_id)
    if row.finished_at:
        return
    content = CONTENTS[row.content]
    rows = content.rows(row.organization).filter(pk__in=row.keys).order_by("-created_at", "-pk")
    head, lines = content.lines(row.organization, rows, row.created_at)
    storage = row.file.storage
    name = row.file.field.generate_filename(row, f"{row.organization_id.hex}/{row.pk.hex}.csv")
    with tempfile.TemporaryFile() as out:
        for piece in written(head, lines):
            out.write(piece.encode())
        if storage.exists(name):
            storage.delete(name)
        file_bytes = out.seek(0, os.SEEK_END)
        out.seek(0)
        saved = storage.save(name, File(out))
    now = timezone.now()
    Export.objects.filter(pk=row.pk).update(
        file=saved, file_bytes=file_bytes, file_expires_at=now + KEPT, finished_at=now, keys=[]
    )


def drop_expired(at: datetime) -> int:
    """Take away files whose time is over. Returns how many."""
    found = list(Export.objects.filter(file_expires_at__lte=at).exclude(file=""))
    for row in found:
        row.file.storage.delete(str(row.file.name))
        Export.objects.filter(pk=row.pk).update(file="", file_bytes=0)
    return len(found)
