"""Failures, repeats, redirects and the token; each with both clients."""

from __future__ import annotations

import logging
import pickle
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, Callable, List

import httpx
import pytest
from sdk_test_server import CUSTOMER, Reply

import novabilling
from novabilling import (
    APIConnectionError,
    APITimeoutError,
    AsyncNovaBilling,
    BadRequestError,
    NotFoundError,
    NovaBilling,
    NovaBillingError,
    RateLimitError,
    ServerError,
)
from novabilling._http import same_place

Ask = Callable[..., Any]
TOKEN = "sk_test_very_secret_indeed"
OK = Reply(200, CUSTOMER)


def fault(status: int, **error: Any) -> Reply:
    """An error as the API answers it."""
    return Reply(
        status, {"message": "No.", "error": {"code": "bad", "message": "No.", "errors": [], **error}}
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequestError"),
        (401, "UnauthorizedError"),
        (403, "ForbiddenError"),
        (404, "NotFoundError"),
        (409, "ConflictError"),
        (412, "PreconditionFailedError"),
        (413, "BadRequestError"),
        (418, "APIStatusError"),
        (500, "ServerError"),
    ],
)
def test_each_status_has_its_error(server: Any, ask: Ask, status: int, kind: str) -> None:
    server.replies = [
        fault(status, errors=[{"field": "email", "message": "Wrong."}], requestId="r-9", hint=1)
    ]
    with pytest.raises(getattr(novabilling, kind)) as caught:
        ask(lambda client: client.customers.get("cust_1"))
    error = caught.value
    assert type(error).__name__ == kind
    assert (error.message, error.status_code, error.code, error.request_id) == ("No.", status, "bad", "r-9")
    assert [(row.field, row.message) for row in error.errors] == [("email", "Wrong.")]
    assert error.details == {"hint": 1}
    assert str(error) == "No. ({}, bad, request r-9)".format(status)
    assert len(server.seen) == 1
    assert pickle.loads(pickle.dumps(error)).code == "bad"


@pytest.mark.parametrize("raw", [b"<html>Bad gateway</html>", b"", b"[1]", b'{"error": "text"}'])
def test_an_error_that_is_not_the_apis(server: Any, ask: Ask, raw: bytes) -> None:
    server.replies = [Reply(500, raw=raw)]
    with pytest.raises(ServerError, match="status 500"):
        ask(lambda client: client.customers.get("cust_1"))


def test_an_answer_that_is_not_json(server: Any, ask: Ask) -> None:
    server.replies = [Reply(200, raw=b"<html>", headers={"Content-Type": "text/html"})]
    with pytest.raises(NovaBillingError, match="not JSON"):
        ask(lambda client: client.customers.get("cust_1"))


@pytest.mark.parametrize("bad", [Reply(429), Reply(502), Reply(503), Reply(504), Reply(drop=True)])
def test_what_fails_for_a_while_is_asked_again(server: Any, ask: Ask, waits: List[float], bad: Reply) -> None:
    server.replies = [bad, bad, OK]
    assert ask(lambda client: client.customers.create(email="ann@x.example")).id == "cust_1"
    keys = {seen.headers["idempotency-key"] for seen in server.seen}
    assert len(server.seen) == 3 and len(keys) == 1 and len({seen.body for seen in server.seen}) == 1
    assert 0.25 <= waits[0] <= 0.5 <= waits[1] <= 1


def test_each_post_has_a_key_of_its_own_unless_given(server: Any, ask: Ask) -> None:
    ask(lambda client: client.customers.create(email="a@x.example"))
    ask(lambda client: client.customers.create(email="a@x.example"))
    ask(lambda client: client.customers.create(email="a@x.example", idempotency_key="mine"))
    keys = [seen.headers["idempotency-key"] for seen in server.seen]
    assert len(set(keys)) == 3 and keys[2] == "mine"


