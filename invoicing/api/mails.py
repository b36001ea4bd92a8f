"""What a request to send a document by e-mail says."""

from __future__ import annotations

from typing import Any

from ninja import Field

from billing.actions.clock import now
from billing.web.api import ApiRequest, ApiSchema, action_key
from invoicing.models import CreditNote, Invoice, Receipt


class MailIn(ApiSchema):
    """To whom (the customer's address when left out), in which language (the document's), with which words of one's
    own below the introduction.
    """

    to: list[str] | None = None
    cc: list[str] = Field(default_factory=list)
    bcc: list[str] = Field(default_factory=list)
    language: str = Field("", max_length=10)
    note: str = Field("", max_length=1000)


def mail_terms(
    request: ApiRequest, row: Invoice | CreditNote | Receipt, body: MailIn | None
) -> dict[str, Any]:
    """The arguments of an action that sends a document; the key is the request's own or a fresh one."""
    given = body or MailIn(to=None, language="", note="")
    key = action_key(request)
    return {
        "to": given.to,
        "cc": given.cc,
        "bcc": given.bcc,
        "language": given.language,
        "note": given.note,
        "key": f"api:{row.pk.hex}:{key}"[:200],
        "by": request.actor,
        "at": now(request.organization),
    }
