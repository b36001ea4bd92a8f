"""A customer's own saved payment methods in the portal: left, chosen, removed."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from billing.actions.clock import now
from billing.orm.actor import Actor
from billing.rules.errors import BillingError
from customers.views.portal_frame import PortalRequest, frame, portal
from invoicing.actions.payment_methods import make_default, open_setup, remove_method
from invoicing.models import PaymentMethod
from invoicing.queries.payment_methods import saved_methods, setup_account

NOT_NOW = "A card cannot be left just now. Try again later."


def actor_of(request: PortalRequest) -> Actor:
    """The customer behind the link."""
    return Actor("customer", f"{request.customer.display_name} (portal)"[:200])


def own_method(request: PortalRequest, key: UUID) -> PaymentMethod:
    """A method of one's own; else 404."""
    row: PaymentMethod = PaymentMethod.objects.filter(customer=request.customer).saved().get_or_404(pk=key)
    return row


@require_safe
@portal
def portal_cards(request: PortalRequest) -> HttpResponse:
    """What is saved, and whether invoices are charged to it."""
    context = frame(request, "cards") | {
        "methods": saved_methods(request.customer),
        "account": setup_account(request.customer),
    }
    return render(request, "portal/cards.html", context)


@require_POST
@portal
def portal_card_add(request: PortalRequest) -> HttpResponse:
    """Where a card is left, as a link: the page is the provider's."""
    customer, at = request.customer, now(request.customer.organization)
    key = f"portal:{request.link.pk.hex}:{at:%Y%m%d%H%M%S}"
    back = settings.BASE_URL + reverse("portal-cards")
    try:
        setup = open_setup(customer, return_url=back, key=key, by=actor_of(request), at=at)
    except BillingError:
        messages.error(request, NOT_NOW)
        return redirect("portal-cards")
    return render(request, "portal/card_add.html", frame(request, "cards") | {"setup": setup})


@require_POST
@portal
def portal_card_choose(request: PortalRequest, id: UUID) -> HttpResponse:
    """Charged first from now on."""
    at = now(request.customer.organization)
    row = make_default(own_method(request, id), by=actor_of(request), at=at)
    messages.success(request, f"{row} is charged first.")
    return redirect("portal-cards")


@require_POST
@portal
def portal_card_remove(request: PortalRequest, id: UUID) -> HttpResponse:
    """Never charged again."""
    at = now(request.customer.organization)
    row = remove_method(own_method(request, id), by=actor_of(request), at=at)
    messages.success(request, f"{row} was removed.")
    return redirect("portal-cards")
