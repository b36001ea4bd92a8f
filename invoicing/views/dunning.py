"""`/settings/dunning`: campaigns, whom each chases, and what it would do before it does it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.db.models import Prefetch
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.models import BillingEntity
from billing.rules.errors import BillingError, FieldErrors
from billing.rules.periods import local_date
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import settings_tabs
from invoicing.actions.dunning_campaigns import (
    create_campaign,
    delete_campaign,
    switch_campaign,
    update_campaign,
)
from invoicing.forms.dunning import KIND_WORDS, CampaignForm
from invoicing.models import DunningCampaign, DunningDefault
from invoicing.queries.dunning_preview import campaigns_of, cases_of, foreseen
from invoicing.rules.dunning import Progress, StepKind, Terms, foresee, next_step

WITH_ENTITIES = Prefetch("defaults", DunningDefault.objects.select_related("billing_entity"))
CHANGES = require_http_methods(["GET", "HEAD", "POST"])


def find_campaign(request: StaffRequest, key: UUID) -> DunningCampaign:
    """A campaign of the organization that is not deleted; else 404."""
    rows = DunningCampaign.objects.of(request.organization).kept().prefetch_related(WITH_ENTITIES)
    return cast(DunningCampaign, rows.get_or_404(pk=key))


def entities_of(request: StaffRequest) -> list[BillingEntity]:
    """The issuers, the default one first."""
    rows = BillingEntity.objects.of(request.organization).kept().order_by("-is_default", "name")
    return list(rows)


@require_safe
@access("settings.view")
def campaigns(request: StaffRequest) -> HttpResponse:
    """All campaigns."""
    context = {
        "campaigns": list(campaigns_of(request.organization)),
        "may_edit": may(request.member, "settings.edit"),
        "tab_items": settings_tabs(request, "dunning"),
    }
    return render_page(request, "invoicing/dunning/list.html", context)


@require_safe
@access("settings.view")
def campaign(request: StaffRequest, id: UUID) -> HttpResponse:
    """One campaign: its steps, what is on its way, and what comes."""
    row = find_campaign(request, id)
    at = now(request.organization)
    page = page_of(request, cases_of(row))
    terms = row.terms
    context: dict[str, Any] = {
        "campaign": row,
        "steps": steps_shown(terms),
        "entities": [item.billing_entity for item in row.defaults.all()],
        "page": page,
        "cases": [
            {"case": case, "coming": coming, "done": coming.number - 1 if coming else len(terms.steps)}
            for case in page.object_list
            for coming in [next_step(terms, case.progress)]
        ],
        "step_count": len(terms.steps),
        "may_edit": may(request.member, "settings.edit"),
    } | preview(request, terms, row, {item.billing_entity_id for item in row.defaults.all()}, at)
    if row.active:  # those that are chased already stand above
        context["shown_rows"] = [item for item in context["shown_rows"] if not item.running]
    return render_page(request, "invoicing/dunning/detail.html", context)


def steps_shown(terms: Terms) -> list[dict[str, Any]]:
    """The steps as a table: day, what happens."""
    return [
        {"day": step.day, "kind": step.kind.value, "words": KIND_WORDS[step.kind]} for step in terms.steps
    ]


def preview(
    request: StaffRequest, terms: Terms, row: DunningCampaign | None, entities: set[UUID], at: Any
) -> dict[str, Any]:
    """What it would do, for `invoicing/dunning/foreseen.html`; of a campaign that rests what it would once on."""
    found = foreseen(request.organization, at, terms, campaign=row, entities=entities)
    today = local_date(at, request.organization.timezone)
    return {
        "foreseen": found,
        "shown_rows": found.rows,
        "today": today,
        "days": [
            {
                "on": day.on,
                "steps": ", ".join(counted(kind, number) for kind, number in day.steps),
                "sums": day.sums,
            }
            for day in found.days
        ],
        "alone": [(KIND_WORDS[item.step.kind], item.on) for item in foresee(terms, Progress(today), today)],
    }


def counted(kind: StepKind, number: int) -> str:
    """ "6 reminders", "1 paused": of how many debts."""
    if kind == StepKind.REMIND:
        return f"{number:,} reminder{'' if number == 1 else 's'}"
    words = {StepKind.CHARGE: "charged", StepKind.PAUSE: "paused", StepKind.TERMINATE: "ended"}
    return f"{number:,} {words[kind]}"


@CHANGES
@access("settings.edit")
def add(request: StaffRequest) -> HttpResponse:
    """A new campaign."""
    return campaign_form(request, None)


@CHANGES
@access("settings.edit")
def edit(request: StaffRequest, id: UUID) -> HttpResponse:
    """Other terms."""
    return campaign_form(request, find_campaign(request, id))


def campaign_form(request: StaffRequest, row: DunningCampaign | None) -> HttpResponse:
    """The form with what it would do beside it, which follows what is typed."""
    at = now(request.organization)
    entities = entities_of(request)
    posted = request.POST if request.method == "POST" else None
    form = CampaignForm(
        posted, entities=entities, currency=request.organization.default_currency, campaign=row
    )
    looking = request.htmx.target == "dunning-preview" or "preview" in request.POST
    whole = posted is not None and form.is_valid()
    if whole and not looking and (saved := save(request, form, row)):
        text = f"{saved.name} saved." if row else f"{saved.name} created."
        return done(request, reverse("dunning-campaign", args=[saved]), text)
    context: dict[str, Any] = {
        "form": form,
        "campaign": row,
        "action": request.path,
        "cancel": reverse("dunning-campaign", args=[row]) if row else reverse("dunning"),
        "threshold_headings": "Currency, Overdue from",
        "step_headings": "Day, What happens",
    }
    if whole:
        context |= preview(request, form.terms(), row, {item.pk for item in form.chosen()}, at)
    elif posted is None and row is not None:
        context |= preview(
            request, row.terms, row, {item.billing_entity_id for item in row.defaults.all()}, at
        )
    wrong = posted is not None and not looking
    return render_page(
        request,
        "invoicing/dunning/form.html",
        context,
        partials=("dunning-preview",),
        status=422 if wrong else 200,
    )


def save(request: StaffRequest, form: CampaignForm, row: DunningCampaign | None) -> DunningCampaign | None:
    """What was saved, also by a form that was sent twice; None when the form now carries an error."""
    by: dict[str, Any] = {"by": request.actor, "at": now(request.organization)}
    try:
        if row is not None:
            return update_campaign(row, form.given(), **by)
        with claimed(form) as first:
            if first:
                return create_campaign(request.organization, form.given(), **by)
        known = DunningCampaign.objects.of(request.organization).kept()
        return cast(DunningCampaign, known.get_or_404(code__iexact=form.cleaned_data["code"]))
    except FieldErrors as error:
        for name, text in error.errors:
            form.add_error(name if name in form.fields else None, text)
    except BillingError as error:
        add_error(form, error)
    return None


@CHANGES
@access("settings.edit")
def switch(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog that turns it on or off, after saying whom that concerns."""
    row = find_campaign(request, id)
    form = OnceForm(request.POST if request.method == "POST" else None)
    page = reverse("dunning-campaign", args=[row])
    if request.method == "POST" and form.is_valid():
        try:
            wanted = request.POST.get("active") == "1"
            switch_campaign(row, wanted, by=request.actor, at=now(request.organization))
            return done(request, page, f"{row.name} is {'on' if wanted else 'off'}.")
        except BillingError as error:
            add_error(form, error)
    context = {"campaign": row, "form": form, "page_url": page, "running": cases_of(row).count()}
    context |= preview(
        request,
        row.terms,
        row,
        {item.billing_entity_id for item in row.defaults.all()},
        now(request.organization),
    )
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/dunning/switch.html", context, partials=("dialog",), status=status)


@CHANGES
@access("settings.edit")
def delete(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog that gives it up, after saying which chases end."""
    row = find_campaign(request, id)
    form = OnceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            delete_campaign(row, by=request.actor, at=now(request.organization))
            return done(request, reverse("dunning"), f"{row.name} deleted.")
        except BillingError as error:
            add_error(form, error)
    context = {
        "campaign": row,
        "form": form,
        "page_url": reverse("dunning-campaign", args=[row]),
        "running": cases_of(row).count(),
        "chosen": row.choices.count(),
        "entities": [item.billing_entity for item in row.defaults.all()],
    }
    status = 422 if form.errors else 200
    return render_page(request, "invoicing/dunning/delete.html", context, partials=("dialog",), status=status)
