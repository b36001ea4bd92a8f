"""Paying online, for staff: a payment link, attempts and what became of them."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import done, render_page, wants_partial
from billing.web.once import OnceForm
from billing.web.paging import page_of, tidy
from billing.web.requests import StaffRequest
from invoicing.actions.attempts import ask_now, problem_solved
from invoicing.actions.paying import open_checkout
from invoicing.models import PaymentAttempt
from invoicing.queries.paying import ATTEMPT_STATES, attempts, attempts_in, ways_to_pay
from invoicing.views.frame import find_invoice


def find_attempt(request: StaffRequest, id: UUID) -> PaymentAttempt:
    """An attempt of the organization, else 404."""
    return cast(PaymentAttempt, attempts(request.organization).get_or_404(pk=id))  # type: ignore[attr-defined]


def page_about(attempt: PaymentAttempt) -> str:
    """The page of what is paid by it."""
    return reverse("invoice" if attempt.invoice_id else "payment-request", args=[attempt.subject])


@require_http_methods(["GET", "POST"])
@access("invoices.pay")
def checkout(request: StaffRequest, id: UUID) -> HttpResponse:
    """The dialog says who will be asked; afterwards it holds the link."""
    row = find_invoice(request, id)
    form = OnceForm(request.POST if request.method == "POST" else None)
    attempt = None
    if request.method == "POST" and form.is_valid():
        try:
            attempt = open_checkout(
                row, key=f"form:{form.token}", by=request.actor, at=now(request.organization)
            )
        except BillingError as error:
            add_error(form, error)
    context = {
        "invoice": row,
        "form": form,
        "attempt": attempt,
        "ways": ways_to_pay(row.customer, row.due_minor, row.currency),
        "refused": row.status != "finalized" or not row.due_minor,
    }
    status = 422 if form.errors else 200
    return render_page(
        request, "invoicing/payments/checkout.html", context, partials=("dialog",), status=status
    )


@require_safe
@access("invoices.view")
def attempt_list(request: StaffRequest) -> HttpResponse:
    """All attempts to be paid online, the latest first."""
    state = request.GET.get("state", "")
    state = state if state in ATTEMPT_STATES else ""
    base = reverse("payment-attempts")
    context = {
        "page": page_of(request, attempts_in(request.organization, state)),
        "state": state,
        "segments": [
            {"label": label, "url": f"{base}?state={name}" if name else base, "active": name == state}
            for name, (label, _) in ATTEMPT_STATES.items()
        ],
        "may_pay": may(request.member, "invoices.pay"),
    }
    response = render_page(request, "invoicing/payments/attempts.html", context, partials=("attempt-table",))
    if wants_partial(request):
        response["HX-Push-Url"] = tidy(request.GET, request.path)
    return response


@access("invoices.pay")
@require_POST
def ask(request: StaffRequest, id: UUID) -> HttpResponse:
    """Ask the provider now."""
    attempt = ask_now(find_attempt(request, id))
    words = {
        "successful": ("The payment has come.", "success"),
        "failed": ("It has failed.", "error"),
        "processing": ("The provider is still working on it.", "info"),
        "pending": ("Nobody has paid yet.", "info"),
        "unknown": ("The provider could not say.", "warning"),
    }
    text, kind = words[attempt.state]
    text = f"{attempt.provider.name}: {text} {attempt.reason}".strip()
    return done(request, page_about(attempt), text, kind=kind)


@access("invoices.pay")
@require_POST
def seen_to(request: StaffRequest, id: UUID) -> HttpResponse:
    """Money that could not be recorded has been seen to."""
    attempt = find_attempt(request, id)
    problem_solved(attempt, by=request.actor, at=now(request.organization))
    return done(request, page_about(attempt), "Noted.")
