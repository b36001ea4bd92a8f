"""Wallets through time: invoices paid from them, automatic top-ups, and what usage not billed yet leaves of them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from billing.actions.wallets import grant
from billing.models import Plan, Wallet, WalletEntry
from billing.queries.usage import current_usage
from billing.rules.money import to_minor
from billing.rules.ongoing import Ongoing, ongoing
from billing.rules.tax import Tax, TaxedLine, line_tax
from billing.rules.wallets import LAST_PRIORITY, Bucket, WalletFacts
from invoicing.actions.payments import record_payment
from invoicing.actions.top_up import sell_credits, top_up_automatically
from invoicing.models import Invoice
from invoicing.queries.progressive import billed_progressively
from invoicing.queries.rates import Rates
from tests.cases.comparing import Answers
from tests.cases.given import Given, NotBuilt, moment
from tests.cases.progressive import set_thresholds
from tests.cases.registry import area
from tests.cases.scenarios import amounts_of
from tests.cases.steps import happen, moment_of
from tests.cases.world import (
    BY,
    World,
    make_wallet,
    metric_of,
    open_world,
    plan_of,
    subscribe,
    tax_of,
    terms_of,
)

START, NEXT = moment("2024-01-01T00:00:00Z"), moment("2024-02-01T00:00:00Z")


def top_up_priorities(given: Given) -> list[int]:
    """The priorities of the credits that a top-up sold, once paid, and granted."""
    world = open_world(START)
    wallet = make_wallet(world, 0, world.now)
    priority = int(given.get("wallet_transaction_priority", LAST_PRIORITY))
    sold = sell_credits(wallet, given.number("paid_credits"), priority=priority, by=BY, at=START)
    grant(wallet, given.number("granted_credits"), priority=priority, key="granted", by=BY, at=START)
    record_payment(sold, amount_minor=sold.total_minor, key="paid", by=BY, at=START)
    return list(wallet.lots.values_list("priority", flat=True))


@area("wallet.scenario", database=True)
def scenario(given: Given) -> Answers:
    """A month of usage or a fee, paid from a wallet."""
    given.ignore("premium")
    world = open_world(START)
    if given.get("tax_rate") is not None:
        tax_of(world, given["tax_rate"], default=True)
    terms, used = [], []
    for row in given.rows("charges"):
        for number in range(int(row.get("times", 1))):
            code = f"m{len(used)}_{number}"
            terms.append(
                terms_of(metric_of(world, "sum", "value", code), "standard", {"amount": row["amount"]})
            )
            used.append((code, row.get("units", 0)))
    plan = plan_of(world, Given({"amount_cents": given.get("subscription_fee_amount_cents", 0)}), terms)
    wallet = wallet_of(world, given)
    subscribe(world, plan, START)
    for code, units in used:
        world.send([{"value": units}], START, code=code)
    world.run(NEXT)
    invoice = world.invoices()[-1]
    answer_call(wallet, given)
    wallet = Wallet.objects.get(pk=wallet.pk)
    line = invoice.lines.first()
    return amounts_of(invoice) | {
        "fee": {
            "amount_cents": line.amount_minor,
            "precise_amount_cents": line.units * line.unit_amount * 100,
            "taxes_amount_cents": line_tax(Decimal(line.amount_minor), rates_of(line.taxes)),
            "taxes_precise_amount_cents": line.units * line.unit_amount * line.tax_rate,
        }
        if line
        else None,
        "wallet_balance_cents": wallet.balance_minor,
        "wallet_credits": wallet.credits_balance,
    }


def rates_of(rows: list[dict[str, str]]) -> list[Tax]:
    return [Tax(row["code"], Decimal(row["rate"])) for row in rows]


def wallet_of(world: World, given: Given) -> Wallet:
    """The wallet of a case, with its rule as far as ours can follow one."""
    row, rule = given.part("wallet"), given.part("rule")
    wallet = make_wallet(world, row.get("granted_credits", 0), world.now, rate=row.get("rate_amount", 1))
    if not given.get("rule"):
        return wallet
    if (rule["trigger"], rule.get("method", "fixed")) != ("threshold", "fixed") or rule.get(
        "granted_credits"
    ):
        raise NotBuilt("top-up rules by interval, to a target, or with granted credits")
    if row.get("paid_top_up_min_amount_cents") and not rule.get("ignore_paid_top_up_limits"):
        raise NotBuilt("a least amount of a top-up")
    rule.ignore("ignore_paid_top_up_limits")
    wallet.low_balance_minor = to_minor(rule.number("threshold_credits") * wallet.rate, wallet.currency)
    wallet.auto_top_up_minor = to_minor(rule.number("paid_credits") * wallet.rate, wallet.currency)
    wallet.auto_top_up_enabled = True
    wallet.save()
    return wallet


def answer_call(wallet: Wallet, given: Given) -> None:
    """What the worker does after the debit, and the payment of what it has sold."""
    if not given.get("rule"):
        return
    given.ignore("payment")
    debit = WalletEntry.objects.filter(wallet=wallet, amount_minor__lt=0).first()
    sold = top_up_automatically(wallet, debit.pk.hex, by=BY, at=NEXT) if debit else None
    if sold is not None:
        record_payment(sold, key="case", by=BY, at=NEXT)


def balance_over_time(given: Given) -> Answers:
    """Balances after each step: what they hold, and what is left with usage that no invoice has asked for."""
    given.ignore("premium")
    wallet_row, steps = given.part("wallet"), given.rows("steps")
    start = steps[0].moment("at")
    world = open_world(start, grace_days=int(given.number("grace_period_days")))
    if given.get("tax_rate") is not None:
        tax_of(world, given["tax_rate"], default=True)
    terms = [
        terms_of(
            metric_of(world, "sum", "value", f"m{i}" if row.get("no_events") else "metric"),
            row.get("charge_model", "standard"),
            {"amount": row["amount"]},
        )
        for i, row in enumerate(given.rows("charges"))
    ]
    plan = plan_of(world, given.part("plan"), terms)
    set_thresholds(world, plan, given.rows("thresholds"))
    wallet = make_wallet(
        world, wallet_row.get("granted_credits", 0), start, rate=wallet_row.get("rate_amount", 1)
    )
    return {"after_each_step": [take_step(world, plan, wallet, step) for step in steps]}


def take_step(world: World, plan: Plan, wallet: Wallet, step: Given) -> Answers:
    at = moment_of(step, world.now)
    if step.get("subscribe", False):
        subscribe(world, plan, at)
    happen(world, step, world.started)
    wallet = Wallet.objects.get(pk=wallet.pk)
    (found,) = ongoing([WalletFacts("w", wallet.balance_minor)], unbilled(world, at))
    final = [invoice for invoice in world.invoices() if invoice.status == "finalized"]
    drafts = [invoice for invoice in world.invoices() if invoice.status == "draft"]
    last = amounts_of(final[-1]) if final else {}
    return figures(found, wallet) | {
        "invoices": len(final),
        "draft_invoices": len(drafts),
        "last_sub_total_including_taxes_amount_cents": last.get("sub_total_including_taxes_amount_cents"),
    }


def unbilled(world: World, at: datetime) -> list[Bucket]:
    """Usage with tax that no final invoice has asked for, and drafts."""
    subscription = world.subscription
    report = current_usage(subscription, at, with_days=False)
    rates = Rates(subscription.organization_id)
    billed: Counter[str] = Counter()
    for row in billed_progressively(subscription, report.start, report.end):
        billed[row.charge_id] += row.amount_minor
    parts = []
    for item in report.charges:
        taxes = rates.of_charge(item.charge.pk, subscription.plan_id, subscription.customer_id)
        net = Decimal(item.amount_minor - billed[str(item.charge.pk)])
        parts.append(Bucket(net + TaxedLine(net, tuple(taxes)).exact, "charge", str(item.metric.pk)))
    drafts = Invoice.objects.filter(customer=world.customer, status="draft")
    return [*parts, *(Bucket(Decimal(draft.total_minor), "draft") for draft in drafts)]


def figures(found: Ongoing, wallet: Wallet) -> Answers:
    left, used = found.credits(wallet.rate, wallet.currency)
    return {
        "balance_cents": wallet.balance_minor,
        "credits_balance": wallet.credits_balance,
        "ongoing_balance_cents": found.balance_minor,
        "credits_ongoing_balance": left,
        "ongoing_usage_balance_cents": found.usage_minor,
        "credits_ongoing_usage_balance": used,
    }
