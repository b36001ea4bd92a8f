"""`Idempotency-Key` on every POST: what is sent again is done once and answered alike, also at the same moment, also
when a process was killed on the way.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings

from billing.actions import idempotency
from billing.actions.idempotency import Call
from billing.clients.http import fetch
from billing.models import ApiKey, IdempotentCall, Organization
from customers.models import Customer
from invoicing.models import Payment
from tests.factories.api import Api, refused
from tests.factories.customers import make_customer
from tests.factories.invoicing import billed_customer
from tests.factories.people import make_organization
from tests.flows.test_races import issued, together
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)
BODY = {"name": "Nakato", "email": "nakato@example.com", "currency": "EUR"}


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def api(organization: Organization) -> Api:
    return Api(organization)


def sent(api: Api, path: str, body: Any, key: str) -> Any:
    """The whole answer to a POST."""
    return api.client.post(
        f"/api{path}", body, content_type="application/json", headers={"Idempotency-Key": key}
    )


def test_a_repeat_is_answered_as_the_first_time(api: Api) -> None:
    first, again = sent(api, "/customers", BODY, "k"), sent(api, "/customers", BODY, "k")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert again["X-Request-Id"] != first["X-Request-Id"]
    assert Customer.objects.count() == 1
    assert sent(api, "/customers", BODY | {"email": "b@example.com"}, "k2").status_code == 201
    assert Customer.objects.count() == 2


def test_a_key_stands_for_one_call(api: Api) -> None:
    sent(api, "/customers", BODY, "k")
    for path, body in (("/customers", BODY | {"name": "Other"}), ("/plans", BODY), ("/customers?x=1", BODY)):
        answer = sent(api, path, body, "k")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")
    other = Api(make_organization("Beta"))
    assert sent(other, "/customers", BODY, "k").status_code == 201, "keys are an organization's own"
    assert Customer.objects.count() == 2


def test_a_refusal_is_not_kept(api: Api) -> None:
    assert sent(api, "/customers", BODY | {"currency": "XXQ"}, "k").status_code == 400
    assert sent(api, "/customers", BODY, "k").status_code == 201
    assert IdempotentCall.objects.count() == 1


@pytest.mark.parametrize("key", ["", " ", "k" * 201, "k\u00e9", "a\tb"])
def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    answer = sent(api, "/customers", BODY, key)
    assert refused((answer.status_code, answer.json())) == (400, "invalid", "Idempotency-Key")
    assert Customer.objects.count() == 0


def test_a_key_needs_the_right_to_what_was_answered(organization: Organization, api: Api) -> None:
    first = sent(api, "/customers", BODY, "k")
    assert sent(Api(organization, scopes=["plans:write"]), "/customers", BODY, "k").status_code == 403
    assert sent(Api(organization), "/customers", BODY, "k").content == first.content, "as after a rotation"


def test_a_key_with_fewer_rights_is_not_given_the_secret_of_a_new_one(
    organization: Organization, api: Api
) -> None:
    assert sent(api, "/api-keys", {"name": "All"}, "k").status_code == 201
    for scopes in (["api-keys:write"], ["*:read", "api-keys:write"]):
        answer = sent(Api(organization, scopes=scopes), "/api-keys", {"name": "All"}, "k")
        assert refused((answer.status_code, answer.json()))[:2] == (409, "idempotency_key_reused")
        assert "sk_" not in answer.content.decode()
    writer = ["api-keys:write", "plans:read"]
    body = {"name": "Narrow", "scopes": ["plans:read"]}
    first = sent(Api(organization, scopes=writer), "/api-keys", body, "n")
    again = sent(Api(organization, scopes=writer[::-1]), "/api-keys", body, "n")
    assert (first.status_code, again.content) == (201, first.content)


def test_answers_are_not_kept_in_clear_and_not_for_ever(organization: Organization, api: Api) -> None:
    answer = sent(api, "/customers", BODY, "k")
    row = IdempotentCall.objects.get()
    assert row.organization == organization and row.place == "POST /api/customers"
    kept = json.dumps([row.key, row.place, row.fingerprint]) + bytes(row.sealed).decode()
    assert answer.json()["data"]["id"] not in kept and "nakato" not in kept
    with override_settings(SECRET_KEY="another", CREDENTIALS_KEY="another"):
        lost = sent(api, "/customers", BODY, "k")
    assert (lost.status_code, lost.json()["error"]["code"]) == (409, "idempotency_answer_lost")
    at = row.created_at + timedelta(hours=24)
    assert (idempotency.drop_old(at), IdempotentCall.objects.count()) == (0, 1)
    assert (idempotency.drop_old(at + timedelta(days=2)), IdempotentCall.objects.count()) == (1, 0)


@committing
def test_eight_at_once_make_one_customer_and_one_payment(organization: Organization) -> None:
    """Each on a connection of its own; who comes too early is told to come again, and then gets the answer."""
    invoice = issued(billed_customer(organization))
    before, api = Customer.objects.count(), Api(organization)
    token = api.client.defaults["HTTP_AUTHORIZATION"]

    def post(path: str, body: Any) -> Any:
        with_key = {"Authorization": token, "Idempotency-Key": path}
        return Client().post(f"/api{path}", body, content_type="application/json", headers=with_key)

    for path, body in (
        ("/customers", BODY),
        ("/payments", {"invoiceId": invoice.public_id, "amount": 1}),
        ("/credit-notes", {"invoiceId": invoice.public_id, "reason": "other", "amount": 1}),
    ):
        answers = together(*[lambda path=path, body=body: post(path, body)] * 8)
        done = [answer for answer in answers if answer.status_code != 409]
        assert done and {answer.status_code for answer in done} == {201}, [a.content for a in answers]
        assert {answer.content for answer in done} == {post(path, body).content}
        for answer in answers:
            if answer.status_code == 409:
                assert (
                    answer.json()["error"]["code"] == "idempotency_key_in_use"
                    and answer["Retry-After"] == "1"
                )
    assert Customer.objects.count() == before + 1
    assert Payment.objects.filter(invoice=invoice).count() == 1


@committing
def test_a_killed_process_leaves_nothing_done_and_nothing_locked(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the customer was written and before the answer was kept: the repeat does both."""

    class Killed(BaseException):
        pass

    def die(*args: Any) -> None:
        assert Customer.objects.count() == 1
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("billing.web.idempotency.keep", die)
        with pytest.raises(Killed):
            sent(api, "/customers", BODY, "k")
    assert Customer.objects.count() == 0
    assert sent(api, "/customers", BODY, "k").status_code == 201
    assert Customer.objects.count() == 1


