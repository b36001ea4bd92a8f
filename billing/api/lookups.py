"""How the catalogue's routes find rows and read bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from django.http import Http404, HttpRequest

from billing.models import Organization, Tax
from billing.orm.scoped import Kept
from billing.rules.amounts import exact_minor
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.money import exponent
from billing.web.api import ApiRequest, ApiSchema


def by_id_or_code(request: HttpRequest, model: type[Kept], ref: str) -> Any:
    """The organization's kept row with this id (any spelling) or, failing that, this code; else 404."""
    rows = model.objects.of(cast(ApiRequest, request).organization).kept()
    key = decode(model.PREFIX, ref)
    found = rows.filter(pk=key).first() if key else None
    found = found or rows.filter(code=ref).first()
    if found is None:
        raise Http404(f"No such {model._meta.verbose_name}.")
    return found


def columns(body: ApiSchema, renamed: Mapping[str, str]) -> dict[str, Any]:
    """The fields that were sent, by column."""
    return {renamed.get(name, name): getattr(body, name) for name in body.model_fields_set}


def refuse_null(values: Mapping[str, Any], renamed: Mapping[str, str], allowed: Sequence[str] = ()) -> None:
    """Raise at the first field that was sent as null although it must have a value."""
    sent = {column: name for name, column in renamed.items()}
    for name, value in values.items():
        if value is None and name not in allowed:
            raise Invalid("Must not be null.", field=sent.get(name, name))


def minor(amount: Decimal, currency: str, field: str) -> int:
    """Major units to minor units, exact; an unknown currency is named before the amount."""
    exponent(currency)
    return exact_minor(amount, currency, field=field)


def taxes_of(organization: Organization, codes: Sequence[str], field: str = "tax_codes") -> list[Tax]:
    """The taxes with these codes; an unknown one is refused by name."""
    return rows_of(Tax, organization, codes, field)


def rows_of(model: type[Kept], organization: Organization, codes: Sequence[str], field: str) -> list[Any]:
    """The organization's kept rows with these codes; an unknown one is refused by name."""
    rows: list[Any] = list(model.objects.of(organization).kept().filter(code__in=codes))
    missing = sorted(set(codes) - {row.code for row in rows})
    if missing:
        raise Invalid(f"There is no {model._meta.verbose_name} {missing[0]}.", code="unknown", field=field)
    return rows
