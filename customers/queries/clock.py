"""What falls due next in an organization, whatever it is: the stops of a sandbox's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from billing.models import AuditEntry, Organization, Subscription, TopUpSchedule, Wallet, WalletLot
from billing.rules.states import BILLABLE, SubscriptionStatus
from customers.models import VatCheck
from customers.models.vat_check import VatCheckState
from invoicing.models import DunningCase, Invoice
from invoicing.queries.dunning import next_debt

BILLED = [status.value for status in BILLABLE]


@dataclass(frozen=True)
class Stop:
    """A moment at which something is to be done, and what it is: `what` for `subject`."""

    at: datetime
    what: str
    subject: str


def next_stop(organization: Organization) -> Stop | None:
    """The earliest thing that waits, also one that is overdue; None when nothing ever will. One query a kind."""
    found = [
        stop for rows, column, what, name in kinds(organization) if (stop := first(rows, column, what, name))
    ]
    if owed := next_debt(organization, organization.clock_at or timezone.now()):
        found.append(Stop(owed[0], "An invoice becomes overdue", owed[1]))
    return min(found, key=lambda stop: (stop.at, stop.what), default=None)


def kinds(organization: Organization) -> list[tuple[QuerySet[Any], str, str, str]]:
    """(rows, the column of their moment, what happens then, the path to the name of whom it concerns)."""
    subscriptions = Subscription.objects.of(organization)
    billed = subscriptions.filter(status__in=BILLED)
    lots = WalletLot.objects.of(organization).filter(remaining_minor__gt=0, wallet__status="active")
    overrides = VatCheck.objects.of(organization).filter(state=VatCheckState.MANUAL.value)
    whose = "customer.display_name"
    return [
        (
            subscriptions.filter(status=SubscriptionStatus.PENDING.value, previous=None),
            "subscription_at",
            "A subscription starts",
            whose,
        ),
        (billed, "next_billing_at", "A period ends", whose),
        (subscriptions.live(), "ending_at", "A subscription ends", whose),
        (subscriptions.live(), "resumes_at", "A subscription goes on", whose),
        (
            subscriptions.filter(status=SubscriptionStatus.TRIALING.value),
            "trial_ends_at",
            "A trial ends",
            whose,
        ),
        (Invoice.objects.of(organization).draft(), "finalize_at", "A draft becomes final", "customer_name"),
        (lots, "expires_at", "Credits expire", "wallet.customer.display_name"),
        (Wallet.objects.of(organization).active().in_use(), "expires_at", "A wallet expires", whose),
        (
            TopUpSchedule.objects.of(organization).running(),
            "next_at",
            "A wallet is topped up",
            "wallet.customer.display_name",
        ),
        (overrides, "expires_at", "A VAT confirmation ends", whose),
        (
            DunningCase.objects.of(organization).running().filter(failed=False),
            "next_at",
            "A dunning step is due",
            whose,
        ),
    ]


def first(rows: QuerySet[Any], column: str, what: str, name: str) -> Stop | None:
    """The row whose moment comes first."""
    found = rows.filter(**{f"{column}__isnull": False}).order_by(column, "pk").first()
    if found is None:
        return None
    subject: Any = found
    for part in name.split("."):
        subject = getattr(subject, part)
    return Stop(getattr(found, column), what, str(subject))


def happened(organization: Organization, after: datetime, until: datetime) -> QuerySet[AuditEntry]:
    """What the system did by itself in (after, until], in order."""
    rows = AuditEntry.objects.of(organization).filter(at__gt=after, at__lte=until)
    return (
        rows.filter(~Q(actor_kind="user"), ~Q(actor_kind="key"))
        .select_related("customer")
        .order_by("at", "id")
    )
