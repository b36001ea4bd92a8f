"""One call about one customer to one account, whatever has gone before: the steps that make a repeat harmless."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from billing.clients.sealed import Unsealable, unseal
from invoicing.clients.providers.base import CustomerProvider, Gone, KeySpent, Refused, Unavailable
from invoicing.clients.providers.registry import client_for
from invoicing.models import PaymentProvider
from invoicing.rules.providers import Facts, unsent

IN_REQUEST = 5.0  # seconds that a person waits
IN_WORKER = 15.0
TRIES_WITH_KEY = 2


def client_of(account: PaymentProvider, *, timeout: float) -> CustomerProvider:
    """Raises Refused when the account cannot be used."""
    try:
        return client_for(account.type, unseal(account.credentials), timeout=timeout)
    except Unsealable as error:
        raise Refused(f"{error} Enter them again.") from error


def key_of(*ids: UUID) -> str:
    """The idempotency key of a creation, by its link, or by account and customer while there is no link yet."""
    return "-".join(["tarn", *(id.hex for id in ids)])


def create(client: CustomerProvider, facts: Facts, key: str, *, attempts: int) -> str:
    """The provider's id of a customer that may have been created before.

    Once an attempt has been made its outcome may be unknown, so the customer is looked for by our id first. A key
    that is spent (its failure is kept, or the facts have changed since) is replaced only when looking again finds
    nothing and enough time has passed for the provider's search to know.
    """
    if attempts and (found := client.find_customer(facts)):
        client.update_customer(found, facts, facts)
        return found
    try:
        return client.create_customer(facts, key)
    except KeySpent as error:
        if found := client.find_customer(facts):
            client.update_customer(found, facts, facts)
            return found
        if attempts < TRIES_WITH_KEY:
            raise Unavailable(error.message) from error
        return client.create_customer(facts, f"{key}-{uuid4().hex[:8]}")


def tell(client: CustomerProvider, id: str, sent: Mapping[str, str], facts: Facts) -> None:
    """Send what has changed; nothing when nothing has. Raises Gone when the provider's customer is gone."""
    changes = unsent(sent, facts)
    if changes:
        client.update_customer(id, changes, facts)


def remove(client: CustomerProvider, id: str, facts: Facts, *, attempts: int) -> None:
    """Delete the provider's customer. One that is gone is fine; one whose id never reached us is looked for."""
    if not id and attempts:
        id = client.find_customer(facts)
    if not id:
        return
    try:
        client.delete_customer(id)
    except Gone:
        return
