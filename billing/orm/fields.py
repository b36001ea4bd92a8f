"""Column kinds that every app's models share."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Context, Decimal
from typing import Any

import uuid_utils
from django.core.exceptions import ValidationError
from django.db import models

from billing.rules.money import is_currency

# Wider than any column: the thread's own context would round a number of more than 28 digits.
WIDE = Context(prec=100)


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and ordered by time so that indexes stay compact."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def first_id(at: datetime) -> uuid.UUID:
    """The least id that `new_id` can have made at this moment: older rows are those below it."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def check_currency(code: str) -> None:
    """Form-level check that a code is an ISO 4217 currency."""
    if not is_currency(code):
        raise ValidationError("Use an ISO 4217 currency code such as EUR.", code="currency")


class CurrencyField(models.CharField):
    """ISO 4217 code, three upper-case letters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["max_length"] = 3
        kwargs.setdefault("validators", [check_currency])
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("max_length", None)
        kwargs.pop("validators", None)
        return name, path, args, kwargs


class MinorField(models.BigIntegerField):
    """An amount of money in the currency's minor unit (cents, or whole yen)."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("default", 0)
        super().__init__(**kwargs)


class ExactField(models.DecimalField):
    """An exact decimal for unit prices, quantities and credits: 40 digits, 15 of them after the point."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 40)
        kwargs.setdefault("decimal_places", 15)
        super().__init__(**kwargs)

    def from_db_value(self, value: Decimal | None, expression: Any, connection: Any) -> Decimal | None:
        """Drop the padding zeros that the column's scale adds, so that 5 reads as 5."""
        if value is None:
            return None
        plain = value.normalize(WIDE)
        return plain.quantize(Decimal(1), context=WIDE) if plain.as_tuple().exponent > 0 else plain  # type: ignore[operator]
