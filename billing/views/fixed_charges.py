"""A plan's fixed charges: add one, change it, take it out."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.fixed_charges import add_fixed, remove_fixed, update_fixed
from billing.actions.price_versions import Unconfirmed
from billing.forms.fixed_charge import FixedChargeForm, place, read, tier_rows, typed_tiers
from billing.models import AddOn, FixedCharge, Plan
from billing.queries.catalog_use import plan_use
from billing.rules.errors import BillingError
from billing.views.plan_frame import find_plan
from billing.views.price_changes import ask, follow_of, saved, seen_by
from billing.web.access import access
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest


def find_fixed(plan: Plan, fixed: UUID) -> FixedCharge:
    """The plan's fixed charge; else 404."""
    found = plan.fixed_charges.kept().select_related("add_on").filter(pk=fixed).first()
    if found is None:
        raise Http404("No such fixed charge.")
    found.plan = plan
    return found


@access("catalog.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """One more of a plan."""
    return page(request, find_plan(request, id), None)


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID, fixed: UUID) -> HttpResponse:
    """One of a plan."""
    plan = find_plan(request, id)
    return page(request, plan, find_fixed(plan, fixed))


def page(request: StaffRequest, plan: Plan, row: FixedCharge | None) -> HttpResponse:
    """Show the form (also after another model was chosen), or save it."""
    data = request.POST if request.method == "POST" else None
    form, tiers = FixedChargeForm(data, plan=plan, row=row), tier_rows(data, row)
    here, at = reverse("plan", args=[plan.public_id]), now(request.organization)
    looking = data is None or bool(data.get("do"))
    if not looking and (terms := read(form, tiers)):
        try:
            with seen_by(request, plan):
                follow = follow_of(request)
                if row is None:
                    plan = add_fixed(plan, terms, follow=follow, by=request.actor, at=at).plan
                    text = f"{plan.name} includes {terms.add_on.name}."
                else:
                    plan = update_fixed(row, terms, follow=follow, by=request.actor, at=at).plan
                    text = "The fixed charge was saved."
            return done(request, *saved(plan, text))
        except Unconfirmed as error:
            return ask(request, plan, error, here)
        except BillingError as error:
            place(form, tiers, error)
    if data is not None and data.get("do"):
        # Another model: what was typed stays, nothing is judged yet.
        typed = {name: data.get(name) for name in form.fields if name in data}
        form.initial = {
            **form.initial,
            **typed,
            "prorated": "prorated" in data,
            "taxes": data.getlist("taxes"),
        }
        form.is_bound = False
        tiers = typed_tiers(data)
    context = {
        "plan": plan,
        "row": row,
        "form": form,
        "tiers": tiers,
        "tiered": form.model != "standard",
        "use": plan_use(plan),
        "add_ons": AddOn.objects.of(request.organization).kept().exists(),
        "action": request.path,
        "cancel": here,
    }
    return render_page(
        request,
        "billing/plans/fixed_form.html",
        context,
        partials=("drawer",),
        status=200 if looking else 422,
    )


@access("catalog.edit")
def remove(request: StaffRequest, id: UUID, fixed: UUID) -> HttpResponse:
    """What taking it out means, and doing it."""
    plan = find_plan(request, id)
    row = find_fixed(plan, fixed)
    here = reverse("plan", args=[plan.public_id])
    if request.method == "POST":
        try:
            with seen_by(request, plan):
                plan = remove_fixed(
                    row, follow=follow_of(request), by=request.actor, at=now(request.organization)
                )
            return done(request, *saved(plan, f"{plan.name} no longer includes {row.add_on.name}."))
        except Unconfirmed as error:
            return ask(request, plan, error, here)
    context = {"plan": plan, "row": row, "use": plan_use(plan), "action": request.path, "cancel": here}
    return render_page(request, "billing/plans/fixed_remove.html", context, partials=("dialog",))
