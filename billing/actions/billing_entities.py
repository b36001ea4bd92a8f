"""Billing entities: add, change, choose the default.

Issued documents keep a frozen copy of their seller, so a change counts for documents to come only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile, File
from django.db import transaction
from django.utils.text import slugify

from billing.actions import audit
from billing.models import BillingEntity, Organization, Tax
from billing.orm.actor import Actor
from billing.rules.errors import Conflict

FIELDS = (
    "name",
    "legal_name",
    "legal_number",
    "tax_id",
    "email",
    "phone",
    "timezone",
    "default_currency",
    "locale",
    "address_line1",
    "address_line2",
    "postal_code",
    "city",
    "state",
    "country",
    "brand_color",
    "number_prefix",
    "numbering",
    "net_payment_term_days",
    "grace_period_days",
    "consumer_payment_term_days",
    "consumer_notice",
    "zero_amount_invoices",
    "e_invoices",
    "usage_annex",
    "invoice_footer",
    "payment_details",
)
# On a page of their own.
MAIL_FIELDS = ("email_invoices", "email_credit_notes", "email_receipts", "reminder_days")


@transaction.atomic
def add_billing_entity(
    organization: Organization,
    values: Mapping[str, Any],
    *,
    logo: bytes | None = None,
    by: Actor,
    at: datetime,
) -> BillingEntity:
    """Another issuer. `values` holds columns of FIELDS, perhaps `code` and `taxes`; `logo` is a checked PNG or JPEG.

    The code is made from the name when none is given. Raises Conflict (field code) when it is taken.
    """
    entity = BillingEntity(organization=organization, code=values.get("code") or slugify(values["name"])[:50])
    entity.code = entity.code or "entity"
    for name in FIELDS:
        if name in values:
            setattr(entity, name, values[name])
    if BillingEntity.objects.of(organization).kept().filter(code=entity.code).exists():
        raise Conflict("Another billing entity has this code.", code="code_taken", field="code")
    put_logo(entity, logo)
    entity.full_clean()
    entity.save()
    set_taxes(entity, values.get("taxes", []))
    audit.record(organization, "billing_entity.created", entity, by=by, at=at)
    return entity


@transaction.atomic
def update_billing_entity(
    entity: BillingEntity,
    values: Mapping[str, Any],
    *,
    logo: bytes | None = None,
    remove_logo: bool = False,
    by: Actor,
    at: datetime,
) -> BillingEntity:
    """Change what documents to come will say. The code stays."""
    entity = BillingEntity.objects.select_for_update(of=("self",)).get(pk=entity.pk)
    before = audit.snapshot(entity, (*FIELDS, *MAIL_FIELDS)) | {"logo": entity.logo.name}
    for name in (*FIELDS, *MAIL_FIELDS):
        if name in values:
            setattr(entity, name, values[name])
    if remove_logo:
        entity.logo = ""
    put_logo(entity, logo)
    changes = audit.differences(before, entity)
    changes = {name: pair for name, pair in changes.items() if name != "logo"}
    if before["logo"] != entity.logo.name:
        changes["logo"] = (before["logo"], entity.logo.name)
    if "taxes" in values and (pair := set_taxes(entity, values["taxes"])):
        changes["taxes"] = pair
    if changes:
        entity.full_clean()
        entity.save()
        audit.record(entity.organization, "billing_entity.updated", entity, by=by, at=at, changes=changes)
    return entity


def set_taxes(entity: BillingEntity, taxes: Iterable[Tax]) -> tuple[list[str], list[str]] | None:
    """The taxes of customers that have none of their own; None when they are these already."""
    new = sorted(taxes, key=lambda tax: tax.name)
    if any(tax.organization_id != entity.organization_id or tax.deleted_at for tax in new):
        raise Conflict("A tax does not exist.", code="unknown", field="taxes")
    old = list(entity.taxes.order_by("name"))
    if {tax.pk for tax in old} == {tax.pk for tax in new}:
        return None
    entity.taxes.set(new)
    return [str(tax) for tax in old], [str(tax) for tax in new]


def put_logo(entity: BillingEntity, logo: bytes | None) -> None:
    """Store a new logo under a name of ours. The old file stays: documents that were issued show it."""
    if logo is None:
        return
    suffix = "png" if logo.startswith(b"\x89PNG") else "jpg"
    file: File[bytes] = ContentFile(logo)
    entity.logo.save(f"{uuid4().hex}.{suffix}", file, save=False)


@transaction.atomic
def make_default(entity: BillingEntity, *, by: Actor, at: datetime) -> BillingEntity:
    """New customers get this issuer. There is always exactly one default."""
    rows = BillingEntity.objects.of(entity.organization).kept().locked()
    entities = {row.pk: row for row in rows}
    if entity.pk not in entities:
        raise Conflict("This billing entity was deleted.", code="deleted")
    chosen: BillingEntity = entities[entity.pk]
    if chosen.is_default:
        return chosen
    before = next((row for row in entities.values() if row.is_default), None)
    if before is not None:
        before.is_default = False
        before.save(update_fields=["is_default", "updated_at"])
    chosen.is_default = True
    chosen.save(update_fields=["is_default", "updated_at"])
    changes = {"default": (before and before.name, chosen.name)}
    audit.record(entity.organization, "billing_entity.made_default", chosen, by=by, at=at, changes=changes)
    return chosen
