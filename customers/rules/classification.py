"""What a customer's type and mode decide, and what a change of them does.

Laws. Both look forward: issued invoices stay, no balance moves.
- Type. Consumers have the billing entity's term for consumers (where the customer has none of its own), see prices
  with tax, get the notice that the law wants them to read, and never have reverse charge. Everybody else has the
  billing entity's term and prices without tax; reverse charge needs a business with a valid VAT number.
- From unknown to business in the European Union, invoices with tax may have been issued wrongly: those of the last
  twelve months, and older ones that are still unpaid, are named for review.
- Mode. Prepaid: a wallet can spend what is there. Postpaid: it can also spend its credit limit.

Example: a balance of -20.00 with a limit of 50.00 has 0.00 available prepaid and 30.00 postpaid.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from billing.rules.countries import in_eu

BUSINESS, CONSUMER, UNKNOWN = "business", "consumer", "unknown"
POSTPAID = "postpaid"
REVIEW_MONTHS = 12


@dataclass(frozen=True)
class TypeEffects:
    """What one type means for a customer."""

    term_days: int
    prices_with_tax: bool
    reverse_charge: bool
    notice: bool


def type_effects(kind: str, *, own_term: int | None, term: int, consumer_term: int | None) -> TypeEffects:
    """The effects of a type. Terms in days: the customer's own, the billing entity's, and its for consumers."""
    consumer = kind == CONSUMER
    inherited = consumer_term if consumer and consumer_term is not None else term
    return TypeEffects(
        term_days=inherited if own_term is None else own_term,
        prices_with_tax=consumer,
        reverse_charge=kind == BUSINESS,
        notice=consumer,
    )


def needs_review(old: str, new: str, country: str) -> bool:
    """Whether invoices may have to be corrected after this flip."""
    return (old, new) == (UNKNOWN, BUSINESS) and in_eu(country)


def review_from(today: date) -> date:
    """The first issuing day that is looked at whatever was paid: the same day a year ago."""
    day = min(today.day, 28) if today.month == 2 else today.day
    return date(today.year - 1, today.month, day)


def available(mode: str, balance_minor: int, limit_minor: int) -> int:
    """What a debit may take, in minor units."""
    return max(0, balance_minor + limit_minor if mode == POSTPAID else balance_minor)
