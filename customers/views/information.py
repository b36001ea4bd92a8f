"""The Information tab: everything we know about the customer."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from billing.forms.lists import country_name, language_name
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.forms.customer import shipping_is_billing
from customers.queries.locks import lock_reasons, lock_sentence
from customers.views.frame import customer_frame, find_customer


@require_GET
@access("customers.view")
def information(request: StaffRequest, id: UUID) -> HttpResponse:
    """All fields, with what is inherited where a field is empty."""
    customer = find_customer(request, id)
    reasons = lock_reasons(customer)
    context = {
        "country": country_name(customer.country),
        "shipping_country": country_name(customer.shipping_country),
        "same_address": shipping_is_billing(customer),
        "language": language_name(customer.locale) if customer.locale else "",
        "entity_language": language_name(customer.billing_entity.locale),
        "taxes": list(customer.taxes.all()),
        "lock": lock_sentence(reasons) if reasons else "",
        "metadata": [
            (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
            for key, value in customer.metadata.items()
        ],
    }
    frame = customer_frame(request, customer, "information")
    return render_page(request, "customers/information.html", frame | context)
