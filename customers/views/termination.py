"""Ending a subscription now: the dialog says what each choice brings, by the very code that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from billing.actions.clock import now
from billing.actions.subscriptions import cancel_pending
from billing.models import Subscription
from billing.queries.schedules import customer_zone
from billing.rules.states import SubscriptionStatus
from billing.web.access import access
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.once import OnceForm, claimed
from billing.web.requests import StaffRequest
from customers.forms.subscription import TerminateForm
from customers.views.effects import shown_effect
from customers.views.find import subscription_or_404
from invoicing.actions.effects import effect_of_ending
from invoicing.actions.plan_changes import keep_plan
from invoicing.actions.preview import EndingPreview, credited, preview_endings
from invoicing.actions.termination import Termination, terminate_subscription
from invoicing.rules.termination import Ending, OnTermination


@access("subscriptions.edit")
def terminate(request: StaffRequest, id: UUID) -> HttpResponse:
    """End a subscription now, or call off one that has not started, after showing what that brings."""
    row = subscription_or_404(request, id)
    at = now(request.organization)
    pending = row.status == SubscriptionStatus.PENDING.value
    shown = shown_effect(lambda: effect_of_ending(row, by=request.actor, at=at)) if row.is_live else {}
    known = credited(shown["effect"]) if shown.get("effect") else None
    endings = preview_endings(row, credit=known, by=request.actor, at=at) if row.is_live else {}
    form: Any = OnceForm(request.POST or None)
    if endings:
        form = TerminateForm(
            request.POST or None,
            endings={mode: way_text(mode, preview) for mode, preview in endings.items()},
            invoices=invoice_texts(row, endings),
        )
    if request.method == "POST" and form.is_valid():
        text = "It has ended."
        with claimed(form) as first:
            if first and row.previous is not None and row.takes_over_at:
                keep_plan(row.previous, by=request.actor, at=at)
                text = "The change of plan was called off."
            elif first and pending:
                cancel_pending(row, by=request.actor, at=at)
                text = "The subscription was called off."
            elif first and endings:
                text = end(row, form.ending(), request, at)
        return done(request, reverse("subscription", args=[row]), text)
    earlier = next(iter(endings.values())).earlier if endings else []
    context = {
        "subscription": row,
        "form": form,
        "pending": pending,
        "endings": endings,
        "earlier": earlier,
        "earlier_minor": sum(item.total_minor for item in earlier),
        "tz": customer_zone(row.customer),
    }
    context |= shown
    status = 422 if form.errors else 200
    return render_page(
        request, "customers/subscriptions/terminate.html", context, partials=("dialog",), status=status
    )


def invoice_texts(row: Subscription, endings: Mapping[OnTermination, EndingPreview]) -> dict[str, str]:
    """What comes of making the closing invoice, and of leaving it out."""
    invoice = next(iter(endings.values())).invoice
    if invoice is None:
        return {"generate": "There is nothing to bill.", "skip": "There is nothing to bill."}
    currency = invoice.invoice.currency
    lines = ", ".join(
        f"{line.description} {money_text(line.amount_minor, currency)}" for line in invoice.lines[:4]
    )
    more = f" and {len(invoice.lines) - 4} more" if len(invoice.lines) > 4 else ""
    net = sum(line.amount_minor for line in invoice.lines)
    return {
        "generate": f"{money_text(invoice.total_minor, currency)} with tax: {lines}{more}.",
        "skip": f"{money_text(net, currency)} before tax is never billed.",
    }


def way_text(mode: OnTermination, preview: EndingPreview) -> str:
    """What comes of giving days back in that way."""
    given, invoice = preview.given_back, preview.invoice
    if mode == OnTermination.SKIP:
        return "The days that are left stay paid."
    if given.draft is not None:
        currency = given.draft.currency
        before, after = (
            money_text(given.before_minor, currency),
            money_text(given.draft.total_minor, currency),
        )
        return f"They are on a draft still: it becomes {after} instead of {before}."
    note = given.note
    if note is None:
        return ""

    def money(minor: int) -> str:
        return money_text(minor, note.currency)

    parts = []
    if note.refund_minor:
        parts.append(f"{money(note.refund_minor)} goes back as money")
    if note.offset_minor:
        rest = money(note.invoice.due_minor)
        parts.append(f"{money(note.offset_minor)} less to pay on {note.invoice.number}, {rest} is left")
    if note.credit_minor:
        used = note.credit_minor - note.balance_minor
        taken = f", of which the closing invoice uses {money(used)}" if used and invoice else ""
        parts.append(f"{money(note.credit_minor)} to the balance{taken}")
    return "; ".join(parts) + "."


def end(row: Subscription, ending: Ending, request: StaffRequest, at: datetime) -> str:
    """Terminate, and say what came of it."""
    return outcome_text(terminate_subscription(row, ending, by=request.actor, at=at))


def outcome_text(outcome: Termination) -> str:
    """What ending has produced."""
    parts = ["The subscription has ended."]
    if outcome.invoice:
        parts.append("Its closing invoice was made.")
    if outcome.credit_note:
        parts.append(f"Credit note {outcome.credit_note.number} returns the unused days.")
    return " ".join(parts)
