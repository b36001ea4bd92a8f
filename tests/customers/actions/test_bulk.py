"""Acts on many customers: the dry run, each row once with its reason, undo that keeps what is newer."""

from __future__ import annotations

from typing import Any

import pytest

from billing.actions import later
from billing.models import AuditEntry, Job, Organization
from billing.rules.errors import Conflict
from customers.actions import bulk
from customers.actions.customers import update_customer
from customers.actions.tag_list import create_tag
from customers.actions.tags import add_tags
from customers.models import BulkRun, Customer, VatCheck
from customers.queries.bulk import forecast, outcomes
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def rows(organization: Organization) -> Any:
    return Customer.objects.of(organization).kept()


def started(organization: Organization, act: str, value: Any, token: str = "once") -> BulkRun:
    return bulk.start_run(
        organization, rows(organization), act, value, query="", token=token, by=ACTOR, at=NOW
    )


def done(run: BulkRun) -> dict[str, int]:
    """Do the run as its worker does; the outcomes."""
    later.run(str(Job.objects.get(subject_id=run.pk).pk), bulk.carry_out)
    run.refresh_from_db()
    assert run.finished_at
    return outcomes(run)


def test_tags_are_added_once_and_taken_back(organization: Organization) -> None:
    tag = create_tag(organization, "VIP", color="teal", by=ACTOR, at=NOW)
    new, had, going = (make_customer(organization) for _ in range(3))
    add_tags(had, [tag.pk], by=ACTOR, at=NOW)
    Customer.objects.filter(pk=going.pk).update(deleting_at=NOW)
    seen = forecast(rows(organization), "add_tags", [tag.pk])
    assert (seen.total, seen.changing, seen.staying) == (3, 1, [("being deleted", 1), ("already so", 1)])
    assert [(row.pk, before, after) for row, before, after in seen.sample] == [(new.pk, "", "VIP")]
    assert not Customer.objects.get(pk=new.pk).tag_ids, "a dry run writes nothing"
    run = started(organization, "add_tags", [str(tag.pk)])
    assert started(organization, "add_tags", [str(tag.pk)]) == run, "a double click is one run"
    assert done(run) == {"changed": 1, "skipped": 2}
    assert run.rows.get(customer=going).note == bulk.GONE
    assert AuditEntry.objects.filter(action="bulk_act.started").count() == 1
    assert AuditEntry.objects.filter(customer=new, action="customer.updated").count() == 1
    job = Job.objects.get(subject_id=run.pk)
    bulk.carry_out(job)
    assert AuditEntry.objects.filter(customer=new, action="customer.updated").count() == 1
    undo = bulk.undo_run(run, by=ACTOR, at=NOW)
    run.refresh_from_db()
    assert bulk.undo_run(run, by=ACTOR, at=NOW) == undo
    assert done(undo) == {"changed": 1}
    assert [Customer.objects.get(pk=row.pk).tag_ids for row in (new, had)] == [[], [tag.pk]]


def test_undo_keeps_what_was_changed_since(organization: Organization) -> None:
    one, two = make_customer(organization, net_payment_term_days=7), make_customer(organization)
    run = started(organization, "set_term", 30)
    assert done(run) == {"changed": 2}
    update_customer(one, {"net_payment_term_days": 45}, by=ACTOR, at=NOW)
    undo = bulk.undo_run(run, by=ACTOR, at=NOW)
    assert done(undo) == {"changed": 1, "skipped": 1}
    assert undo.rows.get(customer=one).note == bulk.NEWER
    terms = dict(rows(organization).values_list("pk", "net_payment_term_days"))
    assert terms == {one.pk: 45, two.pk: None}


def test_one_that_refuses_does_not_stop_the_others(organization: Organization) -> None:
    refuses = make_customer(organization, disabled_providers=["stripe"])
    other = make_customer(organization)
    seen = forecast(rows(organization), "set_provider", "stripe")
    assert (seen.changing, seen.staying) == (1, [("this provider is disabled there", 1)])
    run = started(organization, "set_provider", "stripe")
    assert done(run) == {"changed": 1, "failed": 1}
    assert (run.changed, run.failed) == (1, 1)
    assert "disabled" in run.rows.get(customer=refuses).note
    assert Customer.objects.get(pk=other.pk).preferred_provider == "stripe"


def test_what_cannot_start_or_be_undone(organization: Organization) -> None:
    with pytest.raises(Conflict):
        started(organization, "set_status", "inactive")
    make_customer(organization, status="inactive")
    run = started(organization, "set_status", "inactive")
    with pytest.raises(Conflict):
        bulk.undo_run(run, by=ACTOR, at=NOW)
    assert done(run) == {"skipped": 1}
    with pytest.raises(Conflict):
        bulk.undo_run(run, by=ACTOR, at=NOW)
    assert not rows(make_organization("Other")).exists()


def test_vat_numbers_are_asked_about_again_and_nothing_is_undone(organization: Organization) -> None:
    asked = make_customer(organization, tax_id="DE136695976", country="DE")
    by_hand = make_customer(organization, tax_id="DE136695976", country="DE")
    make_customer(organization)
    VatCheck.objects.all().delete()
    Customer.objects.filter(pk=asked.pk).update(vat_status="valid")
    Customer.objects.filter(pk=by_hand.pk).update(vat_status="manual")
    seen = forecast(rows(organization), "check_vat", None)
    assert [row.pk for row, _, _ in seen.sample] == [asked.pk]
    assert seen.staying == [("confirmed by hand", 1), ("no tax ID, or VAT checks are switched off", 1)]
    run = started(organization, "check_vat", None)
    assert done(run) == {"changed": 1, "skipped": 1, "failed": 1}
    assert list(VatCheck.objects.values_list("customer", "state")) == [(asked.pk, "pending")]
    assert Customer.objects.get(pk=asked.pk).vat_status == "valid", "it counts as valid meanwhile"
    with pytest.raises(Conflict, match="nothing that could be undone"):
        bulk.undo_run(run, by=ACTOR, at=NOW)
