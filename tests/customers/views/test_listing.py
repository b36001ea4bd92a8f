"""The customers list: every filter, columns, saved views, walking by cursors, acts on many, and the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from billing.actions import later
from billing.models import AuditEntry, Job, Member, Organization, SavedView
from customers.actions import bulk
from customers.actions.tag_list import create_tag
from customers.models import BulkRun, Customer, CustomField
from customers.views import listing as list_view
from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.customers import make_customer
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def member(organization: Organization) -> Member:
    return make_member(organization)


@pytest.fixture
def staff(client: Client, member: Member) -> Iterator[Client]:
    yield sign_in(client, member)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200
    return sorted(row["customer"].name for row in answer.context["rows"])


def text(answer: Any) -> str:
    return str(answer.getvalue().decode())


def test_filters(staff: Client, organization: Organization) -> None:
    for name in ("VIP", "Reseller"):
        create_tag(organization, name, color="teal", by=ACTOR, at=NOW)
    for code, kind in (("seats", "number"), ("since", "date"), ("gold", "boolean"), ("note", "text")):
        CustomField.objects.create(organization=organization, code=code, name=code, kind=kind)
    own = {"seats": 12, "since": "2026-03-01", "gold": True, "note": "Blue whale"}
    make_customer(organization, name="A", tags=["VIP", "Reseller"], custom_fields=own, phone="+4930901820")
    old = make_customer(organization, name="B", tags=["VIP"], customer_type="consumer", country="DE")
    Customer.objects.filter(pk=old.pk).update(created_at=NOW - timedelta(days=400), vat_status="invalid")
    for query, found in {
        "tags=vip": ["A", "B"],
        "tags=VIP,Reseller": ["A"],
        "tags=VIP&tags=Reseller": ["A"],
        "tags=Nobody": [],
        "type=consumer": ["B"],
        "vat=invalid": ["B"],
        "mode=postpaid": [],
        f"created_to={NOW - timedelta(days=300):%Y-%m-%d}": ["B"],
        "field_seats_min=12&field_seats_max=12.5": ["A"],
        "field_seats_min=13": [],
        "field_since_min=2026-03-01": ["A"],
        "field_since_max=2026-02-28": [],
        "field_gold=yes": ["A"],
        "field_gold=no": [],
        "field_note=WHALE": ["A"],
        "q=%2B49+30+901820": ["A"],
        "q=reseller": ["A"],
    }.items():
        assert names(staff.get(f"/customers?{query}")) == found, query
    panel = text(staff.get("/customers?country=FR"))
    assert ">Germany</option>" in panel and ">Kenya</option>" not in panel
    assert '<option value="FR" selected>' in panel  # asked for, though nobody is there
    chips = staff.get("/customers?tags=VIP,Reseller&type=business").context["chips"]
    assert [(chip["label"], chip["value"], chip["remove_url"]) for chip in chips] == [
        ("Tag", "VIP", "?type=business&tags=Reseller"),
        ("Tag", "Reseller", "?type=business&tags=VIP"),
        ("Type", "Business", "?tags=VIP,Reseller"),
    ]
    assert "Enter a number" in text(staff.get("/customers?outstanding_min=many"))


def test_what_is_owed(staff: Client, organization: Organization) -> None:
    euro, yen = make_customer(organization, name="E"), make_customer(organization, name="Y", currency="JPY")
    make_customer(organization, name="Nothing")
    numbers = [
        create_one_off(customer, [Item("Work", Decimal(500))], finalize=True, by=ACTOR, at=NOW).number
        for customer in (euro, yen)
    ]
    Invoice.objects.filter(customer=yen).update(due_on="2020-01-01")
    Invoice.objects.filter(customer=euro).update(due_on="2999-01-01")
    assert names(staff.get("/customers?outstanding_min=500")) == ["E", "Y"]
    assert names(staff.get("/customers?outstanding_min=500.01")) == []
    assert names(staff.get("/customers?outstanding_max=499")) == ["Nothing"]
    assert names(staff.get("/customers?overdue=yes")) == ["Y"]
    assert names(staff.get("/customers?overdue=no")) == ["E", "Nothing"]
    assert names(staff.get(f"/customers?q={numbers[0].lower()}")) == ["E"]


def test_columns_are_remembered_and_reset(staff: Client, member: Member, organization: Organization) -> None:
    make_customer(organization, country="DE")
    CustomField.objects.create(
        organization=organization, code="seats", name="Seats", kind="number", on_list=True
    )
    assert "field_seats" in [column.key for column in staff.get("/customers").context["columns"]]
    assert staff.post("/lists/customers/columns", {"columns": []}).status_code == 422
    answer = staff.post("/lists/customers/columns", {"columns": ["country", "wallet"], "back": "sort=name"})
    assert answer["Location"].startswith("/customers?sort=name")
    assert [column.key for column in staff.get("/customers").context["columns"]] == ["country", "wallet"]
    member.refresh_from_db()
    assert member.preferences["columns"]["customers"] == ["country", "wallet"]
    staff.post("/lists/customers/columns", {"reset": "1"})
    assert "email" in [column.key for column in staff.get("/customers").context["columns"]]


def test_views_are_saved_and_others_private_ones_are_not_found(
    staff: Client, organization: Organization
) -> None:
    make_customer(organization, name="Here", country="DE")
    make_customer(organization, name="There", country="US")
    data = {"name": "Germany", "query": "country=DE&sort=name&page=3", "columns": "email"}
    answer = staff.post("/lists/customers/views/add", data)
    view = SavedView.objects.get()
    assert (view.query, view.columns, view.shared) == ("country=DE&sort=name", ["email"], False)
    assert names(staff.get(answer["Location"])) == ["Here"]
    assert staff.post("/lists/customers/views/add", data).status_code == 422, "the name is taken"
    other = sign_in(Client(), make_member(organization, "support"))
    path = f"/lists/views/{view.public_id}"
    assert other.get(f"/customers?view={view.public_id}").status_code == 404
    assert other.post(f"{path}/delete").status_code == 404
    staff.post(f"{path}/edit", {"name": "All of Germany", "shared": "on"})
    assert "All of Germany" in text(other.get("/customers"))
    assert other.post(f"{path}/update", {"query": ""}).status_code == 403
    staff.post(f"{path}/update", {"query": "country=US", "columns": "email"})
    view.refresh_from_db()
    assert (view.name, view.query, view.shared) == ("All of Germany", "country=US", True)
    staff.post(f"{path}/delete")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("sort", ["", "name", "-name", "currency", "-created"])
def test_a_long_list_is_walked_without_gap_or_repeat(
    staff: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    everybody = {make_customer(organization, name=f"N{number % 7}").public_id for number in range(45)}
    monkeypatch.setattr(list_view, "CAP", 30)
    monkeypatch.setattr(list_view, "capped_count", lambda rows: 31)
    pages, url = [], f"?sort={sort}"
    while url:
        answer = staff.get(f"/customers{url}")
        pages.append([row["customer"].public_id for row in answer.context["rows"]])
        url = answer.context["next_url"]
    assert [len(page) for page in pages] == [20, 20, 5]
    assert {key for page in pages for key in page} == everybody
    back = staff.get(f"/customers{answer.context['previous_url']}")
    assert [row["customer"].public_id for row in back.context["rows"]] == pages[1]
    first = staff.get(f"/customers{back.context['previous_url']}")
    assert [row["customer"].public_id for row in first.context["rows"]] == pages[0]
    assert not first.context["previous_url"]
    assert staff.get("/customers?cursor=nonsense").status_code == 200


def test_an_act_on_many_from_the_list_to_the_receipt(staff: Client, organization: Organization) -> None:
    one, two = make_customer(organization, name="One"), make_customer(organization, name="=Two")
    chosen = {"act": "set_status", "id": [one.public_id]}
    assert "Look at what would change" in text(staff.get("/customers/bulk", chosen))
    preview = staff.get("/customers/bulk", chosen | {"preview": "1", "status": "inactive"})
    assert preview.context["forecast"].changing == 1
    assert not BulkRun.objects.exists()
    everybody = {"act": "set_status", "all": "1", "query": "", "status": "inactive"}
    answer = staff.post("/customers/bulk", everybody | {"once": preview.context["once"]})
    run = BulkRun.objects.get()
    assert run.total == 2
    assert "hx-trigger" in text(staff.get(answer["Location"]))
    later.run(str(Job.objects.get(subject_id=run.pk).pk), bulk.carry_out)
    page = text(staff.get(answer["Location"]))
    assert "Undo" in page and "every 1s" not in page
    lines = text(staff.get(f"{answer['Location']}/receipt")).splitlines()
    assert sorted(line.split(",")[2] for line in lines[1:]) == ["'=Two", "One"]
    staff.post(f"{answer['Location']}/undo")
    assert BulkRun.objects.count() == 2
    two.refresh_from_db()
    assert two.status == "inactive"
    assert staff.get("/customers/bulk").status_code == 302, "nothing is selected"
    assert staff.get("/customers/bulk", chosen | {"act": "merge"}).status_code == 302
    support = sign_in(Client(), make_member(organization, "support"))
    assert support.post("/customers/bulk", everybody).status_code == 403


def test_the_file(staff: Client, organization: Organization) -> None:
    tricky = make_customer(organization, name='=HYPERLINK("x")', country="DE")
    make_customer(organization, name="Other", country="US")
    make_customer(make_organization("Else"), name="Theirs", country="DE")
    create_one_off(tricky, [Item("Work", Decimal("12.50"))], finalize=True, by=ACTOR, at=NOW)
    answer = staff.get("/customers/export?country=DE&columns=country,outstanding,created")
    assert answer["Content-Disposition"].startswith('attachment; filename="customers-20')
    lines = list(csv.reader(StringIO(text(answer))))
    assert lines[0] == ["customer_id", "external_id", "name", "currency", "country", "outstanding", "created"]
    assert len(lines) == 2
    assert lines[1][2:6] == ['\'=HYPERLINK("x")', "EUR", "DE", "12.50"]
    assert AuditEntry.objects.get(action="customers.exported").changes["filters"][1] == "country=DE"
    one = text(staff.get("/customers/export", {"id": tricky.public_id, "bom": "1", "every": "1"}))
    assert one.startswith("\ufeff") and len(one.splitlines()) == 2
    assert "Theirs" not in text(staff.get("/customers/export"))
