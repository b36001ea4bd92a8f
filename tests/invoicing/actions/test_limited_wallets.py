"""Wallets that pay for some parts of an invoice only, by hand: a fee of 100.00, calls for 30.00, storage for 20.00 of
a minimum spend of 25.00, 20 percent tax on each: 120.00 + 36.00 + 24.00 + 6.00 = 186.00.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing.actions.wallet_opening import usual_terms
from billing.actions.wallet_terms import edit_wallet, terms_of
from billing.models import AuditEntry, Metric, Wallet
from billing.rules.errors import FieldErrors, Invalid
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

    void_invoice(invoice, by=ACTOR, at=on(2026, 4, 4))
    assert balances(*mine) == [5000, 3000, 2000, 400, 8000, 1000]


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
