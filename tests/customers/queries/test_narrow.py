"""Every filter, alone and with others, finds what a naive look at each random row finds, asked in both ways."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from billing.models import Organization, Subscription
from billing.orm.search import fold, search_columns
from billing.rules.money import from_minor
from customers.models import Customer, CustomField, Tag
from customers.queries.index import SEARCHED
from customers.queries.narrow import narrowed
from invoicing.models import Invoice
from tests.factories.catalog import make_plan
from tests.factories.customers import make_customer
from tests.factories.people import NOW, make_organization

pytestmark = pytest.mark.django_db
TODAY = date(2026, 3, 15)
MANY = 120
KINDS = {"seats": "number", "since": "date", "gold": "boolean", "level": "choice", "note": "text"}
WORDS = ("Blue", "Steel", "Nord", "Ärzte", "Lunar")


@pytest.fixture(scope="module", params=range(2))
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def world(organization: Organization, dice: Random) -> None:
    """Customers with random fields, tags, subscriptions and invoices; some deleted, some in a changed currency."""
    tags = [Tag.objects.create(organization=organization, name=name) for name in ("VIP", "Reseller")]
    plan = make_plan(organization, currency="EUR")
    first = make_customer(organization, name="First")
    rows = []
    for number in range(MANY):
        own = [tag for tag in tags if dice.random() < 0.4]
        row = Customer(
            organization=organization,
            billing_entity=first.billing_entity,
            sequence=1000 + number,
            external_id=f"ext-{number}",
            name=" ".join(dice.choices(WORDS, k=2)),
            email=f"person{number}@{dice.choice(WORDS).lower()}.example" if number % 3 else "",
            phone=f"+4930{dice.randrange(10**6):06}",
            currency=dice.choice(["EUR", "JPY", "KWD"]),
            country=dice.choice(["DE", "JP", ""]),
            status=dice.choice(["active", "inactive"]),
            customer_type=dice.choice(["business", "consumer"]),
            mode=dice.choice(["prepaid", "postpaid"]),
            vat_status=dice.choice(["valid", "invalid"]),
            tag_ids=[tag.pk for tag in own],
            custom_fields=fields(dice),
            deleted_at=NOW if dice.random() < 0.1 else None,
        )
        for name, value in search_columns(
            *(getattr(row, name) for name in SEARCHED), *(tag.name for tag in own)
        ).items():
            setattr(row, name, value)
        rows.append(row)
    Customer.objects.bulk_create(rows)
    for row in rows:
        Customer.objects.filter(pk=row.pk).update(created_at=NOW - timedelta(days=dice.randrange(30)))
        for count in range(dice.randrange(4)):
            invoice(row, dice, f"{row.external_id}-{count}")
        for count in range(dice.randrange(2)):
            status = dice.choice(["active", "terminated", "pending", "trialing"])
            Subscription.objects.create(
                organization=organization,
                customer=row,
                plan=plan,
                external_id=f"sub-{row.sequence}-{count}",
                status=status,
                subscription_at=NOW,
                started_at=None if status == "pending" else NOW,
                terminated_at=NOW if status == "terminated" else None,
            )


def fields(dice: Random) -> dict[str, Any]:
    """Values of own fields; some are missing."""
    every: dict[str, Any] = {
        "seats": dice.choice([0, 3, 7.5, 12, -4]),
        "since": (TODAY - timedelta(days=dice.randrange(9))).isoformat(),
        "gold": dice.random() < 0.5,
        "level": dice.choice(["low", "high"]),
        "note": dice.choice(["a blue whale", "", "2026-03-10", "99"]),
    }
    return {code: value for code, value in every.items() if dice.random() < 0.7}


def invoice(customer: Customer, dice: Random, number: str) -> None:
    """Of any state, mostly in the customer's currency."""
    amount, state = dice.randrange(6) * 1000, dice.choice(["draft", "pending", "part", "paid", "voided"])
    issued = state != "draft"
    paid = {"paid": amount, "part": amount // 2}.get(state, 0)
    Invoice.objects.create(
        organization_id=customer.organization_id,
        billing_entity_id=customer.billing_entity_id,
        customer=customer,
        type="one_off",
        status="draft" if not issued else "voided" if state == "voided" else "finalized",
        payment_status={"paid": "paid", "part": "partially_paid"}.get(state, "pending"),
        number=number if issued else "",
        finalized_at=NOW if issued else None,
        currency=customer.currency if dice.random() < 0.8 else "EUR",
        customer_name=customer.name,
        issuing_on=TODAY,
        due_on=TODAY + timedelta(days=dice.randrange(-3, 4)) if dice.random() < 0.9 else None,
        lines_minor=amount,
        total_minor=amount,
        paid_minor=paid,
    )


def unpaid(customer: Customer) -> list[Invoice]:
    return [
        row for row in customer.invoices.all() if row.status == "finalized" and row.payment_status != "paid"
    ]


def due(customer: Customer) -> Decimal:
    own = [row.total_minor - row.paid_minor for row in unpaid(customer) if row.currency == customer.currency]
    return from_minor(sum(own), customer.currency)


def late(customer: Customer) -> bool:
    return any(row.due_on is not None and row.due_on < TODAY for row in unpaid(customer))


def live(customer: Customer) -> bool:
    return any(
        row.status in ("trialing", "active", "past_due", "paused") for row in customer.subscriptions.all()
    )


def said(customer: Customer, term: str) -> bool:
    return all(word in customer.search_text for word in fold(term).split())


def number(customer: Customer) -> float | None:
    return customer.custom_fields.get("seats")


# {what is asked: what it means}
ASKED: list[tuple[dict[str, Any], Callable[[Customer], bool]]] = [
    ({"status": "active"}, lambda one: one.status == "active"),
    ({"currency": "JPY"}, lambda one: one.currency == "JPY"),
    ({"country": "DE"}, lambda one: one.country == "DE"),
    ({"customer_type": "consumer"}, lambda one: one.customer_type == "consumer"),
    ({"vat_status": "invalid"}, lambda one: one.vat_status == "invalid"),
    ({"mode": "prepaid"}, lambda one: one.mode == "prepaid"),
    ({"subscriptions": "yes"}, live),
    ({"subscriptions": "no"}, lambda one: not live(one)),
    ({"overdue": "yes"}, late),
    ({"overdue": "no"}, lambda one: not late(one)),
    ({"outstanding_min": Decimal(20)}, lambda one: due(one) >= 20),
    ({"outstanding_max": Decimal(30)}, lambda one: due(one) <= 30),
    ({"outstanding_min": Decimal("0.001")}, lambda one: due(one) > 0),
    (
        {"outstanding_min": Decimal(10), "outstanding_max": Decimal("49.999")},
        lambda one: 10 <= due(one) <= Decimal("49.999"),
    ),
    ({"outstanding_min": Decimal(0), "outstanding_max": Decimal(0)}, lambda one: due(one) == 0),
    (
        {"created_from": date(2026, 3, 1)},
        lambda one: one.created_at >= datetime(2026, 3, 1, tzinfo=NOW.tzinfo),
    ),
    ({"created_to": date(2026, 3, 1)}, lambda one: one.created_at < datetime(2026, 3, 2, tzinfo=NOW.tzinfo)),
    ({"field_seats_min": Decimal(3)}, lambda one: (found := number(one)) is not None and found >= 3),
    ({"field_seats_max": Decimal("7.5")}, lambda one: (found := number(one)) is not None and found <= 7.5),
    (
        {"field_seats_min": Decimal(-4), "field_seats_max": Decimal(3)},
        lambda one: (found := number(one)) is not None and -4 <= found <= 3,
    ),
    ({"field_since_min": date(2026, 3, 10)}, lambda one: one.custom_fields.get("since", "") >= "2026-03-10"),
    (
        {"field_since_max": date(2026, 3, 10)},
        lambda one: "" < one.custom_fields.get("since", "") <= "2026-03-10",
    ),
    ({"field_gold": "yes"}, lambda one: one.custom_fields.get("gold") is True),
    ({"field_level": "high"}, lambda one: one.custom_fields.get("level") == "high"),
    ({"field_note": "WHALE"}, lambda one: "whale" in one.custom_fields.get("note", "")),
    ({"q": "steel"}, lambda one: said(one, "steel")),
    ({"q": "ste"}, lambda one: said(one, "ste")),
    ({"q": "arzte"}, lambda one: said(one, "arzte")),
    ({"q": "blue nord"}, lambda one: said(one, "blue nord")),
    ({"q": "reseller"}, lambda one: said(one, "reseller")),
    ({"q": "person1@"}, lambda one: said(one, "person1@")),
    ({"q": "Bl"}, lambda one: one.name.startswith("Bl") or one.email.startswith("bl")),
    ({"q": "nothing at all"}, lambda one: False),
    ({"tags": ["vip"]}, lambda one: "vip" in one.search_text),
    ({"tags": ["VIP", "Reseller"]}, lambda one: said(one, "vip reseller")),
    ({"tags": ["Unknown"]}, lambda one: False),
]


def test_filters_find_what_a_look_at_each_row_finds(seed: int) -> None:
    dice = Random(seed)
    organization, other = make_organization("Acme"), make_organization("Else")
    for code, kind in KINDS.items():
        for one in (organization, other):
            CustomField.objects.create(
                organization=one, code=code, name=code, kind=kind, choices=["low", "high"]
            )
    world(organization, dice)
    world(other, dice)
    own = list(CustomField.objects.of(organization))
    every = list(Customer.objects.of(organization).kept().prefetch_related("invoices", "subscriptions"))
    combinations = [[one] for one in ASKED] + [dice.sample(ASKED, k=2) for _ in range(60)]
    combinations += [dice.sample(ASKED, k=3) for _ in range(30)]
    for chosen in combinations:
        values: dict[str, Any] = {}
        means: dict[str, Callable[[Customer], bool]] = {}
        for asked, meant in chosen:
            if not values.keys() & asked.keys():
                values |= asked
                means |= dict.fromkeys([str(asked)], meant)
        found = narrowed(organization, values, own, today=TODAY)
        wanted = {one.external_id for one in every if all(meant(one) for meant in means.values())}
        assert set(found.rows.values_list("external_id", flat=True)) == wanted, values
        assert set(found.walk.values_list("external_id", flat=True)) == wanted, values
