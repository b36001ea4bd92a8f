"""/api/invoices, /api/payments and /api/credit-notes: shapes, refusals, and nothing of another organization."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billing.actions.organizations import create_organization
from customers.models import Customer
from invoicing.actions.billing_run import run
from invoicing.actions.publish import store
from invoicing.actions.termination import terminate_subscription
from invoicing.models import Invoice, Payment
from tests.factories.catalog import charge, make_add_on, make_metric, make_tax
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer, default_tax, make_plan, on, set_entity, subscribe
from tests.factories.people import ACTOR, NOW, make_key, make_organization, make_user
from tests.factories.usage import use

pytestmark = pytest.mark.django_db


class Api:
    """A client with a key: `api.post("/api/invoices", {...})` -> (status, body)."""

    def __init__(self, key: str) -> None:
        self.client = Client(headers={"authorization": f"Bearer {key}"})

    def get(self, path: str, **query: Any) -> tuple[int, dict[str, Any]]:
        answer = self.client.get(path, query)
        return answer.status_code, answer.json()

    def post(
        self, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        if body is None:
            answer = self.client.generic("POST", path, headers=headers)
        else:
            answer = self.client.post(path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
def api() -> Api:
    organization = make_organization()
    default_tax(organization, "20")
    set_entity(organization, number_prefix="ACM", net_payment_term_days=14)
    found = Api(make_key(organization))
    found.customer = make_customer(organization, currency="EUR", name="Čeněk & Söhne")  # type: ignore[attr-defined]
    found.organization = organization  # type: ignore[attr-defined]
    return found


def body(customer: Customer, **fields: Any) -> dict[str, Any]:
    """A one-off invoice of 3 x 33.335 and 1 x 10: 100.01 (half a cent up) and 10."""
    items = [
        {"description": "Setup", "unitAmount": 33.335, "quantity": 3},
        {"description": "Support", "amount": 10},
    ]
    return {
        "customerId": customer.public_id,
        "items": items,
        "dueDate": "2026-12-31",
        "notes": "Thanks",
    } | fields


def test_a_created_invoice_is_a_draft_with_lines_and_taxes(api: Any) -> None:
    status, answer = api.post("/api/invoices", body(api.customer, metadata={"a": 1.5}))

    data = answer["data"]
    assert status == 201
    assert (data["status"], data["number"], data["paymentStatus"], data["type"]) == (
        "draft",
        None,
        "pending",
        "one_off",
    )
    assert (data["amount"], data["taxAmount"], data["total"], data["amountDue"]) == (110.01, 22.0, 132.01, 0)
    assert [(line["units"], line["unitAmount"], line["amount"]) for line in data["lines"]] == [
        (3, 33.335, 100.01),
        (1, 10, 10),
    ]
    assert (data["dueDate"], data["notes"], data["metadata"]) == ("2026-12-31", "Thanks", {"a": 1.5})


def test_finalizing_numbers_the_invoice_and_a_second_time_is_refused(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]

    status, answer = api.post(f"/api/invoices/{made['id']}/finalize", {"expectedTotal": 132.01})
    assert status == 200
    assert answer["data"]["status"] == "finalized"
    assert answer["data"]["number"].startswith("ACM-") and answer["data"]["number"].endswith("-001")
    assert (answer["data"]["amountDue"], answer["data"]["dueDate"]) == (132.01, "2026-12-31")

    status, answer = api.post(f"/api/invoices/{made['id']}/finalize")
    assert (status, answer["error"]["code"]) == (400, "invoice_not_draft")


def test_another_total_than_expected_issues_nothing(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    status, answer = api.post(f"/api/invoices/{made['id']}/finalize", {"expectedTotal": 132})
    assert (status, answer["error"]["code"]) == (409, "total_changed")
    assert Invoice.objects.get().status == "draft"


def test_paying_then_voiding_is_refused_and_so_is_paying_twice(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    api.post(f"/api/invoices/{made['id']}/finalize")

    status, answer = api.post(f"/api/invoices/{made['id']}/mark-paid", {"paymentMethod": "cash"})
    assert (status, answer["data"]["paymentStatus"], answer["data"]["amountPaid"]) == (200, "paid", 132.01)
    assert api.post(f"/api/invoices/{made['id']}/mark-paid")[0] == 400
    status, answer = api.post(f"/api/invoices/{made['id']}/void")
    assert (status, answer["error"]["code"]) == (400, "invoice_paid")
    assert Payment.objects.get().provider == "cash"


def test_a_partial_payment_is_recorded_once_per_key(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    api.post(f"/api/invoices/{made['id']}/finalize")
    given = {"invoiceId": made["id"], "amount": 32.01, "reference": "Bank 7"}

    first = api.post("/api/payments", given, **{"Idempotency-Key": "k1"})
    again = api.post("/api/payments", given, **{"Idempotency-Key": "k1"})

    assert first[0] == 201 and first[1]["data"]["id"] == again[1]["data"]["id"]
    assert api.get(f"/api/invoices/{made['id']}")[1]["data"]["amountDue"] == 100
    assert api.get("/api/payments", invoiceId=made["id"])[1]["meta"]["total"] == 1
    assert api.get(f"/api/payments/{first[1]['data']['id']}")[1]["data"]["amount"] == 32.01
    status, answer = api.post("/api/payments", given | {"amount": 100.01})
    assert (status, answer["error"]["code"]) == (400, "more_than_due")
    status, answer = api.post("/api/payments", given | {"amount": 1.234})
    assert (status, answer["error"]["errors"][0]["field"]) == (400, "amount")


def test_voiding_keeps_the_number(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    number = api.post(f"/api/invoices/{made['id']}/finalize")[1]["data"]["number"]
    status, answer = api.post(f"/api/invoices/{made['id']}/void", {"reason": "Typo"})
    assert (status, answer["data"]["status"], answer["data"]["number"]) == (200, "voided", number)
    assert api.post(f"/api/invoices/{made['id']}/void")[0] == 400


def test_the_list_is_filtered_by_any_word_for_a_status(api: Any) -> None:
    draft, final, paid = (api.post("/api/invoices", body(api.customer))[1]["data"]["id"] for _ in range(3))
    for key in (final, paid):
        api.post(f"/api/invoices/{key}/finalize")
    api.post(f"/api/invoices/{paid}/mark-paid")

    def found(**query: Any) -> set[str]:
        return {row["id"] for row in api.get("/api/invoices", **query)[1]["data"]}

    assert found(status="DRAFT") == {draft}
    assert found(status="Finalized") == {final, paid}
    assert found(status="PENDING") == found(status="open") == {final}
    assert found(status="PAID") == {paid}
    assert found(status="CANCELED") == set()
    assert api.get("/api/invoices", status="nonsense")[0] == 400
    assert found(customerId=api.customer.public_id) == {draft, final, paid}
    assert found(customerId=str(api.customer.pk), status="draft") == {draft}
    meta = api.get("/api/invoices", limit=2)[1]["meta"]
    assert meta.pop("nextCursor")
    assert meta == {"total": 3, "page": 1, "limit": 2, "totalPages": 2}
    assert api.get("/api/invoices", limit=101)[0] == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [{"description": " ", "amount": 1}]}, "items[0].description"),
        (
            {"items": [{"description": "x", "amount": 1}, {"description": "x", "amount": -1}]},
            "items[1].unitAmount",
        ),
        ({"items": [{"description": "x", "amount": 1, "quantity": 0}]}, "items[0].quantity"),
        ({"items": [{"description": "x", "amount": 1e300}]}, "items[0].unitAmount"),
        ({"customerId": "cust_unknown"}, "customerId"),
        ({"currency": "USD"}, "currency"),
        ({"taxes": ["nothing"]}, "taxes[0]"),
        ({"dueDate": "soon"}, "dueDate"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_input_names_its_field_and_makes_nothing(api: Any, change: dict[str, Any], field: str) -> None:
    status, answer = api.post("/api/invoices", body(api.customer, **change))
    assert status == 400
    assert answer["error"]["errors"][0]["field"] == field
    assert not Invoice.objects.exists()


def test_another_organization_finds_nothing(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    other = create_organization("Other", owner=make_user(), by=ACTOR, at=NOW)
    stranger = Api(make_key(other))

    assert stranger.get("/api/invoices")[1]["data"] == []
    assert stranger.get(f"/api/invoices/{made['id']}")[0] == 404
    for verb in ("finalize", "void", "mark-paid", "refresh"):
        assert stranger.post(f"/api/invoices/{made['id']}/{verb}")[0] == 404
    assert stranger.get(f"/api/invoices/{made['id']}/pdf")[0] == 404
    assert stranger.post("/api/invoices", body(api.customer))[0] == 400
    assert stranger.post("/api/payments", {"invoiceId": made["id"]})[0] == 400
    assert Invoice.objects.get().status == "draft"


def test_the_pdf_address_is_given_once_there_is_a_number(api: Any) -> None:
    made = api.post("/api/invoices", body(api.customer))[1]["data"]
    assert api.get(f"/api/invoices/{made['id']}/pdf")[0] == 400
    api.post(f"/api/invoices/{made['id']}/finalize")
    status, answer = api.get(f"/api/invoices/{made['id']}/pdf")
    assert status == 200 and answer["data"]["url"].endswith(f"/api/invoices/{made['id']}/pdf?download=true")
    assert api.get(f"/api/invoices/{made['id']}/pdf?download=true")[0] == 409
    shown = api.get(f"/api/invoices/{made['id']}")[1]["data"]["pdfUrl"]
    assert shown.endswith(f"/api/invoices/{made['id']}/pdf?download=true")
    early = api.client.get(f"/api/invoices/{made['id']}/pdf", headers={"accept": "application/pdf"})
    assert (early.status_code, early.json()["error"]["code"]) == (409, "pdf_not_ready")


def test_a_credit_note_is_listed_with_what_is_left_of_it(api: Any) -> None:
    """31.00 in advance with 20 % tax, ended on 15 October: 16 of 31 days."""
    customer = billed_customer(api.organization)
    plan = make_plan(api.organization, 3100, pay_in_advance=True)
    subscription = subscribe(customer, plan, on(2026, 10, 1))
    note = terminate_subscription(subscription, by=ACTOR, at=on(2026, 10, 15)).credit_note
    assert note is not None

    status, answer = api.get("/api/credit-notes", customerId=customer.public_id, status="FINALIZED")

    data = answer["data"][0]
    assert (status, answer["meta"]["total"], data["id"]) == (200, 1, note.public_id)
    assert (data["amount"], data["taxAmount"], data["total"], data["balance"]) == (16, 3.2, 19.2, 19.2)
    assert data["number"].endswith("-001-CN001")
    path = f"/api/credit-notes/{note.public_id}/pdf"
    found = api.get(path)[1]["data"]
    assert found["url"].endswith(f"{path}?download=true") and found["status"] == "pending"
    assert api.get(f"{path}?download=true")[1]["error"]["code"] == "pdf_not_ready"
    store(note, lambda: b"%PDF-1.7")
    file = api.client.get(f"{path}?download=true")
    assert (file.status_code, file["Content-Type"]) == (200, "application/pdf")
    assert file["Content-Disposition"].startswith("attachment")
    assert [item["amount"] for item in data["items"]] == [16]
    assert api.get(f"/api/credit-notes/{note.public_id}")[1]["data"] == data
    stranger = Api(make_key(make_organization("Other")))
    assert stranger.get(f"/api/credit-notes/{note.public_id}")[0] == 404
    assert stranger.get("/api/credit-notes")[1]["meta"]["total"] == 0


def test_refreshing_counts_what_arrived_since(api: Any) -> None:
    metric = make_metric(api.organization)
    customer = make_customer(api.organization, currency="EUR", grace_period_days=5)
    plan = make_plan(api.organization, 0, charge(metric))
    subscription = subscribe(customer, plan, on(2026, 1, 1))
    use(subscription, metric, 10, at=on(2026, 1, 5))
    run(on(2026, 2, 1))
    draft = Invoice.objects.get(customer=customer)
    use(subscription, metric, 10, at=on(2026, 1, 6))
    status, answer = api.post(f"/api/invoices/{draft.public_id}/refresh")
    assert (status, answer["data"]["amount"], answer["data"]["total"]) == (200, 2, 2.4)
    assert answer["data"]["subscriptionIds"] == [subscription.public_id]
    assert answer["data"]["lines"][0]["steps"][0]["amount"] == 2


def test_items_take_name_price_and_taxes_of_their_add_on(api: Api) -> None:
    """100.00 with the add-on's 7 % and 2 x 15.00 with the usual 20 %."""
    organization = api.organization  # type: ignore[attr-defined]
    setup = make_add_on(organization, "setup", taxes=[make_tax(organization, rate="7")])
    yen = make_add_on(organization, "yen", currency="JPY")
    items = [
        {"addOn": "setup"},
        {"addOnId": setup.public_id, "description": "Hours", "amount": 15, "quantity": 2},
    ]
    items[1]["addOnCode"] = items[1].pop("addOnId")
    items.append({"description": "By hand", "amount": 10})
    status, answer = api.post("/api/invoices", {"customerId": api.customer.public_id, "items": items})  # type: ignore[attr-defined]
    assert status == 201, answer
    lines = answer["data"]["lines"]
    assert [(line["description"], line["amount"], line["taxAmount"], line["addOnId"]) for line in lines] == [
        ("Setup", 100, 7, setup.public_id),
        ("Hours", 30, 2.1, setup.public_id),
        ("By hand", 10, 2, None),
    ]
    wrong = [{"addOn": "nope"}, {"addOn": yen.public_id}, {"description": "x"}]
    status, answer = api.post("/api/invoices", {"customerId": api.customer.public_id, "items": wrong})  # type: ignore[attr-defined]
    assert status == 400
    assert [(one["field"], one["message"]) for one in answer["error"]["errors"]] == [
        ("items[0].addOn", "There is no such add-on."),
        ("items[1].unitAmount", "Yen has no price in EUR: send unitAmount."),
        ("items[2].unitAmount", "This field is required."),
    ]
