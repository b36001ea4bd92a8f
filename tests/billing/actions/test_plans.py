"""Plans and their charges: exact rows, locks, refusals that change nothing."""

from __future__ import annotations

from typing import Any

import pytest

from billing.actions.charge_terms import ChargeTerms, FilterTerms
from billing.actions.charges import add_charge, remove_charge, terms_of, update_charge
from billing.actions.metrics import update_metric
from billing.actions.plans import create_plan, delete_plan, set_plan_active, update_plan
from billing.models import AuditEntry, Charge, Metric, Organization, Plan, Subscription
from billing.rules.errors import Conflict, FieldErrors, Invalid
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan, make_tax, subscribe
from tests.factories.people import ACTOR, NOW, make_organization

pytestmark = pytest.mark.django_db


def test_a_plan_is_written_with_its_charges_in_order() -> None:
    acme = make_organization()
    calls, seats = make_metric(acme, "calls"), make_metric(acme, "seats", "max")
    vat = make_tax(acme, "vat")
    plan = create_plan(
        acme,
        name=" Pro ",
        code="pro",
        currency="EUR",
        amount_minor=4900,
        features=["Support"],
        taxes=[vat],
        charges=[
            ChargeTerms(calls, "graduated", GRADUATED, min_amount_minor=500, taxes=[vat]),
            ChargeTerms(seats, "standard", {"amount": "5"}, invoice_display_name="Seats"),
        ],
        by=ACTOR,
        at=NOW,
    )
    plan.refresh_from_db()
    assert (plan.name, plan.code, plan.amount_minor, plan.currency) == ("Pro", "pro", 4900, "EUR")
    assert (plan.interval, plan.pay_in_advance, plan.trial_days, plan.active) == ("monthly", False, 0, True)
    assert plan.features == ["Support"]
    assert [tax.code for tax in plan.taxes.all()] == ["vat"]
    assert plan.search_text == "pro\npro"
    first, second = plan.charges.kept()
    assert (first.metric, first.charge_model, first.min_amount_minor) == (calls, "graduated", 500)
    assert first.properties == {
        "graduatedRanges": [
            {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.1", "flatAmount": "0"},
            {"fromValue": 1001, "toValue": None, "perUnitAmount": "0.05", "flatAmount": "5"},
        ]
    }
    assert [tax.code for tax in first.taxes.all()] == ["vat"]
    assert (second.metric, second.position, second.invoice_name) == (seats, 1, "Seats")
    entry = AuditEntry.objects.get(action="plan.created")
    assert entry.changes["amount_minor"] == [None, 4900]
    assert entry.changes["charge calls"][1]["charge_model"] == "graduated"


def test_a_second_plan_of_the_same_code_is_refused_and_nothing_else_changes() -> None:
    acme, other = make_organization(), make_organization("Other")
    plan = make_plan(acme, code="pro")
    make_plan(other, code="pro")
    with pytest.raises(Conflict) as caught:
        make_plan(acme, code="pro")
    assert (caught.value.code, caught.value.field) == ("code_taken", "code")
    assert list(Plan.objects.of(acme)) == [plan]
    delete_plan(plan, by=ACTOR, at=NOW)
    make_plan(acme, code="pro")
    assert Plan.objects.of(acme).kept().count() == 1


def test_errors_of_charges_name_charge_tier_and_cell() -> None:
    acme = make_organization()
    calls, seats = make_metric(acme), make_metric(acme)
    bad = {
        "graduatedRanges": [
            {"fromValue": 0, "toValue": 100, "perUnitAmount": "x"},
            {"fromValue": 101, "toValue": 50, "perUnitAmount": "1"},
            {"fromValue": 51, "toValue": None, "perUnitAmount": "-1"},
        ]
    }
    with pytest.raises(FieldErrors) as caught:
        make_plan(acme, [charge(seats), charge(calls, "graduated", bad), charge(seats)])
    names = [name for name, _ in caught.value.errors]
    assert names == [
        "charges[1].properties.graduatedRanges[0].perUnitAmount",
        "charges[1].properties.graduatedRanges[1].toValue",
        "charges[1].properties.graduatedRanges[2].perUnitAmount",
    ]
    assert not Plan.objects.exists()
    assert not AuditEntry.objects.filter(action="plan.created").exists()


def test_a_model_that_cannot_price_the_aggregation_is_refused() -> None:
    acme = make_organization()
    with pytest.raises(FieldErrors) as caught:
        make_plan(acme, [charge(make_metric(acme, aggregation="latest"), "percentage", {"rate": "1"})])
    assert caught.value.errors[0][0] == "charges[0].chargeModel"


def test_a_metric_of_another_organization_is_unknown() -> None:
    acme, other = make_organization(), make_organization("Other")
    with pytest.raises(FieldErrors) as caught:
        make_plan(acme, [make_metric(other)])
    assert caught.value.errors == [("charges[0].metric", "There is no such metric.")]


def test_update_changes_prices_and_audits_before_and_after() -> None:
    acme = make_organization()
    calls, seats, mails = make_metric(acme, "calls"), make_metric(acme, "seats"), make_metric(acme, "mails")
    plan = make_plan(acme, [calls, seats])
    kept, gone = plan.charges.kept()
    subscribe(plan)
    update_plan(
        plan,
        {"amount_minor": 3500, "name": "New name"},
        charges=[charge(mails), charge(calls, properties={"amount": "0.2"}, id=kept.pk)],
        by=ACTOR,
        at=NOW,
    )
    plan.refresh_from_db()
    assert (plan.amount_minor, plan.name, plan.search_text) == (3500, "New name", f"new name\n{plan.code}")
    rows = [(row.metric.code, row.properties, row.position) for row in plan.charges.kept()]
    assert rows == [("mails", {"amount": "0.1"}, 0), ("calls", {"amount": "0.2"}, 1)]
    gone.refresh_from_db()
    assert gone.deleted_at == NOW
    changes = AuditEntry.objects.get(action="plan.updated").changes
    assert changes["amount_minor"] == [2900, 3500]
    assert changes["charge seats"][1] is None
    assert changes["charge calls"][0]["properties"] == {"amount": "0.1"}
    assert changes["charge mails"][0] is None


def test_the_same_update_twice_writes_one_audit_line() -> None:
    acme = make_organization()
    plan = make_plan(acme, [make_metric(acme)])
    terms = [terms_of(row) for row in plan.charges.kept()]
    for _ in range(2):
        update_plan(plan, {"description": "Better"}, charges=terms, taxes=[], by=ACTOR, at=NOW)
    assert AuditEntry.objects.filter(action="plan.updated").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "other"},
        {"interval": "yearly"},
        {"currency": "USD"},
        {"pay_in_advance": True},
        {"trial_days": 5},
        {"bill_charges_monthly": True, "interval": "semiannual"},
    ],
)
def test_fields_that_subscriptions_are_built_on_are_locked(changes: dict[str, object]) -> None:
    plan = make_plan(make_organization())
    update_plan(plan, changes, by=ACTOR, at=NOW)
    subscribe(plan, "terminated")
    back = {"code": "pro", "interval": "weekly", "currency": "EUR", "pay_in_advance": False, "trial_days": 0}
    back |= {"bill_charges_monthly": False}
    name = next(iter(changes))
    with pytest.raises(FieldErrors) as caught:
        update_plan(plan, {name: back[name]}, by=ACTOR, at=NOW)
    assert (caught.value.code, caught.value.errors[0][0]) == ("plan_field_locked", name)
    plan.refresh_from_db()
    assert getattr(plan, name) == changes[name]


