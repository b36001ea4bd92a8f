"""Taking over what a payment provider has of a customer, where the two differ."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from billing.actions.locks import lock_present_customer
from billing.orm.actor import Actor
from customers.actions.customers import update_customer
from customers.models import Customer
from invoicing.actions.provider_sync import wake
from invoicing.models import ProviderLink
from invoicing.models.provider import LinkState
from invoicing.rules.providers import columns_of, facts_of, unsent


@transaction.atomic
def take_theirs(link: ProviderLink, *, by: Actor, at: datetime) -> Customer:
    """The provider's values into our customer, as staff would type them: the same checks, the same refusals. Our own
    ids, where they differ there, are sent back. The account is not told what it already has; the others are.
    """
    customer: Customer = lock_present_customer(link.customer_id)
    link = ProviderLink.objects.select_for_update().get(pk=link.pk)
    theirs = {name: pair[1] for name, pair in link.drift.items()}
    values = columns_of(link.drift)
    link.sent, link.drift = {**link.sent, **theirs}, {}
    link.save(update_fields=["sent", "drift", "updated_at"])
    if values:
        customer = update_customer(customer, values, by=by, at=at)
    link.refresh_from_db()
    if link.state == LinkState.SYNCED and unsent(link.sent, facts_of(customer)):
        wake(link)
    return customer
