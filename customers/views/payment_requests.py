"""Asking a customer for its overdue invoices: the drawer with its preview, and the list of what was asked for."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.formats import money_text
from billing.web.htmx import done, render_page
from billing.web.letters import LETTER, letter_answer
from billing.web.once import claimed
from billing.web.paging import page_of
from billing.web.requests import StaffRequest
from customers.models import Customer
from customers.views.frame import customer_frame, find_customer
from invoicing.actions.mail import mails_customers
from invoicing.actions.payment_requests import request_payment, request_text
from invoicing.forms.payment_requests import RequestForm
from invoicing.models import Invoice, PaymentRequest
from invoicing.queries.mail_facts import file_names
from invoicing.queries.mail_files import logo_of
from invoicing.queries.payment_requests import (
    Overdue,
    asked_before,
    day_in,
    files_for,
    requests_of,
    what_is_overdue,
)

MOST_NOTE = 1000


@require_http_methods(["GET", "POST"])
@access("invoices.edit")
def add(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer, and the page: `?currency=` and `?entity=` choose among several debts."""
    customer = find_customer(request, id)
    at = now(request.organization)
    groups = what_is_overdue(customer, day_in(request.organization, at))
    context: dict[str, Any] = {
        "customer": customer,
        "back_url": reverse("customer-invoices", args=[customer]),
    }
    if not groups:
        return render_page(request, "customers/payment_requests/none.html", context, partials=("drawer",))
    group = group_asked(request, groups)
    mails = mails_customers(group.entity) and not customer.deleting_at
    posted = request.POST if request.method == "POST" else None
    form = RequestForm(posted, group=group, customer=customer, mails=mails)
    looking = request.htmx.target == "request-preview" or "preview" in request.POST
    if posted is not None and not looking and form.is_valid():
        made = asked(request, customer, form)
        if made is not None:
            return done(request, reverse("payment-request", args=[made]), said(made, form))
    chosen = [form.rows[key] for key in form.ticked()]
    status = 422 if posted is not None and form.errors and not looking else 200
    return render_page(
        request,
        "customers/payment_requests/add.html",
        context | shown(request, customer, groups, group, form, chosen),
        partials=("drawer", "request-preview"),
        status=status,
    )


def group_asked(request: StaffRequest, groups: list[Overdue]) -> Overdue:
    """The debt that the address names, else the largest."""
    currency, entity = request.GET.get("currency", "").upper(), request.GET.get("entity", "")
    fitting = [
        group
        for group in groups
        if currency in ("", group.currency) and entity in ("", group.entity.public_id)
    ]
    return (fitting or groups)[0]


def shown(
    request: StaffRequest,
    customer: Customer,
    groups: list[Overdue],
    group: Overdue,
    form: RequestForm,
    chosen: list[Invoice],
) -> dict[str, Any]:
    """What the drawer shows: the invoices, their sum, what was asked before, and the e-mail as it will look."""
    here = reverse("customer-request-payment", args=[customer])
    cells = {cell.data["value"]: cell for cell in form["invoices"]}
    context: dict[str, Any] = {
        "form": form,
        "group": group,
        "others": [
            {"group": other, "url": f"{here}?{address_of_group(other)}"}
            for other in groups
            if other is not group
        ],
        "action_url": f"{here}?{address_of_group(group)}",
        "rows": [{"invoice": row, "cell": cells[key]} for key, row in form.rows.items()],
        "chosen_minor": sum(row.due_minor for row in chosen),
        "chosen": chosen,
        "before": asked_before(customer, [row.pk for row in chosen]),
        "sender": group.entity.legal_name or group.entity.name,
        "organization_zone": request.organization.timezone,
    }
    if form.mails and chosen:
        language, note, attach = typed(form)
        files = files_for(chosen) if attach else []
        text = letter(customer, chosen, language=language, note=note, attach=attach)
        numbers = {row.pk.hex: row.number for row in chosen}
        query = {
            "currency": group.currency,
            "entity": group.entity.public_id,
            "language": language,
            "note": note,
            "attach": "1" if attach else "",
        }
        # An address that names none means all, and must not grow longer than a server reads.
        if len(chosen) < len(form.rows):
            query["invoices"] = ",".join(row.public_id for row in chosen)
        context |= {
            "text": text,
            "files": [name for item in files for name in file_names([item], numbers[item["id"]])],
            "frame_url": f"{reverse('customer-request-letter', args=[customer])}?{urlencode(query, safe=',')}",
        }
    return context


