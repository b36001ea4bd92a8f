"""What erasing a customer's personal data touches: which rows are the customer's, how many, and what stays why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import BigIntegerField, Count, DateField, F, Max, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast

from billing.models import AuditEntry, Job, Organization
from billing.orm.search import fold, matching
from billing.rules.states import JobState
from customers.models import Customer, VatCheck
from customers.queries.shapes_erasing import ErasureLineOut, ErasureOut
from customers.rules.erased_words import WORDS, pattern, words_in
from customers.rules.erasing import ERASED_TEXT, KINDS, TABLES, tombstone
from customers.rules.retention import is_known, kept_until
from invoicing.models import CreditNote, Invoice, Mail, Receipt
from invoicing.queries.collecting import account_sums

TASK = "customers.erase"
# Whose ids audit lines, events, jobs and addresses of the API are about.
SUBJECTS = (
    *("customers.Customer", "customers.Note", "customers.PortalLink", "customers.StatementFile"),
    *("customers.Merge", "billing.Subscription", "billing.Wallet", "billing.Alert", "billing.AppliedCoupon"),
    *("billing.TopUpSchedule", "invoicing.Invoice", "invoicing.CreditNote", "invoicing.Receipt"),
    *("invoicing.Payment", "invoicing.Refund", "invoicing.Remittance", "invoicing.PaymentRequest"),
    *("invoicing.PaymentAttempt", "invoicing.Mail", "invoicing.DunningCase", "invoicing.ProviderLink"),
    *("invoicing.PaymentMethod", "invoicing.MethodSetup", "invoicing.WriteOff"),
)


@dataclass(frozen=True)
class Family:
    """A customer and the duplicates that were merged into it: they are one person."""

    customer: Customer
    rows: list[Customer]

    @property
    def pks(self) -> list[UUID]:
        """Their keys."""
        return [row.pk for row in self.rows]


@dataclass(frozen=True)
class Line:
    """One line of the preview. `count` None: found when it is done."""

    key: str
    title: str
    words: str
    count: int | None


@dataclass(frozen=True)
class Erasure:
    """What goes and what stays, for how long, and what can no longer be done afterwards."""

    customer: Customer
    merged: int
    erased: list[Line]
    kept: list[Line]
    kept_until: date | None
    kept_by_law: bool  # the law of the issuer's country is known; else the longest that is usual
    unpaid: list[tuple[str, int, int]]  # (currency, invoices, minor units)
    on_account: list[tuple[str, int]]


def family_of(customer: Customer) -> Family:
    """The customer first."""
    merged = Customer.objects.filter(merged_into=customer).order_by("pk")
    return Family(customer, [customer, *merged])


def rows_of(label: str, family: Family) -> Any:
    """The rows of a table that are the customer's."""
    ties = TABLES[label].ties
    model = apps.get_model(label)
    mine = reduce(or_, (Q(**{f"{tie}__in": family.pks}) for tie in ties))
    return model._base_manager.filter(mine)


def subjects_of(family: Family) -> set[UUID]:
    """The keys of whatever is the customer's and can be spoken of."""
    return {key for label in SUBJECTS for key in rows_of(label, family).values_list("pk", flat=True)}


def trail_of(family: Family, subjects: Iterable[UUID]) -> Any:
    """The audit lines about the customer and what it has."""
    mine = AuditEntry.objects.of(family.customer.organization_id)
    return mine.filter(Q(customer__in=family.pks) | Q(subject_id__in=list(subjects)))


def names_of(family: Family) -> set[str]:
    """What the customer is called, and was as far as the activity log still knows."""
    lines = AuditEntry.objects.filter(subject_id__in=family.pks)
    called = {row.display_name for row in family.rows} | set(lines.values_list("subject_label", flat=True))
    return called - {ERASED_TEXT, *(tombstone(row.sequence) for row in family.rows)}


def pattern_of(family: Family, *, names: bool) -> str:
    """The regular expression that finds the customer in texts: by its id and addresses and, with `names`, by all that
    it is or was called, as far as the activity log still knows.
    """
    words: set[str] = set()
    ids: set[str] = set()
    for row in family.rows:
        ids.add(row.external_id)
        words |= words_in({name: getattr(row, name) for name in (*WORDS, "first_name", "last_name")})
        words |= {str(number) for number in row.tax_identifiers.values()}
    for changes in AuditEntry.objects.filter(subject_id__in=family.pks).values_list("changes", flat=True):
        for side in (0, 1):
            before = {name: pair[side] for name, pair in changes.items() if isinstance(pair[side], str)}
            words |= words_in(before)
            ids.add(before.get("external_id", ""))
    for to, cc in Mail.objects.filter(customer__in=family.pks).values_list("to", "cc"):
        words |= {str(address) for address in (*to, *cc)}
    if names:
        return pattern(family.pks, words | names_of(family), whole=ids)
    return pattern(family.pks, {word for word in words if "@" in word})


