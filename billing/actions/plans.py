"""Plans: a price for a period, and charges for usage in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.charge_terms import ChargeTerms
from billing.actions.charges import sync_charges
from billing.actions.fixed_charges import FixedTerms, sync_fixed
from billing.actions.plan_events import tell
from billing.actions.plan_prices import PriceTerms, copied_prices, sync_prices
from billing.actions.price_versions import keeping_prices
from billing.models import Follow, Organization, Plan, Tax
from billing.orm.actor import Actor
from billing.orm.search import search_columns
from billing.queries.catalog_use import plan_use
from billing.rules.errors import Conflict, FieldErrors, Invalid, Locked
from billing.rules.periods import LONG

FIELDS = (
    "name",
    "code",
    "description",
    "invoice_display_name",
    "interval",
    "amount_minor",
    "currency",
    "pay_in_advance",
    "trial_days",
    "bill_charges_monthly",
    "bill_fixed_charges_monthly",
    "commitment_minor",
    "commitment_display_name",
    "features",
    "active",
)
MONTHLY = ("bill_charges_monthly", "bill_fixed_charges_monthly")
# What a subscription's periods and invoices are built on stays once there is one; prices stay editable.
LOCKED_BY_SUBSCRIPTIONS = ("code", "interval", "currency", "pay_in_advance", "trial_days", *MONTHLY)
MOST_FEATURES = 50
MOST_TRIAL_DAYS = 3650


@transaction.atomic
def create_plan(
    organization: Organization,
    *,
    name: str,
    code: str,
    currency: str,
    amount_minor: int = 0,
    interval: str = "monthly",
    pay_in_advance: bool = False,
    trial_days: int = 0,
    bill_charges_monthly: bool = False,
    bill_fixed_charges_monthly: bool = False,
    commitment_minor: int = 0,
    commitment_display_name: str = "",
    description: str = "",
    invoice_display_name: str = "",
    features: Sequence[str] = (),
    active: bool = True,
    taxes: Sequence[Tax] = (),
    charges: Sequence[ChargeTerms] = (),
    prices: Sequence[PriceTerms] = (),
    fixed_charges: Sequence[FixedTerms] = (),
    source: Plan | None = None,
    by: Actor,
    at: datetime,
) -> Plan:
    """A new plan with its charges. `amount_minor` per `interval`, in minor units; `prices`: in other currencies;
    `source`: the plan that this is a copy of, whose other currencies come along.

    Raises Conflict (code_taken), FieldErrors for columns, or FieldErrors under `charges[i].…`.
    """
    values = {
        "name": name,
        "code": code,
        "description": description,
        "invoice_display_name": invoice_display_name,
        "interval": interval,
        "amount_minor": amount_minor,
        "currency": currency,
        "pay_in_advance": pay_in_advance,
        "trial_days": trial_days,
        "bill_charges_monthly": bill_charges_monthly,
        "bill_fixed_charges_monthly": bill_fixed_charges_monthly,
        "commitment_minor": commitment_minor,
        "commitment_display_name": commitment_display_name,
        "features": list(features),
        "active": active,
    }
    plan = Plan(organization=organization)
    catalog.assign(plan, values, FIELDS)
    write(plan)
    plan.taxes.set(taxes)
    priced = sync_prices(plan, prices) | sync_charges(plan, charges, at=at)
    priced |= sync_fixed(plan, fixed_charges, at=at)
    if source is not None:
        priced |= sync_prices(plan, copied_prices(source, plan))
    changes = {
        name: (None, value) for name, value in audit.snapshot(plan, FIELDS).items() if value not in ("", [])
    }
    audit.record(organization, "plan.created", plan, by=by, at=at, changes=changes | priced)
    tell(plan, "plan.created", at=at)
    return plan


@transaction.atomic
def update_plan(
    plan: Plan,
    changes: Mapping[str, Any],
    *,
    taxes: Sequence[Tax] | None = None,
    charges: Sequence[ChargeTerms] | None = None,
    prices: Sequence[PriceTerms] | None = None,
    fixed_charges: Sequence[FixedTerms] | None = None,
    follow: str = Follow.NOW.value,
    by: Actor,
    at: datetime,
) -> Plan:
    """Change some of FIELDS; `taxes`, `charges`, `prices` (in other currencies) and `fixed_charges` replace the
    present ones if given. `follow`: when the subscriptions that exist pay the new prices (now: from their running
    period on, renewal: from the next one on, never).

    Fields of LOCKED_BY_SUBSCRIPTIONS are refused (Locked) once there has been a subscription.
    """
    plan = catalog.lock(plan)
    before = audit.snapshot(plan, FIELDS)
    catalog.assign(plan, changes, FIELDS)
    changed: dict[str, Any] = audit.differences(before, plan)
    locked = [name for name in LOCKED_BY_SUBSCRIPTIONS if name in changed]
    if locked and plan_use(plan).ever:
        raise FieldErrors(
            [(name, "Stays as it is: there are subscriptions.") for name in locked], code="plan_field_locked"
        )
    check_currency_change(plan, changed, changes, charges)
    if "currency" in changed and prices is None and plan.prices.filter(currency=plan.currency).exists():
        raise Conflict(
            f"The plan has a price in {plan.currency} already.", code="price_exists", field="currency"
        )
    with keeping_prices(plan, follow=follow, by=by, at=at):
        if changed:
            write(plan)
        if prices is not None:
            changed |= sync_prices(plan, prices)
        if charges is not None:
            changed |= sync_charges(plan, charges, at=at)
        if fixed_charges is not None:
            changed |= sync_fixed(plan, fixed_charges, at=at)
    if taxes is not None:
        old, new = {tax.code for tax in plan.taxes.all()}, {tax.code for tax in taxes}
        if old != new:
            plan.taxes.set(taxes)
            changed["taxes"] = (sorted(old), sorted(new))
    if changed:
        audit.record(plan.organization, "plan.updated", plan, by=by, at=at, changes=changed)
        tell(plan, "plan.updated", at=at)
    return plan


def check_currency_change(
    plan: Plan, changed: Mapping[str, Any], asked: Mapping[str, Any], charges: Sequence[ChargeTerms] | None
) -> None:
    """An amount in minor units means another price in another currency, so it has to be said again."""
    if "currency" not in changed:
        return
    if plan.commitment_minor and "commitment_minor" not in asked:
        raise Locked(
            "The minimum commitment is in the present currency. Send it with the new currency.",
            code="plan_field_locked",
            field="currency",
        )
    if charges is None and plan.charges.kept().filter(min_amount_minor__gt=0).exists():
        raise Locked(
            "A charge has a minimum spend in the present currency. Send the charges with the new currency.",
            code="plan_field_locked",
            field="currency",
        )


@transaction.atomic
def set_plan_active(plan: Plan, active: bool, *, by: Actor, at: datetime) -> Plan:
    """Whether the plan can be assigned. Subscriptions that exist go on. Twice changes nothing."""
    plan = catalog.lock(plan)
    if plan.active != active:
        plan.active = active
        plan.save(update_fields=["active", "updated_at"])
        action = "plan.activated" if active else "plan.deactivated"
        audit.record(plan.organization, action, plan, by=by, at=at, changes={"active": (not active, active)})
        tell(plan, "plan.updated", at=at)
    return plan


@transaction.atomic
def delete_plan(plan: Plan, *, by: Actor, at: datetime) -> Plan:
    """Delete a plan that nobody is on. Its charges keep their rows, so that past invoices can be explained.

    Raises Conflict (plan_in_use) with the number of pending and live subscriptions, or of draft invoices.
    """
    plan = catalog.lock(plan)
    use = plan_use(plan)
    if use.open:
        noun = "subscription" if use.open == 1 else "subscriptions"
        raise Conflict(f"The plan has {use.open} {noun}. Terminate or move them first.", code="plan_in_use")
    if use.drafts:
        noun = "draft invoice bills" if use.drafts == 1 else "draft invoices bill"
        raise Conflict(f"{use.drafts} {noun} the plan. Finalise or delete them first.", code="plan_in_use")
    plan.deleted_at = at
    plan.save(update_fields=["deleted_at", "updated_at"])
    audit.record(plan.organization, "plan.deleted", plan, by=by, at=at)
    tell(plan, "plan.deleted", at=at)
    return plan


def write(plan: Plan) -> None:
    """Check what belongs together, then save with the search columns."""
    if plan.amount_minor is not None and plan.amount_minor < 0:
        raise Invalid("Must not be negative.", field="amount_minor")
    if plan.commitment_minor < 0:
        raise Invalid("Must not be negative.", field="commitment_minor")
    if not 0 <= plan.trial_days <= MOST_TRIAL_DAYS:
        raise Invalid(f"Use 0 to {MOST_TRIAL_DAYS:,} days.", field="trial_days")
    errors = [
        (name, "Only a yearly or half-yearly plan bills something every month.")
        for name in MONTHLY
        if getattr(plan, name) and plan.interval not in LONG
    ]
    if errors:
        raise FieldErrors(errors)
    if len(plan.features) > MOST_FEATURES:
        raise Invalid(f"Use at most {MOST_FEATURES} features.", field="features")
    for name, value in search_columns(plan.name, plan.code).items():
        setattr(plan, name, value)
    catalog.save(plan)
