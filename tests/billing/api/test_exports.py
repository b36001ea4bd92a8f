"""/api/exports: a list becomes a file in the background, behind a link that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from billing.actions.exports import CONTENTS, drop_expired, write
from billing.models import AuditEntry, Export, Job
from billing.queries.payloads_exports import SALT
from billing.rules.ids import decode
from billing.web import scopes
from billing.web.exporting import EXPORTABLE
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import make_organization
from tests.factories.world import make_world

pytestmark = pytest.mark.django_db


def carried_out(export: str) -> None:
    """What the worker does."""
    write(Job.objects.get(subject_id=decode("exp", export)))


def path_of(url: str) -> str:
    """The part of an address after the host."""
    return "/" + url.split("/", 3)[3]


def test_a_list_becomes_a_file_and_the_file_ends() -> None:
    organization = make_organization()
    api = Api(organization)
    for number in range(3):
        make_customer(organization, name=f"Kept {number}", country="UG")
    make_customer(organization, name="Left out", country="DE")
    status, body = api.post("/exports", {"content": "customers", "filters": {"country": "ug"}})
    made = body["data"]
    assert (status, made["status"], made["rows"], made["downloadUrl"]) == (202, "queued", 3, None)
    make_customer(organization, name="Too late", country="UG")
    carried_out(made["id"])
    ready = api.get(f"/exports/{made['id']}")[1]["data"]
    assert (ready["status"], ready["filters"]) == ("ready", {"country": "ug"})
    link = path_of(ready["downloadUrl"])
    answer = Client().get(link)
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 4 and "Kept 2" in lines[1] and "Too late" not in "".join(lines)
    assert "attachment" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    assert [one["id"] for one in api.get("/exports", content="Customers")[1]["data"]] == [made["id"]]
    assert AuditEntry.objects.filter(action="customers.exported").count() == 1
    assert Export.objects.get().keys == []
    carried_out(made["id"])  # a second time changes nothing
    assert drop_expired(timezone.now() + timedelta(hours=25)) == 1
    assert Client().get(link).status_code == 404
    assert api.get(f"/exports/{made['id']}")[1]["data"]["status"] == "expired"


def test_every_content_can_be_written() -> None:
    world = make_world("alpha")
    api = Api(world.organization)
    assert set(EXPORTABLE) == set(CONTENTS)
    for name in CONTENTS:
        made = api.post("/exports", {"content": name})[1]["data"]
        carried_out(made["id"])
        ready = api.get(f"/exports/{made['id']}")[1]["data"]
        answer = Client().get(path_of(ready["downloadUrl"]))
        lines = b"".join(answer.streaming_content).decode().splitlines()
        assert ready["rows"] > 0 and len(lines) > 1, name


def test_a_key_gets_no_file_of_what_it_may_not_read() -> None:
    organization = make_organization()
    make_customer(organization, name="Private")
    theirs = Api(organization).post("/exports", {"content": "customers"})[1]["data"]["id"]
    carried_out(theirs)
    narrow = Api(organization, scopes=["exports:write", "payments:read"])
    assert refused(narrow.post("/exports", {"content": "customers"}))[:2] == (403, "scope_missing")
    assert refused(narrow.get(f"/exports/{theirs}"))[:2] == (403, "scope_missing")
    assert refused(narrow.get("/exports", content="customers"))[:2] == (403, "scope_missing")
    own = narrow.post("/exports", {"content": "payments"})[1]["data"]["id"]
    listed = narrow.get("/exports")[1]
    assert ([row["id"] for row in listed["data"]], listed["meta"]["total"]) == ([own], 1)
    wide = Api(organization, scopes=["exports:write", "*:read"])
    assert wide.get(f"/exports/{theirs}")[1]["data"]["downloadUrl"]
    resources = {known.scope.partition(":")[0] for known in EXPORTABLE.values()}
    assert resources <= set(scopes.resources())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": "secrets"}, "content"),
        ({"content": "invoices", "filters": {"status": "nonsense"}}, "status"),
        ({"content": "invoices", "filters": {"colour": "red"}}, "filters.colour"),
        ({"content": "invoices", "filters": {"page": 2}}, "filters.page"),
        ({"content": "payments", "filters": {"dateFrom": "2026-02-31"}}, "filters.dateFrom"),
    ],
)
def test_what_cannot_be_exported_is_named(body: dict[str, object], field: str) -> None:
    assert refused(Api(make_organization()).post("/exports", body))[::2] == (400, field)
    assert not Export.objects.exists()


def test_links_that_are_not_ours_open_nothing() -> None:
    organization = make_organization()
    made = Api(organization).post("/exports", {"content": "customers"})[1]["data"]
    assert (
        Client().get(f"/exports/{signing.dumps(made['id'], salt=SALT)}").status_code == 404
    )  # not written yet
    carried_out(made["id"])
    for token in ("x", made["id"], signing.dumps(made["id"], salt="other")):
        assert Client().get(f"/exports/{token}").status_code == 404
    assert Api(make_organization("Other")).get(f"/exports/{made['id']}")[0] == 404
