"""/api/analytics: the figures of the first page."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from ninja import Field, Query, Router

from billing.actions.clock import now
from billing.rules.errors import Invalid
from billing.rules.money import CURRENCIES
from billing.web.api import ApiRequest, ApiSchema, envelope
from billing.web.shapes import Object
from customers.queries.analytics import (
    ChurnOut,
    CustomersOut,
    PaymentsOut,
    RecurringOut,
    RevenueOut,
    SubscriptionsOut,
    churn_figures,
    customer_figures,
    payment_figures,
    recurring_figures,
    revenue_figures,
    subscription_figures,
)
from customers.queries.home import Home, home

router = Router(tags=["Analytics"])


class InCurrency(ApiSchema):
    """Sums are of one currency; nothing is converted."""

    currency: str = Field("", description="Else the organization's own, or the one with most documents.")


def figures(request: HttpRequest) -> tuple[Home, datetime]:
    """The first page's figures now."""
    organization = cast(ApiRequest, request).organization
    at = now(organization)
    return home(organization, at), at


def chosen(request: HttpRequest, found: Home, query: InCurrency) -> str:
    """The currency that was asked for, else that of the first page's charts. Raises Invalid for one that is none."""
    asked = query.currency.strip().upper()
    if asked and asked not in CURRENCIES:
        raise Invalid("This is no currency: use a code such as EUR.", field="currency")
    return asked or found.main_currency(cast(ApiRequest, request).organization.default_currency)


def month_start(request: HttpRequest, found: Home) -> datetime:
    """When the running month began, in the organization's time zone."""
    day = found.today
    return datetime(day.year, day.month, 1, tzinfo=ZoneInfo(cast(ApiRequest, request).organization.timezone))


@router.get("/revenue")
def get_revenue(request: HttpRequest, query: Query[InCurrency]) -> Object[RevenueOut]:
    """What was invoiced and received in the last twelve months."""
    found, _ = figures(request)
    return envelope(revenue_figures(found, chosen(request, found, query)))


@router.get("/subscriptions")
def get_subscription_figures(request: HttpRequest) -> Object[SubscriptionsOut]:
    """How many subscriptions there are, by state."""
    found, _ = figures(request)
    organization = cast(ApiRequest, request).organization
    return envelope(subscription_figures(organization, found, month_start(request, found)))


@router.get("/customers")
def get_customer_figures(request: HttpRequest, query: Query[InCurrency]) -> Object[CustomersOut]:
    """How many customers there are, and what one that pays brings a month."""
    found, _ = figures(request)
    organization, currency = cast(ApiRequest, request).organization, chosen(request, found, query)
    return envelope(customer_figures(organization, found, currency, month_start(request, found)))


@router.get("/payments")
def get_payment_figures(request: HttpRequest, query: Query[InCurrency]) -> Object[PaymentsOut]:
    """What came, what failed, and what is owed."""
    found, _ = figures(request)
    currency = chosen(request, found, query)
    return envelope(payment_figures(cast(ApiRequest, request).organization, found, currency))


@router.get("/mrr")
def get_recurring_revenue(request: HttpRequest, query: Query[InCurrency]) -> Object[RecurringOut]:
    """Monthly recurring revenue, and how it moved in the last twelve months."""
    found, at = figures(request)
    currency = chosen(request, found, query)
    return envelope(recurring_figures(cast(ApiRequest, request).organization, found, currency, at))


@router.get("/churn")
def get_churn(request: HttpRequest, query: Query[InCurrency]) -> Object[ChurnOut]:
    """Recurring revenue that was lost, by month."""
    found, at = figures(request)
    currency = chosen(request, found, query)
    return envelope(churn_figures(cast(ApiRequest, request).organization, found, currency, at))
