"""What is agreed with one subscription instead of its plan's prices, as the API takes and answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from ninja import Field
from pydantic import AliasChoices, StrictInt

from billing.actions.thresholds import ThresholdTerms
from billing.queries.own_terms import OwnCharge, OwnFixed, OwnTerms
from billing.queries.terms import PriceBook
from billing.rules.amounts import exact_minor
from billing.rules.errors import BillingError, FieldErrors, Invalid
from billing.rules.ids import decode
from billing.web.api import ApiSchema

FIELD = "plan_overrides"


class LeastIn(ApiSchema):
    """What a period brings at the least, in major units."""

    amount: Decimal
    invoice_display_name: str | None = Field(None, max_length=200)


class OwnFilterIn(ApiSchema):
    """The price of one filter of a charge, told by its values."""

    values: dict[str, list[str] | None]
    properties: dict[str, Any]


class OwnChargeIn(ApiSchema):
    """A charge of the plan by id, or by its metric's code: its model stays. Filters are named by their values."""

    id: str | None = Field(None, validation_alias=AliasChoices("id", "chargeId", "charge_id"))
    metric_code: str | None = None
    properties: dict[str, Any] | None = None
    min_amount: Decimal | None = None
    filters: list[OwnFilterIn] = Field(default_factory=list)


class OwnFixedIn(ApiSchema):
    """A fixed charge of the plan by id, or by its add-on's code. `units`: from the start of a new subscription on."""

    id: str | None = Field(None, validation_alias=AliasChoices("id", "fixedChargeId", "fixed_charge_id"))
    add_on: str | None = Field(
        None, validation_alias=AliasChoices("addOn", "addOnCode", "add_on", "add_on_code")
    )
    properties: dict[str, Any] | None = None
    units: Decimal | None = None


class OwnThresholdIn(ApiSchema):
    """An amount of usage in major units, without tax."""

    amount: Decimal = Field(gt=0)
    name: str = Field("", max_length=100)
    recurring: bool = False


class PlanOverridesIn(ApiSchema):
    """What is left out stays as it is. A `minimumCommitment` of null: nothing is promised. An empty list of
    `taxCodes`: those of the customer. `trialDays` of a new subscription only.
    """

    amount: Decimal | None = None
    invoice_display_name: str | None = Field(
        None,
        max_length=200,
        validation_alias=AliasChoices("invoiceDisplayName", "invoice_display_name", "name"),
    )
    trial_days: StrictInt | None = Field(
        None,
        ge=0,
        le=3650,
        validation_alias=AliasChoices("trialDays", "trial_days", "trialPeriod", "trial_period"),
    )
    minimum_commitment: LeastIn | None = None
    tax_codes: list[str] | None = None
    charges: list[OwnChargeIn] = Field(default_factory=list)
    fixed_charges: list[OwnFixedIn] = Field(default_factory=list)
    usage_thresholds: list[OwnThresholdIn] | None = Field(None, max_length=20)


@contextmanager
def under(path: str) -> Iterator[None]:
    """Errors under the field that holds the overrides."""
    try:
        yield
    except FieldErrors as error:
        raise FieldErrors(
            [(f"{path}.{name}", text) for name, text in error.errors], code=error.code
        ) from error
    except BillingError as error:
        error.field = f"{path}.{error.field}"
        raise


def own_of(body: PlanOverridesIn) -> Callable[[PriceBook, str], OwnTerms]:
    """What is agreed, once the plan's prices and the subscription's currency are known."""
    return partial(own_terms, body)


def own_terms(body: PlanOverridesIn, book: PriceBook, currency: str) -> OwnTerms:
    """From major to minor units of the subscription's currency; `book` names the charges. Invalid names the field."""
    book.check(currency)
    with under(FIELD):
        least, amount = body.minimum_commitment, body.amount
        promised, name = None, None
        if "minimum_commitment" in body.model_fields_set:
            promised = minor(least.amount, currency, "minimum_commitment.amount") if least else 0
            name = least.invoice_display_name if least else None
        return OwnTerms(
            None if amount is None else minor(amount, currency, "amount"),
            promised,
            body.invoice_display_name,
            name,
            body.tax_codes,
            own_charges(body.charges, book, currency),
            own_fixed(body.fixed_charges, book),
        )


def trial_of(body: PlanOverridesIn | None, trial_days: int | None) -> int | None:
    """The trial of a new subscription, which the overrides may say instead."""
    if body is None or body.trial_days is None:
        return trial_days
    if trial_days is not None:
        raise Invalid("Send it once.", field="trial_days")
    return body.trial_days


def minor(amount: Decimal, currency: str, field: str) -> int:
    """Major to minor units, exact."""
    return exact_minor(amount, currency, field=field)


def thresholds_of(body: PlanOverridesIn, currency: str) -> list[ThresholdTerms] | None:
    """Thresholds in minor units; None: as before."""
    if body.usage_thresholds is None:
        return None
    path = f"{FIELD}.usage_thresholds"
    return [
        ThresholdTerms(minor(row.amount, currency, f"{path}[{at}].amount"), row.name, row.recurring)
        for at, row in enumerate(body.usage_thresholds)
    ]


def own_charges(rows: Sequence[OwnChargeIn], book: PriceBook, currency: str) -> dict[UUID, OwnCharge]:
    """{charge: what it costs}, each named once."""
    known = [(row.pk, row.metric.code) for row in book.charges]
    found: dict[UUID, OwnCharge] = {}
    for at, row in enumerate(rows):
        path = f"charges[{at}]"
        key = chosen("chg", row.id, (row.metric_code, "metric_code"), known, path)
        if key in found:
            raise Invalid("This charge is named twice.", field=path)
        least = None if row.min_amount is None else minor(row.min_amount, currency, f"{path}.min_amount")
        filters = [{"values": one.values, "properties": one.properties} for one in row.filters]
        found[key] = OwnCharge(row.properties, least, filters)
    return found


def own_fixed(rows: Sequence[OwnFixedIn], book: PriceBook) -> dict[UUID, OwnFixed]:
    """{fixed charge: what it costs}, each named once."""
    known = [(row.pk, row.add_on.code) for row in book.fixed.rows]
    found: dict[UUID, OwnFixed] = {}
    for at, row in enumerate(rows):
        path = f"fixed_charges[{at}]"
        key = chosen("fxc", row.id, (row.add_on, "add_on"), known, path)
        if key in found:
            raise Invalid("This fixed charge is named twice.", field=path)
        found[key] = OwnFixed(row.properties, row.units)
    return found


def chosen(
    prefix: str,
    reference: str | None,
    named: tuple[str | None, str],
    known: Sequence[tuple[UUID, str]],
    path: str,
) -> UUID:
    """The charge that a row names: by its id, or by a code (and its field) that only one has."""
    code, name = named
    if reference is not None:
        key = decode(prefix, reference)
        if key is None or key not in {one for one, _ in known}:
            raise Invalid("The plan has no such charge.", code="unknown", field=f"{path}.id")
        return key
    found = [one for one, other in known if other == code]
    if len(found) == 1:
        return found[0]
    text = "Several charges have it: send the id." if found else "The plan has no such charge."
    raise Invalid(text, code="unknown", field=f"{path}.{name}")
