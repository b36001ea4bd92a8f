"""What nobody should send: every form and every route of the API answers with a reason, never with a server error,
and changes nothing.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from billing.models import Organization
from billing.rules.errors import Invalid
from billing.web.api import plain_json, read_json
from customers.models import Customer
from invoicing.models import Invoice
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.people import make_organization, sign_in
from tests.factories.world import World, make_world
from tests.house.addresses import PUBLIC, api_operations, filled, pages

pytestmark = pytest.mark.django_db
HUGE = "1e999999999"
NASTY = [
    "",
    "x" * 5000,
    "a\x00b",
    "a\u202eb",
    "\N{GRINNING FACE}",
    "1e400",
    HUGE,
    "NaN",
    "-1",
    "0." + "1" * 30,
]
NASTY += [
    "0001-01-01",
    "9999-12-31",
    "2026-02-31",
    "00000000-0000-0000-0000-000000000000",
    "<b>x</b>",
    "\u0663",
]
ALONE = len(NASTY)  # every form gets each value in all fields at once, every field one of the values alone
BODIES = ["", "[]", "null", "1", '"x"', "{", '{"a": 1', "[" * 20_000, '{"a":' * 10_000 + "1" + "}" * 10_000]
BODIES += [
    '{"bogus": 1}',
    '{"a": NaN}',
    '{"a": "\\ud800"}',
    '{"a": "\\u0000"}',
    '{"a": ' + HUGE + "}",
    "a=1&b=2",
]


class Forms(HTMLParser):
    """The POST forms of a page: for each, its address and {field: values} as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, list[str]]]] = []
        self.open: dict[str, list[str]] | None = None
        self.select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.open = {}
            if given.get("method", "").lower() == "post":
                self.found.append((given.get("action", ""), self.open))
        if self.open is None:
            return
        name = given.get("name", "")
        if tag in {"input", "textarea", "button"} and name and name != "csrfmiddlewaretoken":
            values = self.open.setdefault(name, [])
            if tag == "input" and (given.get("type") not in {"checkbox", "radio"} or "checked" in given):
                values.append(given.get("value", ""))
        if tag == "select" and name:
            self.select = name
            self.open.setdefault(name, [])
        if tag == "option" and self.select and "selected" in given:
            self.open[self.select].append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None
        if tag == "select":
            self.select = ""


def undone(client: Client, path: str, data: dict[str, list[str]]) -> int:
    """The status of a POST, with what it did checked against the database's deferred rules and taken back."""
    with transaction.atomic():
        status = client.post(path, data).status_code
        connection.check_constraints()
        transaction.set_rollback(True)
    return status


@pytest.mark.parametrize("part", range(4))
def test_no_form_breaks_on_what_is_typed_into_it(part: int) -> None:
    """All fields nonsense at once, and each one alone beside the values that the form had; in parts."""
    world = make_world("alpha")
    client = sign_in(Client(), world.admin)
    seen = 0
    for page in list(pages())[part::4]:
        path = page.path(world) if page.name not in PUBLIC | {"password-change"} else ""
        answer = client.get(path) if path else None
        if answer is None or answer.status_code != 200 or "html" not in answer["Content-Type"]:
            continue
        parser = Forms()
        parser.feed(answer.content.decode())
        for fields in (fields for action, fields in parser.found if action in {"", path}):
            seen += 1
            for index, value in enumerate(NASTY):
                status = undone(client, path, {name: [value] for name in fields})
                assert status in {200, 204, 302, 400, 404, 409, 422}, (path, value[:20], status)
                names = list(fields)
                for name in names[index % ALONE :: ALONE]:
                    status = undone(client, path, fields | {name: [value]})
                    assert status in {200, 204, 302, 400, 404, 409, 422}, (path, name, value[:20], status)
    assert seen > 5


@pytest.fixture
def world() -> World:
    return make_world("alpha")


def test_every_route_refuses_bodies_that_are_none(world: World, settings: Any) -> None:
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    large = '{"x": "' + "y" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + '"}'
    too_large = 0
    for method, route in api_operations():
        if method == "GET":
            continue
        path = filled(route, world)
        for body in [*BODIES, large]:
            with transaction.atomic():
                answer = client.generic(method, path, body, content_type="application/json")
                transaction.set_rollback(True)
            if answer.status_code < 400:  # a route that needs no body
                continue
            asks = route.endswith(("/checkout", "/payment-methods/setup"))
            if answer.status_code == 502 and asks:  # neither do they; nobody is there to ask
                continue
            check_shape(answer, (method, route, body[:30]))
            too_large += answer.status_code == 413
    assert too_large > 15  # all that read a body