def test_deletion_is_refused_with_the_number_of_subscriptions() -> None:
    plan = make_plan(make_organization())
    rows = [subscribe(plan), subscribe(plan, "pending"), subscribe(plan, "canceled")]
    with pytest.raises(Conflict, match="2 subscriptions") as caught:
        delete_plan(plan, by=ACTOR, at=NOW)
    assert caught.value.code == "plan_in_use"
    plan.refresh_from_db()
    assert plan.deleted_at is None
    Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(status="canceled")
    delete_plan(plan, by=ACTOR, at=NOW)
    plan.refresh_from_db()
    assert plan.deleted_at == NOW
    with pytest.raises(Conflict):
        update_plan(plan, {"name": "x"}, by=ACTOR, at=NOW)


def test_deactivating_twice_is_one_change() -> None:
    plan = make_plan(make_organization())
    for _ in range(2):
        set_plan_active(plan, False, by=ACTOR, at=NOW)
    plan.refresh_from_db()
    assert plan.active is False
    assert AuditEntry.objects.filter(action="plan.deactivated").count() == 1


def test_charges_one_by_one() -> None:
    acme = make_organization()
    calls, seats = make_metric(acme, "calls"), make_metric(acme, "seats")
    plan = make_plan(acme, [calls])
    added = add_charge(plan, charge(seats, "package", {"amount": "5", "packageSize": 100}), by=ACTOR, at=NOW)
    assert (added.position, added.properties) == (1, {"amount": "5", "packageSize": 100, "freeUnits": 0})
    changed = update_charge(
        added, charge(seats, "package", {"amount": "6", "packageSize": 100}, id=added.pk), by=ACTOR, at=NOW
    )
    assert (changed.pk, changed.properties["amount"]) == (added.pk, "6")
    with pytest.raises(FieldErrors) as caught:
        add_charge(plan, charge(seats, properties={"amount": "x"}), by=ACTOR, at=NOW)
    assert [name for name, _ in caught.value.errors] == ["properties.amount"]
    remove_charge(changed, by=ACTOR, at=NOW)
    remove_charge(changed, by=ACTOR, at=NOW)
    assert [row.metric.code for row in plan.charges.kept()] == ["calls"]
    assert Charge.objects.count() == 2
    with pytest.raises(Conflict):
        update_charge(changed, charge(seats, id=changed.pk), by=ACTOR, at=NOW)


