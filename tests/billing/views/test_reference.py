"""/api/docs: every operation for people, found by its words, open to everybody."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from billing.web.openapi import document
from billing.web.openapi_words import MANNERS
from billing.web.reference import groups
from tests.factories.people import make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


def test_the_manners_and_every_operation() -> None:
    page = Client().get("/api/docs").content.decode()
    for name in MANNERS:
        assert f"<h2>{name}</h2>" in page
    links = set(re.findall(r'href="/api/docs/([\w-]+#\w+)"', page))
    shown = {f"{group.slug}#{one.key}" for group in groups() for one in group.operations}
    keys = {one["operationId"] for some in document()["paths"].values() for one in some.values()}
    assert links == shown and {link.partition("#")[2] for link in links} == keys


def test_each_group_has_its_operations_in_full() -> None:
    for group in groups():
        page = Client().get(f"/api/docs/{group.slug}").content.decode()
        for one in group.operations:
            assert f'id="{one.key}"' in page and one.path in page
    page = Client().get("/api/docs/customers").content.decode()
    assert "curl -X POST" in page and "sarah@kampaltech.example" in page and "cust_" in page
    assert "<script>" not in page and " style=" not in page
    assert Client().get("/api/docs/nothing").status_code == 404


def test_the_search() -> None:
    page = Client().get("/api/docs", {"q": "refund payment"}).content.decode()
    assert "#refundPayment" in page and "#createPlan" not in page
    part = Client().get(
        "/api/docs", {"q": "refund"}, headers={"HX-Request": "true", "HX-Target": "reference-page"}
    )
    assert "<html" not in part.content.decode() and "#refundPayment" in part.content.decode()
    nothing = Client().get("/api/docs", {"q": "<b>zzz"}).content.decode()
    assert "No operation has these words" in nothing and "<b>zzz" not in nothing


def test_developers_lead_to_it() -> None:
    client = sign_in(Client(), make_member(make_organization(), "admin"))
    page = client.get("/developers").content.decode()
    assert 'href="/api/docs"' in page and 'href="/api/openapi.json"' in page
