"""Payment requests: what can be asked for, what was, and how the letter about it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Prefetch, Q, Sum
from django.urls import reverse

from billing.models import BillingEntity, Organization
from billing.orm.search import fold, matching
from billing.rules.ids import encode
from billing.rules.money import from_minor
from invoicing.documents.clean import clean
from invoicing.documents.mails import MailFacts, OpenInvoice
from invoicing.models import Invoice, PaymentRequest, RequestedInvoice
from invoicing.models.invoice import InvoiceQuerySet
from invoicing.queries.mail_facts import Attachment, document_files, sender
from invoicing.queries.paying import payable_online, ways_to_pay
from invoicing.queries.shapes_collecting import PaymentRequestOut
from invoicing.rules.payment_requests import AskedFor

MOST_ATTACHED = 10
REQUEST_SORTS = {
    "created": "requested_at",
    "customer": "customer__name",
    "amount": "amount_minor",
    "asked": "last_asked_at",
}
# What the list can be narrowed to: label and condition.
REQUEST_STATES = {
    "": ("All", Q()),
    "open": ("Open", Q(status__in=["pending", "failed"])),
    "succeeded": ("Succeeded", Q(status="succeeded")),
    "canceled": ("Canceled", Q(status="canceled")),
}


@dataclass(frozen=True)
class Overdue:
    """What a customer owes late in one currency to one issuer: what one request can ask for."""

    currency: str
    entity: BillingEntity
    invoices: tuple[Invoice, ...]

    @property
    def due_minor(self) -> int:
        """All of it."""
        return sum(row.due_minor for row in self.invoices)


def day_in(organization: Organization, at: datetime) -> date:
    """The organization's day: what is overdue goes by it."""
    return at.astimezone(ZoneInfo(organization.timezone)).date()


def overdue_of(customer: Any, on: date) -> InvoiceQuerySet:
    """The customer's overdue invoices, the oldest debt first. What is in dispute is not asked for."""
    rows: InvoiceQuerySet = Invoice.objects.filter(customer=customer).overdue(on)
    return rows.order_by("due_on", "issuing_on", "pk")


def what_is_overdue(customer: Any, on: date) -> list[Overdue]:
    """By currency and issuer, the largest debt first. One query."""
    found: dict[tuple[str, UUID], list[Invoice]] = {}
    for row in overdue_of(customer, on).select_related("billing_entity"):
        found.setdefault((row.currency, row.billing_entity_id), []).append(row)
    groups = [Overdue(currency, rows[0].billing_entity, tuple(rows)) for (currency, _), rows in found.items()]
    return sorted(groups, key=lambda group: (-group.due_minor, group.currency, group.entity.name))


def requests_of(organization: Organization) -> Any:
    """All requests of an organization; `due_minor`: what is still due of their invoices."""
    due = F("parts__invoice__total_minor") - F("parts__invoice__paid_minor")
    rows = PaymentRequest.objects.of(organization).select_related("customer")
    still = Q(parts__invoice__status="finalized", status__in=["pending", "failed"])
    return rows.annotate(due_minor=Sum(due, filter=still, default=0))


def requests_in(organization: Organization, state: str, term: str = "") -> Any:
    """Those in a state of REQUEST_STATES; `term`: of a customer or about an invoice."""
    rows = requests_of(organization).filter(REQUEST_STATES[state][1])
    if not term:
        return rows
    parts = RequestedInvoice.objects.filter(request=OuterRef("pk"), invoice__number__icontains=term)
    wanted = Q(Exists(parts))
    if fold(term):
        customers = PaymentRequest.customer.field.related_model.objects.of(organization)  # type: ignore[attr-defined]
        wanted |= Q(customer__in=matching(customers, term).values("pk"))
    return rows.filter(wanted)


def parts_of(request: PaymentRequest) -> list[RequestedInvoice]:
    """Its invoices, the oldest debt first. One query, unless the request was read WITH_PARTS."""
    listed: list[RequestedInvoice] | None = getattr(request, "listed", None)
    return list(in_order(request.parts.all())) if listed is None else listed


