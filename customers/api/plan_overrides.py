"""What is agreed with one subscription instead of its plan's prices, as the API takes and answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Field
from pydantic import AliasChoices, StrictInt

from billing.actions.thresholds import ThresholdTerms
from billing.api.charges import FilterIn
from billing.api.lookups import minor, taxes_of
from billing.models import Subscription
from billing.queries.own_terms import OwnCharge, OwnFixed, OwnTerms, own_differences
from billing.queries.payloads_versions import difference_payload
from billing.queries.terms import PriceBook
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema


class LeastIn(ApiSchema):
    """What a period brings at the least, in major units."""

    amount: Decimal
    invoice_display_name: str | None = Field(None, max_length=200)


class OwnChargeIn(ApiSchema):
    """A charge of the plan by id, or by its metric's code: its model stays. Filters are named by their values."""

    id: str | None = Field(None, validation_alias=AliasChoices("id", "chargeId", "charge_id"))
    metric_code: str | None = None
    properties: dict[str, Any] | None = None
    min_amount: Decimal | None = None
    filters: list[FilterIn] = Field(default_factory=list)


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


@dataclass(frozen=True)
class Overrides:
    """A body as the actions take it."""

    own: OwnTerms
    thresholds: list[ThresholdTerms] | None
    trial_days: int | None


def overrides_of(request: ApiRequest, body: PlanOverridesIn, book: PriceBook, currency: str) -> Overrides:
    """From major to minor units of the subscription's currency; `book` names the charges. Invalid names the field."""
    least, amount = body.minimum_commitment, body.amount
    promised, name = None, None
    if "minimum_commitment" in body.model_fields_set:
        promised = minor(least.amount, currency, "minimum_commitment.amount") if least else 0
        name = least.invoice_display_name if least else None
    taxes = body.tax_codes
    if taxes is not None:
        taxes = [tax.code for tax in taxes_of(request.organization, taxes)]
    own = OwnTerms(
        None if amount is None else minor(amount, currency, "amount"),
        promised,
        body.invoice_display_name,
        name,
        taxes,
        own_charges(body.charges, book, currency),
        own_fixed(body.fixed_charges, book),
    )
    rows = body.usage_thresholds
    thresholds = None
    if rows is not None:
        thresholds = [
            ThresholdTerms(
                minor(row.amount, currency, f"usage_thresholds[{at}].amount"), row.name, row.recurring
            )
            for at, row in enumerate(rows)
        ]
    return Overrides(own, thresholds, body.trial_days)


def own_charges(rows: Sequence[OwnChargeIn], book: PriceBook, currency: str) -> dict[UUID, OwnCharge]:
    """{charge: what it costs}, each named once."""
    known = [(row.pk, row.metric.code) for row in book.charges]
    found: dict[UUID, OwnCharge] = {}
    for at, row in enumerate(rows):
        path = f"charges[{at}]"
        key = chosen(row.id and decode("chg", row.id), row.metric_code, known, path, "metric_code")
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
        key = chosen(row.id and decode("fxc", row.id), row.add_on, known, path, "add_on")
        if key in found:
            raise Invalid("This fixed charge is named twice.", field=path)
        found[key] = OwnFixed(row.properties, row.units)
    return found


def chosen(key: Any, code: str | None, known: Sequence[tuple[UUID, str]], path: str, name: str) -> UUID:
    """The charge that a row names: by its key, or by a code that only one has."""
    if key is not None:
        if key not in {one for one, _ in known}:
            raise Invalid("The plan has no such charge.", code="unknown", field=f"{path}.id")
        return key
    found = [one for one, other in known if other == code]
    if len(found) == 1:
        return found[0]
    text = "Several charges have it: send the id." if found else "The plan has no such charge."
    raise Invalid(text, code="unknown", field=f"{path}.{name}")


def with_overrides(payload: Mapping[str, Any], row: Subscription) -> dict[str, Any]:
    """The payload of one subscription with what it pays otherwise than its plan says (null: nothing is agreed)."""
    own = row.has_own_terms
    return {
        **payload,
        "planOverrides": [difference_payload(one) for one in own_differences(row)] if own else None,
    }
