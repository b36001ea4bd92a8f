"""What an act on many invoices would do, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import xor
from typing import Any

from django.contrib.postgres.aggregates import BitXor
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from billing.models import Job
from billing.orm.scoped import ScopedQuerySet
from billing.orm.windows import capped_count
from invoicing.models import Invoice, InvoiceRun, Mail, MailKind, MailState, RequestedInvoice
from invoicing.rules.bulk import ACTS, ARCHIVE, DO, FINALIZE, REQUEST, SEND, WHY, said
from invoicing.rules.states import DisputeState, InvoiceStatus, PaymentStatus

SAMPLE = 8
DRAFT = Q(status=InvoiceStatus.DRAFT.value)
FINAL = Q(status=InvoiceStatus.FINALIZED.value)
VOIDED = Q(status=InvoiceStatus.VOIDED.value)
HASH = Func(Cast("pk", TextField()), Value(0), function="hashtextextended", output_field=BigIntegerField())


@dataclass(frozen=True)
class Forecast:
    """A dry run: how many would be done, their sums by currency (currency, number, minor units), why the others stay
    (words, number), and a few of those that would be done. `which` tells those that would be done from others of the
    same price. `requests`: how many payment requests ask for them. `too_many`: more than one run takes.
    """

    total: int
    doing: int
    sums: list[tuple[str, int, int]]
    staying: list[tuple[str, int]]
    sample: list[Invoice]
    which: int = 0
    requests: int = 0
    too_many: bool = False

    @property
    def seen(self) -> str:
        """What a person confirms: which invoices, their numbers and sums, in one line."""
        parts = [f"{currency}:{count}:{minor}" for currency, count, minor in self.sums]
        return " ".join([f"{self.total}:{self.which:x}:{self.requests}", *parts])


def forecast(rows: ScopedQuerySet, act: str, *, on: date, again: bool = False) -> Forecast:
    """What `act` would do to the rows on the organization's day. Only reads. `again`: also what was done before."""
    most = ACTS[act].most
    if capped_count(rows, most) > most:
        return Forecast(most, 0, [], [], [], too_many=True)
    judged = judge(rows, act, on=on, again=again)
    doing_now = judged.filter(why=DO)
    groups = judged.order_by("currency").values_list("why", "currency")
    amount = F("total_minor") - F("paid_minor") if act == REQUEST.key else F("total_minor")
    counted = list(groups.annotate(n=Count("pk"), minor=Sum(amount), which=BitXor(HASH)))
    asked = doing_now.values("customer", "currency", "billing_entity").distinct()
    doing = [(currency, n, minor) for why, currency, n, minor, _ in counted if why == DO]
    reasons: dict[str, int] = {}
    for why, _, n, _, _ in counted:
        reasons[why] = reasons.get(why, 0) + n
    return Forecast(
        sum(reasons.values()),
        reasons.get(DO, 0),
        doing,
        [(said(why, reasons[why]), reasons[why]) for why in WHY if why in reasons],
        list(doing_now.order_by("-issuing_on", "-pk")[:SAMPLE]),
        reduce(xor, (part for why, *_, part in counted if why == DO), 0),
        asked.count() if act == REQUEST.key else 0,
    )


def judge(rows: ScopedQuerySet, act: str, *, on: date, again: bool = False) -> Any:
    """The invoices with `why`: "do", or a key of `WHY`."""
    return rows.order_by().annotate(why=verdict(act, on=on, again=again))


def verdict(act: str, *, on: date, again: bool) -> Case:
    """One word for an invoice."""
    return Case(
        *(When(condition, then=Value(why)) for why, condition in against(act, on=on, again=again)),
        default=Value(DO),
        output_field=CharField(),
    )


def against(act: str, *, on: date, again: bool) -> list[tuple[str, Any]]:
    """What stands against an act, the first reason first."""
    if act == FINALIZE.key:
        return [("issued", ~DRAFT)]
    if act == ARCHIVE.key:
        return [("draft", Q(number=""))]
    never = [("draft", ~FINAL & ~VOIDED), ("voided", VOIDED)]
    if act in (SEND.key, REQUEST.key):
        own = Q(customer__prefer_einvoice=True) & ~Q(customer__einvoice_email="")
        address = ("address", ~own & Q(customer__email=""))
        never = [("sandbox", Q(organization__sandbox=True)), *never]
        if act == SEND.key:
            before = [("sent", Exists(mailed(OuterRef("pk")))), ("coming", goes_by_itself())]
            return [*never, address, *([] if again else before)]
        gone = Q(customer__deleted_at__isnull=False) | Q(customer__deleting_at__isnull=False)
        return [
            *never,
            ("settled", Q(payment_status=PaymentStatus.PAID.value)),
            ("disputed", Q(dispute=DisputeState.OPEN.value)),
            ("early", Q(due_on=None) | Q(due_on__gte=on)),
            ("deleted", gone),
            address,
            *([] if again else [("asked", Exists(open_requests()))]),
        ]
    return [
        *never,
        ("offset", Q(offset_minor__gt=0)),
        ("written_off", Q(written_off_minor__gt=0)),
        ("paid", Q(paid_minor__gt=0)),
    ]


def mailed(invoice: Any) -> Any:
    """The e-mails with an invoice that went out, or are about to."""
    rows = Mail.objects.filter(subject_id=invoice, kind=MailKind.INVOICE.value)
    return rows.filter(state__in=[MailState.SENT.value, MailState.WAITING.value])


def open_requests() -> Any:
    """The open payment request on which an invoice of the query around it stands."""
    return RequestedInvoice.objects.filter(invoice=OuterRef("pk"), open=True)


def goes_by_itself() -> Q:
    """Just issued, and mailed as soon as its PDF is made: the job of issuing, which has no arguments, is open."""
    issuing = Job.objects.open().filter(subject_id=OuterRef("pk"), task="invoicing.publish", args=[])
    usual = Q(customer__email_invoices=None, billing_entity__email_invoices=True)
    return (usual | Q(customer__email_invoices=True)) & Q(Exists(issuing))


def described(run: InvoiceRun) -> str:
    """What a run does, in words."""
    return ACTS[run.act].label


def outcomes(run: InvoiceRun) -> dict[str, int]:
    """How many rows have each outcome."""
    return dict(run.rows.order_by().values_list("outcome").annotate(n=Count("pk")))
