"""Money: whole minor units of one ISO 4217 currency, and the one way to round to them.

Laws.
- A stored amount is an integer number of minor units: 1234 EUR is 12.34, 1234 JPY is 1234,
  1234 KWD is 1.234. Binary floating point never takes part.
- Rounding is half away from zero: 0.125 -> 0.13, -0.125 -> -0.13; it happens once per line.
- Splitting loses nothing: `allocate(Money(1000, "EUR"), [1, 1, 1])` is 334, 333, 333.
- All decimal arithmetic of the rules runs in `CONTEXT` (50 digits), not in whatever context the
  calling thread happens to have: `with exact():`.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext

from billing.rules.errors import Invalid

CONTEXT = Context(prec=50, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero, Overflow])
_SETTLED = Context(prec=40, rounding=ROUND_HALF_UP)

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
    CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
    MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
    RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
    USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG"""
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

# ISO 4217, active currencies that an amount can be billed in (no metals, no test codes).
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    **dict.fromkeys(_FOUR_DECIMALS.split(), 4),
}
CURRENCIES: frozenset[str] = frozenset(EXPONENTS)
ZERO = Decimal(0)


def exact() -> AbstractContextManager[Context]:
    """`with exact():` runs the block in the decimal context of the rules (50 digits, half up)."""
    return localcontext(CONTEXT)


def is_currency(code: str) -> bool:
    """Whether `code` is an active ISO 4217 currency that can be billed in (upper case)."""
    return code in CURRENCIES


def exponent(currency: str) -> int:
    """Decimals of the minor unit: EUR 2, JPY 0, KWD 3. Raises Invalid for an unknown code."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise Invalid(
            f"{currency!r} is not an ISO 4217 currency.", code="unknown_currency", field="currency"
        ) from None


def round_half_up(value: Decimal, places: int = 0) -> Decimal:
    """Round half away from zero; `places` may be negative (1250 at -2 is 1300)."""
    with exact():
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) + ZERO


def settled(value: Decimal) -> Decimal:
    """A sum of fractions without the dust of their last digits, so that 1/3 + 2/3 is 1: 40 digits of the 50."""
    return _SETTLED.plus(value)


def to_minor(amount: Decimal, currency: str) -> int:
    """Major units to whole minor units, half away from zero: 12.345 EUR -> 1235."""
    with exact():
        return int(amount.scaleb(exponent(currency)).to_integral_value(rounding=ROUND_HALF_UP))


def from_minor(minor: int, currency: str) -> Decimal:
    """Minor units to major units, exact, with the currency's decimals: 1230 EUR -> Decimal("12.30")."""
    with exact():
        return Decimal(minor).scaleb(-exponent(currency))


@dataclass(frozen=True)
class Money:
    """Whole minor units of one currency. Sums and comparisons of two currencies raise Invalid."""

    minor: int
    currency: str

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise Invalid(f"{self.currency} and {other.currency} do not mix.", code="currency_mismatch")
        return other.minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    @property
    def major(self) -> Decimal:
        """The amount in major units, exact."""
        return from_minor(self.minor, self.currency)

    @classmethod
    def of(cls, amount: Decimal, currency: str) -> "Money":
        """Money from major units, rounded half away from zero."""
        return cls(to_minor(amount, currency), currency)


def allocate_minor(total: int, weights: Sequence[Decimal | int]) -> list[int]:
    """Split `total` in proportion to `weights` by largest remainder; the parts sum to `total`.

    Ties go to the earlier part. All weights zero counts as equal weights. Weights must not be
    negative; no weights at all is only allowed for a total of 0.
    """
    exact_weights = [Decimal(weight) for weight in weights]
    if any(weight < 0 for weight in exact_weights):
        raise Invalid("Weights must not be negative.")
    if not exact_weights:
        if total:
            raise Invalid("There is nothing to spread the amount over.")
        return []
    # Integer weights make the division exact whatever their size.
    scale = max(0, *(-int(weight.as_tuple().exponent) for weight in exact_weights))
    whole = [int(weight.scaleb(scale, CONTEXT)) for weight in exact_weights]
    if not any(whole):
        whole = [1] * len(whole)
    size, sign, sum_of_weights = abs(total), 1 if total >= 0 else -1, sum(whole)
    parts = [size * weight // sum_of_weights for weight in whole]
    by_remainder = sorted(range(len(whole)), key=lambda i: (-(size * whole[i] % sum_of_weights), i))
    for i in by_remainder[: size - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def allocate(money: Money, weights: Sequence[Decimal | int]) -> list[Money]:
    """`allocate_minor` on Money: `allocate(Money(1000, "EUR"), [1, 1, 1])` -> 334, 333, 333."""
    return [Money(part, money.currency) for part in allocate_minor(money.minor, weights)]
