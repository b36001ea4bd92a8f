"""Catalogue rows for tests, made by the real actions."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.apps import apps

from billing.actions.add_ons import create_add_on
from billing.actions.charge_terms import ChargeTerms
from billing.actions.coupon_terms import create_coupon
from billing.actions.metrics import create_metric
from billing.actions.plans import create_plan
from billing.actions.taxes import create_tax
from billing.models import AddOn, BillingEntity, Coupon, Metric, Organization, Plan, Subscription, Tax
from tests.factories.people import ACTOR, NOW, counter

GRADUATED = {
    "graduatedRanges": [
        {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.10", "flatAmount": "0"},
        {"fromValue": 1001, "toValue": None, "perUnitAmount": "0.05", "flatAmount": "5"},
    ]
}


def make_metric(
    organization: Organization, code: str = "", aggregation: str = "sum", **fields: Any
) -> Metric:
    """A metric; sums, maxima and the like measure the property `value`."""
    code = code or f"metric_{next(counter)}"
    values = {
        "name": code.replace("_", " ").capitalize(),
        "field_name": "" if aggregation == "count" else "value",
    }
    return create_metric(
        organization, code=code, aggregation=aggregation, by=ACTOR, at=NOW, **(values | fields)
    )


def charge(
    metric: Metric, charge_model: str = "standard", properties: dict[str, Any] | None = None, **fields: Any
) -> ChargeTerms:
    """A charge for `make_plan(charges=[…])`: 0.10 a unit unless said otherwise."""
    return ChargeTerms(
        metric, charge_model, {"amount": "0.10"} if properties is None else properties, **fields
    )


def make_plan(
    organization: Organization, charges: Iterable[ChargeTerms | Metric] = (), code: str = "", **fields: Any
) -> Plan:
    """A monthly plan of 29.00 in the organization's currency, in arrears. A bare metric costs 0.10 a unit."""
    code = code or f"plan_{next(counter)}"
    values: dict[str, Any] = {
        "name": code.replace("_", " ").capitalize(),
        "currency": organization.default_currency,
        "amount_minor": 2900,
    }
    terms = [charge(row) if isinstance(row, Metric) else row for row in charges]
    return create_plan(organization, code=code, charges=terms, by=ACTOR, at=NOW, **(values | fields))


def make_tax(organization: Organization, code: str = "", rate: str = "20", **fields: Any) -> Tax:
    """A tax of 20 percent that nothing uses yet."""
    code = code or f"tax_{next(counter)}"
    values = {"name": code.replace("_", " ").upper(), "rate": Decimal(rate)}
    return create_tax(organization, code=code, by=ACTOR, at=NOW, **(values | fields))


def make_add_on(organization: Organization, code: str = "", **fields: Any) -> AddOn:
    """A thing of 100.00 in the organization's currency."""
    code = code or f"add_on_{next(counter)}"
    values: dict[str, Any] = {
        "name": code.replace("_", " ").capitalize(),
        "currency": organization.default_currency,
        "amount_minor": 10000,
    }
    return create_add_on(organization, code=code, by=ACTOR, at=NOW, **(values | fields))


def make_coupon(organization: Organization, code: str = "", **fields: Any) -> Coupon:
    """10 percent off once; with `amount_minor` a fixed amount in the organization's currency."""
    code = code or f"coupon_{next(counter)}"
    values: dict[str, Any] = {"name": code.replace("_", " ").capitalize()}
    if "amount_minor" in fields:
        values |= {"kind": "fixed_amount", "currency": organization.default_currency}
    elif "percentage" not in fields:
        values |= {"kind": "percentage", "percentage": Decimal(10)}
    else:
        values |= {"kind": "percentage"}
    return create_coupon(organization, code=code, by=ACTOR, at=NOW, **(values | fields))


def subscribe(plan: Plan, status: str = "active") -> Subscription:
    """A subscription as a row, with a customer as a row: the states alone matter here."""
    entity = BillingEntity.objects.get(organization=plan.organization)
    number = Subscription.objects.count() + 1
    customer = apps.get_model("customers", "Customer").objects.create(
        organization=plan.organization,
        billing_entity=entity,
        sequence=number,
        external_id=f"c{number}",
        name=f"Customer {number}",
        currency=plan.currency,
    )
    return Subscription.objects.create(
        organization=plan.organization,
        customer=customer,
        plan=plan,
        currency=plan.currency,
        amount_minor=plan.amount_minor,
        external_id=f"s{number}",
        status=status,
        subscription_at=NOW,
        started_at=None if status == "pending" else NOW,
        terminated_at=NOW if status == "terminated" else None,
    )