def in_order(parts: Any) -> Any:
    """Parts with their invoices, the oldest debt first."""
    return parts.select_related("invoice").order_by("invoice__due_on", "pk")


WITH_PARTS = Prefetch("parts", in_order(RequestedInvoice.objects.all()), to_attr="listed")


def asked_for(parts: Iterable[RequestedInvoice]) -> list[AskedFor]:
    """What the rule looks at."""
    return [
        AskedFor(part.invoice.due_minor, part.invoice.received_minor - part.received_minor) for part in parts
    ]


def asked_before(customer: Any, keys: Iterable[UUID]) -> list[PaymentRequest]:
    """The customer's open requests that hold one of these invoices, the latest first."""
    mine = RequestedInvoice.objects.filter(invoice__in=list(keys), open=True).values("request")
    return list(PaymentRequest.objects.filter(customer=customer, pk__in=mine).order_by("-last_asked_at"))


def request_url(request: PaymentRequest) -> str:
    """Where the customer pays it, without signing in."""
    return settings.BASE_URL + reverse("pay-request", args=[request.token])


def language_of(customer: Any) -> str:
    """The language in which a customer is written to."""
    return str(customer.locale or customer.billing_entity.locale or "en")


def letter_facts(
    customer: Any,
    entity: BillingEntity,
    invoices: Sequence[Invoice],
    *,
    language: str,
    link: str,
    note: str = "",
    files: Sequence[str] = (),
) -> MailFacts:
    """What the e-mail tells: what is open of each invoice now. Its button says "pay" where all of it or one of them
    can be paid online.
    """
    currency = invoices[0].currency
    amount = sum(row.due_minor for row in invoices)
    return MailFacts(
        **sender(entity, language),
        customer=clean(customer.display_name, 200),
        currency=currency,
        amount_minor=amount,
        invoices=tuple(OpenInvoice(row.number, row.due_minor, row.due_on) for row in invoices),
        link=link,
        pays=bool(ways_to_pay(customer, amount, currency).accounts or payable_online(customer, invoices)),
        note=note,
        files=tuple(files),
    )


def files_for(invoices: Sequence[Invoice]) -> list[Attachment]:
    """The documents of the invoices; none when there are too many for one e-mail."""
    if len(invoices) > MOST_ATTACHED:
        return []
    return [item for row in invoices for item in document_files(row)]


def request_payload(row: PaymentRequest) -> PaymentRequestOut:
    """A request as the API and webhooks show it. `amountDue` is what is due of its invoices now."""
    parts = parts_of(row)
    return {
        "id": row.public_id,
        "customerId": encode("cust", row.customer_id),
        "billingEntityId": encode("ent", row.billing_entity_id),
        "status": row.status,
        "closeReason": row.close_reason or None,
        "origin": row.origin,
        "dunningCaseId": encode("dcas", row.case_id) if row.case_id else None,
        "currency": row.currency,
        "amount": from_minor(row.amount_minor, row.currency),
        "amountDue": from_minor(sum(part.invoice.due_minor for part in parts), row.currency),
        "invoices": [
            {
                "invoiceId": encode("inv", part.invoice_id),
                "number": part.invoice.number,
                "dueDate": part.invoice.due_on,
                "amount": from_minor(part.amount_minor, row.currency),
                "amountDue": from_minor(part.invoice.due_minor, row.currency),
            }
            for part in parts
        ],
        "attempts": row.attempts,
        "requestedAt": row.requested_at,
        "lastAskedAt": row.last_asked_at,
        "paymentUrl": request_url(row) if row.open else None,
        "replacedBy": encode("preq", row.replaced_by_id) if row.replaced_by_id else None,
        "closedAt": row.closed_at,
    }


def request_of_token(token: str) -> PaymentRequest | None:
    """The request that an address for paying belongs to."""
    rows = PaymentRequest.objects.select_related("customer__billing_entity", "billing_entity", "organization")
    return rows.filter(token=token).first()
