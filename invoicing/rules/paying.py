"""Paying online: which account is asked, what each provider can take, and how an attempt goes from state to state.

Law: accounts are asked in order: those of the kind that the customer prefers, then by priority; never a kind that is
disabled for the customer, an account that is not active, or one that cannot take the amount. The next is asked only
when one is not available, never after a refusal. Money is counted once: an attempt that was successful stays so.

Example: preferred "paystack", accounts Stripe (1), Flutterwave (2), Paystack (3): Paystack, Stripe, Flutterwave.

What an attempt came to is asked when it is 1, 3, 8, 23, 53 minutes old and so on to 32 hours, whoever asks in
between; then it has failed if the provider says that nobody has paid. While money is on its way, or the provider says
nothing, it is asked on every 8 hours until it is 30 days old and waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from ipaddress import ip_address
from itertools import accumulate
from typing import Any
from urllib.parse import urlsplit

from billing.rules.money import exponent
from billing.rules.states import Moves

PAYING = frozenset({"stripe", "flutterwave", "paystack", "mpesa"})
# Which events an account is set up to send, by kind, and the credential without which they are refused.
EVENTS = {
    "stripe": (
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "charge.refunded",
        "refund.updated",
        "refund.failed",
    ),
    "flutterwave": ("charge.completed",),
    "paystack": ("charge.success", "refund.processed", "refund.failed"),
}
# Where in the provider's own pages the address for its messages is entered.
ENTERED_AT = {
    "stripe": "under Developers, Webhooks",
    "flutterwave": "under Settings, Webhooks",
    "paystack": "under Settings, API Keys & Webhooks",
}
SIGNED_BY = {"stripe": "webhook_secret", "flutterwave": "secret_hash"}
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60, 120, 240, 480, 960))
AGES = tuple(accumulate(WAITS))
AFTERWARDS, LONGEST = timedelta(hours=8), timedelta(days=30)
RETRIED = frozenset({"flutterwave", "paystack"})  # where a link can be paid after a payment by it has failed
LINK_HOURS = 23  # how long a link can be paid; Stripe allows 24 hours at most
TIMELY = timedelta(minutes=5)  # how old a signed message may be


# What came by these goes back through them. Daraja gives no receipt number when it is asked how a payment stands, and
# without one nothing can be reversed: such money is sent back by hand.
REFUNDING = frozenset({"stripe", "flutterwave", "paystack"})
CHARGING = frozenset({"stripe", "flutterwave", "paystack"})  # where a customer can be charged without asking
SENT_AGAIN = timedelta(
    minutes=10
)  # where a repeat would be a second refund: how long the first may take to be seen


class AttemptState(StrEnum):
    """Where an attempt to pay stands. Unknown: it was asked for and no answer came."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"
    FAILED = "failed"


_ATT = AttemptState
# A provider tells in any order, and a link that failed may be paid later.
ATTEMPT_MOVES: Moves[AttemptState] = {
    _ATT.UNKNOWN: frozenset({_ATT.PENDING, _ATT.PROCESSING, _ATT.SUCCESSFUL, _ATT.FAILED}),
    _ATT.PENDING: frozenset({_ATT.PROCESSING, _ATT.SUCCESSFUL, _ATT.FAILED}),
    _ATT.PROCESSING: frozenset({_ATT.SUCCESSFUL, _ATT.FAILED}),
    _ATT.FAILED: frozenset({_ATT.PROCESSING, _ATT.SUCCESSFUL}),
    _ATT.SUCCESSFUL: frozenset(),
}
OPEN = frozenset({_ATT.UNKNOWN, _ATT.PENDING, _ATT.PROCESSING})

