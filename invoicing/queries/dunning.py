"""Who is chased by which campaign, for how much, and how far that has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Min, QuerySet, Sum

from billing.models import Organization
from billing.rules.ids import encode
from billing.rules.money import from_minor
from billing.rules.periods import local_date, start_of_day
from invoicing.models import DunningCampaign, DunningCase, DunningChoice, DunningDefault, Invoice
from invoicing.queries.payment_requests import day_in
from invoicing.queries.shapes_collecting import DunningCaseOut
from invoicing.rules.dunning import DAY, Next, Terms, Verdict, next_step, verdict

ENTITY = "customer__billing_entity"
DEBT = ("customer", "currency", ENTITY, "customer__timezone", f"{ENTITY}__timezone")
GONE = ("customer__deleted_at", "customer__deleting_at")


@dataclass(frozen=True)
class Assigned:
    """Which campaign customers have: that of their billing entity, unless they have a choice of their own."""

    by_entity: dict[UUID, DunningCampaign] = field(default_factory=dict)
    choices: dict[UUID, DunningChoice] = field(default_factory=dict)

    def campaign_of(self, customer: UUID, entity: UUID) -> DunningCampaign | None:
        """The campaign, also one that rests; None for a customer that has none."""
        choice = self.choices.get(customer)
        return choice.campaign if choice and choice.campaign else self.by_entity.get(entity)

    def stopped(self, customer: UUID) -> bool:
        """Whether somebody has said that this customer is not to be chased."""
        choice = self.choices.get(customer)
        return bool(choice and choice.stopped_at)


def assigned(organization: Organization, customer: Any = None) -> Assigned:
    """Two queries."""
    choices = DunningChoice.objects.of(organization).select_related("campaign")
    if customer is not None:
        choices = choices.filter(customer=customer)
    defaults = DunningDefault.objects.of(organization).select_related("campaign")
    return Assigned(
        {row.billing_entity_id: row.campaign for row in defaults}, {row.customer_id: row for row in choices}
    )


@dataclass(frozen=True)
class Standing:
    """A customer's debt in a currency: what is overdue of how many invoices, the oldest due on `since`; the campaign
    that it has, and the chase that runs. `gone`: the customer is deleted or being deleted.
    """

    customer_id: UUID
    entity_id: UUID
    tz: str
    currency: str
    overdue_minor: int = 0
    invoices: int = 0
    since: date | None = None
    gone: bool = False
    campaign: DunningCampaign | None = None
    stopped: bool = False
    case: DunningCase | None = None

    @property
    def terms(self) -> Terms | None:
        """The terms by which it is chased; None when it is not (any more)."""
        if self.gone or self.campaign is None or not self.campaign.active:
            return None
        if self.case is not None and self.case.campaign_id != self.campaign.pk:
            return None  # it has another one by now: the chase ends, and one by the new campaign begins
        return self.campaign.terms

    def verdict(self, at: datetime) -> Verdict:
        """What the rule says at a moment."""
        progress = self.case.progress if self.case else None
        today = local_date(at, self.tz)
        return verdict(self.terms, self.currency, self.overdue_minor, progress, today, stopped=self.stopped)

    @property
    def coming(self) -> Next | None:
        """The step that follows in the chase that runs."""
        return next_step(self.terms, self.case.progress) if self.terms and self.case else None


def standings(organization: Organization, at: datetime, customer: Any = None) -> list[Standing]:
    """All debts that are overdue and all chases that run, by customer and currency. Four queries."""
    known = assigned(organization, customer)
    running = DunningCase.objects.of(organization).running().select_related("campaign")
    overdue = Invoice.objects.of(organization).overdue(day_in(organization, at))
    if customer is not None:
        running, overdue = running.filter(customer=customer), overdue.filter(customer=customer)
    cases = {(row.customer_id, row.currency): row for row in running}
    found = []
    for row in debts(overdue):
        entity = row[ENTITY]
        found.append(
            Standing(
                row["customer"],
                entity,
                row["customer__timezone"] or row[f"{ENTITY}__timezone"] or "UTC",
                row["currency"],
                int(row["minor"]),
                row["count"],
                row["since"],
                any(row[name] for name in GONE),
                known.campaign_of(row["customer"], entity),
                known.stopped(row["customer"]),
                cases.pop((row["customer"], row["currency"]), None),
            )
        )
    return found + settled(cases.values())


def debts(overdue: QuerySet[Invoice]) -> Iterable[dict[str, Any]]:
    """Overdue sums by customer and currency. One query."""
    sums = {"minor": Sum(F("total_minor") - F("paid_minor")), "count": Count("pk"), "since": Min("due_on")}
    return overdue.order_by("customer", "currency").values(*DEBT, *GONE).annotate(**sums)


def settled(cases: Iterable[DunningCase]) -> list[Standing]:
    """Chases of debts that are no more."""
    rows = list(cases)
    if not rows:
        return []
    owners = DunningCase.objects.filter(pk__in=[row.pk for row in rows]).values_list(
        "pk", ENTITY, "customer__timezone", f"{ENTITY}__timezone", *GONE
    )
    of = {key: rest for key, *rest in owners}
    found = []
    for row in rows:
        entity, tz, usual, deleted, deleting = of[row.pk]
        gone = bool(deleted or deleting)
        found.append(
            Standing(row.customer_id, entity, tz or usual or "UTC", row.currency, gone=gone, case=row)
        )
    return found


def next_debt(organization: Organization, after: datetime) -> tuple[datetime, str] | None:
    """When the next invoice becomes overdue in an organization that chases, and whose it is. Two queries."""
    if not DunningCampaign.objects.of(organization).filter(active=True).exists():
        return None
    rows = Invoice.objects.of(organization).unpaid().exclude(dispute="open")
    coming = rows.filter(due_on__gte=day_in(organization, after)).order_by("due_on", "pk")
    first = coming.values_list("due_on", "customer_name").first()
    if first is None:
        return None
    return start_of_day(first[0] + DAY, organization.timezone), first[1]


def running_chases(customer: Any) -> list[Any]:
    """The customer's chases that run, with their campaigns; `stopped_at`, `stopped_why` and `stopped_by` say whether
    somebody holds them back. One query.
    """
    choice = "customer__dunning_choice__"
    said = {"stopped_at": F(f"{choice}stopped_at"), "stopped_why": F(f"{choice}reason")}
    rows = DunningCase.objects.filter(customer=customer).running().select_related("campaign")
    return list(rows.annotate(**said, stopped_by=F(f"{choice}by_label")).order_by("currency"))


def case_payload(case: DunningCase, overdue_minor: int) -> DunningCaseOut:
    """A chase as webhooks and the API show it."""
    return {
        "id": case.public_id,
        "customerId": encode("cust", case.customer_id),
        "campaignId": encode("dcmp", case.campaign_id),
        "campaignCode": case.campaign.code,
        "currency": case.currency,
        "overdueAmount": from_minor(overdue_minor, case.currency),
        "startedOn": case.started_on,
        "attempts": case.attempts,
        "nextAt": case.next_at,
        "finishedAt": case.finished_at,
        "endedAt": case.ended_at,
        "outcome": case.outcome or None,
    }
