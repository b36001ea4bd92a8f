"""A plan's prices in other currencies: add one, change it, sell in it no more."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.plan_prices import add_price, remove_price, update_price
from billing.actions.price_versions import Unconfirmed
from billing.forms.plan_price import PriceForm
from billing.models import Plan, PlanPrice, Subscription
from billing.rules.errors import BillingError
from billing.views.plan_frame import find_plan
from billing.views.price_changes import ask, follow_of, saved, seen_by
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest

FIELD_OF = {"amount_minor": "amount", "commitment_minor": "commitment"}


def find_price(plan: Plan, currency: str) -> PlanPrice:
    """The plan's price in another currency; else 404."""
    found = plan.prices.filter(currency=currency.upper()).first()
    if found is None:
        raise Http404("No such price.")
    found.plan = plan
    return found


@access("catalog.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """A price in one more currency."""
    return page(request, find_plan(request, id), None)


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID, currency: str) -> HttpResponse:
    """What the plan costs in a currency."""
    plan = find_plan(request, id)
    return page(request, plan, find_price(plan, currency))


def page(request: StaffRequest, plan: Plan, price: PlanPrice | None) -> HttpResponse:
    """Show the form, or save it."""
    form = PriceForm(request.POST if request.method == "POST" else None, plan=plan, price=price)
    here, at = reverse("plan", args=[plan.public_id]), now(request.organization)
    again = request.POST.get("do") == "back"  # from the question who follows: what was typed, to go on with
    if request.method == "POST" and not again and (terms := form.terms()):
        try:
            if price is None:
                add_price(plan, terms, by=request.actor, at=at)
                return done(request, here, f"{plan.name} has a price in {terms.currency}.")
            with seen_by(request, plan):
                price = update_price(price, terms, follow=follow_of(request), by=request.actor, at=at)
            return done(request, *saved(price.plan, f"The price in {price.currency} was saved."))
        except Unconfirmed as error:
            return ask(request, plan, error, here)
        except BillingError as error:
            add_error(form, error, FIELD_OF)
    wrong = bool(form.errors) or any(row.errors for row in form.charges)
    context = {"plan": plan, "price": price, "form": form, "wrong": wrong, "cancel": here}
    return render_page(request, "billing/plans/price_form.html", context, status=422 if wrong else 200)


@access("catalog.edit")
def remove(request: StaffRequest, id: UUID, currency: str) -> HttpResponse:
    """What removing a currency would do, and doing it."""
    plan = find_plan(request, id)
    price = find_price(plan, currency)
    here, refusal = reverse("plan", args=[plan.public_id]), ""
    if request.method == "POST":
        try:
            remove_price(price, by=request.actor, at=now(request.organization))
            return done(request, here, f"{plan.name} is no longer sold in {price.currency}.")
        except BillingError as error:
            refusal = str(error)
    used = Subscription.objects.filter(plan=plan, currency=price.currency).count()
    context = {"plan": plan, "price": price, "used": used, "refusal": refusal, "cancel": here}
    status = 422 if refusal else 200
    return render_page(
        request, "billing/plans/price_remove.html", context, partials=("dialog",), status=status
    )
