"""/api/exports: lists as files, written in the background. A key asks for and sees only files of what it may read."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import ValidationError

from billing.actions.clock import now
from billing.actions.exports import CONTENTS, start_export
from billing.models import Export
from billing.queries.payloads_exports import ExportOut, export_payload
from billing.rules.errors import FieldErrors
from billing.rules.scopes import grants
from billing.rules.words import word_of
from billing.web.api import ApiRequest, ApiSchema, camel, envelope, named_faults
from billing.web.api_lists import ListQuery, listed
from billing.web.exporting import EXPORTABLE, PAGING
from billing.web.scopes import refuse_scope
from billing.web.shapes import Listing, Object

router = Router(tags=["Exports"])


class ExportIn(ApiSchema):
    """`content`: customers, invoices, invoice_lines, credit_notes, credit_note_items or payments. `filters`: those of
    the list, by the names of its query.
    """

    content: str
    filters: dict[str, Any] = Field(default_factory=dict, max_length=50)


class ExportFilters(ListQuery):
    """What the list can be narrowed to."""

    SORTS: ClassVar = {"createdAt": "created_at", "rows": "rows"}

    content: str | None = None


def readable(request: HttpRequest) -> list[str]:
    """The contents that the key may read."""
    scopes = cast(ApiRequest, request).api_key.scopes
    return [name for name, known in EXPORTABLE.items() if grants(scopes, known.scope)]


def check_readable(request: HttpRequest, content: str) -> None:
    """Forbidden (scope_missing) for what the key may not read: a file would tell it all the same."""
    if content not in readable(request):
        raise refuse_scope(EXPORTABLE[content].scope)


@router.get("")
def list_exports(request: HttpRequest, filters: Query[ExportFilters]) -> Listing[ExportOut]:
    """Newest first: those that the key may read."""
    rows = Export.objects.of(cast(ApiRequest, request).organization).defer("keys")
    if filters.content:
        content = word_of(filters.content, CONTENTS, "content")
        check_readable(request, content)
        rows = rows.filter(content=content)
    else:
        rows = rows.filter(content__in=readable(request))
    return listed(request, rows, export_payload, filters)


@router.post("", response={202: dict[str, Any]})
def create_export(request: HttpRequest, body: ExportIn) -> tuple[int, Object[ExportOut]]:
    """Write a list to a CSV file: the rows that the filters leave now, up to 100,000. Ask for the export until its
    `status` is ready; its `downloadUrl` opens for a day. The key must be allowed to read that list.
    """
    staff = cast(ApiRequest, request)
    name = word_of(body.content, CONTENTS, "content")
    check_readable(request, name)
    known = EXPORTABLE[name]
    given = {camel(field): value for field, value in body.filters.items()}
    if paging := [field for field in given if field in {camel(one) for one in PAGING}]:
        raise FieldErrors([(f"filters.{field}", "An export has all rows, newest first.") for field in paging])
    try:
        filters = known.schema.model_validate(given)
    except ValidationError as error:
        faults = named_faults(error.errors(include_url=False))
        raise FieldErrors([(f"filters.{one['field']}", one["message"]) for one in faults]) from error
    row = start_export(
        staff.organization,
        CONTENTS[name],
        known.narrow(staff, filters),
        {
            field: value
            for field, value in filters.model_dump(mode="json", by_alias=True).items()
            if field in given
        },
        by=staff.actor,
        at=now(staff.organization),
    )
    return 202, envelope(export_payload(row))


@router.get("/{id}")
def get_export(request: HttpRequest, id: str) -> Object[ExportOut]:
    """How far it is, and where its file can be fetched."""
    row = Export.objects.of(cast(ApiRequest, request).organization).by_public_id(id)
    check_readable(request, row.content)
    return envelope(export_payload(row))