def region_metric(organization: Organization, code: str = "calls") -> Metric:
    """A metric with two filters."""
    filters = [{"key": "region", "values": ["eu", "us"]}, {"key": "tier", "values": ["gold"]}]
    return make_metric(organization, code, filters=filters)


def test_filters_and_groups_are_stored_as_they_are_used_and_audited() -> None:
    acme = make_organization()
    calls = region_metric(acme)
    rows = [
        FilterTerms({"tier": ["gold"], "region": ["eu"]}, {"amount": "1.50"}, " Gold in the EU "),
        FilterTerms({"region": ["us", "eu"]}, {"amount": "2"}),
        FilterTerms({"tier": ["__ALL_FILTER_VALUES__"]}, {"amount": "3"}),
    ]
    plan = make_plan(acme, [charge(calls, filters=rows, group_keys=[" user "])])
    row = plan.charges.get()
    assert row.filters == [
        {
            "values": {"region": ["eu"], "tier": ["gold"]},
            "properties": {"amount": "1.5"},
            "invoice_display_name": "Gold in the EU",
        },
        {"values": {"region": ["us", "eu"]}, "properties": {"amount": "2"}, "invoice_display_name": ""},
        {"values": {"tier": []}, "properties": {"amount": "3"}, "invoice_display_name": ""},
    ]
    assert row.group_keys == ["user"]
    calls.refresh_from_db()
    assert (calls.dimensions, calls.rolled) == (["region", "tier", "user"], True)
    made = AuditEntry.objects.get(action="plan.created").changes["charge calls"][1]
    assert (made["group_keys"], len(made["filters"])) == (["user"], 3)


