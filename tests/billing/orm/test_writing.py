"""What is written together is what the ORM would write; a query that was compiled answers as it would anew."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from billing.actions import audit
from billing.models import AuditEntry, Organization, Tax
from billing.orm.compiled import Compiled
from billing.orm.fields import new_id
from billing.orm.writing import inserted, stored, updated, write
from invoicing.models import Invoice
from tests.factories.catalog import make_tax
from tests.factories.paying import make_due
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def columns(row: models.Model) -> dict[str, object]:
    """Every column as the database has it, but those that tell rows apart."""
    found = type(row)._default_manager.filter(pk=row.pk).values().get()
    return {name: value for name, value in found.items() if name not in ("id", "created_at", "updated_at")}


def copy_of(row: models.Model, **changes: object) -> models.Model:
    """The same once more, not stored."""
    fields = {one.attname: getattr(row, one.attname) for one in row._meta.concrete_fields}
    return type(row)(**fields | {"id": new_id()} | changes)


def test_an_invoice_is_stored_as_the_orm_stores_it() -> None:
    invoice = make_due(make_organization())
    invoice.refresh_from_db()
    first, second = (
        copy_of(invoice, number="A-1", series_number=91),
        copy_of(invoice, number="A-2", series_number=92),
    )
    own: dict[str, object] = {"number": "", "series_number": 0}
    first.save(force_insert=True)
    write(stored(second))
    assert columns(first) | own == columns(second) | own
    assert not second._state.adding and second.created_at is not None
    second.save()  # it is known to be stored
    assert Invoice.objects.filter(pk=second.pk).count() == 1


def test_what_the_database_gives_by_default_is_on_the_row() -> None:
    invoice = make_due(make_organization())
    fields = {one.attname: getattr(invoice, one.attname) for one in invoice._meta.concrete_fields}
    fresh = Invoice(**{name: value for name, value in fields.items() if name not in ("id", "dispute_reason")})
    fresh.number, fresh.series_number = "B-1", 91
    write(inserted([fresh]))
    assert fresh.dispute_reason == Invoice.objects.get(pk=fresh.pk).dispute_reason == ""


def test_several_tables_are_one_round_trip_and_all_or_nothing() -> None:
    organization = make_organization()
    tax = make_tax(organization)
    entries = [
        audit.entry(organization, "tax.updated", tax, by=ACTOR, at=NOW, changes={"name": ("a", word)})
        for word in ("b%s", "c; DELETE")
    ]
    tax.name = "New"
    with CaptureQueriesContext(connection) as found:
        write(inserted(entries), inserted([]), updated(tax, "name"))
    assert len(found) == 1
    kept = AuditEntry.objects.filter(pk__in=[row.pk for row in entries]).order_by("pk")
    assert [row.changes["name"][1] for row in kept] == ["b%s", "c; DELETE"]
    tax.name = "Newer"
    with pytest.raises(IntegrityError), transaction.atomic():
        write(updated(tax, "name"), inserted(entries))
    assert Tax.objects.get(pk=tax.pk).name == "New"


def test_only_the_named_fields_are_changed() -> None:
    tax = make_tax(make_organization())
    Tax.objects.filter(pk=tax.pk).update(name="Theirs")
    tax.name, tax.description = "Mine", "Said"
    write(updated(tax, "description"))
    assert columns(tax)["name"] == "Theirs" and columns(tax)["description"] == "Said"


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no column descripton"):
        write(updated(make_tax(make_organization()), "name", "descripton"))


def test_an_expression_is_refused() -> None:
    tax = make_tax(make_organization())
    tax.name = models.F("code")  # type: ignore[assignment]
    with pytest.raises(TypeError, match="expression"):
        write(updated(tax))


def test_a_compiled_query_takes_other_values() -> None:
    mine, other = make_organization(), make_organization()
    mine_taxes = [make_tax(mine, code=code) for code in ("one", "two")]
    make_tax(other, code="one")
    asked = Compiled(lambda key, code: Tax.objects.filter(organization_id=key, code=code), UUID, str)
    assert list(asked.rows(mine.pk, "one")) == mine_taxes[:1]
    assert list(asked.rows(mine.pk, "two")) == mine_taxes[1:]
    assert list(asked.rows(other.pk, "two")) == []
    with CaptureQueriesContext(connection) as found:
        (row,) = asked.rows(mine.pk, "one")
        assert (row.rate, row.created_at) == (mine_taxes[0].rate, mine_taxes[0].created_at)
    assert len(found) == 1  # the row is whole


def test_a_compiled_query_joins_and_annotates() -> None:
    tax = make_tax(make_organization("Mine"))
    doubled = models.F("rate") * 2
    asked = Compiled(
        lambda key: Tax.objects.select_related("organization").annotate(doubled=doubled).filter(pk=key), UUID
    )
    with CaptureQueriesContext(connection) as found:
        row = asked.get(tax.pk)
        assert (row.organization.name, row.doubled) == ("Mine", tax.rate * 2)
        assert columns(row.organization) == columns(tax.organization)
    assert len(found) == 3  # two of them are `columns`
    with pytest.raises(Tax.DoesNotExist):
        asked.get(new_id())


def test_a_compiled_query_answers_whole_rows() -> None:
    asked = Compiled(lambda key: Tax.objects.filter(pk=key).only("code"), UUID)
    with pytest.raises(ValueError, match="does not answer"):
        list(asked.rows(new_id()))


def test_a_value_that_is_no_parameter_is_refused() -> None:
    later = Compiled(lambda key: Organization.objects.filter(created_at__lt=NOW + timedelta(1)), UUID)
    with pytest.raises(ValueError, match="no parameter"):
        list(later.rows(new_id()))


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_within_a_transaction_only() -> None:
    tax = make_tax(make_organization())
    locked = Compiled(lambda key: Tax.objects.filter(pk=key).select_for_update(), UUID)
    with transaction.atomic():
        assert list(locked.rows(tax.pk)) == [tax]
    with pytest.raises(TransactionManagementError):
        list(locked.rows(tax.pk))