def test_what_django_refuses_is_answered_in_the_shape_of_the_api(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown routes, wrong methods and failures: a client that reads JSON never meets a page."""
    client = Client(headers={"Authorization": f"Bearer {world.key}"}, raise_request_exception=False)
    check_shape(client.get("/api/nothing"), "unknown")
    check_shape(client.get("/api/customers/a/b/c/d"), "unknown")
    wrong = client.put("/api/customers", "{}", content_type="application/json")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong["Allow"]

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("customers.api.customers.matching", fail)
    broken = client.get("/api/customers?search=x")
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "server_error")
    assert b"secret" not in broken.content and broken.json()["error"]["requestId"] == broken["X-Request-Id"]
    assert "text/html" in client.get("/nothing")["Content-Type"]


def check_shape(answer: Any, what: object) -> None:
    """An error of the API as it is documented."""
    assert answer.status_code in {400, 404, 409, 413}, (what, answer.status_code)
    body = answer.json()
    assert set(body) == {"message", "error"}, what
    assert set(body["error"]) == {"code", "message", "errors", "requestId"}, what
    assert body["message"] and body["error"]["requestId"], what


def test_every_route_refuses_ids_and_queries_that_are_none(world: World) -> None:
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    queries = ["page=0", "page=-1", "page=abc", "limit=101", "limit=1e9", "page=" + "9" * 40, "status=%00"]
    for method, route in api_operations():
        if "{" in route:
            for part in ("x", "a%00b", "%ED%A0%80", "cust_" + "0" * 32):
                path = re.sub(r"\{[^}]*\}", part, route)
                answer = client.generic(method, path, "{}", content_type="application/json")
                check_shape(answer, (method, path))
        elif method == "GET":
            for query in queries:
                answer = client.get(f"{route}?{query}")
                if answer.status_code != 200:
                    check_shape(answer, (route, query))


@pytest.mark.parametrize("units", [HUGE, f'"{HUGE}"', '"-1e999999999"', "1e-999999999", "9" * 4000])
def test_a_number_that_would_fill_the_memory_is_refused(world: World, units: str) -> None:
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    body = (
        f'{{"chargeModel": "standard", "currency": "EUR", "properties": {{"amount": "1"}}, "units": {units}}}'
    )
    answer = client.post("/api/charges/preview", body, content_type="application/json")
    check_shape(answer, units)


@pytest.mark.parametrize("value", [10**40, 1e300 * 1e300, "\ud800", [[[]]] * 1, "deep"])
def test_metadata_can_always_be_answered_again(value: Any) -> None:
    """What is stored must fit into an answer: a number beyond 64 bits would break every list that it is in."""
    organization = make_organization()
    api = Api(organization)
    customer = make_customer(organization)
    if value == "deep":
        value = json.loads("[" * 300 + "]" * 300)
    items = [{"description": "x", "unitAmount": 1}]
    for path, body in (
        ("/customers", {"email": "new@example.com"}),
        ("/invoices", {"customerId": customer.public_id, "items": items}),
    ):
        text = json.dumps(body | {"metadata": {"a": value}})
        answer = api.client.post(f"/api{path}", text, content_type="application/json")
        if value == [[[]]]:
            assert (answer.status_code, answer.json()["data"]["metadata"]) == (201, {"a": [[[]]]})
        else:
            check_shape(answer, (path, value))
        assert api.get(path)[0] == 200
    assert Customer.objects.count() == Invoice.objects.count() + 1 == 1 + (value == [[[]]])


@pytest.mark.parametrize("field", ["transactionId", "timestamp", "preciseTotalAmount", "properties", "bogus"])
def test_one_bad_event_never_rejects_the_others(world: World, field: str) -> None:
    """Numbers of a billion digits and halves of characters are refused one by one, under the event's field."""
    client = Client(headers={"Authorization": f"Bearer {world.key}"})
    row = world.objects
    good = {"subscriptionId": row["subscriptions"].external_id, "code": row["metrics"].code}
    bad = (HUGE, "-" + HUGE, "1e-999999999", '"\\ud800"', '{"\\ud800": 1}', '{"a": ' + HUGE + "}", "9" * 5000)
    events = [json.dumps(good | {"transactionId": "fine"})]
    for index, value in enumerate(bad):
        name = "\\ud800" if field == "bogus" else field
        start = json.dumps(good | ({} if field == "transactionId" else {"transactionId": f"t{index}"}))
        events.append(f'{start[:-1]}, "{name}": {value}}}')
    answer = client.post("/api/events/batch", f"[{','.join(events)}]", content_type="application/json")
    statuses = [result["status"] for result in answer.json()["data"]["results"]]
    assert (answer.status_code, statuses[0]) == (200, "accepted")
    assert "invalid" in statuses[1:] and set(statuses[1:]) <= {"invalid", "accepted"}
    for event in events[1:]:
        alone = client.post("/api/events", event, content_type="application/json")
        assert alone.status_code in {200, 400}, (field, alone.status_code)


@pytest.mark.parametrize(
    ("route", "field", "value"),
    [
        ("/subscriptions", "externalId", "x" * 256),
        ("/subscriptions", "name", "x" * 201),
        ("/subscriptions", "startDate", "0001-01-01T00:00:00+14:00"),
        ("/subscriptions", "startDate", "9999-12-31T23:59:59-12:00"),
        ("/subscriptions", "endingAt", "9999-12-31T23:59:59-12:00"),
        ("/subscriptions", "metadata", {f"k{number}": 1 for number in range(51)}),
        ("/wallets", "expirationAt", "9999-12-31T23:59:59-12:00"),
        ("/wallets", "grantedCredits", "1e20"),
        ("/wallets", "paidCredits", 2**63 - 1),
    ],
)
def test_what_no_column_could_hold_is_refused_at_its_field(
    world: World, route: str, field: str, value: Any
) -> None:
    api = Api(world.organization)
    body = {"customerId": world.objects["customers"].public_id, field: value}
    body |= {"planId": world.objects["plans"].public_id} if route == "/subscriptions" else {}
    status, _, named = refused(api.post(route, body))
    assert (status, named) == (400, field)


def test_a_key_that_is_too_long_is_refused_by_name(world: World) -> None:
    api = Api(world.organization)
    path = f"/invoices/{world.objects['invoices'].public_id}/mark-paid"
    assert refused(api.post(path, **{"Idempotency-Key": "k" * 201}))[::2] == (400, "Idempotency-Key")
    assert api.post(path, **{"Idempotency-Key": "k" * 200})[0] == 200


def test_numbers_in_bodies_are_exact_and_of_a_size_that_can_be_kept() -> None:
    assert read_json(b'{"a": 0.10, "b": 3}') == {"a": Decimal("0.10"), "b": 3}
    assert read_json(b'"\\ud83d\\ude00"') == "\N{GRINNING FACE}"
    for body in (b"1e1001", b"1e-1001", b"-1e999999999", b"[NaN]", b'"\\ud83d"', b'{"\\uDC00": 1}'):
        with pytest.raises(ValueError, match=r"digits|number|surrogate"):
            read_json(body)
    assert plain_json({"a": Decimal("1.50"), "b": [Decimal(7), True, None]}) == {
        "a": 1.5,
        "b": [7, True, None],
    }
    with pytest.raises(Invalid) as error:
        plain_json({"a": 2**63})
    with pytest.raises(Invalid):
        plain_json({"a": read_json(b"1e400")})
    assert error.value.field == "metadata"


def test_markup_in_a_name_is_text_on_every_page(world: World) -> None:
    mark = "<img src=x onerror=alert(1)>"
    organization: Organization = world.organization
    Organization.objects.filter(pk=organization.pk).update(name=mark)
    for noun in (
        "customers",
        "plans",
        "metrics",
        "coupons",
        "taxes",
        "wallets",
        "billing-entities",
        "api-keys",
    ):
        row = world.objects[noun]
        type(row).objects.filter(pk=row.pk).update(name=mark)
    client, escaped = sign_in(Client(), world.admin), 0
    for page in pages():
        if page.name in PUBLIC:
            continue
        answer = client.get(page.path(world))
        if answer.status_code == 200 and "html" in answer["Content-Type"]:
            text = answer.content.decode()
            assert mark not in text, page.route
            escaped += "&lt;img src=x onerror=alert(1)&gt;" in text
    assert escaped > 20


def test_a_field_of_another_organization_is_unknown_in_a_body(world: World) -> None:
    """Ids of another organization in bodies, with a key of one's own: refused by field, nothing written."""
    stranger = make_organization("Beta")
    api = Api(stranger)
    own = make_customer(stranger)
    theirs = world.objects
    cases = [
        ("/subscriptions", {"customerId": own.public_id, "planId": theirs["plans"].public_id}, "planId"),
        ("/subscriptions", {"customerId": theirs["customers"].public_id, "planId": "x"}, ""),
        ("/invoices", {"customerId": theirs["customers"].public_id, "items": []}, "customerId"),
        ("/payments", {"invoiceId": theirs["invoices"].public_id}, "invoiceId"),
        ("/wallets", {"customerId": theirs["customers"].public_id}, "customerId"),
        (
            "/customers",
            {"email": "a@example.com", "billingEntityId": theirs["billing-entities"].public_id},
            "billingEntityId",
        ),
        ("/customers", {"email": "a@example.com", "taxCodes": [theirs["taxes"].code]}, "taxCodes"),
    ]
    for path, body, field in cases:
        status, _, named = refused(api.post(path, body))
        assert status == 400 and named.startswith(field), (path, body, status, named)
    assert Customer.objects.of(stranger).count() == 1


@pytest.mark.parametrize(
    "target", ["a", "http", "%ED%A0%80", "//evil.example", "https://evil.example/", "javascript:x"]
)
def test_the_theme_leads_back_to_our_own_pages_only(client: Client, target: str) -> None:
    answer = client.get(f"/theme?theme=dark&next={target}")
    assert (answer.status_code, answer["Location"]) == (302, "/")
