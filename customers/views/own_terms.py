"""Terms of one subscription: agreeing on them, changing them, giving them up."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.own_terms import agree_on
from billing.models import Subscription
from billing.queries.own_terms import own_differences
from billing.queries.schedules import customer_zone
from billing.queries.versions import frozen_book
from billing.rules.errors import BillingError, Conflict
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.formats import day_text, zone_of
from billing.web.htmx import done, render_page
from billing.web.once import claimed
from billing.web.price_words import difference_rows
from billing.web.requests import StaffRequest
from customers.forms.own_terms import FollowForm, OwnPricesForm
from customers.views.effects import shown_effect
from customers.views.find import subscription_or_404
from invoicing.actions.effects import effect_of_terms
from invoicing.actions.units import next_period_at


@access("subscriptions.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """A drawer, or a page without JavaScript. With `act=look` it only says what the terms would do."""
    row = subscription_or_404(request, id)
    if row.is_ended:
        raise Conflict("This subscription has ended.", code="subscription_ended")
    at, data = now(request.organization), request.POST if request.method == "POST" else None
    prices = OwnPricesForm(data, book=frozen_book(row.plan, row.price_version), currency=row.currency)
    form = FollowForm(data, subscription=row, next_on=next_day(row))
    looking, effect = request.POST.get("act") == "look", None
    own = prices.own()
    if own is not None and form.is_valid():
        try:
            if not looking:
                text = "Nothing has changed."
                with claimed(form) as first:
                    if first:
                        changed = agree_on(row, own, follow=form.chosen, by=request.actor, at=at)
                        if changed.price_version != row.price_version:
                            text = "It has terms of its own."
                return done(request, reverse("subscription-plan", args=[row]), text)
            effect = effect_of_terms(row, own, follow=form.chosen, by=request.actor, at=at)
        except BillingError as error:
            add_error(form, error)
    wrong = bool(form.errors) or prices.wrong
    context = {"subscription": row, "form": form, "prices": prices, "wrong": wrong}
    context |= {"tz": customer_zone(row.customer), "back": reverse("subscription-plan", args=[row])}
    context |= shown_effect(lambda: effect) if effect else {}
    return render_page(
        request,
        "customers/subscriptions/own_terms.html",
        context,
        partials=("drawer", "terms-effect"),
        status=422 if wrong and not looking else 200,
    )


@access("subscriptions.edit")
def give_up(request: StaffRequest, id: UUID) -> HttpResponse:
    """What giving the terms up means, and doing it. With `act=look` it only says what it would do."""
    row = subscription_or_404(request, id)
    if row.is_ended or not row.has_own_terms:
        raise Conflict("It has no terms of its own.", code="no_own_terms")
    at, data = now(request.organization), request.POST if request.method == "POST" else None
    form = FollowForm(data, subscription=row, next_on=next_day(row))
    looking = request.POST.get("act") == "look"
    if form.is_bound and form.is_valid() and not looking:
        try:
            with claimed(form) as first:
                if first:
                    agree_on(row, None, follow=form.chosen, by=request.actor, at=at)
            text = f"It pays what {row.plan.name} says."
            return done(request, reverse("subscription-plan", args=[row]), text)
        except BillingError as error:
            add_error(form, error)
    context = {"subscription": row, "form": form, "tz": customer_zone(row.customer)}
    context |= {"own_rows": difference_rows(own_differences(row), row.currency)}
    context |= {"back": reverse("subscription-plan", args=[row])}
    if not form.errors:
        context |= shown_effect(
            lambda: effect_of_terms(row, None, follow=form.chosen, by=request.actor, at=at)
        )
    return render_page(
        request,
        "customers/subscriptions/own_terms_end.html",
        context,
        partials=("drawer", "terms-effect"),
        status=422 if form.errors and not looking else 200,
    )


def next_day(row: Subscription) -> str:
    """The first day of its next period; empty for one that has not begun."""
    begins = next_period_at(row) if row.is_live else None
    return day_text(begins.astimezone(zone_of(customer_zone(row.customer))).date()) if begins else ""
