"""Staff's side of the customer portal: links are made, shown once, and revoked."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing.actions.clock import now
from billing.rules.errors import BillingError
from billing.web.access import access
from billing.web.errors import add_error
from billing.web.htmx import done, render_page
from billing.web.requests import StaffRequest
from customers.actions.portal import create_link, revoke_link
from customers.forms.portal import LinkForm
from customers.models import PortalLink
from customers.views.frame import find_customer


def portal_url(secret: str) -> str:
    """The address that the customer opens."""
    return f"{settings.BASE_URL}{reverse('portal-enter', args=[secret])}"


@never_cache
@require_http_methods(["GET", "POST"])
@access("customers.edit")
def portal_links(request: StaffRequest, id: UUID) -> HttpResponse:
    """The drawer "Open customer portal": the links that work, and a new one, whose address shows once."""
    customer = find_customer(request, id)
    at = now(request.organization)
    form = LinkForm(request.POST if request.method == "POST" else None)
    context = {"customer": customer, "form": form, "url": ""}
    if request.method == "POST" and form.is_valid():
        try:
            link, secret = create_link(customer, days=int(form.cleaned_data["days"]), by=request.actor, at=at)
            context |= {"url": portal_url(secret), "made": link}
        except BillingError as error:
            add_error(form, error)
    context["links"] = PortalLink.objects.filter(customer=customer).live(at)
    status = 422 if form.errors else 200
    return render_page(request, "customers/portal/links.html", context, partials=("drawer",), status=status)


@require_POST
@access("customers.edit")
def portal_link_revoke(request: StaffRequest, id: UUID) -> HttpResponse:
    """The link stops working at once."""
    link = PortalLink.objects.of(request.organization).select_related("customer").get_or_404(pk=id)
    revoke_link(link, by=request.actor, at=now(request.organization))
    return done(request, reverse("customer", args=[link.customer]), "The portal link was revoked.")
