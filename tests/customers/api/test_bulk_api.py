"""/api/customers/bulk: one bad row never rejects the others."""

from __future__ import annotations

import pytest

from customers.models import Customer
from tests.factories.api import Api, refused
from tests.factories.people import make_organization

pytestmark = pytest.mark.django_db


def test_each_row_has_its_own_fate() -> None:
    api = Api(make_organization())
    api.post("/customers", {"externalId": "old", "email": "old@x.example", "name": "Old"})
    status, body = api.post(
        "/customers/bulk",
        {
            "customers": [
                {"externalId": "a", "email": "a@x.example", "name": "A"},
                {"externalId": "old", "email": "old@x.example", "name": "Newer"},
                {"externalId": "b", "email": "A@x.example"},
                {"email": "c@x.example", "country": "Uganda"},
                {"email": "d@x.example", "colour": "red"},
                {"name": "No address"},
                {"email": "e@x.example"},
            ]
        },
    )
    assert status == 200
    data = body["data"]
    fates = ["created", "updated", "refused", "refused", "refused", "refused", "created"]
    assert [row["status"] for row in data["results"]] == fates
    assert [row["index"] for row in data["results"]] == list(range(7))
    named = [row["errors"][0]["field"] if row["errors"] else None for row in data["results"]]
    assert named == [None, None, "email", "country", "colour", "email", None]
    assert (data["created"], data["updated"], data["refused"]) == (2, 1, 4)
    assert Customer.objects.count() == 3
    assert Customer.objects.get(external_id="old").name == "Newer"
    again = api.get(f"/customers/{data['results'][0]['id']}")[1]["data"]
    assert again["externalId"] == "a"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"customers": []}, "customers"),
        ({"customers": [{"email": "a@x.example"}] * 101}, "customers"),
        ({"customers": ["x"]}, "customers[0]"),
        ({}, "customers"),
    ],
)
def test_a_body_of_another_shape_is_refused_whole(body: dict[str, object], field: str) -> None:
    assert refused(Api(make_organization()).post("/customers/bulk", body))[::2] == (400, field)
    assert Customer.objects.count() == 0
