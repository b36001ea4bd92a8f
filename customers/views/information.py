"""The Information tab: everything we know about the customer."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_GET

from billing.forms.lists import country_name, language_name
from billing.web.access import access
from billing.web.htmx import render_page
from billing.web.requests import StaffRequest
from customers.forms.addresses import shipping_is_billing
from customers.forms.wallet_defaults import WORDS
from customers.models import Provider
from customers.queries.classification import effects_of
from customers.queries.custom_fields import custom_fields, shown
from customers.queries.locks import lock_flags, lock_sentence, reasons_in
from customers.rules.fields import AMOUNTS
from customers.rules.identifiers import kind_name
from customers.views.frame import customer_frame, find_customer
from customers.views.payment_methods import methods_card
from customers.views.provider_links import card
from customers.views.reviews import review_context
from customers.views.vat import vat_context


@require_GET
@access("customers.view")
def information(request: StaffRequest, id: UUID) -> HttpResponse:
    """All fields, with what is inherited where a field is empty."""
    customer = find_customer(request, id, **lock_flags())
    reasons = reasons_in(vars(customer))
    own = custom_fields(request.organization)
    providers = dict(Provider.choices)
    context: dict[str, Any] = {
        "identifiers": [(kind_name(kind), number) for kind, number in customer.tax_identifiers.items()],
        "disabled": [providers[name] for name in customer.disabled_providers],
        "term_days": effects_of(customer, customer.customer_type).term_days,
        "amounts": [
            (label, minor)
            for name, (label, _) in WORDS.items()
            if (minor := getattr(customer, AMOUNTS[name])) is not None
        ],
        "own": shown(customer, own),
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
    context |= (
        card(request, customer)
        | methods_card(request, customer)
        | vat_context(request, customer)
        | review_context(request, customer)
    )
    return render_page(request, "customers/information.html", frame | context, partials=("review-hint",))
