"""A customer at payment providers: the card on its page, linking by hand, and settling what differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access, may
from billing.web.errors import add_error
from billing.web.htmx import back_url, done, render_page
from billing.web.requests import StaffRequest
from customers.actions.provider_links import take_theirs
from customers.forms.provider_link import LinkForm
from customers.models import Customer
from customers.views.frame import find_customer
from invoicing.actions.provider_links import link_customer, send_ours, try_again, unlink_customer
from invoicing.models import PaymentProvider, ProviderLink
from invoicing.queries.provider_accounts import drift_lines, links_in
from invoicing.queries.provider_links import links_of

MOST_AT_ONCE = 200
ACTS: dict[str, tuple[str, Callable[..., Any], str]] = {
    "send": ("drifted", send_ours, "is being sent there"),
    "take": ("drifted", take_theirs, "was taken over"),
    "again": ("failed", try_again, "will be tried again"),
}


def card(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    """The context of `customers/providers/card.html`. Not shown when the organization has no account."""
    links = links_of(customer)
    for link in links:
        link.lines = drift_lines(link)  # type: ignore[attr-defined]
    accounts = PaymentProvider.objects.of(request.organization).kept()
    return {
        "provider_links": links,
        "show_providers": bool(links) or accounts.exists(),
        "may_link": may(request.member, "customers.edit") and not customer.deleting_at,
    }


def find_link(request: StaffRequest, id: UUID) -> ProviderLink:
    """A link of the organization to a present customer, else 404."""
    rows = ProviderLink.objects.of(request.organization).filter(
        provider__deleted_at=None, customer__deleted_at=None
    )
    return cast(ProviderLink, rows.select_related("provider", "customer").get_or_404(pk=id))


def information_url(customer: Any) -> str:
    """Where the card stands."""
    return reverse("customer-information", args=[customer.pk])


@access("customers.edit")
def link(request: StaffRequest, id: UUID) -> HttpResponse:
    """Say under which id an account knows the customer."""
    customer = find_customer(request, id)
    form = LinkForm(request.POST or None, organization=request.organization)
    if request.method == "POST" and form.is_valid():
        account = form.cleaned_data["account"]
        try:
            link_customer(
                customer,
                account,
                form.cleaned_data["external_id"],
                by=request.actor,
                at=now(request.organization),
            )
            return done(request, information_url(customer), f"Linked at {account.name}.")
        except BillingError as error:
            error.field = "external_id" if error.field else None
            add_error(form, error)
    context = {"form": form, "customer": customer, "action": request.path}
    status = 422 if form.is_bound else 200
    return render_page(request, "customers/providers/link.html", context, partials=("drawer",), status=status)


def settle(request: StaffRequest, id: UUID, act: str) -> HttpResponse:
    """Do one of ACTS to a link and go back to where it was asked for."""
    found = find_link(request, id)
    _, work, words = ACTS[act]
    url = back_url(request, information_url(found.customer))
    try:
        work(found, by=request.actor, at=now(request.organization))
    except BillingError as error:
        return done(request, url, str(error), kind="error")
    return done(request, url, f"{found.customer} {words}.")


@access("customers.edit")
@require_POST
def again(request: StaffRequest, id: UUID) -> HttpResponse:
    """Try once more; one that was deleted there is created again."""
    return settle(request, id, "again")


@access("customers.edit")
@require_POST
def send(request: StaffRequest, id: UUID) -> HttpResponse:
    """Overwrite theirs with ours."""
    return settle(request, id, "send")


@access("customers.edit")
@require_POST
def take(request: StaffRequest, id: UUID) -> HttpResponse:
    """Overwrite ours with theirs."""
    return settle(request, id, "take")


@access("customers.edit")
def unlink(request: StaffRequest, id: UUID) -> HttpResponse:
    """Forget the provider's id, after saying what stays."""
    found = find_link(request, id)
    if request.method == "POST":
        customer: Any = found.customer
        try:
            unlink_customer(customer, found.provider, by=request.actor, at=now(request.organization))
        except BillingError as error:
            return done(request, information_url(customer), str(error), kind="error")
        return done(request, information_url(customer), f"Unlinked from {found.provider.name}.")
    context = {"link": found, "action": request.path}
    return render_page(request, "customers/providers/unlink.html", context, partials=("dialog",))


@access("customers.edit")
@require_POST
def resolve(request: StaffRequest, id: UUID) -> HttpResponse:
    """One of ACTS for all of an account's customers in that state, up to MOST_AT_ONCE in one go."""
    account = PaymentProvider.objects.of(request.organization).kept().get_or_404(pk=id)
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404("No such act.")
    state, work, words = ACTS[act]
    rows = list(links_in(account, state)[: MOST_AT_ONCE + 1])
    refused = []
    for row in rows[:MOST_AT_ONCE]:
        try:
            work(row, by=request.actor, at=now(request.organization))
        except BillingError as error:  # one of many: the others still go on
            refused.append(f"{row.customer}: {error}")
    text = f"{min(len(rows), MOST_AT_ONCE) - len(refused)} of {min(len(rows), MOST_AT_ONCE)}: {words}."
    text += " There are more; do it again." if len(rows) > MOST_AT_ONCE else ""
    text += f" {refused[0]}" if refused else ""
    url = back_url(request, reverse("integration", args=[account.public_id]))
    return done(request, url, text, kind="warning" if refused else "success")
