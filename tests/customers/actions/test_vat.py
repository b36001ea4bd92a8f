"""What starts a check of a VAT number, what stands above it, and what each answer does. VIES is a real server."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import override_settings

from billing.models import AuditEntry, EmittedEvent, Organization
from billing.rules.errors import Conflict, Invalid
from customers.actions.customers import add_customer, update_customer
from customers.actions.merge import merge_customers
from customers.actions.vat import begin, settle, verify
from customers.actions.vat_override import clear_override, override, try_now
from customers.actions.vat_queue import run
from customers.clients.vies import ViesAnswer
from customers.models import Customer, VatCheck
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_organization
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
DE, FR, AT = "DE136695976", "FR40303265045", "ATU13585627"
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def organization() -> Organization:
    """With checks switched on, as organizations are made."""
    return make_organization()


def business(organization: Organization, number: str = FR, **fields: Any) -> Customer:
    """A French company, its number not checked yet."""
    values = {"customer_type": "business", "country": "FR", "tax_id": number, "name": "Globex"}
    return make_customer(organization, **(values | fields))


def wish(organization: Organization, value: bool | None, **fields: Any) -> Customer:
    """A company whose creator says whether its number shall be checked."""
    values = {"name": "Globex", "customer_type": "business", "tax_id": FR, "country": "FR"}
    return add_customer(organization, values | fields, check_vat=value, by=ACTOR, at=NOW)


def switch(organization: Organization, **fields: Any) -> None:
    """Other settings of the organization."""
    Organization.objects.filter(pk=organization.pk).update(**fields)
    organization.refresh_from_db()


def status(customer: Customer) -> str:
    """The status in the table."""
    return str(Customer.objects.values_list("vat_status", flat=True).get(pk=customer.pk))


def checks(customer: Customer) -> list[tuple[str, str, str]]:
    """(source, state, fault), newest first."""
    return list(VatCheck.objects.filter(customer=customer).values_list("source", "state", "fault"))


def events(organization: Organization) -> list[dict[str, Any]]:
    """The data of what was told about checks, oldest first."""
    rows = EmittedEvent.objects.filter(organization=organization, name="customer.vat_checked")
    return [row.data for row in rows.order_by("pk")]


def test_a_new_number_is_pending_at_once_and_valid_after_the_next_round(
    organization: Organization, vies: FakeVies
) -> None:
    customer = business(organization)
    assert status(customer) == "pending" and vies.log == []
    assert run(LATER) == 1
    assert status(customer) == "valid"
    row = VatCheck.objects.get()
    assert (row.number, row.name, row.attempts, row.answered_at) == (FR, "Globex SARL", 1, LATER)
    [event] = events(organization)
    assert (event["from"], event["to"], event["verification"]["name"]) == ("pending", "valid", "Globex SARL")
    assert AuditEntry.objects.get(action="customer.vat_checked").changes["vat_status"] == ["pending", "valid"]
    assert run(LATER) == 0 and len(vies.log) == 1


def test_the_billing_entitys_own_number_earns_a_consultation_number(
    organization: Organization, vies: FakeVies
) -> None:
    customer = business(organization)
    customer.billing_entity.tax_id, customer.billing_entity.country = DE, "DE"
    customer.billing_entity.save()
    run(LATER)
    assert vies.log[0]["requesterMemberStateCode"] == "DE"
    assert VatCheck.objects.get().reference == "WAPIAAAAYtest"


def test_a_number_whose_form_is_wrong_is_invalid_and_nobody_is_asked(
    organization: Organization, vies: FakeVies
) -> None:
    customer = business(organization, "FR40303265046")
    assert status(customer) == "invalid"
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "invalid"
    assert checks(customer) == [("offline", "invalid", "")] and run(LATER) == 0 and vies.log == []
    assert len(events(organization)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"tax_id": "GB 980 7806 84", "country": "GB"},
        {"tax_id": "1000123456", "country": "UG"},
        {"customer_type": "consumer"},
        {"tax_id": ""},
    ],
)
def test_who_is_not_asked_about(organization: Organization, vies: FakeVies, fields: dict[str, Any]) -> None:
    customer = business(
        organization, **({"number": fields.pop("tax_id")} if "tax_id" in fields else {}), **fields
    )
    assert (status(customer), run(LATER), vies.log, checks(customer)) == ("unvalidated", 0, [], [])


def test_the_hint_false_queues_nothing_and_true_asks_again(
    organization: Organization, vies: FakeVies
) -> None:
    customer = wish(organization, False)
    assert (status(customer), run(LATER), vies.log) == ("unvalidated", 0, [])
    update_customer(customer, {}, check_vat=True, by=ACTOR, at=NOW)
    assert (status(customer), run(LATER), vies.numbers) == ("pending", 1, [FR])
    update_customer(customer, {"name": "Globex 2"}, by=ACTOR, at=NOW)
    assert run(LATER) == 0
    update_customer(customer, {}, check_vat=True, by=ACTOR, at=NOW)
    assert status(customer) == "valid", "it stays valid while it is asked again"
    assert (run(LATER), vies.numbers) == (1, [FR, FR])


def test_the_switch_of_the_organization_stands_above_all(organization: Organization, vies: FakeVies) -> None:
    waiting = business(organization)
    switch(organization, vat_validation_enabled=False)
    customer = wish(organization, True, tax_id=AT, country="AT")
    update_customer(customer, {}, check_vat=True, by=ACTOR, at=NOW)
    for one in (customer, waiting):
        with pytest.raises(Conflict) as caught:
            verify(one, by=ACTOR, at=NOW)
        assert caught.value.code == "vat_validation_disabled"
    assert run(LATER) == 0 and vies.log == []
    assert (status(customer), status(waiting)) == ("unvalidated", "pending")
    switch(organization, vat_validation_enabled=True)
    assert run(LATER) == 1 and vies.numbers == [FR]


def test_a_customer_that_opted_out_is_never_asked_about(organization: Organization, vies: FakeVies) -> None:
    reason = {"vat_validation_disabled": True, "vat_validation_disabled_reason": "Tax exempt body"}
    customer = wish(organization, True, **reason)
    with pytest.raises(Conflict, match="Tax exempt body") as caught:
        verify(customer, by=ACTOR, at=NOW)
    assert caught.value.code == "vat_validation_disabled"
    waiting = business(organization, AT, country="AT")
    update_customer(waiting, reason, by=ACTOR, at=NOW)
    assert checks(waiting) == [("vies", "failed", "opted_out")]
    assert (status(customer), status(waiting), run(LATER), vies.log) == ("unvalidated", "unvalidated", 0, [])
    update_customer(waiting, {"vat_validation_disabled": False}, by=ACTOR, at=NOW)
    assert (status(waiting), run(LATER), vies.numbers) == ("pending", 1, [AT])


def test_during_maintenance_checks_wait_for_its_end(organization: Organization, vies: FakeVies) -> None:
    waiting = business(organization, AT, country="AT")
    switch(organization, vat_maintenance_from=time(11), vat_maintenance_to=time(13))
    customer = business(organization)
    end = datetime(2026, 3, 15, 13, tzinfo=NOW.tzinfo)
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "pending"
    assert run(LATER) == 0 and vies.log == []
    assert {row.next_at for row in VatCheck.objects.all()} == {end}
    assert run(end) == 2 and sorted(vies.numbers) == [AT, FR]
    assert {status(waiting), status(customer)} == {"valid"}


def test_verify_asks_at_once_and_may_be_repeated(organization: Organization, vies: FakeVies) -> None:
    customer = wish(organization, False)
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "valid"
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "valid"
    vies.answers[FR] = False
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "invalid"
    vies.answers[FR] = "MS_UNAVAILABLE"
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "pending"
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "pending"
    assert VatCheck.objects.filter(state="pending").count() == 1


def test_verify_without_an_answer_leaves_it_pending_and_the_worker_tries_again(
    organization: Organization, vies: FakeVies
) -> None:
    customer = wish(organization, False)
    vies.answers[FR] = 1.0
    assert verify(customer, by=ACTOR, at=NOW, timeout=0.1).vat_status == "pending"
    row = VatCheck.objects.get()
    assert (row.fault, row.next_at) == ("UNREACHABLE", NOW + timedelta(minutes=5))
    assert run(NOW + timedelta(minutes=4)) == 0
    vies.answers.clear()
    assert run(NOW + timedelta(minutes=5)) == 1 and status(customer) == "valid"


def test_verify_says_what_it_cannot_ask_about(organization: Organization, vies: FakeVies) -> None:
    for customer, code in (
        (business(organization, ""), "no_tax_id"),
        (business(organization, "1000123456", country="UG"), "vat_number_not_covered"),
    ):
        with pytest.raises(Invalid) as caught:
            verify(customer, by=ACTOR, at=NOW)
        assert caught.value.code == code
    assert vies.log == []


def test_waits_grow_and_nothing_becomes_invalid(organization: Organization, vies: FakeVies) -> None:
    customer = business(organization)
    vies.answers[FR] = "MS_UNAVAILABLE"
    at, waits = LATER, []
    for _ in range(7):
        assert run(at) == 1
        row = VatCheck.objects.get()
        waits.append((row.next_at - at).total_seconds() / 60)  # type: ignore[operator]
        at = row.next_at  # type: ignore[assignment]
    assert waits == [5, 5, 10, 20, 40, 60, 60]
    assert (status(customer), row.state, events(organization)) == ("pending", "pending", [])


@pytest.mark.parametrize("fault", ["INVALID_INPUT", "VAT_BLOCKED"])
def test_final_faults_end_the_check_without_a_verdict(
    organization: Organization, vies: FakeVies, fault: str
) -> None:
    customer = business(organization)
    vies.answers[FR] = fault
    run(LATER)
    assert (status(customer), checks(customer)) == ("unvalidated", [("vies", "failed", fault)])
    assert run(LATER + timedelta(days=1)) == 0
    assert events(organization)[0]["to"] == "unvalidated"


def test_a_fault_of_a_country_spares_its_other_numbers_and_one_of_vies_all(
    organization: Organization, vies: FakeVies
) -> None:
    first = business(organization)
    business(organization, "FR61954506077")
    business(organization, AT, country="AT")
    vies.answers[FR] = "MS_UNAVAILABLE"
    assert run(LATER) == 2 and vies.numbers == [FR, AT]
    assert status(first) == "pending"
    business(organization, DE, country="DE")
    vies.answers[FR] = "GLOBAL_MAX_CONCURRENT_REQ"
    assert run(LATER + timedelta(minutes=5)) == 1 and vies.numbers == [FR, AT, FR]
    assert VatCheck.objects.filter(state="pending").count() == 3


def test_when_vies_blocks_us_nobody_is_asked_about_for_a_day(
    organization: Organization, vies: FakeVies
) -> None:
    business(organization)
    vies.answers[FR] = "IP_BLOCKED"
    run(LATER)
    business(organization, AT, country="AT")
    assert run(LATER + timedelta(hours=23)) == 0 and vies.numbers == [FR]
    vies.answers.clear()
    assert run(LATER + timedelta(hours=24)) == 2


def test_a_round_asks_a_bounded_number(organization: Organization, vies: FakeVies) -> None:
    for _ in range(5):
        business(organization)
    assert [run(LATER, most=2) for _ in range(4)] == [2, 2, 1, 0]
    assert Customer.objects.filter(vat_status="valid").count() == 5


def test_another_number_takes_back_what_was_known_and_a_late_answer_is_dropped(
    organization: Organization, vies: FakeVies
) -> None:
    customer = business(organization)
    run(LATER)
    update_customer(customer, {"tax_id": AT, "country": "AT"}, by=ACTOR, at=NOW)
    assert status(customer) == "pending"
    row = begin(customer, by=ACTOR, at=NOW)
    assert row is not None
    update_customer(customer, {"tax_id": ""}, by=ACTOR, at=NOW)
    settle(row, ViesAnswer(True), by=ACTOR, at=NOW)
    assert status(customer) == "unvalidated" and run(LATER) == 0
    assert checks(customer)[0] == ("vies", "failed", "number_changed")


def test_a_change_of_type_keeps_what_is_known_and_starts_what_was_not_wanted_before(
    organization: Organization, vies: FakeVies
) -> None:
    customer = business(organization, customer_type="consumer")
    assert status(customer) == "unvalidated"
    update_customer(customer, {"customer_type": "business"}, reason="It is a company", by=ACTOR, at=NOW)
    assert (status(customer), run(LATER)) == ("pending", 1)
    update_customer(customer, {"customer_type": "unknown"}, reason="Not sure", by=ACTOR, at=NOW)
    assert (status(customer), run(LATER)) == ("valid", 0)


def test_an_override_counts_until_its_end_and_then_is_asked_about(
    organization: Organization, vies: FakeVies
) -> None:
    customer = wish(organization, False)
    assert override(customer, "Seen on paper", days=30, by=ACTOR, at=NOW).vat_status == "manual"
    row = VatCheck.objects.get()
    assert (row.state, row.reason, row.actor) == ("manual", "Seen on paper", "Test")
    assert row.expires_at == NOW + timedelta(days=30)
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "manual" and vies.log == []
    update_customer(customer, {}, check_vat=True, by=ACTOR, at=NOW)
    assert run(NOW + timedelta(days=29)) == 0 and status(customer) == "manual"
    vies.answers[FR] = "MS_UNAVAILABLE"
    assert run(NOW + timedelta(days=30)) == 1
    assert (status(customer), checks(customer)) == ("pending", [("vies", "pending", "MS_UNAVAILABLE")])
    vies.answers.clear()
    assert run(NOW + timedelta(days=30, minutes=5)) == 1 and status(customer) == "valid"


def test_a_sandbox_ends_overrides_by_its_own_clock(organization: Organization, vies: FakeVies) -> None:
    customer = business(organization)
    override(customer, "Seen", days=2, by=ACTOR, at=NOW)
    switch(organization, sandbox=True, clock_at=NOW + timedelta(days=1))
    run(NOW + timedelta(days=9))
    assert status(customer) == "manual"
    switch(organization, clock_at=NOW + timedelta(days=2))
    run(NOW)
    assert status(customer) == "valid"


def test_clearing_an_override_and_the_next_answer(organization: Organization, vies: FakeVies) -> None:
    customer = business(organization)
    override(customer, "Seen", by=ACTOR, at=NOW)
    assert VatCheck.objects.get().expires_at == NOW + timedelta(days=90), "the organization's days"
    for _ in range(2):
        assert clear_override(customer, by=ACTOR, at=NOW).vat_status == "unvalidated"
        row = VatCheck.objects.get()
        assert (row.state, row.expires_at, row.reason) == ("pending", None, "Seen")
    assert vies.log == []
    assert verify(customer, by=ACTOR, at=NOW).vat_status == "valid"
    assert vies.numbers == [FR] and VatCheck.objects.get().state == "valid"
    assert clear_override(customer, by=ACTOR, at=NOW).vat_status == "valid"


def test_a_cleared_number_outside_of_vies_is_given_up(organization: Organization, vies: FakeVies) -> None:
    customer = business(organization, "1000123456", country="UG")
    override(customer, "Certificate of the URA", by=ACTOR, at=NOW)
    clear_override(customer, by=ACTOR, at=NOW)
    assert run(LATER) == 0 and vies.log == []
    assert (status(customer), checks(customer)) == ("unvalidated", [("vies", "failed", "not_covered")])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"days": 0}, "ttl_days"),
        ({"days": 366}, "ttl_days"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + timedelta(days=400)}, "expires_at"),
        ({"days": 3, "expires_at": NOW + timedelta(days=3)}, "expires_at"),
    ],
)
def test_overrides_need_a_reason_and_an_end(
    organization: Organization, fields: dict[str, Any], field: str
) -> None:
    customer = wish(organization, False)
    with pytest.raises(Invalid) as caught:
        override(customer, **({"reason": "Seen"} | fields), by=ACTOR, at=NOW)
    assert caught.value.field == field
    assert (status(customer), checks(customer)) == ("unvalidated", [])


def test_a_second_override_replaces_the_first(organization: Organization) -> None:
    customer = business(organization)
    override(customer, "Seen", days=5, by=ACTOR, at=NOW)
    override(customer, "Seen again", days=9, by=ACTOR, at=NOW)
    row = VatCheck.objects.get()
    assert (row.reason, row.expires_at) == ("Seen again", NOW + timedelta(days=9))


def test_a_waiting_check_can_be_tried_now(organization: Organization, vies: FakeVies) -> None:
    business(organization)
    vies.answers[FR] = "MS_UNAVAILABLE"
    run(LATER)
    vies.answers.clear()
    row = try_now(VatCheck.objects.get(), at=LATER)
    assert run(LATER) == 1
    with pytest.raises(Conflict):
        try_now(row, at=LATER)


def test_a_merge_keeps_one_open_check(organization: Organization, vies: FakeVies) -> None:
    source, target = business(organization), business(organization)
    merge_customers(source, target, by=ACTOR, at=NOW)
    assert VatCheck.objects.filter(customer=target, state="pending").count() == 1
    assert run(LATER) == 1 and status(target) == "valid"


@override_settings(VIES_URL="http://127.0.0.1:9")
def test_creating_and_changing_ask_nobody_inside_the_request(organization: Organization) -> None:
    customer = business(organization)
    update_customer(customer, {"tax_id": AT, "country": "AT"}, check_vat=True, by=ACTOR, at=NOW)
    assert VatCheck.objects.exclude(attempts=0).count() == 0