@pytest.mark.parametrize(
    ("aggregation", "recurring", "model", "text"),
    [
        ("sum", False, "standard", "stays in use"),
        ("weighted_sum", True, "standard", "stays in use"),
        ("sum", True, "package", "standard, graduated and volume"),
        ("unique_count", True, "percentage", "standard, graduated and volume"),
    ],
)
def test_what_cannot_count_by_days_is_refused(
    aggregation: str, recurring: bool, model: str, text: str
) -> None:
    acme = make_organization()
    metric = make_metric(acme, aggregation=aggregation, recurring=recurring)
    properties = {
        "package": {"amount": "1", "packageSize": 10},
        "percentage": {"rate": "1"},
        "standard": {"amount": "1"},
    }
    with pytest.raises(FieldErrors) as caught:
        make_plan(acme, [charge(metric, model, properties[model], prorated=True)])
    [(field, said)] = caught.value.errors
    assert field == "charges[0].prorated"
    assert text in said


def test_problems_of_filters_are_named_with_their_place() -> None:
    acme = make_organization()
    rows = [
        FilterTerms({"region": ["asia"], "site": ["x"]}, {"amount": "1"}),
        FilterTerms({}, {"amount": "x"}),
        FilterTerms({"region": ["eu"]}, {"amount": "1"}, "n" * 201),
        FilterTerms({"region": ["eu"]}, {"amount": "1"}),
    ]
    with pytest.raises(FieldErrors) as caught:
        make_plan(acme, [charge(region_metric(acme), filters=rows, group_keys=["a", "a"])])
    assert [name for name, _ in caught.value.errors] == [
        "charges[0].filters[0].values.region",
        "charges[0].filters[0].values.site",
        "charges[0].filters[1].values",
        "charges[0].filters[1].properties.amount",
        "charges[0].filters[2].invoiceDisplayName",
        "charges[0].filters[3].values",
        "charges[0].groupKeys",
    ]
    assert not Plan.objects.exists()


def test_a_filter_that_a_plan_prices_stays_on_its_metric() -> None:
    acme = make_organization()
    calls = region_metric(acme)
    make_plan(acme, [charge(calls, filters=[FilterTerms({"region": ["eu"]}, {"amount": "1"})])], name="Pro")
    tier, more = {"key": "tier", "values": ["gold"]}, {"key": "region", "values": ["eu", "asia"]}
    for filters in ([], [tier], [{"key": "region", "values": ["us"]}]):
        with pytest.raises(Invalid, match="The plan Pro has a price for eu") as caught:
            update_metric(calls, {"filters": filters}, by=ACTOR, at=NOW)
        assert (caught.value.code, caught.value.field) == ("filter_in_use", "filters")
    update_metric(calls, {"filters": [more]}, by=ACTOR, at=NOW)
    calls.refresh_from_db()
    assert calls.declared == {"region": ["eu", "asia"]}


@pytest.mark.parametrize(
    ("filters", "path"),
    [
        ([{"key": "", "values": ["a"]}], "filters[0].key"),
        ([{"key": "a", "values": ["x"]}, {"key": " a ", "values": ["y"]}], "filters[1].key"),
        ([{"key": "a", "values": []}], "filters[0].values"),
        ([{"key": "a", "values": [1]}], "filters[0].values"),
        ([{"key": "a", "values": [" "]}], "filters[0].values"),
        ([{"key": "a", "values": ["x"], "more": 1}], "filters[0]"),
        ([{"key": f"k{n}", "values": ["x"]} for n in range(11)], "filters"),
    ],
)
def test_filters_of_a_metric_that_make_no_sense_are_named(filters: Any, path: str) -> None:
    with pytest.raises(FieldErrors) as caught:
        make_metric(make_organization(), filters=filters)
    assert caught.value.errors[0][0] == path


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"amount_minor": -1}, "amount_minor"),
        ({"currency": "XXX"}, "currency"),
        ({"interval": "hourly"}, "interval"),
        ({"trial_days": 99999}, "trial_days"),
        ({"interval": "quarterly", "bill_charges_monthly": True}, "bill_charges_monthly"),
        ({"name": ""}, "name"),
        ({"code": "no spaces"}, "code"),
    ],
)
def test_values_that_make_no_sense_are_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises((Invalid, FieldErrors)) as caught:
        make_plan(make_organization(), **({"code": "pro"} | fields))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert not Plan.objects.exists()
