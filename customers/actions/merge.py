"""Merging a duplicate: everything that the source has belongs to the target afterwards, in one transaction.

Order: both rows are locked by primary key; the source is marked deleted, so that its external ID and e-mail are free;
the chosen values are written to the target; then every kind of record moves (`merge_records.py`). Issued documents
stay as they were issued. The source keeps a pointer to the target, and so does everything merged into it before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit
from billing.actions.wallet_opening import follow_customer
from billing.actions.webhooks import emit
from billing.models import Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers.actions.customers import check_columns, refuse_duplicates, save
from customers.actions.merge_records import STEPS, Moving, move_vat_checks
from customers.actions.vat import OTHER, after_change
from customers.models import Customer, Merge
from customers.queries.merging import fixed_fields, merge_payload, values_of
from customers.rules.fields import clean_fields
from customers.rules.merging import Choice, Strategy, choices, resolved
from invoicing.actions.provider_sync import mirror
from invoicing.actions.provider_throw import undone_at_providers


@undone_at_providers
@transaction.atomic
def merge_customers(
    source: Customer,
    target: Customer,
    strategy: str = Strategy.KEEP_TARGET.value,
    chosen: Mapping[str, str] | None = None,
    *,
    confirmation: str | None = None,
    by: Actor,
    at: datetime,
) -> Merge:
    """Merge `source` into `target`. `chosen` is {field or field.key: target | source | both}, beyond the strategy.

    `confirmation` must be the source's external ID when money moves; None skips the check (API). Raises Invalid for
    one customer twice, an unknown strategy or choice and values that the target cannot hold, Locked for another
    external ID or currency of a target where they are fixed, Conflict when one of them is deleted or being deleted or
    the source has been merged, and what the wallets refuse.
    """
    merge = bring_together(source, target, strategy, chosen or {}, confirmation=confirmation, by=by, at=at)
    mirror(merge.target, by=by, at=at)
    return merge


@transaction.atomic
def bring_together(
    source: Customer,
    target: Customer,
    strategy: str,
    chosen: Mapping[str, str],
    *,
    confirmation: str | None = None,
    by: Actor,
    at: datetime,
) -> Merge:
    """`merge_customers` as far as it is ours alone: nobody outside is told."""
    source, target = lock_both(source, target)
    check_present(source, target)
    decisions = decide(source, target, strategy, chosen)
    source.deleted_at, source.merged_into = at, target
    source.save(update_fields=["deleted_at", "merged_into", "updated_at"])
    different = write_fields(source, target, decisions)
    moving = Moving(source, target, by, at)
    move_vat_checks(moving)
    renew_vat(source, target, different, by=by, at=at)
    for step in STEPS:
        step(moving)
    counts = moving.counts | {"wallets": moving.wallets, "outstanding": moving.outstanding}
    if confirmation is not None and money_moves(counts) and confirmation.strip() != source.external_id:
        raise Invalid(f"Type {source.external_id} to confirm.", field="confirmation")
    merge = Merge.objects.create(
        organization=source.organization,
        source=source,
        target=target,
        strategy=strategy,
        counts=counts,
        fields={
            choice.name: audit.plain([choice.target, choice.source, choice.kept]) for choice in decisions
        },
        actor_label=by.label[:200],
        at=at,
    )
    tell(merge, different, by=by, at=at)
    return merge


def lock_both(source: Customer, target: Customer) -> tuple[Customer, Customer]:
    """Both rows as they are now, locked by primary key. Invalid for one customer, or two organizations."""
    if source.pk == target.pk:
        raise Invalid(
            "A customer cannot be merged with itself.", code="same_customer", field="target_customer_id"
        )
    if source.organization_id != target.organization_id:
        raise Invalid("There is no such customer.", code="unknown", field="target_customer_id")
    rows = Customer.objects.filter(pk__in=[source.pk, target.pk])
    found = {row.pk: row for row in rows.select_related("organization", "billing_entity").locked()}
    return found[source.pk], found[target.pk]


def check_present(source: Customer, target: Customer) -> None:
    """Neither is gone or going."""
    for name, row in (("source_customer_id", source), ("target_customer_id", target)):
        if row.merged_into_id:
            text = f"{row.display_name} has been merged into another customer already."
            raise Conflict(text, code="customer_merged", field=name)
        if row.deleted_at or row.deleting_at:
            raise Conflict(f"{row.display_name} is deleted.", code="customer_deleted", field=name)


def decide(source: Customer, target: Customer, strategy: str, chosen: Mapping[str, str]) -> list[Choice]:
    """The side of every field that differs."""
    if strategy not in set(Strategy):
        raise Invalid(f"Use {', '.join(Strategy)}.", field="strategy")
    fixed = fixed_fields(target)
    return choices(values_of(target), values_of(source), Strategy(strategy), fixed=fixed, chosen=chosen)


def write_fields(source: Customer, target: Customer, decisions: list[Choice]) -> dict[str, tuple[Any, Any]]:
    """Write the chosen values; what differs, as {column: (before, after)}. The source is marked deleted before."""
    values = resolved(values_of(target), values_of(source), decisions)
    if "metadata" in values:
        clean_fields({"metadata": values["metadata"]})
    chosen_taxes = values.pop("taxes", None)
    before = audit.snapshot(target, values)
    for name, value in values.items():
        setattr(target, name, value)
    different = audit.differences(before, target)
    if "billing_entity_id" in different:
        target.billing_entity = source.billing_entity
    if different:
        check_columns(target)
        refuse_duplicates(target, different)
        save(target)
        follow_customer(target, different)
    if chosen_taxes is not None:
        old = [str(tax) for tax in target.taxes.all()]
        target.taxes.set(chosen_taxes)
        different["taxes"] = (old, [str(tax) for tax in target.taxes.all()])
    return different


def renew_vat(
    source: Customer, target: Customer, different: Mapping[str, Any], *, by: Actor, at: datetime
) -> None:
    """What is known of a VAT number came with it from a source in the same country; of any other new number or
    country nothing is known. Before the drafts are priced, since reverse charge depends on it.
    """
    if "tax_id" in different and source.country == target.country:
        after_change(target, OTHER, by=by, at=at)
    else:
        after_change(target, set(different), by=by, at=at)


def money_moves(counts: Mapping[str, Any]) -> bool:
    """Whether the merge has to be confirmed by typing: something that bills, is owed or holds money."""
    balances = any(row["minor"] for row in counts["wallets"])
    return bool(balances or counts["open_subscriptions"] or counts["invoices"])


def tell(merge: Merge, different: Mapping[str, tuple[Any, Any]], *, by: Actor, at: datetime) -> None:
    """The audit lines of both, and the event."""
    organization: Organization = merge.organization
    source, target = merge.source, merge.target
    gone = {"merged_into": (None, f"{target.display_name} ({target.external_id})")}
    audit.record(organization, "customer.merged", source, by=by, at=at, customer=source, changes=gone)
    came = {"merged_from": (None, f"{source.display_name} ({source.external_id})")}
    audit.record(
        organization, "customer.merged", target, by=by, at=at, customer=target, changes={**came, **different}
    )
    emit(organization, "customer.merged", target, merge_payload(merge), at=at)