def checks_kept(family: Family) -> set[UUID]:
    """The VAT checks whose number stands on an issued document: they prove why no VAT was charged."""
    checks = VatCheck.objects.filter(customer__in=family.pks)
    printed = Invoice.objects.filter(customer__in=family.pks).exclude(number="")
    numbers = {bare(number) for number in printed.values_list("buyer__tax_id", flat=True) if number}
    return {key for key, number in checks.values_list("pk", "number") if bare(number) in numbers}


def bare(number: str) -> str:
    """A tax number as it is compared."""
    return "".join(char for char in number.upper() if char.isalnum())


def erasure_preview(customer: Customer) -> Erasure:
    """What erasing would do now, or what it has done."""
    family = family_of(customer)
    counts = counted(family)
    lines = [
        (kind.kept, Line(key, kind.title, kind.words, counts.get(key)))
        for key, kind in KINDS.items()
        if counts.get(key) != 0
    ]
    due = Invoice.objects.filter(customer__in=family.pks).unpaid().values("currency").order_by("currency")
    sums = due.annotate(count=Count("pk"), minor=Sum(F("total_minor") - F("paid_minor")))
    end, known = retention_end(family)
    return Erasure(
        customer=customer,
        merged=len(family.rows) - 1,
        erased=[line for kept, line in lines if not kept],
        kept=[line for kept, line in lines if kept],
        kept_until=end,
        kept_by_law=known,
        unpaid=[(row["currency"], row["count"], row["minor"]) for row in sums if row["minor"]],
        on_account=account_sums(customer),
    )


def counted(family: Family) -> dict[str, int]:
    """The rows of each kind that can be counted beforehand. Three queries."""
    asked = [number_of(key, rows_of(kind.counted, family)) for key, kind in KINDS.items() if kind.counted]
    first, *others = asked
    found = dict.fromkeys((key for key, kind in KINDS.items() if kind.counted), 0)
    found |= {key: int(number or 0) for key, number in first.union(*others, all=True)}
    kept = len(checks_kept(family))
    return found | {"checks": kept, "vat": found["vat"] - kept}


def number_of(key: str, rows: Any) -> Any:
    """(kind, how many): issued documents alone, and events by what was counted of them."""
    if key == "invoices":
        rows = rows.exclude(number="")
    number = Sum("events_count") if key == "usage" else Count("pk")
    named = rows.order_by().values(kind_of_line=Value(key))
    return named.annotate(found=Cast(number, BigIntegerField())).values_list("kind_of_line", "found")


def retention_end(family: Family) -> tuple[date | None, bool]:
    """The last day on which the youngest document is kept, and whether that country's law is known; no day when there
    is no document. One query.
    """
    asked = [
        model._base_manager.filter(customer__in=family.pks)
        .exclude(number="")
        .order_by()
        .values(place=F(country))
        .annotate(newest=Cast(Max(day), DateField()))
        .values_list("place", "newest")
        for model, day, country in (
            (Invoice, "issuing_on", "billing_entity__country"),
            (CreditNote, "issuing_on", "invoice__billing_entity__country"),
            (Receipt, "issued_at", "billing_entity__country"),
        )
    ]
    first, *others = asked
    ends = [
        (kept_until(country, newest), is_known(country)) for country, newest in first.union(*others, all=True)
    ]
    return max(ends, default=(None, False))


def deleted_customers(organization: Organization, term: str = "") -> QuerySet[Customer]:
    """Those whose personal data can be erased or was, the latest deleted first: not the duplicates, which go with
    the customers that they were merged into.
    """
    rows = Customer.objects.of(organization).exclude(deleted_at=None).filter(merged_into=None)
    found = matching(rows, term) if fold(term) else rows
    return found.order_by("-deleted_at", "-pk")


def erasing_job(customer: Customer) -> Job | None:
    """The job that erases the customer's data, in whatever state."""
    return Job.objects.filter(subject_id=customer.pk, task=TASK).order_by("-created_at").first()


def state_of(customer: Customer, job: Job | None) -> str:
    """Whether it can be done, is being done, or is done: a word of `ErasureOut`."""
    if customer.erased_at is not None:
        return "erased"
    if job is not None:
        return "failed" if job.state == JobState.FAILED.value else "running"
    if customer.merged_into_id is not None:
        return "merged"
    return "not_deleted" if customer.deleted_at is None else "possible"


def erasure_payload(customer: Customer) -> ErasureOut:
    """What the API answers: nothing of what is erased."""
    preview, job = erasure_preview(customer), erasing_job(customer)
    return {
        "customerId": customer.public_id,
        "state": state_of(customer, job),
        "erasedAt": customer.erased_at,
        "jobId": job.public_id if job else None,
        "mergedCustomers": preview.merged,
        "erased": [line_payload(line) for line in preview.erased],
        "kept": [line_payload(line) for line in preview.kept],
        "keptUntil": preview.kept_until,
    }


def line_payload(line: Line) -> ErasureLineOut:
    """A line of the preview."""
    return {"kind": line.key, "title": line.title, "explanation": line.words, "count": line.count}
