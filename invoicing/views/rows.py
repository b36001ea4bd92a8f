"""Rows of invoices wherever they are listed: the badge, and what a member can do with each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.http import QueryDict
from django.urls import reverse

from billing.web.access import may
from billing.web.requests import StaffRequest
from invoicing.models import Invoice
from invoicing.queries.listing import TABS
from invoicing.rules.shown import shown_status

SORTS = {
    "number": "number",
    "customer": "customer_name",
    "issued": "issuing_on",
    "due": "due_on",
    "amount": "total_minor",
}
TAB_LABELS = {"all": "All", "draft": "Drafts", "outstanding": "Outstanding"}


def invoice_rows(invoices: Iterable[Invoice], request: StaffRequest, today: date) -> list[dict[str, Any]]:
    """[{invoice, shown, acts}] for `invoicing/invoices/rows.html`."""
    return [
        {
            "invoice": row,
            "shown": shown_status(row.status, row.payment_status, row.due_on, today),
            "acts": acts_of(row, request),
        }
        for row in invoices
    ]


def acts_of(invoice: Invoice, request: StaffRequest) -> dict[str, Any]:
    """What this member can do with the invoice now: {name: url}, empty where it makes no sense."""
    edit, pay = may(request.member, "invoices.edit"), may(request.member, "invoices.pay")
    draft, final = invoice.status == "draft", invoice.status == "finalized"

    def url(name: str, when: bool) -> str:
        return reverse(name, args=[invoice]) if when else ""

    return {
        "view": reverse("invoice", args=[invoice]),
        "refresh": url("invoice-refresh", edit and draft and invoice.type == "subscription"),
        "finalize": url("invoice-finalize", edit and draft),
        "delete": url("invoice-delete", edit and draft and invoice.type == "one_off"),
        "pdf": url("invoice-pdf", invoice.pdf_state == "ready"),
        "pay": url("invoice-pay", pay and final and invoice.due_minor > 0),
        "void": url("invoice-void", edit and final),
        "void_reason": "Money was received for it" if invoice.paid_minor else "",
    }


def tab_items(query: QueryDict, tab: str, counts: dict[str, int]) -> list[dict[str, Any]]:
    """The quick tabs; each keeps the filters and begins at its first page."""
    items = []
    for name in TABS:
        rest = query.copy()
        rest.pop("page", None)
        rest.pop("tab", None)
        if name != "all":
            rest["tab"] = name
        items.append(
            {
                "label": TAB_LABELS.get(name, name.capitalize()),
                "url": f"?{rest.urlencode()}",
                "active": name == tab or (name == "all" and tab not in TABS),
                "count": counts[name],
            }
        )
    return items