def typed(form: RequestForm) -> tuple[str, str, bool]:
    """Language, note and whether the documents come along, as they stand in the form."""
    known = {code for code, _ in form.fields["language"].choices}  # type: ignore[attr-defined]
    language = str(form["language"].value() or "")
    own, note = str(form.fields["language"].initial), (form["note"].value() or "")[:MOST_NOTE]
    return language if language in known else own, note, bool(form["attach"].value())


def address_of_group(group: Overdue) -> str:
    """The query that names a debt."""
    return urlencode({"currency": group.currency, "entity": group.entity.public_id})


def letter(customer: Customer, invoices: list[Invoice], *, language: str, note: str, attach: bool) -> Any:
    """The e-mail as it would be; its link is made with the request."""
    files = files_for(invoices) if attach else []
    link = settings.BASE_URL + reverse("pay-request", args=["preview"])
    return request_text(customer, invoices, language=language, note=note, link=link, files=files)


def asked(request: StaffRequest, customer: Customer, form: RequestForm) -> PaymentRequest | None:
    """What was asked for, also for a form that was sent twice; None when the form now carries an error."""
    data, key = form.cleaned_data, f"form:{form.token}"
    try:
        with claimed(form) as first:
            if not first:
                return PaymentRequest.objects.of(request.organization).filter(key=key).first()
            return request_payment(
                customer,
                currency=form.group.currency,
                entity=form.group.entity,
                chosen=form.chosen(),
                to=data.get("to") or (),
                language=data["language"],
                note=data.get("note") or "",
                attach=bool(data.get("attach")),
                expected_minor=form.seen_minor(),
                key=key,
                by=request.actor,
                at=now(request.organization),
            )
    except BillingError as error:
        add_error(form, error)
        return None


def said(row: PaymentRequest, form: RequestForm) -> str:
    """What was done, in a sentence."""
    amount, to = money_text(row.amount_minor, row.currency), form.cleaned_data.get("to")
    if to:
        return f"{amount} was asked for. The e-mail to {', '.join(to)} is on its way."
    return f"The request over {amount} was made. Nobody was mailed: send its link yourself."


@require_safe
@access("invoices.edit")  # type: ignore[arg-type]
@csp_replace(LETTER)  # type: ignore[arg-type]
def letter_preview(request: StaffRequest, id: UUID) -> HttpResponse:
    """The e-mail alone: `?invoices=` (ids between commas), `?language=`, `?note=` and `?attach=` as typed."""
    customer = find_customer(request, id)
    groups = what_is_overdue(customer, day_in(request.organization, now(request.organization)))
    if not groups:
        return letter_answer("")
    group = group_asked(request, groups)
    named = set(request.GET.get("invoices", "").split(","))
    chosen = [row for row in group.invoices if row.public_id in named] or list(group.invoices)
    form = RequestForm(None, group=group, customer=customer, mails=True)
    known = dict(form.fields["language"].choices)  # type: ignore[attr-defined]
    language = request.GET.get("language", "")
    text = letter(
        customer,
        chosen,
        language=language if language in known else str(form.fields["language"].initial),
        note=request.GET.get("note", "")[:MOST_NOTE],
        attach=bool(request.GET.get("attach")),
    )
    return letter_answer(text.html, logo_of(group.entity))


@require_safe
@access("invoices.view")
def customer_requests(request: StaffRequest, id: UUID) -> HttpResponse:
    """What this customer was asked for, the latest first."""
    customer = find_customer(request, id)
    rows = requests_of(request.organization).filter(customer=customer).order_by("-requested_at", "-pk")
    ask = may(request.member, "invoices.edit") and not customer.deleting_at
    context = {
        "page": page_of(request, rows),
        "ask_url": reverse("customer-request-payment", args=[customer]) if ask else "",
    }
    return render_page(
        request,
        "customers/payment_requests/tab.html",
        customer_frame(request, customer, "payments") | context,
        partials=("request-table",),
    )
