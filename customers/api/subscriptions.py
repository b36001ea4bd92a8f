"""/api/subscriptions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, cast

from django.db import transaction
from django.http import HttpRequest
from ninja import Field, Query, Router
from pydantic import AliasChoices, AwareDatetime

from billing.actions.clock import now
from billing.actions.own_terms import agree_on
from billing.actions.pauses import pause_subscription
from billing.actions.subscription_terms import cancel_at_period_end, keep_subscription, update_subscription
from billing.actions.subscriptions import cancel_pending
from billing.actions.thresholds import set_subscription_thresholds
from billing.models import Plan, Subscription
from billing.queries.payloads_own_terms import with_own_terms
from billing.queries.payloads_subscriptions import subscription_payload, with_changes
from billing.queries.shapes import OwnSubscriptionOut, SubscriptionOut
from billing.queries.terms import price_book
from billing.queries.versions import frozen_book
from billing.rules.errors import Invalid
from billing.rules.ids import decode
from billing.rules.states import SubscriptionStatus
from billing.rules.words import Words, id_of, word_of
from billing.web.api import ApiRequest, ApiSchema, envelope, named, plain_json
from billing.web.api_lists import ListQuery, listed
from billing.web.plan_overrides import PlanOverridesIn, own_terms, thresholds_of, trial_of
from billing.web.shapes import Listing, Object
from customers.actions.assign import assign_plan, currency_for
from customers.models import Customer
from invoicing.actions.pauses import resume_subscription
from invoicing.actions.plan_changes import keep_plan
from invoicing.actions.termination import terminate_subscription
from invoicing.rules.termination import Ending, OnTermination

THRESHOLDS = "plan_overrides.usage_thresholds"
STATUS_WORDS = {"cancelled": "canceled", "pastdue": "past_due", "trial": "trialing"}
SUBSCRIPTION_SORTS = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "startedAt": "started_at",
    "endingAt": "ending_at",
    "nextBillingAt": "next_billing_at",
    "status": "status",
    "externalId": "external_id",
    "name": "name",
}
router = Router(tags=["Subscriptions"])


class SubscriptionIn(ApiSchema):
    """A plan for a customer. `planId` takes a plan's id or code."""

    customer_id: str
    plan_id: str
    currency: str | None = None
    external_id: str = Field("", max_length=255)
    name: str = Field("", max_length=200)
    billing_time: str = "calendar"
    start_date: AwareDatetime | None = None
    ending_at: AwareDatetime | None = None
    trial_days: int | None = Field(None, ge=0, le=3650)
    separate_invoice: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict, max_length=50)
    plan_overrides: PlanOverridesIn | None = None


class Filters(ListQuery):
    """What a list can be narrowed to; `status` in any case, `cancelled` too."""

    SORTS: ClassVar = SUBSCRIPTION_SORTS

    customer_id: str | None = None
    plan_id: str | None = None
    status: Annotated[str | None, Words(*SubscriptionStatus)] = None


class SubscriptionChange(ApiSchema):
    """What may change while it runs. `endingAt` null: it runs until it is ended. `planOverrides` null: it pays what
    its plan says; `overridesFrom` (now, renewal): from its running period on or from the next one.
    """

    name: str = Field("", max_length=200)
    ending_at: AwareDatetime | None = None
    separate_invoice: bool = False
    metadata: dict[str, Any] = Field(default_factory=dict, max_length=50)
    plan_overrides: PlanOverridesIn | None = None
    overrides_from: str = "now"


class PauseIn(ApiSchema):
    """Since now, until it is resumed or `resumesAt` has come."""

    resumes_at: AwareDatetime | None = Field(
        default=None, validation_alias=AliasChoices("resumesAt", "resumeAt", "resumes_at")
    )
    reason: str = Field(default="", max_length=500)


class CancelIn(ApiSchema):
    """Ending at the end of the running period, or now."""

    reason: str = Field(default="", max_length=500)
    cancel_at_period_end: bool = Field(
        default=False,
        validation_alias=AliasChoices("cancelAtPeriodEnd", "cancel_at_period_end", "atPeriodEnd"),
    )


