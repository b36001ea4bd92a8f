"""Dunning of the demo: a campaign that has run for three weeks, with customers in the middle of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from customers.models import Customer
from invoicing.actions import dunning
from invoicing.actions.dunning_campaigns import CampaignTerms, choose_campaign, create_campaign, stop_dunning
from invoicing.actions.payment_requests import request_payment
from invoicing.models import DunningCase
from invoicing.queries.payment_requests import what_is_overdue
from invoicing.rules.dunning import Step, StepKind, Terms

DAYS = 20
USUAL = Terms(
    {"EUR": 5000, "USD": 5000, "GBP": 5000},
    days_between=7,
    max_attempts=4,
    first_day=1,
    escalation=[Step(28, StepKind.PAUSE), Step(45, StepKind.TERMINATE)],
)
GENTLE = Terms({"EUR": 5000, "USD": 5000}, days_between=14, max_attempts=6, first_day=3)


def make_dunning(organization: Organization, by: Actor, at: datetime) -> None:
    """Two campaigns, three weeks of chases day by day, one that was stopped, and a request that was made by hand."""
    begun = at - timedelta(days=DAYS)
    default = BillingEntity.objects.get(organization=organization, is_default=True)
    said = "Reminds four times, then pauses what is not paid for."
    usual = CampaignTerms(
        "Usual reminders", "usual", USUAL, description=said, active=True, defaults=[default]
    )
    create_campaign(organization, usual, by=by, at=begun)
    gentle = create_campaign(
        organization, CampaignTerms("Key accounts", "key_accounts", GENTLE, active=True), by=by, at=begun
    )
    mine = Q(organization=organization)
    first_round = begun.replace(hour=6, minute=0, second=0, microsecond=0)
    dunning.run(mine, first_round)
    chased = list(DunningCase.objects.of(organization).running().select_related("customer").order_by("pk"))
    for case in chased[:2]:
        choose_campaign(case.customer, gentle, by=by, at=first_round)
    for day in range(DAYS):
        dunning.run(mine, min(first_round + timedelta(days=day, hours=14), at))
    if len(chased) > 3:
        reason = "Their bookkeeper is ill, they pay on the first."
        stop_dunning(chased[3].customer, reason=reason, by=by, at=at - timedelta(days=2))
    dunning.run(mine, at)
    quiet = Customer.objects.of(organization).present().exclude(pk__in=[case.customer_id for case in chased])
    for customer in quiet.select_related("billing_entity").order_by("pk"):
        debts = what_is_overdue(customer, at.date())
        if debts:
            request_payment(customer, currency=debts[0].currency, key="demo", by=by, at=at)
            break
