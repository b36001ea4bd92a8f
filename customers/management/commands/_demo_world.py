"""Building the demo: the organization, its catalogue and its customers, through the real actions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.actions.billing_entities import add_billing_entity
from billing.actions.charge_terms import ChargeTerms
from billing.actions.coupon_terms import create_coupon
from billing.actions.metrics import create_metric
from billing.actions.organizations import create_organization
from billing.actions.plans import create_plan
from billing.actions.taxes import create_tax
from billing.models import BillingEntity, Coupon, Member, Metric, Organization, Plan, Tax, User
from billing.orm.actor import Actor
from customers.actions.customers import add_customer
from customers.management.commands import _demo_catalog as data
from customers.management.commands._demo_profile import make_definitions, profile
from customers.management.commands._demo_vat import confirm, tax_id
from customers.models import Customer

BY = Actor.system("Demo")
LANGUAGES = {"DE": "de", "FR": "fr", "ES": "es", "NL": "nl", "JP": "ja"}


@dataclass
class Catalogue:
    """What is sold."""

    metrics: dict[str, Metric]
    plans: dict[str, Plan]
    coupons: list[Coupon]
    taxes: dict[str, Tax]


def make_organization(name: str, password: str, at: datetime) -> Organization:
    """The organization with its people and both billing entities."""
    people = []
    for full_name, email, role in data.PEOPLE:
        user = User.objects.filter(email=email).first() or User.objects.create_user(
            email, password, name=full_name
        )
        people.append((user, role))
    organization = create_organization(
        name, owner=people[0][0], by=BY, at=at, currency="EUR", timezone="Europe/Berlin"
    )
    for user, role in people[1:]:
        Member.objects.create(organization=organization, user=user, role=role)
    BillingEntity.objects.filter(organization=organization).update(
        name="Tarn Demo GmbH",
        legal_name="Tarn Demo GmbH",
        legal_number="HRB 214365 B",
        tax_id="DE123456788",
        email="billing@tarn.example",
        phone="+49 30 23125 000",  # of the range that belongs to nobody: for films and books
        address_line1="Invalidenstraße 5",
        postal_code="10115",
        city="Berlin",
        country="DE",
        number_prefix="TRN",
        payment_details="IBAN DE02 1203 0000 0000 2020 51\nBIC BYLADEM1001",
        invoice_footer="Tarn Demo GmbH, Amtsgericht Charlottenburg, HRB 214365 B",
        reminder_days=[-3, 7, 14],
    )
    add_billing_entity(
        organization,
        {
            "code": "uganda",
            "name": "Tarn Demo Uganda",
            "legal_name": "Tarn Demo (U) Ltd",
            "legal_number": "80020001234567",
            "tax_id": "1000123456",
            "email": "uganda@tarn.example",
            "address_line1": "Plot 4, Kampala Road",
            "city": "Kampala",
            "country": "UG",
            "timezone": "Africa/Kampala",
            "default_currency": "UGX",
            "number_prefix": "TUG",
            "brand_color": "#7a3e0e",
            "grace_period_days": 25,
            "net_payment_term_days": 14,
            "payment_details": "Mobile money 0700 000 000, reference: the invoice's number",
            "usage_annex": True,
        },
        by=BY,
        at=at,
    )
    make_definitions(organization, by=BY, at=at)
    return organization


def make_catalogue(organization: Organization, at: datetime) -> Catalogue:
    """Taxes, metrics, plans and coupons."""
    do: dict[str, Any] = {"by": BY, "at": at}
    taxes = {
        "vat_de": create_tax(
            organization, name="VAT", code="vat_de", rate=Decimal(19), applied_by_default=True, **do
        ),
        "vat_ug": create_tax(organization, name="VAT Uganda", code="vat_ug", rate=Decimal(18), **do),
        "zero": create_tax(
            organization, name="Not subject to VAT", code="zero", rate=Decimal(0), category="O", **do
        ),
    }
    metrics = {row["code"]: create_metric(organization, **row, **do) for row in data.METRICS}
    plans = {}
    for name, code, interval, amount, currency, advance, trial, charges in data.PLANS:
        plans[code] = create_plan(
            organization,
            name=name,
            code=code,
            interval=interval,
            amount_minor=amount,
            currency=currency,
            pay_in_advance=advance,
            trial_days=trial,
            charges=[ChargeTerms(metrics[metric], model, terms) for metric, model, terms in charges],
            **do,
        )
    coupons = [
        create_coupon(
            organization,
            name="Welcome",
            code="welcome",
            kind="percentage",
            percentage=Decimal(10),
            frequency="recurring",
            periods=3,
            **do,
        ),
        create_coupon(
            organization,
            name="Launch credit",
            code="launch",
            kind="fixed_amount",
            amount_minor=5000,
            currency="EUR",
            **do,
        ),
        create_coupon(
            organization,
            name="Partner",
            code="partner",
            kind="percentage",
            percentage=Decimal(5),
            frequency="forever",
            **do,
        ),
        create_coupon(
            organization,
            name="Messages launch",
            code="messages_launch",
            description="A fifth off messages, whatever else is used.",
            kind="percentage",
            percentage=Decimal(20),
            frequency="recurring",
            periods=6,
            metrics=[metrics["messages"]],
            **do,
        ),
    ]
    return Catalogue(metrics, plans, coupons, taxes)


def company(plan: str, number: int, dice: random.Random) -> dict[str, Any]:
    """A plausible company for a plan: name, place, timezone, contact."""
    country = dice.choice(data.PLAN_COUNTRIES[plan])
    cities, timezone, endings = data.COUNTRIES[country]
    first, second = data.FIRST[number % len(data.FIRST)], data.SECOND[number * 7 % len(data.SECOND)]
    name = f"{first} {second} {dice.choice(endings)}"
    if country == "JP":
        name = f"{dice.choice(endings)}{data.JAPANESE[number % 8]}{data.JAPANESE_FIELDS[number // 8 % 4]}"
    slug = f"{first}-{second}".lower()
    return {
        "name": name,
        "external_id": f"{slug}-{number:03d}",
        "email": f"accounts@{slug}-{number:03d}.example",
        "customer_type": "business",
        "legal_name": name,
        "country": country,
        "city": dice.choice(cities),
        "address_line1": f"{second} Street {1 + number % 90}",
        "postal_code": "" if country == "UG" else f"{10000 + number * 37 % 89999}",
        "timezone": timezone,
    } | profile(country, number)


def make_customers(
    organization: Organization, catalogue: Catalogue, count: int, start: datetime, dice: random.Random
) -> Iterator[tuple[Customer, Plan, datetime]]:
    """Customers, the plan each will have, and when they came: most at the start, the rest over the months."""
    entities = {row.code: row for row in BillingEntity.objects.filter(organization=organization)}
    weighted = [code for code, share in data.SHARES.items() for _ in range(share)]
    for number in range(count):
        plan = catalogue.plans[weighted[number % len(weighted)]]
        came = start + timedelta(hours=dice.randrange(24 * 25))
        if number % 3 == 0:
            came += timedelta(days=dice.randrange(120))
        uganda = plan.currency == "UGX"
        outside = plan.currency in {"USD", "JPY"}
        fields = company(plan.code, number, dice) | {
            "currency": plan.currency,
            "billing_entity": entities["uganda" if uganda else "default"],
            "taxes": [catalogue.taxes["vat_ug"]] if uganda else [catalogue.taxes["zero"]] if outside else [],
        }
        fields["locale"] = LANGUAGES.get(str(fields["country"]), "en")
        fields["tax_id"] = tax_id(str(fields["country"]), number)
        asked = None if number % 10 == 4 else False  # a number whose form is wrong is found out without VIES
        customer = add_customer(organization, fields, check_vat=asked, by=BY, at=came)
        confirm(customer, number, came)
        Customer.objects.filter(pk=customer.pk).update(created_at=came)
        yield customer, plan, came
