"""A customer's dunning: what runs and what comes next, stopping and resuming it, and which campaign it has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.views.frame import find_customer
from invoicing.actions.dunning_campaigns import choose_campaign, resume_dunning, stop_dunning
from invoicing.forms.dunning import KIND_WORDS, ChoiceForm, StopForm
from invoicing.models import DunningCampaign, DunningCase
from invoicing.queries.dunning import assigned, running_chases
from invoicing.rules.dunning import foresee, next_step

CHANGES = require_http_methods(["GET", "HEAD", "POST"])


def chases(request: StaffRequest, customer: Customer, overdue: Collection[str]) -> dict[str, Any]:
    """What `customers/dunning/chases.html` shows: the chases that run for what is overdue (`overdue`: the currencies)
    and how they can be stopped. One query.
    """
    found = running_chases(customer)
    edit = may(request.member, "invoices.edit") and not customer.deleting_at
    return {
        "chases": [shown(row) for row in found if row.currency in overdue],
        "chase_stop_url": reverse("customer-dunning-stop", args=[customer]) if edit else "",
        "chase_resume_url": reverse("customer-dunning-resume", args=[customer]) if edit else "",
    }


def shown(case: DunningCase) -> dict[str, Any]:
    """One chase: how many steps were done of how many, and the next."""
    terms = case.campaign.terms
    coming = next_step(terms, case.progress)
    of = len(terms.steps)
    return {
        "case": case,
        "done": coming.number - 1 if coming else of,
        "of": of,
        "number": coming.number if coming else of,
        "what": KIND_WORDS[coming.step.kind] if coming else "",
        "stopped_at": case.stopped_at,  # type: ignore[attr-defined]
        "why": case.stopped_why,  # type: ignore[attr-defined]
        "by": case.stopped_by,  # type: ignore[attr-defined]
    }


def dunning_card(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """What the Settings tab says: the campaign in force, where it comes from, whether it is stopped. Two queries."""
    known = assigned(customer.organization, customer)
    choice = known.choices.get(customer.pk)
    own = choice.campaign if choice else None
    usual = known.by_entity.get(customer.billing_entity_id)
    present = not customer.deleting_at
    edit, hold = (may(request.member, name) and present for name in ("customers.edit", "invoices.edit"))
    return {
        "campaign": own or usual,
        "own_campaign": own is not None,
        "usual_campaign": usual,
        "dunning_stopped": choice if choice and choice.stopped_at else None,
        "dunning_url": reverse("customer-dunning", args=[customer]) if edit else "",
        "chase_stop_url": reverse("customer-dunning-stop", args=[customer]) if hold else "",
        "chase_resume_url": reverse("customer-dunning-resume", args=[customer]) if hold else "",
    }


@CHANGES
@access("customers.edit")
def choose(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer in which a customer gets a campaign of its own."""
    customer = find_customer(request, id)
    known = assigned(request.organization, customer)
    choice, usual = known.choices.get(customer.pk), known.by_entity.get(customer.billing_entity_id)
    rows = list(DunningCampaign.objects.of(request.organization).kept().order_by("name", "pk"))
    own = choice.campaign if choice else None
    form = ChoiceForm(
        request.POST if request.method == "POST" else None,
        campaigns=rows,
        usual=usual.name if usual else "none",
        chosen=own.public_id if own else "",
    )
    page = reverse("customer-settings", args=[customer])
    if request.method == "POST" and form.is_valid():
        picked = next((row for row in rows if row.public_id == form.cleaned_data["campaign"]), None)
        try:
            choose_campaign(customer, picked, by=request.actor, at=now(request.organization))
            return done(request, page, "Dunning campaign saved.")
        except BillingError as error:
            add_error(form, error)
    context = {"customer": customer, "form": form, "page_url": page}
    status = 422 if form.errors else 200
    return render_page(request, "customers/dunning/choose.html", context, partials=("drawer",), status=status)


@CHANGES
@access("invoices.edit")
def stop(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog that stops it, after saying what would have come."""
    customer = find_customer(request, id)
    at = now(request.organization)
    form = StopForm(request.POST if request.method == "POST" else None)
    page = reverse("customer", args=[customer])
    if request.method == "POST" and form.is_valid():
        try:
            stop_dunning(customer, reason=form.cleaned_data["reason"], by=request.actor, at=at)
            return done(request, page, "This customer is not chased any more.")
        except BillingError as error:
            add_error(form, error)
    context = {
        "customer": customer,
        "form": form,
        "page_url": page,
        "coming": [left(row, at) for row in running_chases(customer)],
    }
    status = 422 if form.errors else 200
    return render_page(request, "customers/dunning/stop.html", context, partials=("dialog",), status=status)


def left(case: DunningCase, at: datetime) -> dict[str, Any]:
    """The steps that would have come."""
    terms = case.campaign.terms
    steps = foresee(terms, case.progress, at.date())
    return {"case": case, "steps": [{"on": row.on, "what": KIND_WORDS[row.step.kind]} for row in steps]}


@require_POST
@access("invoices.edit")
def resume(request: StaffRequest, id: UUID) -> HttpResponse:
    """It is chased again."""
    customer = find_customer(request, id)
    resume_dunning(customer, by=request.actor, at=now(request.organization))
    page = reverse("customer", args=[customer])
    return done(request, page, "This customer is chased again from the next nine o'clock on.")
