"""POST /api/invoices/preview: the invoices that planned subscriptions would bring. Nothing is written."""

from __future__ import annotations

from typing import Any, Literal, cast
from zoneinfo import available_timezones

from django.apps import apps
from django.http import HttpRequest
from ninja import Field, Router
from pydantic import AliasChoices, AwareDatetime

from billing.actions.clock import now
from billing.models import Coupon, Plan, Subscription, Tax
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.plan_overrides import PlanOverridesIn, own_of, trial_of, under
from billing.web.shapes import Object
from invoicing.actions.invoice_preview import Planned, preview_invoices
from invoicing.queries.payloads_coming import coming_payload
from invoicing.queries.shapes import ComingInvoicesOut

router = Router(tags=["Invoices"])


class BuyerIn(ApiSchema):
    """One who is no customer yet. `taxCodes`: without them the usual taxes apply."""

    name: str = Field("", max_length=200)
    currency: str = Field("", max_length=3)
    country: str = Field("", max_length=2)
    timezone: str = Field("", max_length=64)
    customer_type: Literal["", "business", "consumer", "unknown"] = Field(
        "", validation_alias=AliasChoices("customerType", "customer_type", "type")
    )
    tax_codes: list[str] = Field(default_factory=list, max_length=20)


class PlannedIn(ApiSchema):
    """A subscription to come: a plan by id or code."""

    plan_id: str = Field(validation_alias=AliasChoices("planId", "planCode", "plan_id", "plan_code"))
    start_date: AwareDatetime | None = Field(
        None, validation_alias=AliasChoices("startDate", "subscriptionAt", "start_date", "subscription_at")
    )
    ending_at: AwareDatetime | None = None
    billing_time: Literal["calendar", "anniversary"] = "calendar"
    trial_days: int | None = Field(None, ge=0, le=3650)
    name: str = Field("", max_length=200)
    separate_invoice: bool = False
    plan_overrides: PlanOverridesIn | None = None


class InvoicePreviewIn(ApiSchema):
    """`customerId` or `customer`; `subscriptions` that are planned, or one as `planId` with its dates;
    `subscriptionIds` of those that run (id or external id); `coupons` by id or code.
    """

    customer_id: str | None = None
    customer: BuyerIn | None = None
    subscriptions: list[PlannedIn] = Field(default_factory=list, max_length=20)
    plan_id: str | None = Field(
        None, validation_alias=AliasChoices("planId", "planCode", "plan_id", "plan_code")
    )
    start_date: AwareDatetime | None = Field(
        None, validation_alias=AliasChoices("startDate", "subscriptionAt", "start_date", "subscription_at")
    )
    billing_time: Literal["calendar", "anniversary"] = "calendar"
    plan_overrides: PlanOverridesIn | None = None
    subscription_ids: list[str] = Field(default_factory=list, max_length=20)
    coupons: list[str] = Field(default_factory=list, max_length=20)


@router.post("")
def preview(request: HttpRequest, body: InvoicePreviewIn) -> Object[ComingInvoicesOut]:
    """The invoices at the start of each subscription and at the end of its first period (of its running one, where it
    runs already), with their dates and periods, if nothing is used until then.
    """
    staff = cast(ApiRequest, request)
    customer = buyer_of(staff, body)
    planned = [planned_of(staff, one, f"subscriptions[{index}]") for index, one in enumerate(all_of(body))]
    running = [running_of(staff, customer, reference) for reference in body.subscription_ids]
    coupons = [coupon_of(staff, reference) for reference in body.coupons]
    found = preview_invoices(
        staff.organization,
        customer,
        planned,
        running=running,
        coupons=coupons,
        by=staff.actor,
        at=now(staff.organization),
    )
    return envelope({"invoices": [coming_payload(item) for item in found]})


def all_of(body: InvoicePreviewIn) -> list[PlannedIn]:
    """The planned subscriptions, also one that is named by its plan alone."""
    if body.plan_id is None:
        if body.plan_overrides is not None:
            raise Invalid("Send them with the plan that they are for.", field="plan_overrides")
        return body.subscriptions
    alone = {"planId": body.plan_id, "startDate": body.start_date, "billingTime": body.billing_time}
    return [
        PlannedIn.model_validate(alone).model_copy(update={"plan_overrides": body.plan_overrides}),
        *body.subscriptions,
    ]


def buyer_of(request: ApiRequest, body: InvoicePreviewIn) -> Any:
    """The customer that is named, or the columns of one that is none."""
    if (body.customer_id is None) == (body.customer is None):
        raise Invalid("Send either customerId or customer.", field="customer_id")
    if body.customer is not None:
        given = body.customer.model_dump()
        codes = given.pop("tax_codes")
        taxes = {row.code: row for row in Tax.objects.of(request.organization).kept().filter(code__in=codes)}
        for index, code in enumerate(codes):
            if code not in taxes:
                raise Invalid(f"There is no tax {code}.", field=f"customer.tax_codes[{index}]")
        values = {name: value for name, value in given.items() if value}
        if values.get("timezone", "UTC") not in available_timezones():
            raise Invalid("There is no such timezone.", field="customer.timezone")
        for name in ("currency", "country"):
            if name in values:
                values[name] = values[name].upper()
        return values | {"taxes": list(taxes.values())}
    reference = body.customer_id or ""
    rows = apps.get_model("customers", "Customer").objects.of(request.organization).present()
    key = decode("cust", reference)
    found = rows.filter(pk=key).first() if key else rows.filter(external_id=reference).first()
    if found is None:
        raise Invalid("There is no such customer.", code="customer_not_found", field="customer_id")
    return found


def planned_of(request: ApiRequest, one: PlannedIn, path: str) -> Planned:
    """The planned subscription with its plan, and what is agreed instead of the plan's."""
    plans = Plan.objects.of(request.organization).kept()
    key = decode("pln", one.plan_id)
    plan = plans.filter(pk=key).first() if key else plans.filter(code=one.plan_id).first()
    if plan is None:
        raise Invalid("There is no such plan.", code="plan_not_found", field=f"{path}.plan_id")
    with under(path):
        trial = trial_of(one.plan_overrides, one.trial_days)
    return Planned(
        cast(Plan, plan),
        starts_at=one.start_date,
        ending_at=one.ending_at,
        billing_time=one.billing_time,
        trial_days=trial,
        name=one.name,
        separate_invoice=one.separate_invoice,
        own=own_of(one.plan_overrides) if one.plan_overrides else None,
    )


def running_of(request: ApiRequest, customer: Any, reference: str) -> Subscription:
    """A subscription of the customer that has not ended."""
    rows = Subscription.objects.of(request.organization).filter(customer=getattr(customer, "pk", None))
    key = decode("sub", reference)
    rows = rows.filter(pk=key) if key else rows.filter(external_id=reference)
    row = rows.select_related("plan", "customer__billing_entity").order_by("-created_at").first()
    if row is None or row.is_ended:
        raise Invalid("The customer has no such subscription that runs.", field="subscription_ids")
    return cast(Subscription, row)


def coupon_of(request: ApiRequest, reference: str) -> Coupon:
    """A coupon by id or code."""
    rows = Coupon.objects.of(request.organization).kept()
    key = decode(Coupon.PREFIX, reference)
    found = rows.filter(pk=key).first() if key else rows.filter(code=reference).first()
    if found is None:
        raise Invalid("There is no such coupon.", code="coupon_not_found", field="coupons")
    return cast(Coupon, found)
