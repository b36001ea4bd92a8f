"""What a person sees when something cannot be done, and how an act is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django_htmx.middleware import HtmxDetails

from billing.models import Member
from billing.views.failures import server_error
from billing.web.htmx import done, event_names
from tests.factories.people import make_member, make_organization, sign_in

HTMX = {"HX-Request": "true", "HX-Target": "drawer"}


def request_of(**headers: str) -> Any:
    """A POST as the middleware prepares it."""
    request: Any = RequestFactory().post("/anything", headers=headers)
    request.htmx = HtmxDetails(request)
    request.session = {}
    from django.contrib.messages.storage.session import SessionStorage

    request._messages = SessionStorage(request)
    return request


def test_undo_is_a_button_of_the_toast() -> None:
    answer = done(
        request_of(**HTMX), "/x", "Tag removed", events=("tag-removed",), undo_url="/tags/1/restore"
    )
    assert answer.status_code == 204
    assert event_names(answer)["toast"] == {
        "text": "Tag removed",
        "kind": "success",
        "undo_url": "/tags/1/restore",
    }


def test_undo_without_javascript_is_a_form_under_the_message() -> None:
    request = request_of()
    assert done(request, "/x", "Tag removed", undo_url="/tags/1/restore")["Location"] == "/x"
    (message,) = get_messages(request)
    page = render_to_string(
        "components/toast.html", {"messages": [message]}, request=RequestFactory().get("/")
    )
    assert '<form method="post" action="/tags/1/restore">' in page and "csrfmiddlewaretoken" in page
    plain = render_to_string("components/toast.html", {"messages": [Message(25, "Saved")]})
    assert "<form" not in plain


@pytest.mark.django_db
def test_a_form_from_before_the_sign_in_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)
    sign_in(client, Member.objects.get(organization=make_organization()))
    page = client.post("/customers/add", {"name": "x"})
    assert page.status_code == 403 and "out of date" in page.content.decode()
    piece = client.post("/customers/add", {"name": "x"}, headers=HTMX)
    assert piece.status_code == 403 and not piece.content
    assert "Load it again" in event_names(piece)["toast"]["text"]


@pytest.mark.django_db
def test_refusals_carry_the_reference_of_the_log() -> None:
    organization = make_organization()
    client = sign_in(Client(), make_member(organization, "support"))
    for path, status in (("/nothing", 404), ("/customers/add", 403)):
        page = client.get(path, headers={"X-Request-Id": "reference-1234"})
        assert page.status_code == status
        assert "reference-1234" in page.content.decode()


def test_the_page_for_our_own_failure_needs_no_database() -> None:
    request: Any = RequestFactory().get("/")
    request.request_id = "reference-1234"
    page = server_error(request)
    assert page.status_code == 500 and "reference-1234" in page.content.decode()


@pytest.mark.django_db
def test_an_ended_session_leads_the_whole_window_to_the_sign_in_and_back() -> None:
    headers = HTMX | {"HX-Current-URL": "http://testserver/customers?page=2"}
    answer = Client().get("/customers/add", headers=headers)
    assert answer["HX-Redirect"] == "/login?next=/customers%3Fpage%3D2"
