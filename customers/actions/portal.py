"""Links with which a customer sees its own invoices, usage and credits, without an account.

Laws: the secret of a link is shown once and only its SHA-256 is kept; a link opens one customer; it ends by its
date, by being revoked, and when the customer is deleted or merged, from that moment on.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from billing.actions import audit
from billing.actions.locks import lock_present_customer
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers.models import Customer, PortalLink

MOST_DAYS = 365
MOST_LIVE = 20
SEEN_EVERY = timedelta(minutes=5)


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create_link(customer: Customer, *, days: int, by: Actor, at: datetime) -> tuple[PortalLink, str]:
    """A link that works for `days` days, and its secret, which cannot be had again."""
    customer = lock_present_customer(customer.pk)
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"Use 1 to {MOST_DAYS} days.", field="days")
    if PortalLink.objects.filter(customer=customer).live(at).count() >= MOST_LIVE:
        raise Conflict(
            f"This customer has {MOST_LIVE} links that work. Revoke one first.", code="too_many_links"
        )
    secret = secrets.token_urlsafe(32)
    link = PortalLink.objects.create(
        organization=customer.organization,
        customer=customer,
        token_hash=digest(secret),
        created_by=by.label,
        expires_at=at + timedelta(days=days),
    )
    audit.record(
        customer.organization,
        "portal.link_created",
        customer,
        by=by,
        at=at,
        customer=customer,
        changes={"expires_at": (None, link.expires_at)},
    )
    return link, secret


@transaction.atomic
def revoke_link(link: PortalLink, *, by: Actor, at: datetime) -> PortalLink:
    """The link stops working now. Revoking twice changes nothing."""
    link = PortalLink.objects.select_for_update(of=("self",)).select_related("customer").get(pk=link.pk)
    if link.revoked_at is None:
        link.revoked_at = at
        link.save(update_fields=["revoked_at", "updated_at"])
        audit.record(
            link.organization, "portal.link_revoked", link.customer, by=by, at=at, customer=link.customer
        )
    return link


def link_of(secret: str) -> PortalLink | None:
    """The link with this secret, whether it works or not."""
    rows = PortalLink.objects.select_related("customer__organization")
    return rows.filter(token_hash=digest(secret)).first()


def working(link: PortalLink | None, at: datetime) -> PortalLink | None:
    """The link, when it neither ended nor was revoked and its customer is still there."""
    if link is None or link.revoked_at is not None or link.expires_at <= at:
        return None
    gone = link.customer.deleted_at or link.customer.deleting_at
    return None if gone else link


def note_use(link: PortalLink, at: datetime) -> None:
    """When the link was used last, to within five minutes: not a write for each page."""
    if link.used_at is None or at - link.used_at >= SEEN_EVERY:
        PortalLink.objects.filter(pk=link.pk).update(used_at=at)
