"""The code that is suggested while a name is typed."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from billing.forms.codes import code_from
from billing.models import AddOn, Coupon, Metric, Plan, Tax
from billing.web.access import access
from billing.web.requests import StaffRequest

NOUNS: dict[str, Any] = {"metric": Metric, "plan": Plan, "coupon": Coupon, "tax": Tax, "add-on": AddOn}


@require_safe
@access("catalog.view")
def code_suggestion(request: StaffRequest, noun: str) -> HttpResponse:
    """The code field with a free code made of `?name=`, or with what the person has typed as `?code=`."""
    model = NOUNS.get(noun)
    if model is None:
        raise Http404("No such noun.")
    typed = request.GET.get("code", "").strip()
    rows = model.objects.of(request.organization).kept()
    code = typed or code_from(request.GET.get("name", ""), rows)
    length = model._meta.get_field("code").max_length
    return render(request, "billing/code_field.html", {"code": code, "length": length})
