"""Every event that can be listened to is told: by acts through the API, step by step, with the object as the API
answers it.
"""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Q

from billing.actions.clock import now
from billing.models import EmittedEvent, Organization
from billing.rules.event_names import EVENTS, TOLD_ONCE
from customers.models import Customer
from invoicing.actions.announcing import OVERDUE, tell_of_overdue
from invoicing.actions.one_off import delete_draft
from invoicing.models import Invoice
from tests.factories.api import Api
from tests.factories.people import ACTOR, make_organization
from tests.factories.webhooks import make_endpoint

pytestmark = pytest.mark.django_db


class Story:
    """Acts, and what was told since the last question."""

    def __init__(self) -> None:
        self.organization: Organization = make_organization()
        self.api = Api(self.organization)
        make_endpoint(self.organization)

    def told(self) -> dict[str, Any]:
        """{name: data} of what is new, which is then forgotten."""
        rows = EmittedEvent.objects.filter(organization=self.organization).order_by("pk")
        found = {row.name: row.data for row in rows if row.deliveries.count() == 1}
        assert len(found) == len({row.name for row in rows}), "each event has its delivery"
        for row in rows:
            row.deliveries.all().delete()
        rows.delete()
        return found

    def act(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What the API answers to an act that succeeds."""
        call = getattr(self.api, method)
        status, answer = call(path) if method == "delete" else call(path, body or {})
        assert status in {200, 201, 202}, (path, answer)
        data: dict[str, Any] = answer["data"]
        return data

    def customer(self, name: str) -> dict[str, Any]:
        """A new one."""
        body = {"externalId": name, "email": f"{name}@x.example", "name": name, "currency": "EUR"}
        return self.act("post", "/customers", body)

    def invoice(self, customer: dict[str, Any], amount: int = 100) -> dict[str, Any]:
        """A draft."""
        items = [{"description": "Work", "quantity": 1, "unitAmount": amount}]
        return self.act("post", "/invoices", {"customerId": customer["id"], "items": items})


@pytest.fixture
def story() -> Story:
    return Story()


def test_customers(story: Story) -> None:
    ann = story.customer("ann")
    told = story.told()
    assert told["customer.created"] == story.api.get(f"/customers/{ann['id']}")[1]["data"]
    story.act("patch", f"/customers/{ann['id']}", {"name": "Ann B."})
    assert story.told()["customer.updated"]["name"] == "Ann B."
    story.act("post", f"/customers/{ann['id']}/mode", {"mode": "postpaid", "reason": "Big"})
    assert story.told()["customer.mode_changed"]["to"] == "postpaid"
    story.act("post", f"/customers/{ann['id']}/type", {"customerType": "business", "reason": "Register"})
    assert story.told()["customer.type_changed"]["to"] == "business"
    bob = story.customer("bob")
    story.told()
    story.act("post", "/customers/merge", {"sourceCustomerId": bob["id"], "targetCustomerId": ann["id"]})
    assert "customer.merged" in story.told()


def test_invoices_payments_and_credit_notes(story: Story) -> None:
    ann = story.customer("ann")
    draft = story.invoice(ann)
    told = story.told()
    assert told["invoice.created"]["id"] == draft["id"] and told["invoice.created"]["status"] == "draft"
    bill = story.act("post", f"/invoices/{draft['id']}/finalize")
    told = story.told()
    shown = story.api.get(f"/invoices/{bill['id']}")[1]["data"]
    assert told["invoice.finalized"] == shown | {"updatedAt": told["invoice.finalized"]["updatedAt"]}
    assert "invoice.paid" not in told
    pay = {"invoiceId": bill["id"], "amount": 40, "provider": "manual"}
    paid = story.act("post", "/payments", pay)
    told = story.told()
    assert told["payment.successful"]["amount"] == 40 and "invoice.paid" not in told
    story.act("post", f"/invoices/{bill['id']}/mark-paid")
    told = story.told()
    assert told["invoice.paid"]["paymentStatus"] == "paid" and "payment.successful" in told
    story.act("post", f"/payments/{paid['id']}/refund", {"amount": 10, "reason": "Sorry"})
    assert story.told()["payment.refunded"]["refundedAmount"] == 10
    other = story.act("post", f"/invoices/{story.invoice(ann)['id']}/finalize")
    story.told()
    line = other["lines"][0]["id"]
    body = {"invoiceId": other["id"], "reason": "order_change", "items": [{"lineId": line, "amount": 5}]}
    note = story.act("post", "/credit-notes", body)
    assert story.told()["credit_note.created"]["id"] == note["id"]
    story.act("post", f"/credit-notes/{note['id']}/void")
    assert story.told()["credit_note.voided"]["status"] == "voided"
    later = now(story.organization) + timedelta(days=400)
    mine = Q(organization=story.organization)
    assert tell_of_overdue(mine, later) == 1
    assert story.told()["invoice.overdue"]["id"] == other["id"]
    story.act("post", f"/invoices/{other['id']}/void")
    assert story.told()["invoice.voided"]["status"] == "voided"
    dropped = story.invoice(ann)
    story.told()
    delete_draft(Invoice.objects.draft().get(), by=ACTOR, at=now(story.organization))
    assert story.told()["invoice.deleted"]["id"] == dropped["id"]


def test_what_is_overdue_is_told_once(story: Story) -> None:
    bill = story.invoice(story.customer("ann"))
    story.act("post", f"/invoices/{bill['id']}/finalize")
    later, mine = now(story.organization) + timedelta(days=400), Q(organization=story.organization)
    assert tell_of_overdue(mine, now(story.organization)) == 0
    assert tell_of_overdue(mine, later) == 1
    assert tell_of_overdue(mine, later) == 0
    assert EmittedEvent.objects.filter(name=OVERDUE).count() == 1
    assert OVERDUE in TOLD_ONCE, "its event is never forgotten"


def test_what_is_free_is_paid_at_once(story: Story) -> None:
    bill = story.invoice(story.customer("ann"), 0)
    story.told()
    story.act("post", f"/invoices/{bill['id']}/finalize")
    assert list(story.told()) == ["invoice.finalized", "invoice.paid"]


def test_subscriptions(story: Story) -> None:
    ann = story.customer("ann")
    for code, amount in (("small", 10), ("large", 30)):
        plan = {"name": code, "code": code, "interval": "monthly", "amount": amount, "currency": "EUR"}
        story.act("post", "/plans", plan)
    assert "plan.created" in story.told()
    asked = {"customerId": ann["id"], "planId": "small", "externalId": "s-1"}
    made = story.act("post", "/subscriptions", asked)
    told = story.told()
    assert told["subscription.created"]["id"] == made["id"]
    path = f"/subscriptions/{made['id']}"
    story.act("post", f"{path}/pause")
    assert story.told()["subscription.paused"]["status"] == "paused"
    story.act("post", f"{path}/resume")
    assert story.told()["subscription.resumed"]["status"] == "active"
    changed = story.act("post", f"{path}/change-plan", {"planId": "large"})
    assert "subscription.plan_changed" in story.told()
    path = f"/subscriptions/{changed['id']}"
    story.act("post", f"{path}/cancel", {"cancelAtPeriodEnd": True})
    assert "subscription.cancel_scheduled" in story.told()
    story.act("post", f"{path}/cancel", {"cancelAtPeriodEnd": False})
    assert story.told()["subscription.canceled"]["status"] == "canceled"


def test_wallets(story: Story) -> None:
    ann = story.customer("ann")
    story.told()
    body = {"customerId": ann["id"], "name": "Prepaid", "currency": "EUR", "rateAmount": 1}
    made = story.act("post", "/wallets", body)
    assert story.told()["wallet.created"]["id"] == made["id"]
    path = f"/wallets/{made['id']}"
    story.act("patch", path, {"name": "Credits"})
    assert story.told()["wallet.updated"]["name"] == "Credits"
    story.act("post", f"{path}/top-up", {"grantedCredits": 5})
    assert story.told()["wallet.granted"]["credits"] == 5
    story.act("post", f"{path}/top-up", {"paidCredits": 10})
    bill = Invoice.objects.get()
    story.act("post", f"/invoices/{bill.public_id}/mark-paid")
    assert story.told()["wallet.topped_up"]["credits"] == 10
    story.act("delete", path)
    assert story.told()["wallet.terminated"]["status"] == "terminated"


def test_every_name_of_the_catalogue_is_told_somewhere() -> None:
    """Found as text in the actions: what nobody tells is not offered."""
    said: set[str] = set()
    for app in ("billing", "invoicing", "customers"):
        for path in (Path(settings.BASE_DIR) / app / "actions").glob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            said |= {
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    states = {f"subscription.{status}" for status in ("canceled", "terminated")}  # named by the status itself
    assert EVENTS.keys() - said - states == set()


def test_a_deletion_is_told_with_all_that_it_ends(story: Story) -> None:
    from billing.actions import later
    from billing.models import Job
    from customers.actions.delete import carry_out
    from customers.actions.erase import carry_out as erase

    ann = story.customer("ann")
    bill = story.invoice(ann)
    story.act("post", f"/invoices/{bill['id']}/finalize")
    story.told()
    story.act("delete", f"/customers/{ann['id']}")
    job = Job.objects.get(task="customers.delete")
    later.run(str(job.pk), carry_out)
    told = story.told()
    assert Customer.objects.get().deleted_at and {"invoice.voided", "customer.deleted"} <= told.keys()
    asked = story.act("post", f"/customers/{ann['id']}/erase", {"reason": "Asked", "confirm": "ann"})
    later.run(asked["jobId"].removeprefix("job_"), erase)
    told = story.told()
    assert told.keys() == {"customer.erased"} and told["customer.erased"]["id"] == ann["id"]