class TerminateIn(ApiSchema):
    """Ending now: with a closing invoice or without one; days paid in advance as credit, as money, off their own
    invoice, or not given back.
    """

    reason: str = Field(default="", max_length=500)
    invoice: Literal["generate", "skip"] = Field(
        default="generate", validation_alias=AliasChoices("onTerminationInvoice", "invoice")
    )
    credit_note: OnTermination = Field(
        default=OnTermination.CREDIT,
        validation_alias=AliasChoices("onTerminationCreditNote", "creditNote", "credit_note"),
    )


def rows_of(request: ApiRequest) -> Any:
    """The organization's subscriptions with what their payload needs."""
    rows = Subscription.objects.of(request.organization)
    return with_changes(rows.select_related("plan", "customer__billing_entity", "organization"))


def find_plan(request: ApiRequest, reference: str) -> Plan:
    """A plan by id or code; Invalid names the field."""
    plans = Plan.objects.of(request.organization).kept()
    key = decode("pln", reference)
    plan = plans.filter(pk=key).first() if key else plans.filter(code=reference).first()
    if plan is None:
        raise Invalid("There is no such plan.", code="plan_not_found", field="plan_id")
    return cast(Plan, plan)


def find_customer(request: ApiRequest, reference: str) -> Customer:
    """A customer that is not deleted; Invalid names the field."""
    key = decode("cust", reference)
    customer = Customer.objects.of(request.organization).present().filter(pk=key).first() if key else None
    if customer is None:
        raise Invalid("There is no such customer.", code="customer_not_found", field="customer_id")
    return cast(Customer, customer)


@router.get("")
def list_subscriptions(request: HttpRequest, filters: Query[Filters]) -> Listing[SubscriptionOut]:
    """Newest first. `planId` takes an id or a code."""
    rows = rows_of(cast(ApiRequest, request))
    if filters.customer_id:
        rows = rows.filter(customer_id=id_of("cust", filters.customer_id, "customer_id"))
    if filters.plan_id:
        key = decode("pln", filters.plan_id)
        rows = rows.filter(plan_id=key) if key else rows.filter(plan__code=filters.plan_id)
    if filters.status:
        rows = rows.filter(status=word_of(filters.status, SubscriptionStatus, "status", STATUS_WORDS))
    return listed(request, rows, subscription_payload, filters)


@router.post("", response={201: dict[str, Any]})
def create_subscription(request: HttpRequest, body: SubscriptionIn) -> tuple[int, Object[OwnSubscriptionOut]]:
    """Assign a plan: the subscription starts now, then, or in the past."""
    staff = cast(ApiRequest, request)
    plan = find_plan(staff, body.plan_id)
    if body.billing_time not in {"calendar", "anniversary"}:
        raise Invalid("Use calendar or anniversary.", field="billing_time")
    customer = find_customer(staff, body.customer_id)
    agreed: dict[str, Any] = {}
    if body.plan_overrides is not None:
        book = price_book(plan)
        currency = currency_for(customer, book, (body.currency or "").upper())
        agreed["own"] = own_terms(body.plan_overrides, book, currency)
        agreed["thresholds"] = thresholds_of(body.plan_overrides, currency)
    renamed = {"subscription_at": "start_date", "plan": "plan_id", "thresholds": THRESHOLDS}
    with named(**renamed):
        row = assign_plan(
            customer,
            plan,
            currency=(body.currency or "").upper(),
            external_id=body.external_id,
            name=body.name,
            billing_time=body.billing_time,
            subscription_at=body.start_date,
            ending_at=body.ending_at,
            trial_days=trial_of(body.plan_overrides, body.trial_days),
            separate_invoice=body.separate_invoice,
            metadata=plain_json(body.metadata),
            **agreed,
            by=staff.actor,
            at=now(staff.organization),
        )
    return 201, answer(staff, row.public_id)


@router.get("/{id}")
def get_subscription(request: HttpRequest, id: str) -> Object[OwnSubscriptionOut]:
    """One subscription."""
    return answer(cast(ApiRequest, request), id)


@router.patch("/{id}")
def update(request: HttpRequest, id: str, body: SubscriptionChange) -> Object[OwnSubscriptionOut]:
    """Change the given fields only."""
    staff = cast(ApiRequest, request)
    given = body.model_dump(exclude_unset=True, exclude={"plan_overrides", "overrides_from"})
    if "metadata" in given:
        given["metadata"] = plain_json(given["metadata"])
    with transaction.atomic():
        row = update_subscription(row_of(staff, id), given, by=staff.actor, at=now(staff.organization))
        if "plan_overrides" in body.model_fields_set:
            change_overrides(staff, row, body)
    return answer(staff, id)


