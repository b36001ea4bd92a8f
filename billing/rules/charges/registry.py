"""All charge models by the name that is stored and sent.

Law: `model.parse(model.serialize(params)) == params` for every model here, and the total of a
price is the sum of its steps.

Example: `price("standard", {"amount": "2"}, Usage(Decimal(3))).total == 6`.
"""

from typing import Any

from billing.rules.charges import (
    dynamic,
    graduated,
    graduated_percentage,
    package,
    percentage,
    standard,
    volume,
)
from billing.rules.charges.base import ChargeModel, Priced, Properties, Usage
from billing.rules.errors import Invalid

CHARGE_MODELS: dict[str, ChargeModel[Any]] = {
    module.MODEL.name: module.MODEL
    for module in (
        standard,
        graduated,
        package,
        percentage,
        volume,
        graduated_percentage,
        dynamic,
    )
}


def charge_model(name: str) -> ChargeModel[Any]:
    """The model called `name`. Raises Invalid (field chargeModel) when there is none."""
    try:
        return CHARGE_MODELS[name]
    except KeyError:
        known = ", ".join(CHARGE_MODELS)
        raise Invalid(f"Must be one of {known}.", code="unknown_charge_model", field="chargeModel") from None


def price(name: str, properties: Properties, usage: Usage) -> Priced:
    """Parse `properties` and price `usage` with the model `name`."""
    model = charge_model(name)
    return model.price(model.parse(properties), usage)