def test_what_stays_broken_is_told(server: Any, ask: Ask, waits: List[float]) -> None:
    server.replies = [fault(503)]
    with pytest.raises(ServerError) as caught:
        ask(lambda client: client.customers.get("cust_1"))
    assert caught.value.status_code == 503 and len(server.seen) == 4 and len(waits) == 3
    server.seen.clear()
    server.replies = [Reply(drop=True)]
    with pytest.raises(APIConnectionError):
        ask(lambda client: client.customers.get("cust_1"), max_retries=1)
    assert len(server.seen) == 2


def test_other_errors_are_asked_once(server: Any, ask: Ask) -> None:
    server.replies = [fault(500)]
    with pytest.raises(ServerError):
        ask(lambda client: client.customers.create(email="a@x.example"))
    assert len(server.seen) == 1


def test_retry_after_is_heeded(server: Any, ask: Ask, waits: List[float]) -> None:
    later = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=20), usegmt=True)
    server.replies = [
        Reply(429, headers={"Retry-After": "7"}),
        Reply(503, headers={"Retry-After": later}),
        OK,
    ]
    ask(lambda client: client.customers.get("cust_1"))
    assert 7 <= waits[0] <= 7.25 and 15 < waits[1] < 21
    server.replies = [Reply(409, headers={"Retry-After": "1"}), OK]
    assert ask(lambda client: client.customers.create(email="a@x.example")).id == "cust_1"
    server.replies = [Reply(429, headers={"Retry-After": "3600"})]
    server.seen.clear()
    with pytest.raises(RateLimitError) as caught:
        ask(lambda client: client.customers.get("cust_1"))
    assert caught.value.retry_after == 3600 and len(server.seen) == 1


@pytest.mark.parametrize(
    "said", ["", "soon", "-5", "nan", "inf", "9" * 400, "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"]
)
def test_a_retry_after_that_says_nothing_is_as_none(
    server: Any, ask: Ask, waits: List[float], said: str
) -> None:
    server.replies = [Reply(503, headers={"Retry-After": said}), OK]
    assert ask(lambda client: client.customers.get("cust_1")).id == "cust_1"
    assert 0.25 <= waits[0] <= 0.5


def test_a_slow_answer_times_out(server: Any, ask: Ask) -> None:
    def slow(seen: Any) -> Reply:
        time.sleep(0.3)
        return OK

    server.replies = [slow]
    with pytest.raises(APITimeoutError):
        ask(lambda client: client.customers.get("cust_1"), timeout=0.05, max_retries=0)


def test_nobody_there(ask: Ask) -> None:
    with pytest.raises(APIConnectionError) as caught:
        ask(lambda client: client.customers.get("cust_1"), base_url="http://127.0.0.1:1", max_retries=0)
    assert "GET /customers/cust_1" in str(caught.value) and TOKEN not in str(caught.value)


# --- Redirects
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_keeps_method_and_body(server: Any, ask: Ask, status: int) -> None:
    server.replies = [Reply(status, headers={"Location": "/api/moved"}), OK]
    ask(lambda client: client.customers.create(email="a@x.example"))
    first, second = server.seen
    assert (second.method, second.path, second.body) == ("POST", "/api/moved", first.body)
    assert second.headers["authorization"] == "Bearer " + TOKEN
    assert second.headers["idempotency-key"] == first.headers["idempotency-key"]


def test_the_token_never_goes_to_another_host(server: Any, ask: Ask) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.replies = [Reply(307, headers={"Location": other + "/api/x"}), OK]
    assert ask(lambda client: client.customers.get("cust_1")).id == "cust_1"
    home, away = server.seen
    assert home.headers["host"] != away.headers["host"]
    assert TOKEN not in str(away.headers) and "authorization" not in away.headers
    server.seen.clear()
    server.replies = [Reply(307, headers={"Location": other + "/api/x"}), OK]
    with pytest.raises(APIConnectionError, match="another host"):
        ask(lambda client: client.payment_providers.create(type="stripe", credentials={"secret_key": "sk"}))
    assert len(server.seen) == 1


