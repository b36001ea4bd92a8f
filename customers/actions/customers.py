"""Adding and changing customers. Deleting one is a cascade of its own: `delete.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from billing.actions import audit
from billing.actions.locks import lock_customer
from billing.actions.wallet_opening import follow_customer, open_primary
from billing.actions.webhooks import emit
from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, FieldErrors, Invalid, Locked
from customers.actions.columns import columns
from customers.actions.vat import after_change
from customers.models import Customer
from customers.queries.classification import flip_payload, in_question, local_day
from customers.queries.index import search_values
from customers.queries.locks import LOCKED_FIELDS, lock_reasons, lock_sentence
from customers.queries.payloads import payload_of
from customers.queries.tags import names_of
from customers.rules.fields import clean_fields, contradictions
from invoicing.actions.provider_links import set_provider_ids
from invoicing.actions.provider_sync import mirror
from invoicing.actions.provider_throw import create_first, undone_at_providers
from invoicing.actions.reviews import ask_for_review
from invoicing.models import Sequence as Counter

SERIES = "customer"


@undone_at_providers
@transaction.atomic
def add_customer(
    organization: Organization,
    fields: Mapping[str, Any],
    *,
    check_vat: bool | None = None,
    provider_ids: Mapping[str, str | None] | None = None,
    by: Actor,
    at: datetime,
) -> Customer:
    """A new customer from column values (`billing_entity` a BillingEntity, `taxes` a list of Tax, `tags` names,
    defaults for wallets in major units under the names of `rules/fields.py:AMOUNTS`).

    A missing external ID is generated, the currency falls back to the organization's, the billing entity to
    the default one; the primary wallet is opened with the customer. Raises FieldErrors for values that mean nothing
    and Conflict (409, with the field) for an external ID or e-mail that another customer has. `check_vat` is the
    caller's wish about a VAT check; `provider_ids` {"stripe": "cus_…"} under which providers know them already.
    """
    values = columns(organization, fields, by=by, at=at)
    taxes = values.pop("taxes", [])
    values["currency"] = values.get("currency") or organization.default_currency
    entity = values.pop("billing_entity", None) or default_entity(organization)
    customer = Customer(organization=organization, billing_entity=entity, **values)
    customer.external_id = customer.external_id or customer.public_id
    check_columns(customer)
    create_first(customer, linked=provider_ids or {})
    customer.sequence = next_number(organization)
    refuse_duplicates(customer, ("external_id", "email"))
    save(customer)
    customer.taxes.set(taxes)
    open_primary(customer, at=at)
    after_change(customer, None, wish=check_vat, by=by, at=at)
    record_added(customer, {*values, "external_id", "currency"}, taxes, by=by, at=at)
    set_provider_ids(customer, provider_ids or {}, by=by, at=at)
    mirror(customer, by=by, at=at)
    told("customer.created", customer, at=at)
    return customer


def record_added(
    customer: Customer, names: Iterable[str], taxes: Sequence[Any], *, by: Actor, at: datetime
) -> None:
    """The audit line of a new customer: what was filled in, without what is so by itself."""
    usual = {field.attname: field.get_default() for field in Customer._meta.concrete_fields}
    given = {name: (None, getattr(customer, name)) for name in sorted(names)}
    given = {name: pair for name, pair in given.items() if name == "currency" or pair[1] != usual[name]}
    if given.pop("tag_ids", None):
        given["tags"] = (None, names_of(customer.tag_ids))
    if taxes:
        given["taxes"] = (None, [str(tax) for tax in taxes])
    changes = {name: pair for name, pair in given.items() if pair[1] not in (None, "", {}, [], False)}
    audit.record(
        customer.organization, "customer.created", customer, by=by, at=at, changes=changes, customer=customer
    )


@undone_at_providers
@transaction.atomic
def update_customer(
    customer: Customer,
    changes: Mapping[str, Any],
    *,
    reason: str = "",
    flip_mode: bool = False,
    check_vat: bool | None = None,
    provider_ids: Mapping[str, str | None] | None = None,
    by: Actor,
    at: datetime,
) -> Customer:
    """Change the given columns only; a change to what already is writes nothing.

    Raises Locked (400, `customer_field_locked`) for an external ID or currency that is fixed, Invalid
    (`reason_required`) for another type without a reason, Conflict for a value that is taken or for a customer that
    is deleted or being deleted. The mode changes by `classification.py:change_mode` alone (`flip_mode`).
    """
    customer = lock_customer(customer.pk)
    organization = customer.organization
    if customer.deleted_at or customer.deleting_at:
        raise Conflict("The customer is being deleted and can no longer change.", code="customer_deleted")
    values = columns(organization, changes, customer, by=by, at=at)
    taxes = values.pop("taxes", None)
    if not values.get("external_id", True):
        raise Invalid("The external ID cannot be empty.", code="required", field="external_id")
    before = audit.snapshot(customer, values)
    for name, value in values.items():
        setattr(customer, name, value)
    different = audit.differences(before, customer)
    refuse_locked(customer, different)
    refuse_flips(different, reason, flip_mode)
    check_columns(customer)
    refuse_duplicates(customer, different)
    if taxes is not None:
        old = list(customer.taxes.all())
        if {tax.pk for tax in old} != {tax.pk for tax in taxes}:
            different["taxes"] = ([str(tax) for tax in old], [str(tax) for tax in taxes])
            customer.taxes.set(taxes)
    after_change(customer, different, wish=check_vat, by=by, at=at)
    if not different:
        set_provider_ids(customer, provider_ids or {}, by=by, at=at)
        return customer
    save(customer)
    follow_customer(customer, different)
    set_provider_ids(customer, provider_ids or {}, by=by, at=at)
    mirror(customer, by=by, at=at)
    record_changed(customer, different, reason, by=by, at=at)
    return customer


def record_changed(
    customer: Customer, different: Mapping[str, tuple[Any, Any]], reason: str, *, by: Actor, at: datetime
) -> None:
    """The audit line of a change, and its events. A flip alone has a name of its own."""
    changes = dict(different)
    if "tag_ids" in changes:
        changes["tags"] = tuple(names_of(ids) for ids in changes.pop("tag_ids"))  # type: ignore[assignment]
    flips = {"customer_type": "customer.type_changed", "mode": "customer.mode_changed"}
    action = flips.get(next(iter(changes)), "customer.updated") if len(changes) == 1 else "customer.updated"
    audit.record(
        customer.organization,
        action,
        customer,
        by=by,
        at=at,
        changes=changes,
        customer=customer,
        reason=reason,
    )
    told("customer.updated", customer, at=at)
    for name, event in flips.items():
        if name in different:
            flip = different[name]
            found = in_question(customer, name, *flip, at=at)
            ask_for_review(found, on=local_day(customer, at))
            data = flip_payload(customer, name, *flip, review=found, reason=reason, actor=by.label)
            emit(customer.organization, event, customer, data, at=at)


def upsert_customer(
    organization: Organization,
    fields: Mapping[str, Any],
    *,
    reason: str = "",
    check_vat: bool | None = None,
    provider_ids: Mapping[str, str | None] | None = None,
    by: Actor,
    at: datetime,
) -> tuple[Customer, bool]:
    """Add, or update the customer that has the given external ID. Returns the customer and whether it is new.

    Two callers that send the same new external ID at once get one customer: the second one updates it.
    """
    external_id = clean_fields({"external_id": fields.get("external_id")})["external_id"]
    found = customer_of(organization, external_id)
    if found is None:
        try:
            new = add_customer(
                organization, fields, check_vat=check_vat, provider_ids=provider_ids, by=by, at=at
            )
            return new, True
        except Conflict as error:
            found = customer_of(organization, external_id)
            if error.field != "external_id" or found is None:
                raise
    changed = update_customer(
        found, fields, reason=reason, check_vat=check_vat, provider_ids=provider_ids, by=by, at=at
    )
    return changed, False


def customer_of(organization: Organization, external_id: str) -> Customer | None:
    """The kept customer with this external ID; none for an empty one."""
    rows = Customer.objects.of(organization).kept()
    return rows.filter(external_id=external_id).first() if external_id else None


def default_entity(organization: Organization) -> BillingEntity:
    """The issuer that new customers get."""
    return BillingEntity.objects.of(organization).get(is_default=True)


def next_number(organization: Organization) -> int:
    """The customer's number within the organization, from a locked counter. The lock also makes creations of
    one organization wait for each other, so that the check for duplicates cannot be overtaken.
    """
    Counter.objects.get_or_create(organization=organization, key=SERIES)
    counter = Counter.objects.select_for_update().get(organization=organization, key=SERIES)
    counter.last += 1
    counter.save(update_fields=["last", "updated_at"])
    return int(counter.last)


def refuse_locked(customer: Customer, different: Mapping[str, Any]) -> None:
    """External ID and currency stand still once something has been assigned."""
    touched = [name for name in LOCKED_FIELDS if name in different]
    reasons = lock_reasons(customer) if touched else []
    if reasons:
        raise Locked(lock_sentence(reasons), code="customer_field_locked", field=touched[0])


def refuse_flips(different: Mapping[str, Any], reason: str, flip_mode: bool) -> None:
    """Another type is an accounting decision and says why; another mode has a door of its own."""
    if "customer_type" in different and not reason.strip():
        text = "Say why: a change of type needs a reason."
        raise Invalid(text, code="reason_required", field="reason")
    if "mode" in different and not flip_mode:
        text = "The mode changes by POST /customers/{id}/mode or Change mode, with a reason."
        raise Invalid(text, code="mode_has_its_own_door", field="mode")


def check_columns(customer: Customer) -> None:
    """Lengths, formats and choices of the table, and what fields say together, as errors by field."""
    try:
        customer.clean_fields(exclude={"sequence", "organization", "billing_entity"})
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error
    if errors := contradictions(vars(customer)):
        raise FieldErrors(errors)


def refuse_duplicates(customer: Customer, names: Any) -> None:
    """External ID and e-mail (without case) belong to one customer that is not deleted."""
    others = Customer.objects.of(customer.organization).kept().exclude(pk=customer.pk)
    if "external_id" in names and others.filter(external_id=customer.external_id).exists():
        raise duplicate("external_id", customer)
    same_email = others.alias(lowered=Lower("email")).filter(lowered=customer.email)
    if "email" in names and customer.email and same_email.exists():
        raise duplicate("email", customer)


def duplicate(name: str, customer: Customer) -> Conflict:
    """The 409 for a value that is taken."""
    if name == "email":
        text = f"Another customer has the e-mail {customer.email}."
        return Conflict(text, code="duplicate_email", field="email")
    text = f"Another customer has the external ID {customer.external_id}."
    return Conflict(text, code="duplicate_external_id", field="external_id")


def save(customer: Customer) -> None:
    """Write the row with its search columns. A race that the checks missed ends at the unique indexes."""
    for name, value in search_values(customer, names_of(customer.tag_ids)).items():
        setattr(customer, name, value)
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as error:
        for name in ("email", "external_id"):
            if f"customer_{name}" in str(error):
                raise duplicate(name, customer) from error
        raise


def told(event: str, customer: Customer, *, at: datetime) -> None:
    """Emit an event about the customer, with what the API answers as its data."""
    emit(customer.organization, event, customer, payload_of(customer), at=at)
