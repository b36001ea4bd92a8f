"""Two customers that are one, with something of everything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from billing.models import (
    Organization,
    Subscription,
    Wallet,
)
from billing.orm.actor import Actor
from customers.actions.merge import merge_customers
from customers.models import Customer, Merge, Note, PortalLink
from invoicing.actions.credit_notes import CreditItem, create_credit_note
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.models import Invoice, InvoiceLine
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    set_entity,
    subscribe,
)
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

AT = on(2026, 1, 16, 12)
BY = Actor("user", "Ada Biller")


@dataclass
class Case:
    """Two customers in EUR on 16 January. The source has a running subscription with 30 events, a paid and an unpaid
    one-off invoice (10.00 credited of the paid one), a draft of 24.00, a coupon of 10 %, EUR credits of 100.00, USD
    credits of 5.00, a note, a portal link. The target has EUR credits of 20.00.
    """

    organization: Organization
    source: Customer
    target: Customer
    subscription: Subscription
    paid: Invoice
    unpaid: Invoice
    draft: Invoice
    euros: Wallet
    dollars: Wallet
    kept: Wallet

    def merge(
        self, strategy: str = "keep_target", chosen: dict[str, str] | None = None, **more: Any
    ) -> Merge:
        """The source into the target."""
        return merge_customers(self.source, self.target, strategy, chosen, by=BY, at=AT, **more)


def make_case() -> Case:
    """Made by the real actions."""
    organization = make_organization(at=on(2026, 1, 1))
    set_entity(organization, net_payment_term_days=14)
    default_tax(organization)
    target = billed_customer(organization, name="Acme", external_id="acme", email="billing@acme.example")
    source = billed_customer(
        organization, name="ACME Ltd", external_id="acme-2", email="ap@acme.example", phone="+4930123456"
    )
    metric = make_metric(organization)
    subscription = subscribe(source, make_plan(organization, 3100, charge(metric)), on(2026, 1, 1))
    use(subscription, metric, 30, at=on(2026, 1, 5))
    paid = one_off(source, 100, finalize=True)
    record_payment(paid, key="paid", by=ACTOR, at=on(2026, 1, 10))
    line = InvoiceLine.objects.get(invoice=paid)
    create_credit_note(paid, [CreditItem(line, "Less", 1000)], 200, key="note", by=ACTOR, at=on(2026, 1, 11))
    unpaid = one_off(source, 50, finalize=True)
    draft = one_off(source, 20, finalize=False)
    give_coupon(source, AT, percentage=Decimal(10))
    euros = make_wallet(source, "100", AT, name="Euros")
    dollars = make_wallet(source, "5", AT, currency="USD")
    kept = make_wallet(target, "20", AT, name="Kept")
    Note.objects.create(organization=organization, customer=source, author_label="Ada", text="Pays late.")
    PortalLink.objects.create(
        organization=organization,
        customer=source,
        token_hash="x",
        created_by="Ada",
        expires_at=AT + timedelta(9),
    )
    return Case(organization, source, target, subscription, paid, unpaid, draft, euros, dollars, kept)


def one_off(customer: Customer, amount: int, *, finalize: bool) -> Invoice:
    """An invoice over the amount and 20 % tax."""
    return create_one_off(
        customer, [Item("Work", Decimal(amount))], finalize=finalize, by=ACTOR, at=on(2026, 1, 10)
    )


def fresh(row: Any) -> Any:
    """As it is now."""
    return type(row).objects.get(pk=row.pk)
