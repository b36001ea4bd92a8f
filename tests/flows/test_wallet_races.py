"""Two acts on one wallet at the same moment, on PostgreSQL: the limit holds, one top-up is bought, and nothing is
spent twice.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import transaction

from billing.actions.locks import lock_customer
from billing.actions.top_up_schedules import ScheduleTerms, set_schedule
from billing.actions.wallet_debits import consume
from billing.actions.wallet_ledger import ledger_total
from billing.actions.wallet_opening import primary_wallet, usual_terms
from billing.actions.wallets import grant, void_credits
from billing.models import AppliedCoupon, Wallet, WalletActivity, WalletEntry, WalletLot, WalletUse
from billing.rules.errors import BillingError
from billing.rules.top_up_rules import Method
from billing.rules.wallets import Bucket
from customers.models import Customer
from invoicing.actions import billing_run, ongoing
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.top_up import sell_credits, top_up_automatically
from invoicing.models import Invoice
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, give_coupon, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, NOW, make_organization
from tests.factories.usage import use
from tests.flows.test_races import done, together

pytestmark = pytest.mark.django_db(transaction=True)
DO = {"by": ACTOR, "at": NOW}


def primary(**fields: object) -> Wallet:
    return primary_wallet(billed_customer(make_organization(), **fields), **DO)


def test_two_debits_share_one_credit_limit() -> None:
    wallet = primary(mode="postpaid", default_credit_limit=Decimal(10))
    grant(wallet, Decimal(5), key="start", **DO)
    answers = together(
        *(lambda key=key: void_credits(wallet, Decimal(9), reason="Use", key=key, **DO) for key in ("a", "b"))
    )
    assert len(done(answers)) == 1
    refused = next(answer for answer in answers if isinstance(answer, BillingError))
    wallet.refresh_from_db()
    assert (refused.code, wallet.balance_minor, ledger_total(wallet)) == ("insufficient_credits", -400, -400)


def test_one_key_debits_once() -> None:
    wallet = primary(mode="postpaid", default_credit_limit=Decimal(10))

    def act() -> object:
        return void_credits(wallet, Decimal(3), reason="Use", key="one", **DO)

    assert len({entry.pk for entry in done(together(act, act))}) == 1
    assert WalletEntry.objects.count() == 1


def test_two_calls_buy_one_automatic_top_up() -> None:
    wallet = primary(
        default_low_balance_threshold=Decimal(10),
        default_auto_top_up_enabled=True,
        default_auto_topup_amount=Decimal(20),
    )
    answers = together(
        *(lambda call=call: top_up_automatically(wallet, call, **DO) for call in ("one", "two"))
    )
    assert sum(answer is not None for answer in answers) == 1
    assert [invoice.total_minor for invoice in Invoice.objects.all()] == [2000]


def test_two_sales_with_one_key_are_one_invoice() -> None:
    wallet = primary()

    def act() -> object:
        return sell_credits(wallet, Decimal(3), key="one", **DO)

    assert len({invoice.pk for invoice in done(together(act, act))}) == 1
    assert Invoice.objects.count() == Customer.objects.count() == 1


def test_two_finalisations_and_a_look_share_credits_and_a_coupon() -> None:
    """Two drafts of 31.00, a coupon of 10.00 once and a wallet of 40.00 with a threshold of 5.00: 40.00 are paid from
    it once, 12.00 stay to be paid, and the crossing buys one top-up of 20.00, whoever comes first.
    """
    organization = make_organization()
    customer = billed_customer(organization, grace_period_days=30)
    metric = make_metric(organization)
    plan = make_plan(organization, 3100, charge(metric))
    start, end = on(2026, 3, 1), on(2026, 4, 1)
    rows = [subscribe(customer, plan, start, separate_invoice=True) for _ in range(2)]
    give_coupon(customer, start, amount_minor=1000)
    wallet = make_wallet(customer, "40", start)
    rule = ScheduleTerms(None, Method.FIXED, start, paid_credits=Decimal(20), threshold_credits=Decimal(5))
    set_schedule(wallet, rule, by=ACTOR, at=start)
    billing_run.run(end)
    drafts = list(Invoice.objects.filter(status="draft"))
    assert len(drafts) == 2
    use(rows[0], metric, 3, at=end)
    answers = together(
        *(lambda draft=draft: finalize_invoice(draft, by=ACTOR, at=end) for draft in drafts),
        lambda: ongoing.run(at=end),
        lambda: ongoing.run(at=end),
    )
    assert len(done(answers)) == 4
    ongoing.run(at=end)
    wallet.refresh_from_db()
    paid = [invoice.wallet_credits_minor for invoice in Invoice.objects.filter(type="subscription")]
    assert (sum(paid), wallet.balance_minor, ledger_total(wallet)) == (4000, 0, 0)
    assert sum(Invoice.objects.filter(type="subscription").values_list("total_minor", flat=True)) == 1200
    assert [row.status for row in AppliedCoupon.objects.all()] == ["terminated"]
    assert sum(Invoice.objects.filter(type="subscription").values_list("coupons_minor", flat=True)) == 1000
    assert [invoice.total_minor for invoice in Invoice.objects.filter(wallet=wallet)] == [2000]
    assert (wallet.ongoing_usage_minor, wallet.depleted) == (30, True)
    assert not WalletActivity.objects.exists()
    assert not WalletLot.objects.filter(remaining_minor__gt=0).exists()


def test_fifty_debits_share_ten_credits_of_a_limited_wallet() -> None:
    """Ten threads of five: four bills of 2.00, of which the wallet may pay 1.00, and one debit of 1.00 by hand."""
    customer = billed_customer(make_organization())
    limited = replace(usual_terms(customer, "EUR"), fee_types=("charge",))
    wallet = make_wallet(customer, "10", NOW, terms=limited)
    invoices = [create_one_off(customer, [Item("Setup", Decimal(2))], **DO) for _ in range(40)]
    parts = [Bucket(Decimal(100), "subscription"), Bucket(Decimal(100), "charge")]

    def work(number: int) -> list[int]:
        paid = []
        for invoice in invoices[4 * number : 4 * number + 4]:
            with transaction.atomic():
                found = consume(lock_customer(customer.pk), 200, "EUR", parts, invoice=invoice, **DO)
            paid.append(sum(minor for _, minor in found))
        with contextlib.suppress(BillingError):
            void_credits(wallet, Decimal(1), reason="Use", key=f"hand-{number}", **DO)
            paid.append(100)
        return paid

    answers = done(together(*(lambda number=number: work(number) for number in range(10))))
    assert len(answers) == 10
    assert {minor for paid in answers for minor in paid} == {0, 100}
    wallet.refresh_from_db()
    assert (wallet.balance_minor, ledger_total(wallet), sum(map(sum, answers))) == (0, 0, 1000)
    assert sum(WalletUse.objects.values_list("amount_minor", flat=True)) == 1000
    assert not WalletLot.objects.filter(remaining_minor__gt=0).exists()
