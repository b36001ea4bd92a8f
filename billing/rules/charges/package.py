"""Package: units are sold in packages; a begun package costs as much as a full one.

Law: packages = ceil((units - free units) / package size), total = packages x amount.
Example: 121 units, 10 free, packages of 10 at 100: 111 units, 12 packages, 1,200.
"""

from dataclasses import dataclass
from decimal import Decimal

from billing.rules.charges.base import ChargeModel, Priced, Properties, Step, Usage, units_word
from billing.rules.charges.reading import Reader, number_out
from billing.rules.money import ZERO


@dataclass(frozen=True)
class Package:
    """`amount`: price of one package of `package_size` units; the first `free_units` cost nothing."""

    amount: Decimal
    package_size: int
    free_units: int


def parse(properties: Properties) -> Package:
    reader = Reader(properties)
    params = Package(
        amount=reader.amount("amount"),
        package_size=reader.count("packageSize", minimum=1),
        free_units=reader.count("freeUnits", minimum=0, default=0),
    )
    reader.done()
    return params


def serialize(params: Package) -> Properties:
    return {
        "amount": number_out(params.amount),
        "packageSize": params.package_size,
        "freeUnits": params.free_units,
    }


def packages_for(units: Decimal, package_size: int) -> Decimal:
    """Packages needed for `units` (>= 0), a begun one counted whole."""
    whole, rest = divmod(units, package_size)
    return whole + 1 if rest else whole


def compute(params: Package, usage: Usage) -> Priced:
    free = min(usage.units, Decimal(params.free_units))
    packages = packages_for(usage.units - free, params.package_size)
    steps: list[Step] = []
    if params.free_units:
        label = f"First {units_word(Decimal(params.free_units))} free"
        steps.append(Step(kind="free", label=label, units=free, amount=ZERO))
    steps.append(
        Step(
            kind="package",
            label=f"Packages of {units_word(Decimal(params.package_size))}",
            units=packages,
            unit_amount=params.amount,
            amount=packages * params.amount,
        )
    )
    return Priced.of(*steps)


MODEL = ChargeModel("package", "Package", parse, serialize, compute)
