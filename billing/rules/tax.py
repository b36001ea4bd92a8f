"""Taxes: which ones apply, and how they are rounded so that a document adds up on paper.

Laws.
- The first level that names any tax wins: charge, plan, customer, billing entity, organization; levels never merge.
- Reverse charge stands above all levels: a business in another member state of the European Union than the seller,
  whose VAT number is valid (by VIES or by hand) and not of the seller's own country, owes the tax itself. Its lines
  carry "Reverse charge" at 0 %. Seller and buyer in one country never have it, nor has anybody else.
- Tax is taken on the amount after coupons; several taxes of a line add up (no tax on tax).
- The tax of an invoice is rounded once: round(sum of the unrounded taxes). That total is then
  spread over the taxes, and over the lines, by largest remainder, so every column sums to it.

Example: lines 151 and 279 (after a coupon of 100), 10 % and 20 %: 43 + 86 = 129; by line 45.3 and
83.7 become 45 and 84. Eight lines of 1 at 40 %: 8 x 0.4 = 3.2, the tax is 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rules.countries import in_eu
from billing.rules.money import ZERO, allocate_minor, exact, round_half_up


@dataclass(frozen=True)
class Tax:
    """`rate` in percent. `category` and why it is not charged as `tax_category.py` has them; empty: what the rate
    says.
    """

    code: str
    rate: Decimal
    name: str = ""
    category: str = ""
    exemption_code: str = ""
    exemption_reason: str = ""


REVERSE_CHARGE = Tax("reverse_charge", ZERO, "Reverse charge", category="AE")
CONFIRMED = frozenset({"valid", "manual"})


def reverse_charged(
    *, seller_country: str, buyer_country: str, number_country: str, kind: str, vat_status: str
) -> bool:
    """Whether the buyer owes the tax. Countries as ISO 3166 codes or empty; `number_country`: of the VAT number."""
    abroad = buyer_country != seller_country and number_country != seller_country
    both_inside = in_eu(seller_country) and in_eu(buyer_country)
    return abroad and both_inside and kind == "business" and vat_status in CONFIRMED


@dataclass(frozen=True)
class TaxedLine:
    """`base`: minor units after coupons, not rounded, not negative."""

    base: Decimal
    taxes: tuple[Tax, ...] = ()

    @property
    def rate(self) -> Decimal:
        return sum((tax.rate for tax in self.taxes), ZERO)

    @property
    def exact(self) -> Decimal:
        """The line's tax in minor units, unrounded."""
        with exact():
            return self.base * self.rate / 100


@dataclass(frozen=True)
class TaxAmount:
    """One tax over the whole invoice: the base it was taken on and its part of the rounded total."""

    tax: Tax
    base: Decimal
    exact: Decimal
    minor: int


@dataclass(frozen=True)
class InvoiceTaxes:
    """`amounts` by tax and `line_minor` by line both sum to `total_minor`; `rate` is the mean rate."""

    amounts: tuple[TaxAmount, ...]
    line_minor: tuple[int, ...]
    total_minor: int
    rate: Decimal


def applicable_taxes(*levels: Sequence[Tax]) -> tuple[Tax, ...]:
    """The first level that is not empty: explicit, charge, plan, customer, billing entity."""
    return next((tuple(level) for level in levels if level), ())


def line_tax(base: Decimal, taxes: Sequence[Tax]) -> int:
    """The tax of one line alone, in minor units, rounded."""
    return int(round_half_up(TaxedLine(base, tuple(taxes)).exact))


def invoice_taxes(lines: Sequence[TaxedLine]) -> InvoiceTaxes:
    """The taxes of an invoice: by tax (in order of appearance), by line, and in total."""
    bases: dict[Tax, Decimal] = {}
    with exact():
        for line in lines:
            for tax in line.taxes:
                bases[tax] = bases.get(tax, ZERO) + line.base
        by_tax = [base * tax.rate / 100 for tax, base in bases.items()]
        total = int(round_half_up(sum(by_tax, ZERO)))
    parts = allocate_minor(total, by_tax)
    amounts = tuple(
        TaxAmount(tax, base, amount, minor)
        for (tax, base), amount, minor in zip(bases.items(), by_tax, parts, strict=True)
    )
    by_line = allocate_minor(total, [line.exact for line in lines])
    return InvoiceTaxes(amounts, tuple(by_line), total, _mean_rate(lines))


def _mean_rate(lines: Sequence[TaxedLine]) -> Decimal:
    """The rate weighted by what is taxed, 5 decimals; by number of lines when nothing is."""
    if not lines:
        return ZERO
    with exact():
        weights = [line.base for line in lines]
        if not sum(weights, ZERO):
            weights = [Decimal(1)] * len(lines)
        weighted = sum((line.rate * weight for line, weight in zip(lines, weights, strict=True)), ZERO)
        return round_half_up(weighted / sum(weights, ZERO), 5)
