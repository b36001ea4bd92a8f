"""The PDF of a statement of account: the file once it is there, a page that waits for it until then."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from billing.models import Job
from billing.rules.errors import Conflict
from billing.rules.states import JobState
from billing.web.access import access
from billing.web.documents import READER
from billing.web.requests import StaffRequest
from customers.actions.statements import ask_for_statement, job_key
from customers.models import Customer, StatementFile
from customers.views.frame import find_customer
from customers.views.statement import asked_for


@require_safe
@access("invoices.view")
def customer_statement_pdf(request: StaffRequest, id: UUID) -> HttpResponse:
    """The file of the statement that the address asks for."""
    customer = find_customer(request, id)
    back = reverse("customer-statement", args=[customer])
    return statement_answer(request, customer, "customers/statement/waiting.html", {"back": back})


def statement_answer(
    request: HttpRequest,
    customer: Customer,
    template: str,
    context: dict[str, Any],
    *,
    most_an_hour: int | None = None,
) -> HttpResponse:
    """The file, or the page that looks again every two seconds while a worker makes it. 429 when too many were asked
    for.
    """
    form, found = asked_for(customer, request.GET, now(customer.organization))
    try:
        row = ask_for_statement(customer, found, most_an_hour=most_an_hour)
    except Conflict:
        response = render(request, template, context | {"customer": customer, "refused": True}, status=429)
        response["Retry-After"] = "3600"
        return response
    if row.pdf:
        return file_answer(request, row)  # type: ignore[return-value, call-arg]
    job = Job.objects.of(customer.organization).filter(key=job_key(row)).order_by("-created_at").first()
    failed = job is not None and job.state == JobState.FAILED.value
    values = context | {"customer": customer, "form": form, "failed": failed, "job": job}
    response = render(request, template, values)
    if not failed:
        response["Refresh"] = "2"
    return response


@csp_replace(READER)  # type: ignore[arg-type]
def file_answer(request: HttpRequest, row: StatementFile) -> HttpResponse:
    """The stored file; never kept, since the same address may lead to another one tomorrow."""
    name = f"statement-{row.last}.pdf"
    response = FileResponse(row.pdf.open("rb"), filename=name, content_type="application/pdf")
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_store=True)
    return response  # type: ignore[return-value]
