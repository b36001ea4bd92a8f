"""What is sent compressed, and what is not because its length would tell."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse

from billing.models import Member
from billing.web.compression import CompressionMiddleware
from tests.factories.people import make_organization, sign_in


@pytest.mark.parametrize(
    ("kind", "kept", "small"),
    [
        ("text/html; charset=utf-8", "", True),
        ("application/json", "", True),
        ("text/html", "no-store", True),
        ("text/html", "max-age=0, no-cache, no-store, must-revalidate, private", False),
        ("text/csv; charset=utf-8", "no-store, private", False),
        ("application/pdf", "", False),
        ("application/zip", "", False),
    ],
)
def test_texts_are_compressed_unless_they_hold_a_secret(kind: str, kept: str, small: bool) -> None:
    response = HttpResponse("x" * 1000, content_type=kind)
    if kept:
        response["Cache-Control"] = kept
    request = HttpRequest()
    request.META["HTTP_ACCEPT_ENCODING"] = "gzip"
    found = CompressionMiddleware(lambda _: response)(request)
    assert (found.get("Content-Encoding") == "gzip", len(found.content) < 1000) == (small, small)


@pytest.mark.django_db
def test_pages_are_compressed_and_those_with_secrets_are_not() -> None:
    client = sign_in(Client(), Member.objects.get(organization=make_organization()))
    gzip = {"Accept-Encoding": "gzip"}
    assert client.get("/customers", headers=gzip)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in client.get(reverse("two-factor"), headers=gzip)
