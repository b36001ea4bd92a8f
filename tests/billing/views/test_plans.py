"""Plan pages: page and partial, the form with its tiers, errors at their cells, roles, strangers, queries."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils.html import strip_tags

from billing.models import AuditEntry, Organization, Plan
from tests.factories.catalog import GRADUATED, charge, make_metric, make_plan, make_tax, subscribe
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def acme() -> Organization:
    return make_organization()


@pytest.fixture
def admin(client: Client, acme: Organization) -> Client:
    return sign_in(client, make_member(acme))


def fields(**more: Any) -> dict[str, Any]:
    """A valid plan form without charges."""
    return {"name": "Pro", "code": "pro", "interval": "monthly", "amount": "49", "currency": "EUR"} | {
        "pay": "arrears",
        **more,
    }


def tiers(metric: Any, *rows: tuple[str, str, str], model: str = "graduated", at: int = 0) -> dict[str, str]:
    """A tiered charge as the form sends it."""
    data = {
        f"charges-{at}-metric": metric.pk.hex,
        f"charges-{at}-charge_model": model,
        f"charges-{at}-id": "",
    }
    for number, row in enumerate(rows):
        for name, value in zip(("to_value", "price", "flat"), row, strict=True):
            data[f"charges-{at}-tiers-{number}-{name}"] = value
    return data


def error_at(html: str, name: str) -> str:
    """The error under the input of this name; empty when the input is in order."""
    assert f'name="{name}"' in html, f"no input {name}"
    found = re.search(rf'id="id_{name}_error">(.*?)</div>', html, re.DOTALL)
    assert bool(found) == bool(re.search(rf'<input[^>]*name="{name}"[^>]*aria-invalid', html))
    return unescape(re.sub(r"<[^>]*>", "", found[1])).strip() if found else ""


def test_the_list_shows_counts_and_filters(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme, [make_metric(acme)], code="pro", name="Pro")
    subscribe(plan)
    subscribe(plan, "terminated")
    make_plan(acme, code="yen", name="Tokyo", currency="JPY", amount_minor=12000, active=False)
    make_plan(make_organization("Other"), name="Secret")
    html = admin.get("/plans").content.decode()
    assert "Pro" in html
    assert "JPY\u00a012,000" in html
    assert "Secret" not in html
    for query, names in [
        ("q=tok", {"Tokyo"}),
        ("q=PRO", {"Pro"}),
        ("status=active", {"Pro"}),
        ("currency=JPY", {"Tokyo"}),
        ("interval=yearly", set()),
        ("sort=-price", {"Pro", "Tokyo"}),
    ]:
        page = admin.get(f"/plans?{query}").context["page"]
        assert {row.name for row in page} == names
    row = admin.get("/plans?q=pro").context["page"][0]
    assert (row.subscriptions_count, row.charges_count) == (1, 1)


def test_the_table_alone_is_answered_as_a_partial(admin: Client, acme: Organization) -> None:
    make_plan(acme, name="Pro")
    response = admin.get("/plans", headers=HTMX | {"HX-Target": "plan-table"})
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="plan-table"')
    assert "<html" not in html
    assert "Pro" in html


def test_a_plan_with_tiers_is_created_from_the_form(admin: Client, acme: Organization) -> None:
    calls, seats = make_metric(acme, "calls"), make_metric(acme, "seats", "max")
    vat = make_tax(acme, "vat")
    data = fields(pay="advance", trial_days="14", taxes=[vat.pk.hex], features="One\n\n Two ", amount="49.50")
    data |= tiers(calls, ("1000", "0.10", ""), ("2000.5", "0.05", "5"), ("", "0.01", ""))
    data |= {"charges-0-min_amount": "12.34", "charges-0-taxes": vat.pk.hex, "charges-0-example_units": "9"}
    data |= {
        "charges-1-metric": seats.pk.hex,
        "charges-1-charge_model": "package",
        "charges-1-amount": "5",
        "charges-1-package_size": "10",
        "charges-1-invoice_display_name": "Seats",
    }
    response = admin.post("/plans/add", data)
    plan = Plan.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/plans/{plan.public_id}")
    assert (plan.amount_minor, plan.pay_in_advance, plan.trial_days) == (4950, True, 14)
    assert (plan.features, list(plan.taxes.all())) == (["One", "Two"], [vat])
    first, second = plan.charges.kept()
    assert first.properties["graduatedRanges"] == [
        {"fromValue": 0, "toValue": 1000, "perUnitAmount": "0.1", "flatAmount": "0"},
        {"fromValue": 1001, "toValue": "2000.5", "perUnitAmount": "0.05", "flatAmount": "5"},
        {"fromValue": "2000.5", "toValue": None, "perUnitAmount": "0.01", "flatAmount": "0"},
    ]
    assert (first.min_amount_minor, list(first.taxes.all())) == (1234, [vat])
    assert second.properties == {"amount": "5", "packageSize": 10, "freeUnits": 0}
    assert (second.invoice_display_name, second.position) == ("Seats", 1)
    assert AuditEntry.objects.filter(action="plan.created", actor_kind="user").count() == 1
    again = admin.post("/plans/add", data)
    assert again.status_code == 422
    assert error_at(again.content.decode(), "code") == "Another plan has the code pro."
    assert Plan.objects.count() == 1


def test_a_minimum_commitment_is_typed_shown_and_taken_away(admin: Client, acme: Organization) -> None:
    typed = fields(commitment="250.50", commitment_display_name="Promised")
    assert admin.post("/plans/add", typed).status_code == 302
    plan = Plan.objects.get()
    assert (plan.commitment_minor, plan.commitment_name) == (25050, "Promised")
    html = admin.get(f"/plans/{plan.public_id}").content.decode()
    assert "€250.50" in html
    assert 'value="250.50"' in admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    wrong = admin.post(f"/plans/{plan.public_id}/edit", typed | {"commitment": "-1"})
    assert (wrong.status_code, error_at(wrong.content.decode(), "commitment")) == (
        422,
        "Must not be negative.",
    )
    again = admin.post(f"/plans/{plan.public_id}/edit", typed | {"do": "add-charge", "commitment": "9,9"})
    assert 'value="9,9"' in again.content.decode()
    assert admin.post(f"/plans/{plan.public_id}/edit", typed | {"commitment": ""}).status_code == 302
    plan.refresh_from_db()
    assert plan.commitment_minor == 0
    assert "€250.50" in admin.get(f"/plans/{plan.public_id}/activity").content.decode()


def test_what_a_yearly_plan_bills_every_month(admin: Client, acme: Organization) -> None:
    typed = fields(interval="yearly", bill_charges_monthly="on")
    assert admin.post("/plans/add", typed).status_code == 302
    plan = Plan.objects.get()
    assert (plan.bill_charges_monthly, plan.bill_fixed_charges_monthly) == (True, False)
    assert "Billed every month" in admin.get(f"/plans/{plan.public_id}").content.decode()
    box = r'name="bill_charges_monthly"[^>]*checked'
    assert re.search(box, admin.get(f"/plans/{plan.public_id}/duplicate").content.decode())
    off = {name: value for name, value in typed.items() if name != "bill_charges_monthly"}
    again = admin.post(f"/plans/{plan.public_id}/edit", off | {"do": "add-charge"})
    assert not re.search(box, again.content.decode())
    # A box that is ticked and hidden says nothing about a plan of a month.
    assert admin.post(f"/plans/{plan.public_id}/edit", typed | {"interval": "monthly"}).status_code == 302
    plan.refresh_from_db()
    assert (plan.interval, plan.bill_charges_monthly) == ("monthly", False)


@pytest.mark.parametrize(
    ("currency", "amount", "minor"), [("JPY", "1500", 1500), ("KWD", "12.345", 12345), ("UGX", "0", 0)]
)
def test_amounts_in_other_currencies(admin: Client, currency: str, amount: str, minor: int) -> None:
    assert admin.post("/plans/add", fields(currency=currency, amount=amount)).status_code == 302
    plan = Plan.objects.get()
    assert plan.amount_minor == minor
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    assert f'name="amount" value="{amount}"' in html


@pytest.mark.parametrize(
    ("currency", "amount", "message"),
    [
        ("JPY", "12.5", "JPY has no decimals, like 1200."),
        ("KWD", "1.2345", "KWD has three decimals, like 1200.500."),
        ("EUR", "1,500", "Use digits and a point for decimals, like 1200.50."),
        ("EUR", "-1", "Must not be negative."),
        ("EUR", "", "This field is required."),
    ],
)
def test_amounts_that_cannot_be_read(admin: Client, currency: str, amount: str, message: str) -> None:
    response = admin.post("/plans/add", fields(currency=currency, amount=amount))
    assert response.status_code == 422
    assert error_at(response.content.decode(), "amount") == message
    assert not Plan.objects.exists()


def test_errors_stand_at_the_exact_cell(admin: Client, acme: Organization) -> None:
    calls, seats = make_metric(acme, "calls"), make_metric(acme, "seats")
    data = fields(name="")
    rows = [
        ("100", "1", ""),
        ("50", "1", ""),
        ("60", "x", ""),
        ("", "1", ""),
        ("80", "", ""),
        ("", "1", "-2"),
    ]
    data |= tiers(calls, *rows)
    data |= tiers(seats, ("", "1", ""), ("", "1", ""), model="volume", at=1)
    response = admin.post("/plans/add", data)
    html = response.content.decode()
    assert response.status_code == 422
    names = [
        name for name in re.findall(r'<input type="text" name="([^"]+)"', html) if "__prefix__" not in name
    ]
    assert {name: text for name in names if (text := error_at(html, name))} == {
        "name": "This field is required.",
        "charges-0-tiers-1-to_value": "Must be more than 100.",
        "charges-0-tiers-2-price": "Use digits and a point, like 0.05.",
        "charges-0-tiers-3-to_value": "Enter where this tier ends.",
        "charges-0-tiers-4-price": "Enter a price; 0 is allowed.",
        "charges-0-tiers-5-flat": "Must not be negative.",
        "charges-1-tiers-0-to_value": "Enter where this tier ends.",
    }
    assert 'name="charges-0-tiers-2-price" value="x"' in html
    assert (
        html.count('<li class="is-wrong"><a href="#charge-') == 2 and 'id="charge-2"' in html
    )  # the list of parts
    assert not Plan.objects.exists()


def test_the_same_metric_may_be_priced_twice(admin: Client, acme: Organization) -> None:
    calls = make_metric(acme, "calls")
    data = fields() | tiers(calls, ("", "1", "")) | tiers(calls, ("", "2", ""), at=1)
    assert admin.post("/plans/add", data).status_code == 302
    first, second = Plan.objects.get().charges.all()
    assert (first.metric, second.metric) == (calls, calls)
    assert second.properties["graduatedRanges"][0]["perUnitAmount"] == "2"
    made = AuditEntry.objects.get(action="plan.created")
    assert {name for name in made.changes if name.startswith("charge")} == {
        "charge calls",
        "charge calls (2)",
    }


@pytest.mark.parametrize(
    ("do", "rows"),
    [
        ("add-tier:0", ["10", "20", "", ""]),
        ("remove-tier:0:1", ["10", ""]),
        ("remove-tier:0:9", ["10", "20", ""]),
        ("model:0", ["10", "20", ""]),
        ("remove-charge:0", None),
        ("remove-charge:7", ["10", "20", ""]),
        ("drop-database", ["10", "20", ""]),
    ],
)
def test_rows_are_added_and_removed_without_javascript(
    admin: Client, acme: Organization, do: str, rows: list[str] | None
) -> None:
    calls = make_metric(acme)
    data = fields(name="Half done", amount="not yet") | tiers(
        calls, ("10", "1", "x"), ("20", "2", ""), ("", "", "")
    )
    response = admin.post("/plans/add", data | {"do": do})
    assert response.status_code == 200
    html = response.content.decode()
    assert "aria-invalid" not in html
    assert 'value="Half done"' in html
    assert 'value="not yet"' in html
    editors = [editor for editor, _ in response.context["charges"]]
    if rows is None:
        assert editors == []
    else:
        assert [form["to_value"].value() or "" for form in editors[0].tier_forms] == rows
        assert editors[0].tier_forms[0]["flat"].value() == "x"
    assert not Plan.objects.exists()


def test_add_a_charge_as_a_partial(admin: Client, acme: Organization) -> None:
    make_metric(acme)
    headers = HTMX | {"HX-Target": "charges"}
    html = admin.post("/plans/add", fields(do="add-charge"), headers=headers).content.decode()
    assert html.lstrip().startswith('<section class="section charges" id="charges"')
    assert 'name="charges-0-metric"' in html
    assert "autofocus" in html
    assert "<html" not in html
    assert '<ol id="charge-tree" hx-swap-oob="true"><li><a href="#charge-1">' in html


def test_the_worked_example_is_computed_by_the_rule(admin: Client, acme: Organization) -> None:
    data = fields() | tiers(make_metric(acme), ("1000", "0.10", ""), ("", "0.05", "5"))
    data["charges-0-example_units"] = "1,200"
    html = admin.post("/plans/charge-preview?charge=0", data).content.decode()
    assert "€115.00" in html
    assert "First 1,000 units" in html
    assert "200 × €0.05 + €5.00 flat" in html
    yen = admin.post("/plans/charge-preview?charge=0", data | {"currency": "JPY"}).content.decode()
    assert "¥115" in yen
    data["charges-0-tiers-1-price"] = "<b>1"
    wrong = admin.post("/plans/charge-preview?charge=0", data)
    assert wrong.status_code == 200
    assert "Tier 2: Use digits and a point, like 0.05." in wrong.content.decode()
    data["charges-0-example_units"] = "many"
    assert "Units: Use digits" in admin.post("/plans/charge-preview?charge=0", data).content.decode()
    assert admin.post("/plans/charge-preview?charge=5", data).status_code == 404


def test_events_are_tried_as_the_metric_measures_them(admin: Client, acme: Organization) -> None:
    seats = make_metric(acme, "seats", aggregation="unique_count", field_name="user")
    row = {"charges-0-metric": seats.pk.hex, "charges-0-charge_model": "standard", "charges-0-amount": "2.50"}
    asked = row | {"charges-0-example_list": 'ann\nbob\n{"user": "ann"}\n', "currency": "EUR"}
    html = admin.post("/plans/charge-preview?charge=0", asked).content.decode()
    assert "€5.00" in html and "2 units of 3 events" in strip_tags(html).replace("\n", " ")
    html = admin.post(
        "/plans/charge-preview?charge=0", asked | {"charges-0-example_list": "ann\n{x"}
    ).content.decode()
    assert "Line 2 is not valid JSON" in html
    html = admin.post("/plans/charge-preview?charge=0", asked | {"charges-0-metric": ""}).content.decode()
    assert "Choose the billable metric first." in html
    page = admin.post("/plans/add", fields(do="model:0") | asked).content.decode()  # without JavaScript
    assert "€5.00" in page and "bob" in page


def test_editing_keeps_locked_fields_and_counts_subscriptions(admin: Client, acme: Organization) -> None:
    metric = make_metric(acme, "calls")
    plan = make_plan(acme, [charge(metric, "graduated", GRADUATED)], code="pro")
    subscribe(plan)
    row = plan.charges.get()
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    assert "<b>1 subscription</b> pays these prices" in html
    for name in ("code", "currency", "interval", "trial_days"):
        assert re.search(rf'<(input|select)[^>]*name="{name}"[^>]*disabled', html), name
    data = {
        "name": "Pro 2",
        "amount": "35",
        "code": "hacked",
        "currency": "USD",
        "interval": "yearly",
        "pay": "advance",
    }
    data |= tiers(metric, ("10", "1", ""), ("", "2", "")) | {"charges-0-id": row.pk.hex}
    assert (
        admin.post(f"/plans/{plan.public_id}/edit", data | {"existing_subscriptions": "now"}).status_code
        == 302
    )
    plan.refresh_from_db()
    assert (plan.name, plan.amount_minor, plan.code) == ("Pro 2", 3500, "pro")
    assert (plan.currency, plan.interval, plan.pay_in_advance) == ("EUR", "monthly", False)
    row.refresh_from_db()
    assert row.properties["graduatedRanges"][0]["toValue"] == 10
    html = admin.post(f"/plans/{plan.public_id}/edit", data | {"do": "remove-charge:0"}).content.decode()
    assert "goes when you save" in html


def test_duplicate_starts_a_new_plan_and_writes_nothing(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme, [charge(make_metric(acme), "graduated", GRADUATED)], code="pro", name="Pro")
    response = admin.get(f"/plans/{plan.public_id}/duplicate")
    html = response.content.decode()
    assert 'value="Pro (copy)"' in html
    assert 'name="charges-0-id" value=' not in html
    assert 'name="charges-0-tiers-0-to_value" value="1000"' in html
    assert Plan.objects.count() == 1
    data = fields(name="Pro (copy)", code="", amount="29")
    assert admin.post(f"/plans/{plan.public_id}/duplicate", data).status_code == 302
    assert set(Plan.objects.values_list("code", flat=True)) == {"pro", "pro_copy"}


def test_view_tabs_show_tiers_subscribers_and_changes(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme, [charge(make_metric(acme), "graduated", GRADUATED)], code="pro")
    row = subscribe(plan)
    html = admin.get(f"/plans/{plan.public_id}").content.decode()
    assert "0 to 1,000 units" in html
    assert "1,001 units and more" in html
    assert "€0.05" in html
    assert row.customer.name in admin.get(f"/plans/{plan.public_id}/subscriptions").content.decode()
    activity = admin.get(f"/plans/{plan.public_id}/activity").content.decode()
    assert "Plan created" in activity
    assert "Graduated: 0 to 1,000 units €0.10 and €0.00 flat; 1,001 units and more" in activity
    assert "€29.00" in activity


def test_deactivate_and_delete(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme, name="Pro")
    row = subscribe(plan)
    path = f"/plans/{plan.public_id}"
    assert admin.get(f"{path}/deactivate").status_code == 405
    assert admin.post(f"{path}/deactivate").status_code == 302
    plan.refresh_from_db()
    assert plan.active is False
    dialog = admin.get(f"{path}/delete", headers=HTMX | {"HX-Target": "dialog"}).content.decode()
    assert "1 running or planned subscription<" in dialog
    assert "<form" not in dialog
    refused = admin.post(f"{path}/delete")
    assert (refused.status_code, "Terminate or move them first" in refused.content.decode()) == (422, True)
    row.status = "canceled"
    row.save()
    assert admin.post(f"{path}/delete").status_code == 302
    assert admin.get(path).status_code == 404


def test_names_are_shown_as_text(admin: Client, acme: Organization) -> None:
    evil = "<script>alert(1)</script>"
    metric = make_metric(acme, name=evil)
    plan = make_plan(
        acme, [charge(metric, invoice_display_name=evil)], name=evil, features=[evil], description=evil
    )
    subscribe(plan)
    for path in ("", "/edit", "/duplicate", "/activity", "/subscriptions", "/delete"):
        html = admin.get(f"/plans/{plan.public_id}{path}").content.decode()
        assert evil not in html, path
        assert "&lt;script&gt;" in html, path
    assert evil not in admin.get("/plans").content.decode()


PATHS = ("", "/subscriptions", "/activity", "/edit", "/duplicate", "/delete", "/activate")


def test_strangers_get_404(client: Client, acme: Organization) -> None:
    plan = make_plan(acme)
    sign_in(client, make_member(make_organization("Other")))
    for path in PATHS:
        method = client.post if path == "/activate" else client.get
        assert method(f"/plans/{plan.public_id}{path}").status_code == 404, path
    assert client.get("/plans").context["page"].paginator.count == 0


@pytest.mark.parametrize(
    ("role", "may"), [("admin", True), ("finance", False), ("manager", False), ("support", False)]
)
def test_only_admins_change_the_catalogue(client: Client, acme: Organization, role: str, may: bool) -> None:
    plan = make_plan(acme)
    sign_in(client, make_member(acme, role))
    for path in ("", "/subscriptions", "/activity"):
        assert client.get(f"/plans/{plan.public_id}{path}").status_code == 200
    for path in ("/edit", "/duplicate", "/delete"):
        assert client.get(f"/plans/{plan.public_id}{path}").status_code == (200 if may else 403)
    assert (client.get("/plans/add").status_code == 200) is may
    assert (client.post("/plans/add", fields()).status_code == 302) is may
    assert (client.post("/plans/charge-preview?charge=0", {}).status_code == 404) is may
    assert ("Add a plan" in client.get("/plans").content.decode()) is may


def test_the_pages_take_the_same_queries_however_much_there_is(
    admin: Client, acme: Organization, django_assert_num_queries: Any
) -> None:
    tax = make_tax(acme)
    terms = [charge(make_metric(acme), taxes=[tax]) for _ in range(4)]
    plan = make_plan(acme, terms, taxes=[tax])
    for _ in range(5):
        make_plan(acme)
    admin.get(f"/plans/{plan.public_id}")  # the first look is remembered in the session
    for path, count in [("", 11), ("/edit", 10)]:  # the plan shows its thresholds: one of the 11
        with django_assert_num_queries(count):
            admin.get(f"/plans/{plan.public_id}{path}")
    with django_assert_num_queries(5):
        admin.get("/plans")


FILTERS = [{"key": "region", "values": ["eu", "us"]}, {"key": "a=b c", "values": ["x&y"]}]


def filtered(metric: Any, **more: Any) -> dict[str, Any]:
    """A standard charge with one filter, as the form sends it."""
    return fields() | {
        "charges-0-metric": metric.pk.hex,
        "charges-0-charge_model": "standard",
        "charges-0-amount": "1",
        "charges-0-group_keys": " user, site ,",
        "charges-0-filters-0-choices": ["region=eu", "a%3Db%20c="],
        "charges-0-filters-0-amount": "2.50",
        "charges-0-filters-0-invoice_display_name": "Europe",
        **more,
    }


def test_seats_that_count_by_days_are_saved_and_shown(admin: Client, acme: Organization) -> None:
    seats, calls = make_metric(acme, "seats", recurring=True), make_metric(acme, "calls")
    typed = {"charges-0-charge_model": "standard", "charges-0-amount": "31", "charges-0-prorated": "on"}
    html = admin.post("/plans/add", fields() | typed | {"charges-0-metric": calls.pk.hex}).content.decode()
    assert "stays in use" in error_at(html, "charges-0-prorated")
    assert admin.post("/plans/add", fields() | typed | {"charges-0-metric": seats.pk.hex}).status_code == 302
    plan = Plan.objects.get()
    assert plan.charges.get().prorated
    assert "Units count by their days." in admin.get(f"/plans/{plan.public_id}").content.decode()
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    box = re.search(r'<input[^>]*name="charges-0-prorated"[^>]*>', html)
    assert box
    assert "checked" in box[0]


def test_when_a_charge_is_billed_is_chosen_shown_and_stays_once_it_is_used(
    admin: Client, acme: Organization
) -> None:
    calls = make_metric(acme, "calls")
    typed = {"charges-0-charge_model": "standard", "charges-0-amount": "2", "charges-0-metric": calls.pk.hex}
    wrong = {"charges-0-timing": "gathered", "charges-0-min_amount": "5"}
    html = admin.post("/plans/add", fields() | typed | wrong).content.decode()
    assert "no minimum spend" in error_at(html, "charges-0-min_amount")
    assert admin.post("/plans/add", fields() | typed | {"charges-0-timing": "gathered"}).status_code == 302
    plan = Plan.objects.get()
    kept = plan.charges.get()
    assert (kept.pay_in_advance, kept.invoiceable) == (True, False)
    shown = admin.get(f"/plans/{plan.public_id}").content.decode()
    assert "each event as it comes, gathered on the period's invoice" in shown
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    assert re.search(r'<option value="gathered" selected>', html)
    subscribe(plan)
    late = {"charges-0-id": kept.pk.hex, "charges-0-timing": "arrears"}
    html = admin.post(f"/plans/{plan.public_id}/edit", fields() | typed | late).content.decode()
    error = html.split('id="id_charges-0-timing_error"')[1].split("</p>")[0]
    assert "there are subscriptions" in error


def test_a_charge_is_saved_with_filters_and_groups_and_comes_back_as_typed(
    admin: Client, acme: Organization
) -> None:
    calls = make_metric(acme, "calls", filters=FILTERS)
    assert admin.post("/plans/add", filtered(calls)).status_code == 302
    plan = Plan.objects.get()
    row = plan.charges.get()
    assert row.filters == [
        {
            "values": {"region": ["eu"], "a=b c": []},
            "properties": {"amount": "2.5"},
            "invoice_display_name": "Europe",
        }
    ]
    assert row.group_keys == ["user", "site"]
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    for value, on in (("region=eu", True), ("region=us", False), ("region=", False), ("a%3Db%20c=", True)):
        box = re.search(rf'name="charges-0-filters-0-choices" value="{re.escape(value)}"( checked)?', html)
        assert box and bool(box[1]) == on, value
    assert 'value="user, site"' in html and 'value="2.5"' in html
    shown = admin.get(f"/plans/{plan.public_id}").content.decode()
    assert "Europe" in shown and "One line for each user, site." in shown
    trail = admin.get(f"/plans/{plan.public_id}/activity").content.decode()
    assert "Europe: Price per unit €2.50. One line for each user, site." in trail


def test_filters_and_their_tiers_are_added_and_removed_without_javascript(
    admin: Client, acme: Organization
) -> None:
    calls = make_metric(acme, "calls", filters=FILTERS)
    data = fields() | tiers(calls, ("10", "1", ""), ("", "2", ""))

    def do(verb: str) -> Any:
        return admin.post("/plans/add", data | {"do": verb}).context["charges"][0][0]

    added = do("add-filter:0").filters
    assert [[row.get("price") for row in one.tier_rows] for one in added] == [["1", "2"]]
    data |= {"charges-0-filters-0-choices": "region=eu", "charges-0-filters-0-tiers-0-to_value": "5"}
    data |= {"charges-0-filters-0-tiers-0-price": "7", "charges-0-filters-0-tiers-1-price": "8"}
    data |= {"charges-0-filters-1-choices": "region=us", "charges-0-filters-1-tiers-0-price": "9"}
    more = do("add-filter-tier:0:0").filters
    assert [len(one.tier_rows) for one in more] == [3, 1]
    less = do("remove-filter-tier:0:0:0").filters
    assert [[row["price"] for row in one.tier_rows] for one in less] == [["8"], ["9"]]
    [left] = do("remove-filter:0:0").filters
    assert left.values() == {"region": ["us"]}
    for nonsense in ("remove-filter:0:9", "add-filter-tier:0:9", "remove-filter:7:0", "remove-filter-tier:0"):
        found = admin.post("/plans/add", data | {"do": nonsense}).context["charges"][0][0].filters
        assert [len(one.tier_rows) for one in found] == [2, 1], nonsense
    assert not Plan.objects.exists()


def test_problems_of_filters_stand_at_their_cells(admin: Client, acme: Organization) -> None:
    calls = make_metric(acme, "calls", filters=FILTERS)
    data = filtered(calls, **{"charges-0-filters-0-amount": "x", "charges-0-group_keys": "a, a"})
    data |= {"charges-0-filters-1-amount": "1", "charges-0-filters-1-choices": ["nothing=here"]}
    response = admin.post("/plans/add", data)
    html = response.content.decode()
    assert response.status_code == 422
    assert error_at(html, "charges-0-filters-0-amount") == "Use digits and a point, like 0.05."
    assert error_at(html, "charges-0-group_keys") == "A property is named twice."
    assert "Choose at least one property." in html
    assert not Plan.objects.exists()


def test_a_metric_without_filters_offers_none(admin: Client, acme: Organization) -> None:
    plan = make_plan(acme, [make_metric(acme)])
    html = admin.get(f"/plans/{plan.public_id}/edit").content.decode()
    assert "add-filter" not in html


def test_the_example_draws_the_price_with_a_table(admin: Client, acme: Organization) -> None:
    """10 units at 1.00, then 2.00 each: 20 units cost 30.00, at 1.50 each."""
    data = fields() | tiers(make_metric(acme, "calls"), ("10", "1", ""), ("", "2", ""))
    html = admin.post(
        "/plans/charge-preview?charge=0", data | {"charges-0-example_units": "20"}
    ).content.decode()
    assert '<polyline class="chart-line" points="0.00,100.00' in html
    assert "50.00,66.67" in html
    assert '100.00,0.00"' in html
    assert re.search(r'<td class="num">20</td><td class="num">€30.00</td><td class="num">€1.50</td>', html)
    half = admin.post(
        "/plans/charge-preview?charge=0", data | {"charges-0-tiers-0-price": "x"}
    ).content.decode()
    assert "polyline" not in half
