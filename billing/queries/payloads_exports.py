"""Exports as the API answers them, and the links under which their files are fetched for as long as they are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.core import signing
from django.http import Http404
from django.utils import timezone
from typing_extensions import TypedDict

from billing.models import Export, Job
from billing.rules.ids import decode
from billing.rules.states import JobState
from billing.rules.words import Words

SALT = "export"


class ExportOut(TypedDict):
    """A list as a file. `downloadUrl` needs no key and ends at `expiresAt`; null: it is not written yet, or over."""

    id: str
    content: str
    filters: dict[str, Any]
    format: Annotated[str, Words("csv")]
    status: Annotated[str, Words("queued", "running", "ready", "failed", "expired")]
    rows: int
    bytes: int | None
    downloadUrl: str | None
    expiresAt: datetime | None
    error: str | None
    createdAt: datetime
    finishedAt: datetime | None


def export_payload(row: Export) -> ExportOut:
    """One export. One query for how far it is, while it is not written."""
    ready = bool(row.file and row.file_expires_at and row.file_expires_at > timezone.now())
    status, error = "ready" if ready else "expired", None
    if row.finished_at is None:
        job = Job.objects.filter(subject_id=row.pk).order_by("-created_at").first()
        state = JobState(job.state) if job else JobState.FAILED
        status = {JobState.SUCCEEDED: "ready"}.get(state, state.value)
        error = job.error if job and state == JobState.FAILED else None
    return {
        "id": row.public_id,
        "content": row.content,
        "filters": row.filters,
        "format": "csv",
        "status": status,
        "rows": row.rows,
        "bytes": row.file_bytes if ready else None,
        "downloadUrl": f"{settings.BASE_URL}/exports/{token_of(row)}" if ready else None,
        "expiresAt": row.file_expires_at,
        "error": error,
        "createdAt": row.created_at,
        "finishedAt": row.finished_at,
    }


def token_of(row: Export) -> str:
    """What opens the file, signed; it says nothing of the organization."""
    return signing.dumps(row.public_id, salt=SALT)


def export_of_token(token: str) -> Export:
    """The export whose file a link opens; Http404 for a link that is none of ours, or has ended."""
    try:
        key = decode(Export.PREFIX, str(signing.loads(token, salt=SALT)))
    except signing.BadSignature:
        key = None
    rows = Export.objects.exclude(file="").filter(file_expires_at__gt=timezone.now())
    row = rows.filter(pk=key).first() if key else None
    if row is None:
        raise Http404("This file is not there any more.")
    return row