def test_the_token_comes_not_back_by_a_detour_to_plain_http() -> None:
    url = httpx.URL
    assert same_place(url("https://a.example/x"), url("https://a.example:443/y"))
    assert same_place(url("http://a.example/x"), url("https://a.example/x"))
    for elsewhere in (
        "http://a.example/",
        "https://a.example:8443/",
        "https://b.example/",
        "https://a.example.b/",
    ):
        assert not same_place(url("https://a.example/"), url(elsewhere))


def test_redirects_end(server: Any, ask: Ask) -> None:
    server.replies = [Reply(307, headers={"Location": "/api/again"})]
    with pytest.raises(APIConnectionError, match="redirect"):
        ask(lambda client: client.customers.get("cust_1"))
    assert len(server.seen) == 6
    server.replies = [Reply(307, {"message": "Moved."}, {"Location": "file:///etc/passwd"})]
    with pytest.raises(APIConnectionError, match="none"):
        ask(lambda client: client.customers.get("cust_1"))
    server.replies = [Reply(307, {"message": "Moved."}, {"Location": "/api/again"})]
    with pytest.raises(NovaBillingError, match="Moved"):
        ask(lambda client: client.customers.get("cust_1"), follow_redirects=False)


# --- The token and the environment
@pytest.mark.parametrize("client", [NovaBilling, AsyncNovaBilling])
def test_nothing_is_read_from_the_environment(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOVABILLING_TOKEN", "NOVABILLING_API_KEY", "NOVABILLING_BASE_URL"):
        monkeypatch.setenv(name, "sk_from_environment")
    with pytest.raises(TypeError, match="token"):
        client()
    assert client(token="sk_x").base_url == "http://localhost:8000/api"


def test_no_proxy_or_netrc_of_the_environment_is_used(
    server: Any, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    ask(lambda client: client.customers.get("cust_1"))
    assert server.seen[0].headers["authorization"] == "Bearer " + TOKEN


@pytest.mark.parametrize("token", [None, 5, "", "  ", "sk\nX-Evil: 1", "sk_ü"])
def test_a_token_that_cannot_be_one(token: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        NovaBilling(token=token)
    assert "Evil" not in str(caught.value)


@pytest.mark.parametrize(
    "base", ["", "billing.example.com", "ftp://x.example", "https://u:p@x.example", "https://x/?a=b"]
)
def test_a_base_url_that_cannot_be_one(base: str) -> None:
    with pytest.raises(ValueError):
        NovaBilling(token="sk_x", base_url=base)


def test_the_token_is_in_no_repr_and_no_log(server: Any, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: List[str] = []

    def look(client: Any) -> Any:
        transport = client._transport
        shown.extend(
            map(repr, (client, transport, transport.settings, vars(client), transport.client.headers))
        )
        return client.customers.get("cust_1")

    server.replies = [Reply(503), OK]
    ask(look)
    server.replies = [fault(400)]
    with pytest.raises(BadRequestError) as caught:
        ask(lambda client: client.customers.list(search="private@x.example"))
    shown += [repr(caught.value), str(caught.value.__dict__)]
    own = "".join(record.getMessage() for record in caplog.records if record.name == "novabilling")
    assert TOKEN not in caplog.text + "".join(shown)
    assert "/customers/cust_1" in own and "private@x.example" not in own


def test_a_closed_client_says_so(server: Any) -> None:
    client = NovaBilling(token="sk_x", base_url=server.url)
    client.customers.get("cust_1")
    client.close()
    client.close()
    with pytest.raises(APIConnectionError, match="closed"):
        client.customers.get("cust_1")


def test_a_given_http_client_is_used_and_stays_open(server: Any) -> None:
    with httpx.Client(headers={"X-Own": "1"}) as own:
        with NovaBilling(token="sk_x", base_url=server.url, http_client=own) as client:
            client.customers.get("cust_1")
        assert server.seen[0].headers["x-own"] == "1" and not own.is_closed


def test_404_is_also_a_novabilling_error() -> None:
    assert issubclass(NotFoundError, NovaBillingError) and issubclass(APITimeoutError, APIConnectionError)
