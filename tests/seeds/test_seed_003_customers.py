"""Seed 003 over the API: what assigning an object fixes, usage, and what deleting a customer ends and keeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.models import AppliedCoupon, Job, Organization
from customers import tasks
from invoicing.actions.billing_run import run
from tests.factories.api import Api, refused
from tests.factories.invoicing import on, set_entity
from tests.factories.people import make_organization
from tests.seeds.proving import Proof
from tests.seeds.rows import row

pytestmark = pytest.mark.django_db
START, END = on(2026, 1, 1), on(2026, 1, 16, 12)
PLAN = {"currency": "EUR", "interval": "monthly"}
WORK = [{"description": "Work", "unitAmount": 20}]


@dataclass
class House:
    """A sandbox, so that the API can be asked at any moment, in which drafts stand for three days."""

    organization: Organization
    api: Api

    def at(self, moment: datetime) -> None:
        """It is that moment, and what falls due by then is billed."""
        self.organization.clock_at = moment
        self.organization.save()
        run(moment)

    def get(self, path: str, **query: Any) -> Any:
        """The data of a GET that must succeed."""
        status, body = self.api.get(path, **query)
        assert status == 200, body
        return body["data"]

    def post(self, path: str, **body: Any) -> Any:
        """The data of a POST that must create."""
        status, answer = self.api.post(path, body)
        assert status == 201, answer
        return answer["data"]

    def customer(self, **fields: Any) -> str:
        """The id of a new customer."""
        body = {"name": "Globex", "email": "ap@globex.example", "externalId": "crm-1", "currency": "EUR"}
        return str(self.post("/customers", **body | fields)["id"])


@pytest.fixture
def house() -> House:
    """31.00 a month in arrears with calls at 0.10, 62.00 a month in advance, and a coupon of 10 %."""
    organization = make_organization("Lab", sandbox=True, at=START)
    organization.clock_at = START
    organization.save()
    set_entity(organization, grace_period_days=3)
    found = House(organization, Api(organization))
    found.post("/billable-metrics", name="Calls", code="calls", aggregationType="sum", fieldName="calls")
    charge = {"metricCode": "calls", "chargeModel": "standard", "properties": {"amount": "0.10"}}
    found.post("/plans", name="Usage", code="usage", amount=31, charges=[charge], **PLAN)
    found.post("/plans", name="Advance", code="advance", amount=62, payInAdvance=True, **PLAN)
    found.post(
        "/coupons", name="Ten", code="ten", couponType="percentage", percentage=10, frequency="forever"
    )
    return found


ASSIGNED = {
    "/subscriptions": ({"planId": "usage"}, ("L09", "L10")),
    "/coupons/apply": ({"couponCode": "ten"}, ("L16", "L11")),
    "/invoices": ({"items": WORK}, ("L17", "L12")),
    "/wallets": ({"grantedCredits": 50}, ("L18", "L13")),
}


@pytest.mark.parametrize(
    "door", [pytest.param(door, marks=row("L14", *ids)) for door, (_, ids) in ASSIGNED.items()]
)
def test_external_id_and_currency_stand_once_something_is_assigned(house: House, door: str) -> None:
    id, (body, ids) = house.customer(), ASSIGNED[door]
    proof = Proof("L14", *ids)
    with proof("L14"):
        before = {"externalId": "crm-2", "currency": "USD"}
        status, answer = house.api.patch(f"/customers/{id}", before)
        assert status == 200 and before.items() <= answer["data"].items()
        assert house.api.patch(f"/customers/{id}", {"externalId": "crm-3", "currency": "EUR"})[0] == 200
    with proof(ids[0]):
        house.post(door, customerId=id, **body)
    with proof(ids[0] if door == "/subscriptions" else ids[1]):
        refuses(house, id, "externalId", "crm-4")
    with proof(ids[1]):
        refuses(house, id, "currency", "USD")
    assert house.api.patch(f"/customers/{id}", {"name": "Renamed"})[0] == 200
    proof.complete()


def refuses(house: House, id: str, field: str, value: str) -> None:
    """A change of the field is refused by its name and changes nothing."""
    before = house.get(f"/customers/{id}")[field]
    status, _, named = refused(house.api.patch(f"/customers/{id}", {field: value, "name": "Refused"}))
    assert status in {400, 409} and named == field
    found = house.get(f"/customers/{id}")
    assert found[field] == before != value and found["name"] == "Globex"


USING = ("L15", "L21", "L25", "L23", "L24")


@row(*USING)
def test_usage_counts_from_the_plan_on(house: House) -> None:
    """1,500 calls at 0.10 are 150.00."""
    proof, id = Proof(*USING), house.customer()
    with proof("L15"):
        assert house.get(f"/customers/{id}/usage") == []
        subscription = house.post("/subscriptions", customerId=id, planId="usage")
        assert subscription["status"] == "active" and subscription["customerId"] == id
        [report] = house.get(f"/customers/{id}/usage")
        assert (report["subscriptionId"], report["amount"]) == (subscription["id"], 0)
    with proof("L21"):
        house.at(on(2026, 1, 10))
        for number, calls in enumerate((1000, 500)):
            event = {"code": "calls", "subscriptionId": subscription["id"], "properties": {"calls": calls}}
            house.post("/events", transactionId=f"t-{number}", **event)
    with proof("L25"):
        status, body = house.api.get(f"/customers/{id}/usage")
        [report] = body["data"]
        assert status == 200 and report["subscriptionId"] == subscription["id"]
    with proof("L23"):
        assert report["amount"] == body["meta"]["amount"] == 150
    with proof("L24"):
        [charge] = report["charges"]
        assert (charge["metricCode"], charge["units"], charge["amount"]) == ("calls", 1500, 150)
    proof.complete()


@dataclass
class Gone:
    """A deleted customer and what it had."""

    id: str
    arrears: str
    advance: str
    paid: str
    payment: str
    draft: str
    applied: str
    wallet: str
    before: set[str]


@pytest.fixture
def gone(house: House) -> Gone:
    """Plans since 1 January, 62.00 in advance paid, 30 calls, a draft of 20.00, a coupon, 100 credits; deleted at
    noon of the 16th through the API, and carried out as the worker does.
    """
    id = house.customer()
    advance = house.post("/subscriptions", customerId=id, planId="advance")["id"]
    house.at(on(2026, 1, 5))
    [paid] = house.get("/invoices", customerId=id)
    assert (paid["status"], paid["total"]) == ("finalized", 62)
    payment = house.post("/payments", invoiceId=paid["id"])["id"]
    start = START.isoformat()
    arrears = house.post("/subscriptions", customerId=id, planId="usage", startDate=start)["id"]
    applied = house.post("/coupons/apply", customerId=id, couponCode="ten")["id"]
    wallet = house.post("/wallets", customerId=id, grantedCredits=100)["id"]
    house.at(on(2026, 1, 10))
    event = {"transactionId": "t-1", "code": "calls", "subscriptionId": arrears}
    house.post("/events", properties={"calls": 30}, **event)
    house.at(END)
    draft = house.post("/invoices", customerId=id, items=WORK)
    assert (draft["status"], draft["number"] or "") == ("draft", "")
    before = {one["id"] for one in house.get("/invoices", customerId=id)}

    assert house.api.delete(f"/customers/{id}")[0] == 200
    tasks.delete(str(Job.objects.get(task="customers.delete").pk))
    assert house.api.get(f"/customers/{id}")[0] == 404
    return Gone(id, arrears, advance, paid["id"], payment, draft["id"], applied, wallet, before)


ENDED = ("L26", "L27", "L28", "L29", "L30", "L31", "L32", "L33")


@row(*ENDED)
def test_deleting_ends_everything_at_once(house: House, gone: Gone) -> None:
    """31.00 for 16 of 31 days are 16.00, with 30 calls 19.00, less 10 % 17.10. Of 62.00 in advance 15 days are
    unused: 30.00 of credit, of which the closing bill uses 17.10. The draft of 20.00 is issued.
    """
    proof = Proof(*ENDED)
    with proof("L26"):
        assert house.api.get(f"/customers/{gone.id}")[0] == 404 and house.get("/customers") == []
    with proof("L27"):
        for id in (gone.arrears, gone.advance):
            subscription = house.get(f"/subscriptions/{id}")
            ended = datetime.fromisoformat(subscription["terminatedAt"])
            assert (subscription["status"], ended) == ("terminated", END)
    invoices = {one["id"]: one for one in house.get("/invoices", customerId=gone.id)}
    with proof("L28"):
        [closing] = [one for id, one in invoices.items() if id not in gone.before]
        assert (closing["status"], closing["subscriptionIds"]) == ("finalized", [gone.arrears])
        assert [line["amount"] for line in closing["lines"]] == [16, 3]
        assert closing["amount"] == Decimal("17.10")
    with proof("L29"):
        [note] = house.get("/credit-notes", customerId=gone.id)
        assert (note["invoiceId"], note["total"], note["balance"]) == (gone.paid, 30, Decimal("12.90"))
    with proof("L30"):
        applied = AppliedCoupon.objects.get()
        assert (applied.public_id, applied.status, applied.terminated_at) == (gone.applied, "terminated", END)
    with proof("L31"):
        wallet = house.get(f"/wallets/{gone.wallet}")
        assert (wallet["status"], wallet["balance"]) == ("terminated", 0)
    with proof("L32"):
        last = house.get(f"/wallets/{gone.wallet}/transactions")[0]
        assert (last["transactionStatus"], last["credits"], last["balanceAfter"]) == ("voided", -100, 0)
    with proof("L33"):
        draft = invoices[gone.draft]
        issued = datetime.fromisoformat(draft["finalizedAt"])
        assert (draft["status"], issued) == ("finalized", END) and draft["number"]
    proof.complete()


@row("L35", "L36", "L37")
def test_documents_stay_and_can_be_corrected(house: House, gone: Gone) -> None:
    """Of the 62.00 that were paid the deletion credits 30.00: 12.00 more, 5.00 of them as money, and 7.00 back."""
    proof = Proof("L35", "L36", "L37")
    with proof("L35"):
        invoices = house.get("/invoices", customerId=gone.id)
        assert len(invoices) == 3
        for invoice in invoices:
            assert house.get(f"/invoices/{invoice['id']}")["number"] == invoice["number"]
        [first] = house.get("/credit-notes", customerId=gone.id)
        assert house.get(f"/credit-notes/{first['id']}")["total"] == 30
    with proof("L36"):
        note = house.post("/credit-notes", invoiceId=gone.paid, amount=12, refundAmount=5)
        assert (note["customerId"], note["total"], note["refundAmount"]) == (gone.id, 12, 5)
        assert note["number"] != first["number"]
    with proof("L37"):
        refund = house.post(f"/payments/{gone.payment}/refund", amount=7)
        assert refund["amount"] == 7
        assert house.get(f"/payments/{gone.payment}")["refundedAmount"] == 5 + 7
    proof.complete()


@row("L38")
def test_the_external_id_is_free_again(house: House, gone: Gone) -> None:
    status, body = house.api.post(
        "/customers", {"name": "G", "email": "ap@globex.example", "externalId": "crm-1"}
    )
    assert status == 201 and body["data"]["id"] != gone.id
    assert [one["id"] for one in house.get("/customers")] == [body["data"]["id"]]
