"""Every component in every state, for those who build pages. Only routed with DEBUG."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.forms import formset_factory
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe

from billing.web.badges import BADGES
from billing.web.formats import money_text

AT = datetime(2026, 11, 21, 13, 5, 12, tzinfo=UTC)
ICONS = "house gauge layers users repeat file-text credit-card wallet settings search plus pencil download"


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(help_text="As it stands on invoices.")
    external_id = forms.CharField(required=False)
    email = forms.EmailField(required=False, label="E-mail")
    currency = forms.ChoiceField(choices=[("EUR", "EUR · Euro"), ("UGX", "UGX · Ugandan shilling")])
    amount = forms.DecimalField()
    rate = forms.DecimalField(required=False)
    locked = forms.CharField(required=False, disabled=True, initial="acme-001", label="External ID")
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    kind = forms.ChoiceField(
        choices=[("advance", "In advance"), ("arrears", "In arrears")],
        widget=forms.RadioSelect,
        label="Billed",
    )
    send = forms.BooleanField(
        required=False, label="Send by e-mail", help_text="To the address of the customer."
    )
    days = forms.MultipleChoiceField(
        choices=[("1", "Drafts"), ("2", "Overdue")], widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        hints = {
            "advance": "The fee of a period is on its first day.",
            "arrears": "The fee comes when it is over.",
        }
        self.fields["kind"].choice_hints = hints  # type: ignore[attr-defined]


class TierForm(forms.Form):
    """A row of a tier table."""

    up_to = forms.DecimalField(required=False, label="Up to")
    unit = forms.DecimalField(label="Price per unit")
    flat = forms.DecimalField(required=False, label="Flat fee")


ROWS = [
    ("Kampala Fibre Ltd", "kla-0042", "active", 184_000_00, "UGX"),
    ("Überlandwerk Süd GmbH", "ueb-7", "past_due", 123_450, "EUR"),
    ("Sakura Systems", "sak-19", "trialing", 98_000, "JPY"),
    ("Ångström Data AB", "ang-3", "terminated", -4_900, "EUR"),
]


def _charts() -> list[dict[str, Any]]:
    values = [
        12,
        18,
        9,
        0,
        4,
        22,
        31,
        28,
        26,
        17,
        8,
        6,
        29,
        34,
        38,
        41,
        36,
        14,
        11,
        44,
        47,
        45,
        49,
        52,
        20,
        18,
        55,
        58,
    ]
    start = date(2026, 11, 1)
    return [
        {
            "label": f"{(start + timedelta(days=index)).day} Nov",
            "value": value,
            "title": f"{value * 1000:,} calls",
            "projected": index > 22,
        }
        for index, value in enumerate(values)
    ]


def gallery(request: HttpRequest) -> HttpResponse:
    """`/ui/`; `?part=drawer` and `?part=dialog` fill the overlays, POST answers as a form would."""
    bad = SampleForm({"name": "", "email": "nobody", "kind": "arrears", "currency": "EUR"}, auto_id="bad_%s")
    bad.is_valid()
    bad.add_error(None, "The period has been invoiced already, so its dates can no longer change.")
    if request.method == "POST":
        form = SampleForm(request.POST)
        if not form.is_valid():
            return render(request, "ui/overlay.html", {"part": "drawer", "form": form}, status=422)
        response = HttpResponse(status=204)
        response["HX-Trigger"] = (
            '{"close-overlay": null, "toast": {"text": "Customer created", "kind": "success"}}'
        )
        return response
    if request.GET.get("part") in ("drawer", "dialog"):
        return render(request, "ui/overlay.html", {"part": request.GET["part"], "form": SampleForm()})
    if request.GET.get("part") == "error":
        return JsonResponse({}, status=503)
    page = Paginator(range(431), 20).get_page(request.GET.get("page", 2))
    item = {"icon": "users", "url": "/ui/"}
    context = {
        "menu": [
            {
                "heading": "Operations",
                "items": [
                    {**item, "label": "Components", "active": True, "count": 12},
                    {**item, "label": "Invoices", "icon": "file-text", "active": False, "count": 3},
                ],
            }
        ],
        "form": SampleForm(auto_id="plain_%s"),
        "bad": bad,
        "tiers": formset_factory(TierForm, extra=2, can_delete=True)(prefix="tiers"),
        "statuses": list(BADGES),
        "rows": ROWS,
        "page": page,
        "at": AT,
        "icons": ICONS.split(),
        "quantity": Decimal("1200.50"),
        "tab_items": [
            {"label": "Overview", "url": "?", "active": True},
            {"label": "Usage", "url": "?tab=usage", "active": False},
            {"label": "Invoices", "url": "?tab=invoices", "active": False, "count": 12},
        ],
        "filters": [
            {"label": "Status", "value": "Active", "remove_url": "?"},
            {"label": "Currency", "value": "EUR, UGX", "remove_url": "?"},
        ],
        "steps": [
            {"label": "Void unpaid invoices", "state": "done", "note": "3 voided", "end": "0.4 s"},
            {"label": "End subscriptions", "state": "running", "note": "1 of 2", "end": ""},
            {"label": "Finalize drafts", "state": "waiting"},
            {"label": "Terminate wallets", "state": "failed", "note": "The wallet is locked by a payment."},
        ],
        "moments": [
            {"at": "1 Dec 2026", "text": "The period ends; a draft is made.", "future": True},
            {
                "at": "21 Nov 2026",
                "text": mark_safe('Invoice <a href="#">INV-0042</a> was paid.'),
                "tone": "success",
            },
            {"at": "20 Nov 2026", "text": "A payment was declined.", "note": "by system", "tone": "danger"},
            {"at": "1 Nov 2026", "text": "Subscription started.", "note": "by Ada Okello", "tone": "info"},
        ],
        "bars": _charts(),
        "columns_items": [
            {
                "label": f"{name} 2026",
                "short": name,
                "values": [gain, gain // 3, loss // 2, loss],
                "titles": [
                    money_text(value * sign, "EUR")
                    for value, sign in ((gain, 1), (gain // 3, 1), (loss // 2, -1), (loss, -1))
                ],
                "total": money_text(gain * 5, "EUR"),
            }
            for name, gain, loss in (("Aug", 42000, 9000), ("Sep", 51000, 21000), ("Oct", 38000, 0))
        ],
        "columns_series": [
            {"name": "new", "label": "New", "tone": 1},
            {"name": "expansion", "label": "Expansion", "tone": 2},
            {"name": "contraction", "label": "Contraction", "tone": 3, "down": True},
            {"name": "churn", "label": "Churn", "tone": 4, "down": True},
        ],
        "formula": "1,250 units = 1,000 at €0.10, then 250 at €0.08",
        "columns": ["Tier", "Units", "Unit price", "Amount"],
        "explained": [
            ["1 to 1,000", "1,000", "€0.10", money_text(10000, "EUR")],
            ["From 1,001", "250", "€0.08", money_text(2000, "EUR")],
        ],
    }
    return render(request, "ui/gallery.html", context)