def change_overrides(request: ApiRequest, row: Subscription, body: SubscriptionChange) -> None:
    """Agree on other terms with a subscription, or give up those that it has."""
    told: dict[str, Any] = {"by": request.actor, "at": now(request.organization)}
    if body.plan_overrides is None:
        agree_on(row, None, follow=body.overrides_from, **told)
        return
    if body.plan_overrides.trial_days is not None:
        text = "The trial is agreed on when a subscription is made."
        raise Invalid(text, field="plan_overrides.trial_days")
    own = own_terms(body.plan_overrides, frozen_book(row.plan, row.price_version), row.currency)
    thresholds = thresholds_of(body.plan_overrides, row.currency)
    agree_on(row, own, follow=body.overrides_from, **told)
    if thresholds is not None:
        on = row.progressive_billing
        with named(thresholds=THRESHOLDS):
            set_subscription_thresholds(row, thresholds, progressive_billing=on, **told)


@router.post("/{id}/cancel")
def cancel(request: HttpRequest, id: str, body: CancelIn | None = None) -> Object[OwnSubscriptionOut]:
    """The customer wants out: at the end of the running period, or now with its closing bill. One that has not
    started is called off.
    """
    staff, wish = cast(ApiRequest, request), body or CancelIn()
    row = row_of(staff, id)
    told: dict[str, Any] = {"reason": wish.reason, "by": staff.actor, "at": now(staff.organization)}
    if row.takes_over_at is not None:
        keep_plan(cast(Subscription, row.previous), by=staff.actor, at=told["at"])
    elif row.status == SubscriptionStatus.PENDING.value:
        cancel_pending(row, **told)
    elif wish.cancel_at_period_end:
        cancel_at_period_end(row, **told)
    else:
        terminate_subscription(row, canceled=True, **told)
    return answer(staff, id)


@router.post("/{id}/keep")
def keep(request: HttpRequest, id: str) -> Object[OwnSubscriptionOut]:
    """Take back a cancellation at the end of the period."""
    staff = cast(ApiRequest, request)
    keep_subscription(row_of(staff, id), by=staff.actor, at=now(staff.organization))
    return answer(staff, id)


@router.post("/{id}/terminate")
def terminate(request: HttpRequest, id: str, body: TerminateIn | None = None) -> Object[OwnSubscriptionOut]:
    """End it now with its closing bill; one that has not started is called off."""
    staff, wish = cast(ApiRequest, request), body or TerminateIn()
    row = row_of(staff, id)
    told: dict[str, Any] = {"reason": wish.reason, "by": staff.actor, "at": now(staff.organization)}
    if row.takes_over_at is not None:
        keep_plan(cast(Subscription, row.previous), by=staff.actor, at=told["at"])
    elif row.status == SubscriptionStatus.PENDING.value:
        cancel_pending(row, **told)
    else:
        terminate_subscription(row, Ending(wish.invoice == "generate", wish.credit_note), **told)
    return answer(staff, id)


@router.post("/{id}/pause")
def pause(request: HttpRequest, id: str, body: PauseIn | None = None) -> Object[OwnSubscriptionOut]:
    """Nothing is billed from now on, until it is resumed."""
    staff, wish = cast(ApiRequest, request), body or PauseIn()
    told: dict[str, Any] = {"reason": wish.reason, "by": staff.actor, "at": now(staff.organization)}
    pause_subscription(row_of(staff, id), resumes_at=wish.resumes_at, **told)
    return answer(staff, id)


@router.post("/{id}/resume")
def resume(request: HttpRequest, id: str) -> Object[OwnSubscriptionOut]:
    """It goes on now: what ended meanwhile is billed, paused days are given back."""
    staff = cast(ApiRequest, request)
    resume_subscription(row_of(staff, id), by=staff.actor, at=now(staff.organization))
    return answer(staff, id)


def row_of(request: ApiRequest, reference: str) -> Subscription:
    """The organization's subscription, or 404."""
    return cast(Subscription, rows_of(request).by_public_id(reference))


def answer(request: ApiRequest, reference: str) -> Object[OwnSubscriptionOut]:
    """The subscription as it is now."""
    row = row_of(request, reference)
    return envelope(with_own_terms(row))
