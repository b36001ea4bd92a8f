"""The page on which staff set prices: a plan with its charges, and the worked example beside each.

Works without JavaScript: the buttons that add and remove rows are submit buttons named `do`, answered by the
same page with what was typed. With JavaScript they swap the partial `charges`, and the worked example is
computed while one types, by the rule that bills.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.actions.plans import create_plan, update_plan
from billing.actions.price_versions import Unconfirmed
from billing.forms.charge import ChargeEditor
from billing.forms.charge_fields import Shelf
from billing.forms.charge_rows import Row, new_row, read_charges, row_of
from billing.forms.plan import FIELD_OF, MONTHLY, PlanForm
from billing.models import Charge, Plan
from billing.queries.catalog_use import PlanUse, plan_use
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.money import CURRENCIES
from billing.views.plan_frame import find_plan
from billing.views.price_changes import ask, follow_of, saved, seen_by
from billing.views.pricing import worked
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest

_DO = re.compile(
    r"(add-charge|remove-charge|add-tier|remove-tier|model|add-filter|remove-filter|add-filter-tier|remove-filter-tier)"
    r"(?::(\d+))?(?::(\d+))?(?::(\d+))?$"
)
_CHARGE_ERROR = re.compile(r"charges\[(\d+)\]\.(.*)$")
TYPED = tuple(name for name in PlanForm.base_fields if name != "taxes")


@access("catalog.edit")
def add(request: StaffRequest) -> HttpResponse:
    """A new plan."""
    return page(request, title="Add a plan", submit="Create plan", busy="Creating…")


@access("catalog.edit")
def duplicate(request: StaffRequest, id: UUID) -> HttpResponse:
    """A new plan that starts as a copy of this one; nothing is written before it is sent."""
    plan = find_plan(request, id)
    return page(request, source=plan, title=f"Copy of {plan.name}", submit="Create plan", busy="Creating…")


@access("catalog.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """An existing plan."""
    plan = find_plan(request, id)
    return page(request, plan=plan, title=f"Edit {plan.name}", submit="Save changes", busy="Saving…")


def page(
    request: StaffRequest, *, plan: Plan | None = None, source: Plan | None = None, **words: str
) -> HttpResponse:
    """Show the form, change its rows, or save it."""
    shelf = Shelf.of(request.organization)
    use = plan_use(plan) if plan else None
    options: dict[str, Any] = {
        "organization": request.organization,
        "taxes": shelf.taxes,
        "plan": plan or source,
        "copy": source is not None,
        "locked": bool(use and use.ever),
    }
    stored = charges_of(plan or source)
    kept = stored if plan else []
    state = {"plan": plan, "source": source, "use": use, "shelf": shelf, "stored": kept} | words
    if request.method != "POST":
        form = PlanForm(**options)
        rows = [row_of(charge, charge.plan.currency) for charge in stored]
        if source is not None:
            rows = [row | {"id": ""} for row in rows]
        return answer(request, form, editors(rows, shelf, form.currency_now), state)
    rows = read_charges(request.POST)
    if request.POST.get("do"):
        form = PlanForm(**options)
        form.initial = {**form.initial, **typed(request.POST)}
        rows = rearranged(rows, request.POST["do"])
        return answer(request, form, editors(rows, shelf, form.currency_now), state)
    form = PlanForm(request.POST, **options)
    return save(request, form, editors(rows, shelf, form.currency_now, checked=True), plan, state)


def charges_of(plan: Plan | None) -> list[Charge]:
    """The kept charges of a plan, with what their rows need."""
    if plan is None:
        return []
    return list(plan.charges.kept().select_related("metric", "plan").prefetch_related("taxes"))


def editors(rows: list[Row], shelf: Shelf, currency: str, checked: bool = False) -> list[ChargeEditor]:
    """One editor per row."""
    return [
        ChargeEditor(index, row, shelf, currency=currency, checked=checked) for index, row in enumerate(rows)
    ]


def typed(data: QueryDict) -> dict[str, Any]:
    """What has been typed into the plan's own fields; locked ones are not sent and keep their value."""
    values: dict[str, Any] = {name: data[name] for name in TYPED if name in data}
    if "interval" in data:  # an empty box is not sent
        values |= {name: name in data for name in MONTHLY}
    return values | {"taxes": data.getlist("taxes")}


