"""What comes from payment providers: their messages, and customers on their way back. No session is asked for."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from billing.actions import later
from billing.rules.errors import Invalid
from invoicing.actions.attempts import ASK
from invoicing.actions.incoming import take_notice
from invoicing.actions.payment_methods import ASK as ASK_SETUP
from invoicing.models import MethodSetup, PaymentAttempt, PaymentProvider

MOST_BYTES = 256 * 1024
SECONDS_BETWEEN = 10


@csrf_exempt
@require_POST
def provider_webhook(request: HttpRequest, kind: str, account_id: UUID, token: str = "") -> HttpResponse:
    """A message of a provider to one account: 200 once it is kept, also when it was before; 400 when the provider has
    not sent it, 404 for an account that is not there, 413 for what is too long.
    """
    account = (
        PaymentProvider.objects.kept().select_related("organization").filter(pk=account_id, type=kind).first()
    )
    if account is None:
        return JsonResponse({"received": False}, status=404)
    length = request.headers.get("Content-Length", "")
    if not length.isdigit() or int(length) > MOST_BYTES:
        return JsonResponse({"received": False}, status=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        take_notice(account, headers, request.body, token=token, at=timezone.now())
    except Invalid as error:
        return JsonResponse({"received": False, "message": str(error)}, status=400)
    return JsonResponse({"received": True})


@require_safe
def paid(request: HttpRequest, id: UUID) -> HttpResponse:
    """Where a customer lands after paying. It says nothing of the invoice; the provider is asked meanwhile."""
    rows = PaymentAttempt.objects.select_related("invoice__billing_entity", "request__billing_entity")
    attempt = rows.filter(pk=id).first()
    if attempt is not None and attempt.state != "successful":
        last = attempt.asked_at or attempt.created_at
        if (timezone.now() - last).total_seconds() > SECONDS_BETWEEN:
            later.send(ASK, str(attempt.pk))
    context = {"entity": attempt.subject.billing_entity if attempt else None}
    response = render(request, "portal/paid.html", context, status=200 if attempt else 404)
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    return response


@require_safe
def card_saved(request: HttpRequest, id: UUID) -> HttpResponse:
    """Where a customer lands after leaving a card. The provider is asked meanwhile."""
    setup = MethodSetup.objects.select_related("customer__billing_entity").filter(pk=id).first()
    if setup is not None and setup.state == "pending":
        last = setup.updated_at
        if (timezone.now() - last).total_seconds() > SECONDS_BETWEEN:
            later.send(ASK_SETUP, str(setup.pk))
    entity = setup.customer.billing_entity if setup else None
    response = render(request, "portal/card_saved.html", {"entity": entity}, status=200 if setup else 404)
    response["Cache-Control"] = "private, no-store"
    response["X-Robots-Tag"] = "noindex"
    return response
