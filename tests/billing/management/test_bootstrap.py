"""`manage.py bootstrap`: one JSON object, and the same command again changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.models import ApiKey, AuditEntry, BillingEntity, Member, Organization, User

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def bootstrap(*flags: str, organization: str = "Acme", email: str = "ada@example.com") -> dict[str, Any]:
    out = io.StringIO()
    call_command(
        "bootstrap",
        "--organization",
        organization,
        "--email",
        email,
        "--password",
        PASSWORD,
        *flags,
        stdout=out,
    )
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def counts() -> list[int]:
    return [
        model.objects.count() for model in (Organization, BillingEntity, User, Member, ApiKey, AuditEntry)
    ]


def test_makes_organization_owner_and_key() -> None:
    answer = bootstrap()
    organization = Organization.objects.get()
    assert answer == {
        "organizationId": organization.public_id,
        "apiKey": answer["apiKey"],
        "email": "ada@example.com",
    }
    assert answer["apiKey"].startswith("sk_live_")
    assert ApiKey.objects.get().key_hash == hashlib.sha256(answer["apiKey"].encode()).hexdigest()
    assert User.objects.get().check_password(PASSWORD)
    assert Member.objects.get().role == "admin"


def test_again_changes_nothing_but_can_issue_a_key() -> None:
    first = bootstrap()
    before = counts()
    assert bootstrap() == first | {"apiKey": None}
    assert counts() == before
    fresh = bootstrap("--new-key")
    assert fresh["apiKey"] not in (None, first["apiKey"])
    assert ApiKey.objects.count() == 2


def test_sandbox_has_test_keys() -> None:
    assert bootstrap("--sandbox")["apiKey"].startswith("sk_test_")
    with pytest.raises(CommandError, match="is a sandbox"):
        bootstrap()


def test_somebody_else_is_refused_and_nothing_changes() -> None:
    bootstrap()
    before = counts()
    with pytest.raises(CommandError, match="not one of its admins"):
        bootstrap("--new-key", email="eve@example.com")
    assert counts() == before


def test_a_weak_password_is_refused_and_nothing_is_made() -> None:
    with pytest.raises(CommandError, match="too short"):
        call_command(
            "bootstrap", "--organization", "Acme", "--email", "ada@example.com", "--password", "short"
        )
    assert counts() == [0, 0, 0, 0, 0, 0]
