"""What a subscription pays: the prices of its plan in its currency.

Everything that prices a subscription asks here, so that lists, the Usage tab, previews and invoices cannot disagree.
The charges come as copies that carry the properties of the currency; they are for reading and never saved.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from billing.models import Charge, ChargePrice, FixedCharge, Plan, PlanPrice, Tax
from billing.queries.fixed_charges import FixedBook, fixed_books
from billing.rules.errors import Invalid


@dataclass(frozen=True)
class Terms:
    """A plan's prices in one currency: its fee and minimum commitment per period, and its charges in order."""

    currency: str
    amount_minor: int
    commitment_minor: int
    charges: tuple[Charge, ...]


@dataclass
class PriceBook:
    """The prices of one plan in every currency, as read once."""

    plan: Plan
    charges: Sequence[Charge]
    prices: dict[str, PlanPrice]
    charge_prices: dict[tuple[UUID, str], ChargePrice]
    fixed: FixedBook
    taxes: tuple[Tax, ...] | None = None  # instead of the plan's, in terms of one subscription

    @property
    def currencies(self) -> list[str]:
        """The plan's own first."""
        return [self.plan.currency, *sorted(self.prices)]

    def missing(self, currency: str) -> list[Charge | FixedCharge]:
        """The charges and fixed charges without a price in a currency."""
        if currency == self.plan.currency:
            return []
        return [
            *(row for row in self.charges if not self.priced(row, currency)),
            *self.fixed.missing(currency),
        ]

    def priced(self, charge: Charge, currency: str) -> bool:
        """Whether the charge says what it costs there; one whose events bring their own amounts always does."""
        return charge.charge_model == "dynamic" or (charge.pk, currency) in self.charge_prices

    @property
    def sold_in(self) -> list[str]:
        """The currencies in which the plan can be assigned."""
        return [code for code in self.currencies if not self.missing(code)]

    def check(self, currency: str, field: str = "currency") -> None:
        """Raise Invalid (price_not_found) naming what has no price in the currency."""
        if currency not in self.currencies:
            known = ", ".join(self.currencies)
            raise Invalid(
                f"{self.plan.name} has no price in {currency}, only in {known}.",
                code="price_not_found",
                field=field,
            )
        if missing := self.missing(currency):
            names = ", ".join(row.invoice_name for row in missing)
            raise Invalid(
                f"{self.plan.name} is not fully priced in {currency}: {names} has no price there.",
                code="price_not_found",
                field=field,
            )

    def terms(self, currency: str) -> Terms:
        """The prices in a currency. What has no price there is not billed: `check` keeps it from being sold."""
        if currency == self.plan.currency:
            return Terms(currency, self.plan.amount_minor, self.plan.commitment_minor, tuple(self.charges))
        price = self.prices.get(currency)
        return Terms(
            currency,
            price.amount_minor if price else 0,
            price.commitment_minor if price else 0,
            tuple(self.in_currency(row, currency) for row in self.charges if self.priced(row, currency)),
        )

    def in_currency(self, charge: Charge, currency: str) -> Charge:
        """A copy of the charge with its properties in a currency. A filter without a price there is left out: its
        events cost what the charge does.
        """
        found = copy.copy(charge)
        price = self.charge_prices.get((charge.pk, currency))
        found.properties = price.properties if price else {}
        found.min_amount_minor = price.min_amount_minor if price else 0
        known = (
            {str(sorted(row["values"].items())): row["properties"] for row in price.filters} if price else {}
        )
        found.filters = [
            row | {"properties": known[name]}
            for row in charge.filters
            if (name := str(sorted(row["values"].items()))) in known
        ]
        return found


def price_books(plans: Iterable[Plan], read: Iterable[Charge] | None = None) -> dict[UUID, PriceBook]:
    """{plan id: its prices}, in three queries, more with other currencies. `read`: their charges, when at hand."""
    found = {plan.pk: plan for plan in plans}
    charges: dict[UUID, list[Charge]] = defaultdict(list)
    if read is None:
        read = Charge.objects.kept().filter(plan_id__in=found).select_related("metric", "plan")
    for charge in read:
        charges[charge.plan_id].append(charge)
    prices: dict[UUID, dict[str, PlanPrice]] = defaultdict(dict)
    for price in PlanPrice.objects.filter(plan_id__in=found):
        prices[price.plan_id][price.currency] = price
    others: dict[UUID, dict[tuple[UUID, str], ChargePrice]] = defaultdict(dict)
    if prices:
        rows = ChargePrice.objects.filter(charge__plan_id__in=list(prices)).select_related("charge")
        for row in rows:
            others[row.charge.plan_id][row.charge_id, row.currency] = row
    fixed = fixed_books(found.values())
    return {
        key: PriceBook(plan, charges[key], prices.get(key, {}), others.get(key, {}), fixed[key])
        for key, plan in found.items()
    }


def price_book(plan: Plan, read: Iterable[Charge] | None = None) -> PriceBook:
    """The prices of one plan."""
    return price_books([plan], read)[plan.pk]
