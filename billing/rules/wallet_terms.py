"""What a wallet is called, in which order it is used, and its limits.

Laws: limits that are empty do not limit; an automatic top-up knows when (below `low_balance_minor`) and how much
(`auto_top_up_minor`), is no more than a single credit may be, and starts below the maximum balance. Amounts are minor
units of the wallet's currency. `fee_types` and `metric_ids` say what it pays for; a match of either is enough, and
none of both is everything, as all fee types are.

Example: a maximum balance of 10000 refuses a credit of 3000 on a balance of 8000, and takes one of 2000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.money import from_minor

MOST_NAME = 100
MOST_MINOR = 10**15
MOST_METRICS = 50
# What a wallet may be limited to. What a charge lacks to its minimum spend counts as that charge.
FEE_WORDS = {
    "subscription": "Subscription fees",
    "charge": "Usage charges",
    "fixed_charge": "Fixed charges",
    "commitment": "Minimum commitments",
}
FEE_TYPES = tuple(FEE_WORDS)


@dataclass(frozen=True)
class WalletTerms:
    """What can be changed on a wallet. Amounts in minor units; None does not limit."""

    name: str = ""
    priority: int = 50
    expires_at: datetime | None = None
    credit_limit_minor: int = 0
    max_balance_minor: int | None = None
    max_single_credit_minor: int | None = None
    low_balance_minor: int | None = None
    auto_top_up_enabled: bool = False
    auto_top_up_minor: int | None = None
    fee_types: tuple[str, ...] = ()
    metric_ids: tuple[UUID, ...] = ()


def tidied(terms: WalletTerms) -> WalletTerms:
    """The same terms with the limits in one order, each once. All fee types are no limit."""
    chosen = set(terms.fee_types)
    if chosen >= set(FEE_TYPES):
        return replace(terms, fee_types=(), metric_ids=())
    known = [name for name in FEE_TYPES if name in chosen]
    kinds = (*known, *sorted(chosen - set(FEE_TYPES)))
    return replace(terms, fee_types=kinds, metric_ids=tuple(sorted(set(terms.metric_ids))))


def faults(terms: WalletTerms) -> list[tuple[str, str]]:
    """What does not make sense, by field."""
    found = []
    if len(terms.name.strip()) > MOST_NAME:
        found.append(("name", f"Use at most {MOST_NAME} characters."))
    if not 1 <= terms.priority <= 50:
        found.append(("priority", "Use a priority from 1 to 50."))
    if not 0 <= terms.credit_limit_minor <= MOST_MINOR:
        found.append(("credit_limit_minor", "Must be 0 or more."))
    for name in ("max_balance_minor", "max_single_credit_minor", "auto_top_up_minor"):
        value = getattr(terms, name)
        if value is not None and not 0 < value <= MOST_MINOR:
            found.append((name, "Must be more than 0, or empty."))
    low, most = terms.low_balance_minor, terms.max_balance_minor
    if low is not None and not 0 <= low <= MOST_MINOR:
        found.append(("low_balance_minor", "Must be 0 or more, or empty."))
    elif low is not None and most is not None and low > most:
        found.append(("low_balance_minor", "This is more than the maximum balance."))
    if not set(terms.fee_types) <= set(FEE_TYPES):
        found.append(("fee_types", f"Use fee types among {', '.join(FEE_TYPES)}."))
    if len(terms.metric_ids) > MOST_METRICS:
        found.append(("metric_ids", f"Choose at most {MOST_METRICS} billable metrics."))
    return found + top_up_faults(terms)


def top_up_faults(terms: WalletTerms) -> list[tuple[str, str]]:
    """What an automatic top-up lacks or may not be."""
    found = []
    amount, single = terms.auto_top_up_minor, terms.max_single_credit_minor
    if terms.auto_top_up_enabled and amount is None:
        found.append(("auto_top_up_minor", "An automatic top-up needs an amount."))
    if terms.auto_top_up_enabled and terms.low_balance_minor is None:
        found.append(("low_balance_minor", "An automatic top-up needs the balance that starts it."))
    if amount is not None and single is not None and amount > single:
        found.append(("auto_top_up_minor", "This is more than the maximum single credit."))
    return found


def check_terms(terms: WalletTerms) -> None:
    """Raise FieldErrors naming every field that does not make sense."""
    if found := faults(terms):
        raise FieldErrors(found)


def check_credit(
    minor: int, *, balance: int, coming: int = 0, terms: Mapping[str, Any], currency: str
) -> None:
    """Refuse a credit of `minor` that is more than one may be, or that would lift the balance above its maximum.

    `coming`: what has been sold and not arrived; `terms` holds `max_single_credit_minor` and `max_balance_minor`.
    """
    single, most = terms["max_single_credit_minor"], terms["max_balance_minor"]

    def money(amount: int) -> str:
        return f"{from_minor(amount, currency):f} {currency}"

    if single is not None and minor > single:
        raise Invalid(
            f"{money(minor)} is more than the maximum single credit of {money(single)}.",
            code="max_single_credit_exceeded",
            field="credits",
        )
    if most is not None and balance + coming + minor > most:
        waiting = f" with {money(coming)} on its way" if coming else ""
        raise Invalid(
            f"{money(minor)} on a balance of {money(balance)}{waiting} is more than the maximum balance of "
            f"{money(most)}.",
            code="max_balance_exceeded",
            field="credits",
        )
