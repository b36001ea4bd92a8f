"""Catalogue rows as the API answers them: camelCase, amounts in major units, prefixed ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

from django.db.models import Prefetch, QuerySet

from billing.models import Charge, ChargePrice, Coupon, FixedCharge, Metric, Plan, PlanPrice, Tax
from billing.queries.advance_preview import EventFee
from billing.queries.charge_preview import Example
from billing.queries.shapes_catalog import (
    ChargeFilterOut,
    ChargeOut,
    ChargePriceOut,
    CommitmentOut,
    CouponOut,
    EventFeesOut,
    FixedChargeOut,
    MetricOut,
    PlanOut,
    PlanPriceOut,
    PriceExampleOut,
    Stamps,
    StepOut,
    TaxOut,
)
from billing.rules.charges.base import Step
from billing.rules.ids import encode
from billing.rules.money import from_minor
from billing.rules.tax_category import category_of


def milliseconds(value: datetime | None) -> datetime | None:
    """A moment in whole milliseconds."""
    return value and whole(value)


def whole(value: datetime) -> datetime:
    """The same for a moment that there always is."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def stamps(row: Any) -> Stamps:
    """When a row was made and last changed."""
    return {"createdAt": whole(row.created_at), "updatedAt": whole(row.updated_at)}


def metric_payload(metric: Metric) -> MetricOut:
    """A billable metric."""
    return {
        "id": metric.public_id,
        "name": metric.name,
        "code": metric.code,
        "description": metric.description,
        "aggregationType": metric.aggregation,
        "fieldName": metric.field_name or None,
        "expression": metric.expression or None,
        "filters": metric.filters,
        "recurring": metric.recurring,
        "roundingFunction": metric.rounding or None,
        "roundingPrecision": metric.rounding_precision if metric.rounding else None,
        **stamps(metric),
    }


def tax_payload(tax: Tax) -> TaxOut:
    """A tax; `rate` in percent."""
    return {
        "id": tax.public_id,
        "name": tax.name,
        "code": tax.code,
        "rate": plain(tax.rate),
        "description": tax.description,
        "appliedByDefault": tax.applied_by_default,
        "category": category_of(tax.category, tax.rate),
        "exemptionCode": tax.exemption_code or None,
        "exemptionReason": tax.exemption_reason or None,
        **stamps(tax),
    }


def charge_payload(charge: Charge) -> ChargeOut:
    """A charge of `full_charges`."""
    return {
        "id": charge.public_id,
        "planId": charge.plan.public_id,
        "billableMetricId": charge.metric.public_id,
        "metricCode": charge.metric.code,
        "chargeModel": charge.charge_model,
        "properties": charge.properties,
        "filters": [known_filter(row) for row in charge.filters],
        "groupKeys": charge.group_keys,
        "prorated": charge.prorated,
        "payInAdvance": charge.pay_in_advance,
        "invoiceable": charge.invoiceable,
        "minAmount": from_minor(charge.min_amount_minor, charge.plan.currency),
        "invoiceDisplayName": charge.invoice_display_name,
        "prices": [charge_price_payload(row) for row in charge.prices.all()],
        "taxCodes": sorted(tax.code for tax in charge.taxes.all()),
        **stamps(charge),
    }


def filter_payload(row: Mapping[str, Any] | None) -> ChargeFilterOut | None:
    """A charge's filter; without its properties when only which one it was is known. No values of a key: all."""
    return None if row is None else known_filter(row)


def known_filter(row: Mapping[str, Any]) -> ChargeFilterOut:
    """The same for one that there is."""
    payload: ChargeFilterOut = {"values": row["values"], "invoiceDisplayName": row["invoice_display_name"]}
    if "properties" in row:
        payload["properties"] = row["properties"]
    return payload


def charge_price_payload(row: ChargePrice) -> ChargePriceOut:
    """What a charge costs in another currency than the plan's own."""
    payload: ChargePriceOut = {
        "currency": row.currency,
        "properties": row.properties,
        "minAmount": from_minor(row.min_amount_minor, row.currency),
    }
    if row.filters:
        payload["filters"] = row.filters
    return payload


def full_charges(rows: QuerySet[Charge]) -> QuerySet[Charge]:
    """Charges with everything that their payload shows."""
    return rows.select_related("metric", "plan").prefetch_related("taxes", "prices")


def full_plans(rows: QuerySet[Plan]) -> QuerySet[Plan]:
    """Plans with everything that their payload shows."""
    charges = full_charges(Charge.objects.kept())
    fixed = full_fixed(FixedCharge.objects.kept())
    return rows.prefetch_related(
        "taxes",
        "prices",
        Prefetch("charges", charges, to_attr="kept_charges"),
        Prefetch("fixed_charges", fixed, to_attr="kept_fixed"),
    )


def full_fixed(rows: QuerySet[FixedCharge]) -> QuerySet[FixedCharge]:
    """Fixed charges with everything that their payload shows."""
    return rows.select_related("add_on", "plan").prefetch_related("taxes", "prices")


def fixed_payload(row: FixedCharge) -> FixedChargeOut:
    """A fixed charge of `full_fixed`."""
    return {
        "id": row.public_id,
        "planId": row.plan.public_id,
        "addOnId": row.add_on.public_id,
        "addOnCode": row.add_on.code,
        "chargeModel": row.charge_model,
        "properties": row.properties,
        "units": plain(row.units),
        "payInAdvance": row.pay_in_advance,
        "prorated": row.prorated,
        "invoiceDisplayName": row.invoice_display_name,
        "prices": [
            {"currency": price.currency, "properties": price.properties} for price in row.prices.all()
        ],
        "taxCodes": sorted(tax.code for tax in row.taxes.all()),
        **stamps(row),
    }