def rearranged(rows: list[Row], do: str) -> list[Row]:
    """The rows after a button that adds or removes one. A button that makes no sense changes nothing."""
    found = _DO.match(do)
    if found is None:
        return rows
    verb = found[1]
    charge, second, third = (int(found[at] or -1) for at in (2, 3, 4))
    if verb == "add-charge":
        return [*rows, new_row() | {"autofocus": True}]
    if not 0 <= charge < len(rows):
        return rows
    row = rows[charge]
    filters: list[Row] = row.setdefault("filters", [])
    if verb == "remove-charge":
        del rows[charge]
    elif verb == "add-filter":
        filters.append({"tiers": [dict(tier) for tier in row["tiers"]], "autofocus": True})
    elif verb == "remove-filter" and 0 <= second < len(filters):
        del filters[second]
    elif verb.endswith("filter-tier") and 0 <= second < len(filters):
        change_tiers(filters[second], verb, third)
    elif verb in {"add-tier", "remove-tier"}:
        change_tiers(row, verb, second)
    return rows


def change_tiers(row: Row, verb: str, tier: int) -> None:
    """One tier more, or one less; the last one stays."""
    if verb.startswith("add"):
        if row["tiers"]:
            row["tiers"][-1]["autofocus"] = True
        row["tiers"].append({})
    elif 0 <= tier < len(row["tiers"]) > 1:
        del row["tiers"][tier]


def save(
    request: StaffRequest,
    form: PlanForm,
    charges: list[ChargeEditor],
    plan: Plan | None,
    state: dict[str, Any],
) -> HttpResponse:
    """Write the plan, or show every problem at its cell."""
    checked = [editor.check() for editor in charges]
    if form.is_valid() and all(checked):
        terms = [editor.terms for editor in charges if editor.terms]
        taxes, at = form.chosen_taxes(), now(request.organization)
        try:
            if plan is None:
                new = create_plan(
                    request.organization,
                    **form.columns(),
                    taxes=taxes,
                    charges=terms,
                    source=state["source"],
                    by=request.actor,
                    at=at,
                )
                return done(request, reverse("plan", args=[new.public_id]), f"{new.name} created.")
            with seen_by(request, plan):
                plan = update_plan(
                    plan,
                    form.columns(),
                    taxes=taxes,
                    charges=terms,
                    follow=follow_of(request),
                    by=request.actor,
                    at=at,
                )
            return done(request, *saved(plan, "Plan saved."))
        except Unconfirmed as error:
            assert plan is not None  # noqa: S101 - nobody pays the prices of a plan that is being made
            return ask(request, plan, error, reverse("plan", args=[plan.public_id]))
        except BillingError as error:
            spread(error, form, charges)
    return answer(request, form, charges, state, status=422)


def spread(error: BillingError, form: PlanForm, charges: Sequence[ChargeEditor]) -> None:
    """Errors of the action: those of a charge go to its editor, the others to the plan's fields."""
    if not isinstance(error, FieldErrors):
        return add_error(form, error, FIELD_OF)
    rest = []
    for path, text in error.errors:
        found = _CHARGE_ERROR.match(path)
        if found and int(found[1]) < len(charges):
            charges[int(found[1])].add_errors([(found[2], text)])
        else:
            rest.append((path, text))
    return add_error(form, FieldErrors(rest), FIELD_OF) if rest else None


def answer(
    request: StaffRequest,
    form: PlanForm,
    charges: list[ChargeEditor],
    state: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """The page, or its charges alone."""
    kept = {editor.id for editor in charges}
    use: PlanUse | None = state["use"]
    plan: Plan | None = state["plan"]
    wrong = sum(not editor.is_valid() for editor in charges) if status == 422 else 0
    context = state | {
        "form": form,
        "charges": [(editor, worked(editor, now(request.organization))) for editor in charges],
        "removed": [charge for charge in state["stored"] if charge.pk not in kept],
        "subscriptions": use.open if use else 0,
        "locked": bool(use and use.ever),
        "wrong": wrong,
        "action": request.path,
        "cancel": reverse("plan", args=[plan.public_id]) if plan else reverse("plans"),
    }
    return render_page(request, "billing/plans/form.html", context, partials=("charges",), status=status)


@require_POST
@access("catalog.edit")
def charge_preview(request: StaffRequest) -> HttpResponse:
    """The worked example of the charge `?charge=` of the form that is being filled in."""
    rows = read_charges(request.POST)
    index = request.GET.get("charge", "")
    if not index.isdecimal() or int(index) >= len(rows):
        raise Http404("No such charge.")
    currency = request.POST.get("currency") or request.GET.get("currency", "")
    known = currency if currency in CURRENCIES else ""
    row = rows[int(index)]
    shelf = Shelf.of(request.organization) if row.get("example_list") else Shelf({}, {})
    editor = ChargeEditor(int(index), row, shelf, currency=known)
    context = {"example": worked(editor, now(request.organization))}
    return render(request, "billing/plans/example.html", context)
