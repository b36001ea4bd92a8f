"""`/developers/webhooks/events`: every event that can be listened to, and what it said when it last happened here."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.webhook_sending import body_of
from billing.models import EmittedEvent
from billing.orm.exact_json import loads, pretty
from billing.rules.event_names import EVENTS, SYNONYMS, by_noun
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from billing.web.settings_tabs import developer_tabs
from billing.web.trail_words import NOUNS


@access("webhooks.view")
@require_safe
def catalogue(request: StaffRequest) -> HttpResponse:
    """All of them by noun."""
    spelled: dict[str, list[str]] = {}
    for other, name in SYNONYMS.items():
        spelled.setdefault(name, []).append(other)
    groups = [
        {
            "label": NOUNS[noun],
            "noun": noun,
            "rows": [
                {"name": name, "words": EVENTS[name], "spelled": spelled.get(name, [])} for name in names
            ],
        }
        for noun, names in by_noun().items()
    ]
    context = {"groups": groups, "tab_items": developer_tabs(request, "webhooks")}
    return render_page(request, "billing/webhooks/events.html", context)


@access("webhooks.view")
@require_safe
def example(request: StaffRequest) -> HttpResponse:
    """What is posted for `?name=`: the latest such event of the organization, or the latest of the same noun."""
    name = request.GET.get("name", "")
    name = name if name in EVENTS else "customer.created"
    events = EmittedEvent.objects.of(request.organization)
    own = events.filter(name=name).order_by("-at", "-pk").first()
    noun = name.split(".")[0]
    like = own or events.filter(name__startswith=f"{noun}.").order_by("-at", "-pk").first()
    context = {
        "name": name,
        "words": EVENTS[name],
        "noun": NOUNS[noun],
        "event": own,
        "like": like,
        "body": pretty(loads(body_of(like, name))) if like else "",
        "back_url": reverse("webhook-events"),
    }
    return render_page(request, "billing/webhooks/example.html", context, partials=("drawer",))
