"""Wallets as pure questions: what credits are worth, who pays, what a rule buys, what is left with ongoing usage."""

from __future__ import annotations

from decimal import Decimal

from billing.rules.errors import Invalid
from billing.rules.money import from_minor, to_minor
from billing.rules.ongoing import Ongoing, ongoing
from billing.rules.top_up_rules import Method, TopUpRule, Trigger, limits_of, top_up
from billing.rules.wallets import (
    LAST_PRIORITY,
    Bucket,
    InboundEntry,
    WalletFacts,
    consume,
    credits_in,
    credits_voided,
    minor_to_credits,
    spread,
)
from tests.cases.comparing import Answers
from tests.cases.given import Given
from tests.cases.registry import area
from tests.cases.wallet_life import balance_over_time, top_up_priorities


@area("wallet.credit")
def credit(given: Given) -> Answers:
    """Credits and the money they stand for."""
    rate, currency = given.number("rate_amount"), given.get("currency", "EUR")
    if "from_amount_cents" in given:
        minor = int(given.number("from_amount_cents"))
        credits = minor_to_credits(minor, rate, currency)
    else:
        read = (
            credits_in if given.get("invoiceable", True) and given.get("kind") != "voided" else credits_voided
        )
        try:
            booked = read(given.number("credits", given.get("credit_amount")), rate, currency)
        except Invalid as refused:
            return {"error": refused.code}
        credits, minor = booked.credits, booked.minor
    given.ignore("kind")
    amount = from_minor(minor, currency)
    return {
        "credit_amount": credits,
        "amount": amount,
        "amount_cents": minor,
        "status": "settled",
        "wallet_credits": credits,
        "wallet_balance": amount,
    }


def facts_of(row: Given, rate_currency: str = "EUR") -> WalletFacts:
    """A wallet as the rules see it."""
    row.ignore("name", "code", "currency")
    rate = row.number("rate_amount", 1)
    if "balance_cents" in row:
        balance = int(row.number("balance_cents"))
    else:
        balance = to_minor(row.number("granted_credits", row.get("credits_balance", 0)) * rate, rate_currency)
    metrics = [*row.get("billable_metrics", []), *row.get("limited_to_metrics", [])]
    types = [*row.get("fee_types", []), *row.get("limited_to_fee_types", [])]
    return WalletFacts(
        id=row["id"],
        balance_minor=balance,
        priority=int(row.get("priority", LAST_PRIORITY)),
        fee_types=frozenset(types),
        metric_ids=frozenset(metrics),
    )


@area("wallet.allocation")
def allocation(given: Given) -> Answers:
    """Which wallet pays how much of an invoice."""
    currency = given.get("invoice_currency", "EUR")
    rows = given.rows("wallets_in_creation_order")
    wallets = [facts_of(row, currency) for row in rows if row.get("currency", currency) == currency]
    buckets = [
        Bucket(
            cap=fee.number("amount_cents")
            - fee.number("precise_coupons_amount_cents")
            + fee.number("taxes_precise_amount_cents")
            - fee.number("precise_credit_notes_amount_cents"),
            fee_type=fee.get("type", "charge"),
            metric_id=fee.get("billable_metric"),
        )
        for fee in given.rows("fees")
    ]
    total = int(given.number("invoice_total_amount_cents"))
    paid = dict(spread(wallets, total, buckets))
    used = sum(paid.values())
    return {
        "wallet_amounts_cents": {row["id"]: paid.get(row["id"], 0) for row in rows},
        "prepaid_credit_amount_cents": used,
        "total_amount_cents": total - used,
    }


@area("wallet.consumption")
def consumption(given: Given) -> Answers:
    """Which credits a debit uses up."""
    rows = given.rows("inbound_in_creation_order")
    entries = [
        InboundEntry(
            row["id"],
            int(row.number("remaining_amount_cents")),
            row["status"] == "granted",
            int(row.get("priority", LAST_PRIORITY)),
        )
        for row in rows
    ]
    used = dict(consume(entries, int(given.number("outbound_amount_cents"))))
    left = {entry.id: entry.remaining_minor - used.get(entry.id, 0) for entry in entries}
    return {"remaining_amount_cents": left, "consumed_amount_cents": used}


def rule_of(rule: Given) -> TopUpRule:
    """A rule as it was set."""
    rule.ignore("interval", "started_at", "expiration_at", "status")
    return TopUpRule(
        trigger=Trigger(rule["trigger"]),
        method=Method(rule.get("method", "fixed")),
        threshold=rule.number("threshold_credits"),
        paid=rule.number("paid_credits"),
        granted=rule.number("granted_credits"),
        target=rule.number("target_ongoing_balance"),
        grants_target=rule.get("grants_target_top_up", False),
        ignore_limits=rule.get("ignore_paid_top_up_limits", False),
    )


@area("wallet.top_up_rule")
def top_up_rule(given: Given) -> Answers:
    """What a rule that has started buys and grants."""
    wallet = given.part("wallet")
    least, most = wallet.get("paid_top_up_min_amount_cents"), wallet.get("paid_top_up_max_amount_cents")
    limits = limits_of(
        wallet.number("rate_amount", 1), wallet.get("currency", "EUR"), least_minor=least, most_minor=most
    )
    found = top_up(
        rule_of(given.part("rule")),
        given.number("ongoing_balance_credits"),
        given.number("pending_credits"),
        limits,
    )
    return {"paid_credits": found.paid, "granted_credits": found.granted}


@area("wallet.balance", database=True)
def balance(given: Given) -> Answers:
    """What usage leaves of wallets."""
    if "steps" in given:
        return balance_over_time(given)
    given.ignore("premium", "events_per_metric")
    rows = given.rows("wallets")
    rates = [row.number("rate_amount", 1) for row in rows]
    usage = given.get("current_usage_amount_cents", {})
    buckets = [Bucket(Decimal(str(minor)), "charge", metric) for metric, minor in usage.items()]
    wallets = [facts_of(row) for row in rows]
    ruled = {row["id"] for row in rows if row.get("has_threshold_rule", False)}
    found = ongoing(wallets, buckets, take_all=ruled)
    return {
        "wallets": [
            figures(one, wallet, rate) for one, wallet, rate in zip(found, wallets, rates, strict=True)
        ]
    }


def figures(found: Ongoing, wallet: WalletFacts, rate: Decimal) -> Answers:
    left, used = found.credits(rate, "EUR")
    return {
        "balance_cents": wallet.balance_minor,
        "credits_balance": minor_to_credits(wallet.balance_minor, rate, "EUR"),
        "ongoing_balance_cents": found.balance_minor,
        "credits_ongoing_balance": left,
        "ongoing_usage_balance_cents": found.usage_minor,
        "credits_ongoing_usage_balance": used,
        "depleted_ongoing_balance": found.depleted,
    }


@area("wallet.transaction_priority", database=True)
def transaction_priority(given: Given) -> Answers:
    """When the credits of one top-up are used: those that are sold, once paid, and those that are granted."""
    return {"priorities": top_up_priorities(given)}
