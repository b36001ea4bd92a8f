"""PATCH /api/invoices, disputes, and the lines of a draft."""

from __future__ import annotations

import pytest

from invoicing.actions.one_off import Item, create_one_off
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.people import ACTOR, NOW, make_organization
from tests.invoicing.actions.test_line_edits import drafted, line

pytestmark = pytest.mark.django_db


def test_lines_of_a_draft() -> None:
    invoice = drafted(make_organization(), used=0)
    api, path = Api(invoice.organization), f"/invoices/{invoice.public_id}/lines"
    subscription = invoice.lines.get()
    charge = subscription.subscription.plan.charges.get().public_id
    body = {"chargeId": charge, "units": 3}
    status, answer = api.post(path, body)
    assert (status, answer["data"]["amount"]) == (201, 61)
    assert refused(api.post(path, body))[2] == "chargeId"
    status, answer = api.post(path, {"description": "Work", "unitAmount": "2.50", "quantity": 2, "taxes": []})
    added = answer["data"]["lines"][-1]
    assert (status, added["amount"], added["edited"]) == (201, 5, {"added": True})
    assert refused(api.post(path, {"description": "Work"})) == (400, "invalid", "unitAmount")

    usage = f"{path}/{line(invoice).public_id}"
    _, answer = api.patch(usage, {"unitAmount": 1})
    assert answer["data"]["amount"] == 31 + 3 + 5
    _, answer = api.patch(usage, {"description": "Calls"})
    changed = next(row for row in answer["data"]["lines"] if row["type"] == "charge")
    assert (changed["description"], changed["amount"]) == ("Calls", 3)
    assert changed["edited"]["added"] is True and changed["edited"]["amount"] == 0
    assert refused(api.patch(usage, {"units": -1}))[2] == "units"
    _, answer = api.patch(f"{path}/{added['id']}", {"units": 1})
    assert answer["data"]["amount"] == 31 + 3 + 2.5
    assert api.delete(f"{path}/{added['id']}")[1]["data"]["amount"] == 34
    assert api.delete(usage)[1]["data"]["amount"] == 31
    assert api.delete(usage)[0] == 404
    assert Api(make_organization()).patch(usage, {"units": 1})[0] == 404


def test_details_and_disputes() -> None:
    invoice = drafted(make_organization())
    api, path = Api(invoice.organization), f"/invoices/{invoice.public_id}"
    body = {"purchaseOrder": "PO 7", "metadata": {"a": 1}, "finalizeOn": None}
    status, answer = api.patch(path, body)
    assert (status, answer["data"]["purchaseOrder"], answer["data"]["finalizeAt"]) == (200, "PO 7", None)
    assert api.post(f"{path}/dispute", {"reason": "x"})[1]["error"]["code"] == "invoice_not_finalized"
    api.post(f"{path}/finalize")
    assert refused(api.patch(path, {"purchaseOrder": "PO 8"})) == (400, "invoice_issued", "purchaseOrder")
    assert api.patch(path, {"metadata": None})[1]["data"]["metadata"] == {}
    assert refused(api.post(f"{path}/dispute"))[2] == "reason"
    _, answer = api.post(f"{path}/dispute", {"reason": "Wrong"})
    assert answer["data"]["dispute"]["status"] == "open"
    assert api.get("/invoices", status="disputed")[1]["meta"]["total"] == 1
    assert refused(api.post(f"{path}/dispute/end", {"outcome": "open"}))[2] == "outcome"
    _, answer = api.post(f"{path}/dispute/end", {"outcome": "WITHDRAWN"})
    assert answer["data"]["dispute"]["status"] == "withdrawn"


def test_lines_of_a_one_off_draft() -> None:
    draft = drafted(make_organization())
    items = [Item("Work", *(2 * [draft.lines.first().units]))]
    invoice: Invoice = create_one_off(draft.customer, items, by=ACTOR, at=NOW)
    api, path = Api(invoice.organization), f"/invoices/{invoice.public_id}/lines"
    work = invoice.lines.get().public_id
    _, answer = api.patch(f"{path}/{work}", {"units": 5, "unitAmount": 3})
    assert answer["data"]["amount"] == 15
    assert api.delete(f"{path}/{work}")[1]["error"]["code"] == "last_line"
