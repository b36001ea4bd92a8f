"""The statement of account in the customer portal."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from billing.actions.clock import now
from customers.views.portal_frame import PortalRequest, frame, portal
from customers.views.statement import asked_for, statement_context, statement_file
from customers.views.statement_files import statement_answer

MOST_AN_HOUR = 20  # files that are not there yet


@require_safe
@portal
def portal_statement(request: PortalRequest) -> HttpResponse:
    """The page; `?currency=&first=&last=`."""
    customer = request.customer
    form, found = asked_for(customer, request.GET, now(customer.organization))
    context = frame(request, "invoices") | statement_context(form, found, outside=True)
    context["csv_url"] = f"{reverse('portal-statement-csv')}?{form.query}"
    context["pdf_url"] = f"{reverse('portal-statement-pdf')}?{form.query}"
    return render(request, "portal/statement.html", context)


@require_safe
@portal
def portal_statement_csv(request: PortalRequest) -> HttpResponse:
    """The same as CSV."""
    customer = request.customer
    _, found = asked_for(customer, request.GET, now(customer.organization))
    return statement_file(found, customer, outside=True)


@require_safe
@portal
def portal_statement_pdf(request: PortalRequest) -> HttpResponse:
    """The same as PDF."""
    context = frame(request, "invoices") | {"back": reverse("portal-statement")}
    template = "portal/statement_waiting.html"
    return statement_answer(request, request.customer, template, context, most_an_hour=MOST_AN_HOUR)
