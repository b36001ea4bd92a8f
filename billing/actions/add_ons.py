"""Add-ons: what is sold once, or by units within a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from billing.actions import audit, catalog
from billing.actions.webhooks import emit
from billing.models import AddOn, AddOnPrice, Organization, Tax
from billing.orm.actor import Actor
from billing.queries.add_ons import add_on_payload, add_on_use
from billing.rules.errors import Conflict, FieldErrors, Invalid
from billing.rules.money import exponent

FIELDS = ("name", "code", "description", "invoice_display_name", "amount_minor", "currency")
MOST_PRICES = 50


@transaction.atomic
def create_add_on(
    organization: Organization,
    *,
    name: str,
    code: str,
    currency: str,
    amount_minor: int = 0,
    description: str = "",
    invoice_display_name: str = "",
    taxes: Sequence[Tax] = (),
    prices: Mapping[str, int] | None = None,
    by: Actor,
    at: datetime,
) -> AddOn:
    """A new add-on. `prices`: by other currencies, in their minor units.

    Raises Conflict (code_taken), FieldErrors for columns and under `prices.USD`.
    """
    values = {
        "name": name,
        "code": code,
        "description": description,
        "invoice_display_name": invoice_display_name,
        "amount_minor": amount_minor,
        "currency": currency,
    }
    add_on = AddOn(organization=organization)
    catalog.assign(add_on, values, FIELDS)
    write(add_on)
    add_on.taxes.set(taxes)
    sync_prices(add_on, prices or {})
    changes = {name: (None, value) for name, value in described(add_on).items() if value not in ("", [], {})}
    audit.record(organization, "add_on.created", add_on, by=by, at=at, changes=changes)
    tell(add_on, "add_on.created", at=at)
    return add_on


@transaction.atomic
def update_add_on(
    add_on: AddOn,
    changes: Mapping[str, Any],
    *,
    taxes: Sequence[Tax] | None = None,
    prices: Mapping[str, int] | None = None,
    by: Actor,
    at: datetime,
) -> AddOn:
    """Change some of FIELDS; `taxes` and `prices` replace the present ones if given. Invoices stay as they are."""
    add_on = catalog.lock(add_on)
    before = described(add_on)
    catalog.assign(add_on, changes, FIELDS)
    write(add_on)
    if taxes is not None:
        add_on.taxes.set(taxes)
    if prices is not None:
        sync_prices(add_on, prices)
    elif add_on.prices.filter(currency=add_on.currency).exists():
        raise Conflict(f"It has a price in {add_on.currency} already.", code="price_exists", field="currency")
    after = described(add_on)
    changed = {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}
    if changed:
        audit.record(add_on.organization, "add_on.updated", add_on, by=by, at=at, changes=changed)
        tell(add_on, "add_on.updated", at=at)
    return add_on


@transaction.atomic
def delete_add_on(add_on: AddOn, *, by: Actor, at: datetime) -> AddOn:
    """Sell it no more. Conflict (add_on_in_use) while a plan includes it; invoices keep their lines."""
    add_on = catalog.lock(add_on)
    use = add_on_use(add_on)
    if use.plans:
        noun = "plan includes" if len(use.plans) == 1 else "plans include"
        raise Conflict(f"{len(use.plans)} {noun} it. Take it out there first.", code="add_on_in_use")
    add_on.deleted_at = at
    add_on.save(update_fields=["deleted_at", "updated_at"])
    audit.record(add_on.organization, "add_on.deleted", add_on, by=by, at=at)
    tell(add_on, "add_on.deleted", at=at)
    return add_on


def write(add_on: AddOn) -> None:
    """Check what belongs together, then save."""
    if add_on.amount_minor < 0:
        raise Invalid("Must not be negative.", field="amount_minor")
    catalog.save(add_on)


def sync_prices(add_on: AddOn, wanted: Mapping[str, int]) -> None:
    """Make the prices in other currencies exactly these."""
    if len(wanted) > MOST_PRICES:
        raise Invalid(f"Use at most {MOST_PRICES} prices.", field="prices")
    errors = [(f"prices.{code}", "Must not be negative.") for code, minor in wanted.items() if minor < 0]
    if add_on.currency in wanted:
        errors.append((f"prices.{add_on.currency}", f"The price in {add_on.currency} is its own."))
    if errors:
        raise FieldErrors(errors)
    add_on.prices.exclude(currency__in=wanted).delete()
    for code, minor in wanted.items():
        exponent(code)
        AddOnPrice.objects.update_or_create(
            add_on=add_on,
            currency=code,
            defaults={"amount_minor": minor},
            create_defaults={"amount_minor": minor, "organization": add_on.organization},
        )


def described(add_on: AddOn) -> dict[str, Any]:
    """An add-on for the audit trail."""
    prices = {
        f"price in {row.currency}": {"currency": row.currency, "amount_minor": row.amount_minor}
        for row in AddOnPrice.objects.filter(add_on=add_on)
    }
    taxes = sorted(Tax.objects.filter(pk__in=add_on.taxes.values("pk")).values_list("code", flat=True))
    return audit.snapshot(add_on, FIELDS) | {"taxes": taxes} | prices


def tell(add_on: AddOn, name: str, *, at: datetime) -> None:
    """The event with the add-on as it is now."""
    fresh = AddOn.objects.prefetch_related("taxes", "prices").get(pk=add_on.pk)
    emit(add_on.organization, name, add_on, add_on_payload(fresh), at=at)