# Smallest units by provider where they are not those of ISO 4217. Stripe: its list of currencies without decimals;
# UGX and ISK have none but are written with two, which must be zero.
STRIPE_EXPONENTS = {"MGA": 0, "ISK": 2, "UGX": 2}
THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
FLUTTERWAVE_CURRENCIES = frozenset(
    {
        *(
            "NGN",
            "USD",
            "EUR",
            "GBP",
            "KES",
            "GHS",
            "UGX",
            "TZS",
            "RWF",
            "ZAR",
            "ZMW",
            "MWK",
            "XAF",
            "XOF",
            "EGP",
        ),
        *("MAD", "SLL", "CAD", "AUD"),
    }
)
PAYSTACK_CURRENCIES = frozenset({"NGN", "GHS", "ZAR", "KES", "USD"})
KENYAN = re.compile(r"(?:\+?254|0)?([17]\d{8})")


def only_here(url: str) -> bool:
    """Whether an address leads to this machine or its own network alone, so that no provider can reach it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal"))


def in_order(accounts: Iterable[Any], *, preferred: str, disabled: Iterable[str]) -> list[Any]:
    """The accounts (`type`, `priority`) that may be asked, in the order in which they are."""
    shut = set(disabled)
    usable = [account for account in accounts if account.type in PAYING and account.type not in shut]
    return sorted(usable, key=lambda account: (account.type != preferred, account.priority))


def unable(kind: str, amount_minor: int, currency: str, *, email: str, phone: str) -> str:
    """Why a kind of provider cannot take an amount from a customer; empty when it can."""
    if reason := too_fine(kind, amount_minor, currency):
        return reason
    if kind == "flutterwave" and currency not in FLUTTERWAVE_CURRENCIES:
        return f"does not take {currency}"
    if kind == "paystack" and currency not in PAYSTACK_CURRENCIES:
        return f"does not take {currency}"
    if kind in {"flutterwave", "paystack"} and not email:
        return "needs the customer's e-mail address"
    if kind == "mpesa":
        if currency != "KES":
            return "takes KES only"
        if not kenyan_number(phone):
            return "needs the customer's Kenyan mobile number"
    return ""


def too_fine(kind: str, amount_minor: int, currency: str) -> str:
    """Why a kind of provider cannot count an amount, whichever way it goes; empty when it can."""
    if kind == "stripe":
        if exponent(currency) > stripe_exponent(currency) and amount_minor % 100:
            return f"takes whole {currency} only"
        if currency in THREE_DECIMALS and amount_minor % 10:
            return f"takes {currency} with two decimals only"
    return "takes whole shillings only" if (kind, currency) == ("mpesa", "KES") and amount_minor % 100 else ""


def kenyan_number(phone: str) -> str:
    """A Kenyan mobile number as M-Pesa writes it, 254712345678; nothing when it is none."""
    found = KENYAN.fullmatch(re.sub(r"[\s().-]", "", phone or ""))
    return f"254{found[1]}" if found else ""


def stripe_exponent(currency: str) -> int:
    """The decimals with which Stripe writes a currency."""
    return STRIPE_EXPONENTS.get(currency, exponent(currency))


def to_stripe(amount_minor: int, currency: str) -> int:
    """Minor units as Stripe counts them: 5000 UGX are 500000, 12.00 MGA (1200) are 12."""
    return int(Decimal(amount_minor).scaleb(stripe_exponent(currency) - exponent(currency)))


def from_stripe(amount: int, currency: str) -> int:
    """And back."""
    return int(Decimal(amount).scaleb(exponent(currency) - stripe_exponent(currency)))


def next_state(now: str, told: str) -> AttemptState:
    """Where an attempt stands when the provider says `told`: what is no move is passed over."""
    state, found = AttemptState(now), AttemptState(told)
    return found if found in ATTEMPT_MOVES[state] else state


def ask_after(age: timedelta, *, patient: bool = False) -> timedelta | None:
    """How long an attempt of this age waits for the next question; None: no more. `patient`: no answer, or one that
    says that money is on its way. By age and not by count, so that asking more often does not end it sooner.
    """
    wait = next((moment - age for moment in AGES if moment > age), None)
    return AFTERWARDS if wait is None and patient and age < LONGEST else wait
