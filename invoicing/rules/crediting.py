"""What a credit note may take back of an issued invoice, and what that makes with tax.

Laws.
- A line can be credited up to its amount after coupons, less what earlier notes have taken of it. The amounts
  after coupons are whole minor units that sum to the invoice's taxable amount.
- The tax of a note is rounded once over its items and never exceeds, of any tax, what earlier notes have left
  (`credited_tax.py`). The note that takes all that is left takes all the tax that is left too, so the notes add up to
  the invoice.
- A note over the tax alone takes nothing of the lines: they can still be credited, without the tax that is gone. Its
  amount of a tax is spread over the lines that carry it, by what is left of them.
- An amount with tax is spread over the lines by what is left of them. An amount before coupons loses the line's
  coupons in proportion; what is left of all items is rounded once, and so is the tax on them.
- Money goes back up to what was paid and not given back yet; the rest of a note is credit.

Example: lines 1000 and 500 at 19 %, tax 285. Crediting 333 of the first: tax 63.27, so 63, together 396. Then
everything: 667 + 500, tax 285 - 63 = 222, together 1389; 396 + 1389 = 1785.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

from billing.rules.errors import FieldErrors, Invalid
from billing.rules.money import ZERO, allocate_minor, exact, round_half_up
from invoicing.rules.credited_tax import Left, Rates, exact_tax, rounded_tax, within


class CreditReason(StrEnum):
    """Why an invoice was too much."""

    DUPLICATED_CHARGE = "duplicated_charge"
    PRODUCT_UNSATISFACTORY = "product_unsatisfactory"
    ORDER_CHANGE = "order_change"
    ORDER_CANCELLATION = "order_cancellation"
    FRAUDULENT_CHARGE = "fraudulent_charge"
    TAX_CORRECTION = "tax_correction"
    OTHER = "other"


UNNAMED = ""
TaxLeft = int | Left  # of the one tax, or by tax


@dataclass(frozen=True)
class CreditableLine:
    """A line of an invoice: its amount, its share of the coupons, its tax rate in percent, what earlier notes have
    taken back after coupons and before tax, and the taxes that make up the rate (one without a name, if not given).
    """

    id: str
    amount_minor: int
    coupon: Decimal
    rate: Decimal
    credited_minor: int = 0
    taxes: Rates = ()

    @property
    def rates(self) -> Rates:
        """Its taxes by name."""
        return self.taxes or (((UNNAMED, self.rate),) if self.rate else ())


@dataclass(frozen=True)
class Credit:
    """A note's items {line id: minor units before tax}, its taxes {tax: minor units}, and its total. `coupons` and
    `tax_exact`: the part of the coupons that was taken off the items, and the tax, before rounding. `item_taxes`
    {line id: minor units} only on a note over the tax alone, whose items are 0.
    """

    items: dict[str, int]
    net_minor: int
    taxes: dict[str, int]
    coupons: Decimal = ZERO
    tax_exact: Decimal = ZERO
    item_taxes: dict[str, int] = field(default_factory=dict)

    @property
    def tax_minor(self) -> int:
        return sum(self.taxes.values())

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def left_of(lines: Sequence[CreditableLine]) -> dict[str, int]:
    """What can still be credited of each line, before tax."""
    with exact():
        after_coupons = [line.amount_minor - line.coupon for line in lines]
        total = int(round_half_up(sum(after_coupons, ZERO)))
    nets = allocate_minor(total, after_coupons)
    return {line.id: max(net - line.credited_minor, 0) for line, net in zip(lines, nets, strict=True)}


def credit_items(lines: Sequence[CreditableLine], wanted: Mapping[str, int], tax_left: TaxLeft) -> Credit:
    """A note over the given amounts by line, before tax. FieldErrors name the line (`line-<id>`) that has less."""
    left = left_of(lines)
    items = {key: minor for key, minor in wanted.items() if minor}
    errors = [
        (
            f"line-{key}",
            "Nothing is left of this line." if not left.get(key) else "More than is left of the line.",
        )
        for key, minor in items.items()
        if not 0 < minor <= left.get(key, 0)
    ]
    if errors:
        raise FieldErrors(errors)
    if not items:
        raise Invalid("Enter an amount for at least one line.", code="nothing_to_credit", field="items")
    return _credit(lines, items, {key: Decimal(minor) for key, minor in items.items()}, tax_left)


def credit_before_coupons(
    lines: Sequence[CreditableLine], wanted: Mapping[str, int], tax_left: TaxLeft
) -> Credit:
    """A note over amounts by line as they stand on the invoice, before their coupons."""
    by_id = {line.id: line for line in lines}
    too_much = [
        key for key, minor in wanted.items() if key not in by_id or not 0 <= minor <= by_id[key].amount_minor
    ]
    if too_much:
        raise FieldErrors([(f"line-{key}", "More than is left of the line.") for key in too_much])
    with exact():
        parts = {
            key: by_id[key].coupon * minor / by_id[key].amount_minor for key, minor in wanted.items() if minor
        }
        nets = {key: wanted[key] - part for key, part in parts.items()}
        whole = int(round_half_up(sum(nets.values(), ZERO)))
        coupons = sum(parts.values(), ZERO)
    left, shares = left_of(lines), allocate_minor(whole, list(nets.values()))
    # One unit more than is left is a matter of rounding.
    items = {
        key: left[key] if 0 < minor - left[key] <= 1 else minor
        for key, minor in zip(nets, shares, strict=True)
    }
    checked = credit_items(lines, items, tax_left)
    return replace(_credit(lines, checked.items, nets, tax_left), coupons=coupons)


def _credit(
    lines: Sequence[CreditableLine], items: dict[str, int], nets: Mapping[str, Decimal], tax_left: TaxLeft
) -> Credit:
    """A note over checked items; `nets`: what tax is taken on."""
    net, left = sum(items.values()), by_tax(tax_left)
    if net == sum(left_of(lines).values()):
        with exact():
            whole = sum(((line.amount_minor - line.coupon) * line.rate / 100 for line in lines), ZERO)
            rounding = whole - int(round_half_up(whole))
            return Credit(items, net, dict(left), tax_exact=rounding + sum(left.values()))
    rates = {line.id: line.rates for line in lines}
    taxes = exact_tax([(amount, rates[key]) for key, amount in nets.items()])
    with exact():
        tax = sum(taxes.values(), ZERO)
    return Credit(items, net, rounded_tax(taxes, left), tax_exact=tax)


def by_tax(tax_left: TaxLeft) -> Left:
    """What is left of each tax."""
    return {UNNAMED: tax_left} if isinstance(tax_left, int) else tax_left


def credit_tax(lines: Sequence[CreditableLine], wanted: Left, tax_left: TaxLeft) -> Credit:
    """A note over the tax alone, by tax. FieldErrors name the tax (`tax-<key>`) that has less."""
    left = by_tax(tax_left)
    taxes = {key: minor for key, minor in wanted.items() if minor}
    errors = [
        (f"tax-{key}", "More than is left of this tax." if left.get(key) else "Nothing is left of this tax.")
        for key, minor in taxes.items()
        if not 0 < minor <= left.get(key, 0)
    ]
    if errors:
        raise FieldErrors(errors)
    if not taxes:
        raise Invalid("Enter an amount for at least one tax.", code="nothing_to_credit", field="taxes")
    rest, found = left_of(lines), dict.fromkeys((line.id for line in lines), 0)
    for key, minor in taxes.items():
        taxed = [(line, rate) for line in lines for name, rate in line.rates if name == key and rate]
        with exact():
            weights = [rest[line.id] * rate for line, rate in taxed]
            if not any(weights):  # cents that earlier notes over the lines have left
                weights = [(line.amount_minor - line.coupon) * rate for line, rate in taxed]
        for (line, _), part in zip(taxed, allocate_minor(minor, weights), strict=True):
            found[line.id] += part
    item_taxes = {key: minor for key, minor in found.items() if minor}
    return Credit(dict.fromkeys(item_taxes, 0), 0, taxes, item_taxes=item_taxes)


def credit_everything(lines: Sequence[CreditableLine], tax_left: TaxLeft) -> Credit:
    """A note over all that is left."""
    return credit_items(lines, left_of(lines), tax_left)


def credit_total(lines: Sequence[CreditableLine], total_minor: int, tax_left: TaxLeft) -> Credit:
    """A note over an amount with tax, spread over what is left of the lines."""
    left, taxes = left_of(lines), by_tax(tax_left)
    net_left, whole_tax = sum(left.values()), sum(taxes.values())
    most = net_left + whole_tax
    if total_minor <= 0:
        raise Invalid("Must be more than 0.", field="amount")
    if total_minor > most:
        raise Invalid("More than is left of the invoice.", code="more_than_creditable", field="amount")
    if total_minor == most:
        return credit_everything(lines, tax_left)
    with exact():
        net = int(round_half_up(Decimal(total_minor) * net_left / most))
    net = max(net, total_minor - whole_tax, 1)
    parts = allocate_minor(net, [Decimal(minor) for minor in left.values()])
    items = {key: part for key, part in zip(left, parts, strict=True) if part}
    shares = {key: Decimal(minor) for key, minor in taxes.items()}
    return Credit(items, net, within(total_minor - net, shares, taxes))


def refundable(total_minor: int, received_minor: int) -> int:
    """How much of a note can go back as money; `received_minor` is what was paid and not given back yet."""
    return max(min(total_minor, received_minor), 0)