def test_the_lock_of_a_killed_connection_is_free(organization: Organization, api: Api) -> None:
    call = Call(organization.pk, "k", "POST /api/customers", "")
    other: Any = connection.get_new_connection(connection.get_connection_params())
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s), pg_backend_pid()", [call.lock_number])
            pid = cursor.fetchone()[1]
        answer = sent(api, "/customers", BODY, "k")
        assert (answer.status_code, answer["Retry-After"]) == (409, "1")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        assert sent(api, "/customers", BODY, "k").status_code == 201
    finally:
        other.close()


def test_a_failure_leaves_nothing_half_done(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The action has committed its part when the route fails: with a key, all of it is taken back."""
    api.client.raise_request_exception = False

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("customers.api.customers.envelope", fail)
        assert sent(api, "/customers", BODY, "k").status_code == 500
    assert Customer.objects.count() == 0
    assert sent(api, "/customers", BODY, "k").status_code == 201


@committing
def test_what_asks_another_system_is_asked_once_and_outside_of_a_transaction(
    organization: Organization, api: Api, vies: FakeVies, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = make_customer(organization, tax_id="FR40303265045", country="FR")
    held: list[bool] = []

    def sending(*args: Any, **kwargs: Any) -> Any:
        answer = fetch(*args, **kwargs)
        held.append(connection.in_atomic_block)
        return answer

    monkeypatch.setattr("customers.clients.vies.fetch", sending)
    path = f"/customers/{customer.public_id}/vat/verify"
    first, again = sent(api, path, {}, "k"), sent(api, path, {}, "k")
    assert (first.status_code, again["Idempotent-Replayed"], again.content) == (200, "true", first.content)
    assert (len(vies.log), held) == (1, [False])


def test_the_lock_does_not_hide_that_a_key_was_revoked(organization: Organization, api: Api) -> None:
    sent(api, "/customers", BODY, "k")
    ApiKey.objects.of(organization).update(revoked_at=organization.created_at)
    assert sent(api, "/customers", BODY, "k").status_code == 401