def own_price(plan: Plan) -> PlanPrice:
    """The price in the plan's own currency, in the shape of the others; it is no row, and has the plan's key."""
    return PlanPrice(
        id=plan.pk,
        plan=plan,
        currency=plan.currency,
        amount_minor=plan.amount_minor,
        commitment_minor=plan.commitment_minor,
    )


def price_payload(price: PlanPrice) -> PlanPriceOut:
    """What a period costs in a currency."""
    least = price.commitment_minor
    return {
        "id": price.public_id,
        "planId": encode("pln", price.plan_id),
        "currency": price.currency,
        "amount": from_minor(price.amount_minor, price.currency),
        "minimumCommitment": from_minor(least, price.currency) if least else None,
    }


def plan_payload(plan: Plan) -> PlanOut:
    """A plan of `full_plans`."""
    amount = from_minor(plan.amount_minor, plan.currency)
    rows = plan.kept_charges  # type: ignore[attr-defined]
    return {
        "id": plan.public_id,
        "name": plan.name,
        "code": plan.code,
        "description": plan.description,
        "invoiceDisplayName": plan.invoice_display_name,
        "billingInterval": plan.interval,
        "interval": plan.interval,
        "amount": amount,
        "currency": plan.currency,
        "prices": [price_payload(price) for price in (own_price(plan), *plan.prices.all())],
        "payInAdvance": plan.pay_in_advance,
        "trialDays": plan.trial_days,
        "billChargesMonthly": plan.bill_charges_monthly,
        "billFixedChargesMonthly": plan.bill_fixed_charges_monthly,
        "minimumCommitment": commitment_payload(plan),
        "features": plan.features,
        "priceVersion": plan.price_version,
        "active": plan.active,
        "isActive": plan.active,
        "taxCodes": sorted(tax.code for tax in plan.taxes.all()),
        "charges": [charge_payload(charge) for charge in rows],
        "fixedCharges": [fixed_payload(row) for row in plan.kept_fixed],  # type: ignore[attr-defined]
        **stamps(plan),
    }


def commitment_payload(plan: Plan) -> CommitmentOut | None:
    """What a period brings at the least, if anything is promised."""
    if not plan.commitment_minor:
        return None
    return {
        "amount": from_minor(plan.commitment_minor, plan.currency),
        "invoiceDisplayName": plan.commitment_display_name,
    }


def coupon_status(coupon: Coupon, at: datetime) -> str:
    """active, expired or terminated, as of a moment."""
    if coupon.terminated_at is not None:
        return "terminated"
    return "expired" if coupon.expires_at is not None and coupon.expires_at <= at else "active"


def coupon_payload(coupon: Coupon, at: datetime) -> CouponOut:
    """A coupon; `amount` in major units for fixed ones, `percentage` for the others. Two queries unless its plans and
    metrics are loaded.
    """
    fixed = coupon.amount_minor is not None
    plans, metrics = ([row.code for row in rows.all()] for rows in (coupon.plans, coupon.metrics))
    return {
        "id": coupon.public_id,
        "name": coupon.name,
        "code": coupon.code,
        "description": coupon.description,
        "couponType": coupon.kind,
        "amount": from_minor(coupon.amount_minor, coupon.currency) if fixed else None,  # type: ignore[arg-type]
        "currency": coupon.currency or None,
        "percentage": None if coupon.percentage is None else plain(coupon.percentage),
        "frequency": coupon.frequency,
        "periods": coupon.periods,
        "reusable": coupon.reusable,
        "limitedPlans": bool(plans),
        "planCodes": sorted(plans),
        "limitedBillableMetrics": bool(metrics),
        "billableMetricCodes": sorted(metrics),
        "expiresAt": milliseconds(coupon.expires_at),
        "status": coupon_status(coupon, at),
        "terminatedAt": milliseconds(coupon.terminated_at),
        **stamps(coupon),
    }


def plain(value: Decimal) -> Decimal:
    """Without padding zeros and without an exponent: 20.0000 -> 20."""
    return Decimal(f"{value.normalize():f}")


def step_payload(step: Step) -> StepOut:
    """One row of a calculation, in major units; what does not apply is left out."""
    values = {
        "kind": step.kind,
        "label": step.label,
        "units": step.units,
        "unitAmount": step.unit_amount,
        "rate": step.rate,
        "flatAmount": step.flat_amount,
        "fromValue": step.from_value,
        "toValue": step.to_value,
        "amount": step.amount,
    }
    return cast(StepOut, {name: value for name, value in values.items() if value is not None})


def event_fees_payload(fees: Sequence[EventFee], currency: str) -> EventFeesOut:
    """The worked fees of events in advance, with their sum."""
    return {
        "amount": from_minor(sum(fee.amount_minor for fee in fees), currency),
        "currency": currency,
        "units": sum((fee.units for fee in fees), Decimal(0)),
        "events": [
            {
                "value": fee.value,
                "units": fee.units,
                "amount": from_minor(fee.amount_minor, currency),
                "steps": [step_payload(step) for step in fee.steps],
            }
            for fee in fees
        ],
    }


def example_payload(example: Example) -> PriceExampleOut:
    """A worked price."""
    return {
        "amount": from_minor(example.amount_minor, example.currency),
        "currency": example.currency,
        "units": example.units,
        "steps": [step_payload(step) for step in example.steps],
    }
