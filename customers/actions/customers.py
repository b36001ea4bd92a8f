"""Adding and changing customers. Deleting one is a cascade of its own: `delete.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower

from billing.actions import audit
from billing.actions.locks import lock_customer
from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from billing.orm.search import search_columns
from billing.rules.errors import Conflict, FieldErrors, Invalid, Locked
from customers.models import Customer
from customers.queries.locks import LOCKED_FIELDS, lock_reasons, lock_sentence
from customers.rules.fields import CLEANERS, clean_fields
from invoicing.models import Sequence

FIELDS = frozenset(CLEANERS) | {"billing_entity", "taxes"}
SEARCHED = ("name", "email", "external_id", "legal_name", "first_name", "last_name")
SERIES = "customer"


@transaction.atomic
def add_customer(
    organization: Organization, fields: Mapping[str, Any], *, by: Actor, at: datetime
) -> Customer:
    """A new customer from column values (`billing_entity` a BillingEntity, `taxes` a list of Tax).

    A missing external ID is generated, the currency falls back to the organization's, the billing entity to
    the default one. Raises FieldErrors for values that mean nothing and Conflict (409, with the field) for an
    external ID or e-mail that another customer has.
    """
    values = prepared(organization, fields)
    taxes = values.pop("taxes", [])
    values["currency"] = values.get("currency") or organization.default_currency
    entity = values.pop("billing_entity", None) or default_entity(organization)
    customer = Customer(organization=organization, billing_entity=entity, **values)
    customer.external_id = customer.external_id or customer.public_id
    check_columns(customer)
    customer.sequence = next_number(organization)
    refuse_duplicates(customer, ("external_id", "email"))
    save(customer)
    customer.taxes.set(taxes)
    given = {name: (None, getattr(customer, name)) for name in sorted({*values, "external_id", "currency"})}
    if taxes:
        given["taxes"] = (None, [str(tax) for tax in taxes])
    changes = {name: pair for name, pair in given.items() if pair[1] not in (None, "", {})}
    audit.record(organization, "customer.created", customer, by=by, at=at, changes=changes, customer=customer)
    return customer


@transaction.atomic
def update_customer(customer: Customer, changes: Mapping[str, Any], *, by: Actor, at: datetime) -> Customer:
    """Change the given columns only; a change to what already is writes nothing.

    Raises Locked (400, `customer_field_locked`) for an external ID or currency that is fixed, Conflict for
    one that is taken or for a customer that is deleted or being deleted.
    """
    customer = lock_customer(customer.pk)
    organization = customer.organization
    if customer.deleted_at or customer.deleting_at:
        raise Conflict("The customer is being deleted and can no longer change.", code="customer_deleted")
    values = prepared(organization, changes)
    taxes = values.pop("taxes", None)
    if not values.get("external_id", True):
        raise Invalid("The external ID cannot be empty.", code="required", field="external_id")
    before = audit.snapshot(customer, values)
    for name, value in values.items():
        setattr(customer, name, value)
    different = audit.differences(before, customer)
    refuse_locked(customer, different)
    check_columns(customer)
    refuse_duplicates(customer, different)
    if taxes is not None:
        old = list(customer.taxes.all())
        if {tax.pk for tax in old} != {tax.pk for tax in taxes}:
            different["taxes"] = ([str(tax) for tax in old], [str(tax) for tax in taxes])
            customer.taxes.set(taxes)
    if not different:
        return customer
    save(customer)
    audit.record(
        organization, "customer.updated", customer, by=by, at=at, changes=different, customer=customer
    )
    return customer


def upsert_customer(
    organization: Organization, fields: Mapping[str, Any], *, by: Actor, at: datetime
) -> tuple[Customer, bool]:
    """Add, or update the customer that has the given external ID. Returns the customer and whether it is new.

    Two callers that send the same new external ID at once get one customer: the second one updates it.
    """
    external_id = clean_fields({"external_id": fields.get("external_id")})["external_id"]
    found = customer_of(organization, external_id)
    if found is None:
        try:
            return add_customer(organization, fields, by=by, at=at), True
        except Conflict as error:
            found = customer_of(organization, external_id)
            if error.field != "external_id" or found is None:
                raise
    return update_customer(found, fields, by=by, at=at), False


def customer_of(organization: Organization, external_id: str) -> Customer | None:
    """The kept customer with this external ID; none for an empty one."""
    rows = Customer.objects.of(organization).kept()
    return rows.filter(external_id=external_id).first() if external_id else None


def prepared(organization: Organization, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The values in their one spelling; unknown fields and rows of another organization are refused."""
    unknown = sorted(set(fields) - FIELDS)
    if unknown:
        raise FieldErrors([(name, "Unknown field.") for name in unknown])
    values = clean_fields(fields)
    owned = [("billing_entity", values.get("billing_entity"))]
    owned += [("taxes", tax) for tax in values.get("taxes") or []]
    for name, row in owned:
        if row is not None and (row.organization_id != organization.pk or row.deleted_at):
            raise Invalid("This does not exist.", code="unknown", field=name)
    if "billing_entity" in values and values["billing_entity"] is None:
        del values["billing_entity"]
    return values


def default_entity(organization: Organization) -> BillingEntity:
    """The issuer that new customers get."""
    return BillingEntity.objects.of(organization).get(is_default=True)


def next_number(organization: Organization) -> int:
    """The customer's number within the organization, from a locked counter. The lock also makes creations of
    one organization wait for each other, so that the check for duplicates cannot be overtaken.
    """
    Sequence.objects.get_or_create(organization=organization, key=SERIES)
    counter = Sequence.objects.select_for_update().get(organization=organization, key=SERIES)
    counter.last += 1
    counter.save(update_fields=["last", "updated_at"])
    return int(counter.last)


def refuse_locked(customer: Customer, different: Mapping[str, Any]) -> None:
    """External ID and currency stand still once something has been assigned."""
    touched = [name for name in LOCKED_FIELDS if name in different]
    reasons = lock_reasons(customer) if touched else []
    if reasons:
        raise Locked(lock_sentence(reasons), code="customer_field_locked", field=touched[0])


def check_columns(customer: Customer) -> None:
    """Lengths, formats and choices of the table, as errors by field."""
    try:
        customer.clean_fields(exclude={"sequence", "organization", "billing_entity"})
    except ValidationError as error:
        found = [(name, text) for name, texts in error.message_dict.items() for text in texts]
        raise FieldErrors(found) from error


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
    for name, value in search_columns(*(getattr(customer, name) for name in SEARCHED)).items():
        setattr(customer, name, value)
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as error:
        for name in ("email", "external_id"):
            if f"customer_{name}" in str(error):
                raise duplicate(name, customer) from error
        raise
