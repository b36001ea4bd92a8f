"""For any invoice: lines - coupons + taxes - credit notes - wallet = total, in the invoice's row and in its parts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Wallet
from invoicing.actions.billing_run import run
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from invoicing.queries.rerate import rerated
from invoicing.queries.verify import checked
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import (
    billed_customer,
    default_tax,
    give_coupon,
    make_plan,
    make_wallet,
    on,
    subscribe,
)
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

CURRENCIES = {"EUR": 2, "JPY": 0, "KWD": 3}
prices = st.decimals(min_value="0.001", max_value="99", places=3)
percentages = st.lists(st.decimals(min_value="0.5", max_value="60", places=2), max_size=2)


class Undo(Exception):
    """Ends an example: its rows are rolled back."""


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    currency=st.sampled_from(sorted(CURRENCIES)),
    fee=st.integers(0, 500_000),
    usages=st.lists(st.tuples(prices, st.integers(0, 5000)), max_size=4),
    taxes=st.lists(st.decimals(min_value="0", max_value="30", places=2), max_size=3),
    percent=percentages,
    fixed=st.integers(0, 100_000),
    credits=st.integers(0, 3000),
    day=st.integers(1, 31),
)
def test_every_invoice_adds_up(
    currency: str,
    fee: int,
    usages: list[tuple[Decimal, int]],
    taxes: list[Decimal],
    percent: list[Decimal],
    fixed: int,
    credits: int,
    day: int,
) -> None:
    with pytest.raises(Undo), transaction.atomic():
        organization = make_organization()
        for rate in taxes:
            default_tax(organization, str(rate))
        metrics = [make_metric(organization) for _ in usages]
        charges = [
            charge(metric, properties={"amount": str(price)})
            for metric, (price, _) in zip(metrics, usages, strict=True)
        ]
        plan = make_plan(organization, fee, *charges, currency=currency)
        customer = billed_customer(organization, currency=currency)
        subscription = subscribe(customer, plan, on(2026, 1, day))
        for metric, (_, units) in zip(metrics, usages, strict=True):
            if units:
                use(subscription, metric, units, at=on(2026, 1, day, 12))
        for rate in percent:
            give_coupon(customer, on(2026, 1, 1), percentage=rate)
        if fixed:
            give_coupon(customer, on(2026, 1, 1), amount_minor=fixed, currency=currency)
        if credits:
            make_wallet(customer, str(credits), on(2026, 1, 1))
        run(on(2026, 2, 1))
        check(Invoice.objects.get(customer=customer), credits)
        raise Undo


def check(invoice: Invoice, credits: int) -> None:
    """The sums of the parts, and that voiding restores the wallet."""
    if invoice.status == "closed":
        assert not invoice.lines.exists()
        return
    lines = invoice.lines.aggregate(
        amount=Sum("amount_minor"), tax=Sum("tax_minor"), coupon=Sum("coupon_minor")
    )
    deductions = dict.fromkeys(("coupon", "credit_note", "wallet"), 0)
    for row in invoice.deductions.all():
        deductions[row.kind] += row.amount_minor
    assert lines["amount"] == invoice.lines_minor
    assert lines["tax"] == invoice.taxes_minor
    assert lines["coupon"] == invoice.coupons_minor == deductions["coupon"]
    assert (invoice.tax_rows.aggregate(tax=Sum("amount_minor"))["tax"] or 0) == invoice.taxes_minor
    assert invoice.wallet_credits_minor == deductions["wallet"]
    assert invoice.total_minor == (
        invoice.lines_minor
        - invoice.coupons_minor
        + invoice.taxes_minor
        - invoice.credit_notes_minor
        - invoice.wallet_credits_minor
    )
    assert (invoice.payment_status == "paid") == (invoice.total_minor == 0)
    sealed, again = checked(invoice), rerated(invoice)
    assert sealed is not None and sealed.whole
    assert all(row.same for row in again or [])
    wallet = Wallet.objects.in_use().filter(customer=invoice.customer).first()
    if wallet is not None:
        before = wallet.balance_minor + invoice.wallet_credits_minor
        void_invoice(invoice, by=ACTOR, at=on(2026, 2, 2))
        wallet.refresh_from_db()
        assert (wallet.balance_minor, wallet.credits_balance) == (before, credits)
