"""Wallets that pay for some parts of an invoice only, by hand: a fee of 100.00, calls for 30.00, storage for 20.00 of
a minimum spend of 25.00, 20 percent tax on each: 120.00 + 36.00 + 24.00 + 6.00 = 186.00.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.actions.wallet_opening import usual_terms
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.actions.wallets import grant
from billing.models import AuditEntry, Metric, Wallet, WalletUse
from billing.rules.errors import FieldErrors, Invalid
from customers.actions.classification import change_mode
from invoicing.actions import billing_run, ongoing
from invoicing.actions.finalize import finalize_invoice
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice
from invoicing.queries.preview import final_totals
from tests.factories.catalog import charge, make_metric
from tests.factories.invoicing import billed_customer, default_tax, make_plan, make_wallet, on, subscribe
from tests.factories.people import ACTOR, make_organization
from tests.factories.usage import use

pytestmark = pytest.mark.django_db
START = on(2026, 3, 1)
AT = on(2026, 3, 10, 12)
END = on(2026, 4, 1)
DO: dict[str, Any] = {"by": ACTOR, "at": AT}


class Story:
    """A customer with a fee and two metered charges, five limited wallets and one that pays for everything."""

    def __init__(self) -> None:
        self.organization = make_organization(at=START)
        default_tax(self.organization)
        self.calls, self.storage = (
            make_metric(self.organization, code=code) for code in ("calls", "storage")
        )
        minimum = charge(self.storage, min_amount_minor=2500)
        plan = make_plan(self.organization, 10000, charge(self.calls), minimum)
        self.customer = billed_customer(self.organization, grace_period_days=3)
        subscription = subscribe(self.customer, plan, START)
        use(subscription, self.calls, 300, at=AT)
        use(subscription, self.storage, 200, at=AT)

    def wallet(
        self, credits: str, priority: int, *fee_types: str, metrics: tuple[Metric, ...] = ()
    ) -> Wallet:
        usual = usual_terms(self.customer, "EUR", priority=priority)
        keys = tuple(metric.pk for metric in metrics)
        terms = replace(usual, fee_types=fee_types, metric_ids=keys)
        return make_wallet(self.customer, credits, START, terms=terms)


def balances(*wallets: Wallet) -> list[int]:
    found = Wallet.objects.in_bulk([wallet.pk for wallet in wallets])
    return [found[wallet.pk].balance_minor for wallet in wallets]


def test_each_wallet_pays_for_its_own_parts_by_priority() -> None:
    """Calls: 36.00 of 50.00. Fees: 30.00 of 120.00. Disk: 20.00 of 30.00 of storage, minimum included. Usage: 4.00
    more of it. Any: 80.00 of the 90.00 that are left of the fee. Nothing is billed for commitments. 16.00 to pay.
    """
    story = Story()
    calls = story.wallet("50", 1, metrics=(story.calls,))
    fees = story.wallet("30", 2, "subscription")
    disk = story.wallet("20", 3, metrics=(story.storage,))
    usage = story.wallet("4", 4, "charge")
    everything = story.wallet("80", 5)
    least = story.wallet("10", 6, "commitment", "fixed_charge")
    mine = (calls, fees, disk, usage, everything, least)

    ongoing.run(at=AT)
    found = Wallet.objects.in_bulk([wallet.pk for wallet in mine])
    weighs = [found[wallet.pk].ongoing_usage_minor for wallet in mine]
    assert weighs == [3600, 0, 2000, 400, 0, 0]  # a minimum spend is asked for at the end

    billing_run.run(END)
    draft = Invoice.objects.get()
    assert draft.total_minor == 18600
    foreseen = final_totals(draft, END)
    assert foreseen is not None
    by_hand = {calls: 3600, fees: 3000, disk: 2000, usage: 400, everything: 8000}
    assert dict(foreseen.wallets) == {str(wallet.pk): minor for wallet, minor in by_hand.items()}
    ongoing.run(at=END)
    found = Wallet.objects.in_bulk([wallet.pk for wallet in mine])
    assert [found[wallet.pk].ongoing_usage_minor for wallet in mine] == [3600, 3000, 2000, 400, 9600, 0]

    invoice = finalize_invoice(draft, expected_total=1600, by=ACTOR, at=on(2026, 4, 3))
    assert (invoice.wallet_credits_minor, invoice.total_minor) == (17000, 1600)
    assert balances(*mine) == [1400, 0, 0, 0, 0, 1000]
    paid = invoice.deductions.filter(kind="wallet").values_list("wallet", "amount_minor")
    assert dict(paid) == {wallet.pk: minor for wallet, minor in by_hand.items()}

    fee, called, stored, lacking = invoice.lines.order_by("position")
    uses = WalletUse.objects.filter(entry__invoice=invoice).select_related("entry", "lot")
    parts = [(fee, fees, 3000), (called, calls, 3600), (stored, disk, 2000), (stored, usage, 400)]
    assert {(use.line_id, use.entry.wallet_id, use.amount_minor) for use in uses} == {
        (line.pk, wallet.pk, minor) for line, wallet, minor in [*parts, (fee, everything, 8000)]
    }
    assert not lacking.wallet_uses.exists()
    assert all(use.lot.wallet_id == use.entry.wallet_id and use.lot.promotional for use in uses)

    void_invoice(invoice, by=ACTOR, at=on(2026, 4, 4))
    assert balances(*mine) == [5000, 3000, 2000, 400, 8000, 1000]
    assert sum(use.amount_minor for line in (fee, called, stored) for use in line.wallet_uses.all()) == 0


def test_which_grant_paid_which_line_is_kept_to_the_cent() -> None:
    """186.00 from a gift of 50.00 (first), cash of 100.00, and 36.00 on credit: the lines are paid in order, the
    largest part first: fee 120.00 (gift 50.00, cash 70.00), calls 36.00 (cash 30.00, credit 6.00), storage 24.00 and
    its minimum 6.00 on credit.
    """
    story = Story()
    wallet = story.wallet("50", 1)
    grant(wallet, Decimal(100), promotional=False, key="cash", **DO)
    change_mode(story.customer, "postpaid", reason="Contract", **DO)
    edit_wallet(wallet, replace(terms_of(wallet), credit_limit_minor=10000), **DO)
    billing_run.run(END)
    invoice = finalize_invoice(Invoice.objects.get(), by=ACTOR, at=on(2026, 4, 3))
    assert (invoice.total_minor, balances(wallet)) == (0, [-3600])

    def told() -> list[tuple[int, str, int]]:
        rows = WalletUse.objects.filter(line__isnull=False).select_related("line", "lot").order_by("pk")
        words = {None: "credit", True: "gift", False: "cash"}
        return [(u.line.position, words[u.lot and u.lot.promotional], u.amount_minor) for u in rows]

    by_hand = [(1, "gift", 5000), (1, "cash", 7000), (2, "cash", 3000), (2, "credit", 600)]
    by_hand += [(3, "credit", 2400), (4, "credit", 600)]
    assert told() == by_hand
    void_invoice(invoice, by=ACTOR, at=on(2026, 4, 4))
    back = sorted((line, kind, -minor) for line, kind, minor in told()[len(by_hand) :])
    assert (back, balances(wallet)) == (sorted(by_hand), [15000])
    with pytest.raises(IntegrityError), transaction.atomic():
        WalletUse.objects.update(amount_minor=1)


def test_limits_are_checked_kept_in_one_order_and_written_down() -> None:
    story = Story()
    wallet = story.wallet("50", 1)
    with pytest.raises(FieldErrors, match="Use fee types among"):
        edit_wallet(wallet, replace(terms_of(wallet), fee_types=("one_off",)), **DO)
    stranger = make_metric(make_organization("Other"))
    with pytest.raises(Invalid) as refused:
        edit_wallet(wallet, replace(terms_of(wallet), metric_ids=(stranger.pk,)), **DO)
    assert refused.value.field == "metric_ids"

    limits = {"fee_types": ("charge", "subscription"), "metric_ids": (story.calls.pk,) * 2}
    wallet = edit_wallet(wallet, replace(terms_of(wallet), **limits), **DO)
    assert (wallet.fee_types, wallet.metric_ids) == (["subscription", "charge"], [story.calls.pk])
    told = AuditEntry.objects.filter(action="wallet.updated").order_by("-at", "-pk")[0]
    assert told.changes == {"fee_types": [[], wallet.fee_types], "metrics": [[], [story.calls.name]]}
    everything = ("subscription", "charge", "fixed_charge", "commitment")
    wallet = edit_wallet(wallet, replace(terms_of(wallet), fee_types=everything), **DO)
    assert not wallet.limited
