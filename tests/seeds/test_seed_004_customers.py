"""Seed 004: customers, their classification and their VAT numbers over the API."""

from __future__ import annotations

import pytest

from billing.models import Organization
from tests.factories.api import Api
from tests.factories.people import make_organization
from tests.seeds.rows import row
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
GLOBEX = {
    "email": "ap@globex.example",
    "taxId": "FR40303265045",
    "country": "FR",
    "customerType": "BUSINESS",
    "autoValidateVat": False,
}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


def created(api: Api, **body: object) -> tuple[str, dict[str, object]]:
    """Path and payload of a new company."""
    status, answer = api.post("/customers", GLOBEX | body)
    assert status == 201, answer
    return f"/customers/{answer['data']['id']}", answer["data"]


@row("K07")
def test_the_external_id_upserts(api: Api) -> None:
    first = api.post("/customers", {"email": "a@b.example", "externalId": "x-1", "name": "A"})
    again = api.post("/customers", {"email": "a@b.example", "externalId": "x-1", "name": "B"})
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["data"]["id"] == again[1]["data"]["id"]
    assert [one["name"] for one in api.get("/customers")[1]["data"]] == ["B"]


@row("K08", "K10", "K29")
def test_models_modes_and_metadata(api: Api) -> None:
    for number, model in enumerate(("prepaid", "postpaid", "hybrid")):
        assert created(api, email=f"{number}@b.example", billingModel=model)[1]["billingModel"] == model
    assert api.post("/customers", GLOBEX | {"billingModel": "barter"})[0] == 400
    data = created(api, mode="POSTPAID", metadata={"Any_Key": {"deep": 1}})[1]
    assert (data["mode"], data["metadata"]) == ("postpaid", {"Any_Key": {"deep": 1}})


@row("K04", "K13")
def test_tags(api: Api) -> None:
    created(api, email="1@b.example", tags=["a"])
    both = created(api, email="2@b.example", tags=["a", "b"])[1]
    assert both["tags"] == ["a", "b"]
    assert [one["id"] for one in api.get("/customers", tags="a,b")[1]["data"]] == [both["id"]]
    assert api.get("/customers", tags="a")[1]["meta"]["total"] == 2


@row("K12", "K27")
def test_status(api: Api) -> None:
    path, data = created(api)
    assert api.patch(path, {"status": "inactive"})[1]["data"]["status"] == "inactive"
    assert [one["id"] for one in api.get("/customers", status="INACTIVE")[1]["data"]] == [data["id"]]
    assert api.get("/customers", status="active")[1]["data"] == []


@row("K11")
def test_a_cursor_neither_repeats_nor_misses(api: Api) -> None:
    made = [created(api, email=f"{number}@b.example")[1]["id"] for number in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get("/customers", limit=2, **({"cursor": cursor} if cursor else {}))[1]
        seen += [one["id"] for one in page["data"]]
        cursor = page["meta"]["nextCursor"]
        created(api, email=f"later{len(seen)}@b.example")
    assert seen == made[::-1]


@row("K39", "K40")
def test_another_type_needs_a_reason(api: Api) -> None:
    path, _ = created(api)
    assert api.post(f"{path}/type", {"customerType": "CONSUMER"})[0] == 400
    assert api.get(path)[1]["data"]["customerType"] == "business"
    for kind in ("CONSUMER", "UNKNOWN", "BUSINESS"):
        status, _ = api.post(f"{path}/type", {"customerType": kind, "reason": "As told"})
        assert status == 200 and api.get(path)[1]["data"]["customerType"] == kind.lower()


@row("K17", "K30", "K49", "K50")
def test_hints_and_the_check_on_demand(api: Api, vies: FakeVies) -> None:
    path, data = created(api)
    assert data["vatValidationStatus"] == "unvalidated" and vies.log == []
    assert api.patch(path, {"autoValidateVat": True})[1]["data"]["vatValidationStatus"] == "pending"
    for _ in range(2):
        status, body = api.post(f"{path}/vat/verify")
        assert (status, body["data"]["vatValidationStatus"]) == (200, "valid")
    assert set(vies.numbers) == {"FR40303265045"}


@row("K51", "K52")
def test_switches_beat_the_check(api: Api, vies: FakeVies) -> None:
    out = {"vatValidationDisabled": True, "vatValidationDisabledReason": "Exempt"}
    path, data = created(api, **out)
    assert data["vatValidationDisabledReason"] == "Exempt"
    assert api.post(f"{path}/vat/verify")[0] == 409
    api.patch(path, {"vatValidationDisabled": False})
    Organization.objects.update(vat_validation_enabled=False)
    assert api.post(f"{path}/vat/verify")[0] == 409 and vies.log == []


@row("K54", "K55", "K57", "K58", "K59", "K68")
def test_an_override_is_made_and_cleared(api: Api, vies: FakeVies) -> None:
    path, _ = created(api)
    body = {"reason": "Seen on paper", "ttlDays": 30}
    assert api.post(f"{path}/vat/override", body)[1]["data"]["vatValidationStatus"] == "manual"
    found = api.get(f"{path}/vat/verifications")[1]["data"][0]
    assert found["reason"] == "Seen on paper" and found["actor"] and found["expiresAt"]
    for _ in range(2):
        status, answer = api.delete(f"{path}/vat/override")
        assert (status, answer["data"]["vatValidationStatus"]) == (200, "unvalidated")
    assert api.get(f"{path}/vat/verifications")[1]["data"][0]["status"] == "pending"
    assert api.post(f"{path}/vat/verify")[1]["data"]["vatValidationStatus"] == "valid"
    out = {"vatValidationDisabled": True, "vatValidationDisabledReason": "Exempt"}
    assert out.items() <= api.patch(path, out)[1]["data"].items()


@row("K25")
def test_merging_with_itself_or_nobody_is_refused(api: Api) -> None:
    own = created(api)[1]["id"]
    body = {"sourceCustomerId": own, "targetCustomerId": own}
    assert api.post("/customers/merge", body)[0] == 400
    assert api.post("/customers/merge", body | {"targetCustomerId": f"cust_{'0' * 32}"})[0] == 404
