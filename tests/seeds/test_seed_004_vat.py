"""Seed 004: which customers' VAT numbers are checked, when, and when a confirmation ends, over the API."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.utils import timezone

from billing.models import Organization
from customers.models import VatCheck
from customers.tasks import check_vat
from tests.factories.api import Api
from tests.factories.invoicing import on
from tests.factories.people import make_organization
from tests.seeds.rows import row
from tests.services.vies import FakeVies

pytestmark = pytest.mark.django_db
GLOBEX = {"email": "ap@globex.example", "taxId": "FR40303265045", "country": "FR", "customerType": "BUSINESS"}


@pytest.fixture
def api() -> Api:
    return Api(make_organization())


def created(api: Api, **body: object) -> str:
    """Path of a new company."""
    status, answer = api.post("/customers", GLOBEX | body)
    assert status == 201, answer
    return f"/customers/{answer['data']['id']}"


def vat_status(api: Api, path: str) -> str:
    """What is known about its number."""
    return str(api.get(path)[1]["data"]["vatValidationStatus"])


def due() -> None:
    """The worker's round, with every open check due."""
    VatCheck.objects.filter(next_at__isnull=False).update(next_at=timezone.now() - timedelta(minutes=1))
    check_vat()


@row("K06", "K18")
def test_without_a_hint_the_number_is_checked_after_the_answer(api: Api, vies: FakeVies) -> None:
    path = created(api)
    assert vat_status(api, path) == "pending" and vies.log == [], "nobody waits for VIES"
    due()
    assert vat_status(api, path) == "valid" and vies.numbers == ["FR40303265045"]
    [check] = api.get(f"{path}/vat/verifications")[1]["data"]
    assert (check["provider"], check["status"]) == ("vies", "valid")


@row("K19")
def test_both_switches_stand_above_the_hint(api: Api, vies: FakeVies) -> None:
    out = {"vatValidationDisabled": True, "vatValidationDisabledReason": "Exempt"}
    opted_out = created(api, autoValidateVat=True, **out)
    api.patch(opted_out, {"autoValidateVat": True})
    Organization.objects.update(vat_validation_enabled=False)
    switched_off = created(api, autoValidateVat=True, email="2@globex.example")
    api.patch(switched_off, {"autoValidateVat": True})
    due()
    assert vat_status(api, opted_out) == vat_status(api, switched_off) == "unvalidated"
    assert vies.log == []


@row("K53")
def test_nobody_is_asked_during_maintenance(api: Api, vies: FakeVies) -> None:
    """The whole day but a minute half a day from now is maintenance."""
    path = created(api, autoValidateVat=False)
    away = (timezone.now() + timedelta(hours=12)).time().replace(second=0, microsecond=0)
    end = time((away.hour + (away.minute == 59)) % 24, (away.minute + 1) % 60)
    Organization.objects.update(vat_maintenance_from=end, vat_maintenance_to=away)
    status, answer = api.post(f"{path}/vat/verify")
    assert (status, answer["data"]["vatValidationStatus"]) == (200, "pending")
    due()
    assert vat_status(api, path) == "pending" and vies.log == []
    Organization.objects.update(vat_maintenance_from=None, vat_maintenance_to=None)
    due()
    assert vat_status(api, path) == "valid" and len(vies.log) == 1


@row("K56")
@pytest.mark.django_db(transaction=True)
def test_a_confirmation_ends_with_its_time(vies: FakeVies) -> None:
    start = on(2026, 1, 15)
    lab = make_organization("Lab", sandbox=True, at=start)
    lab.clock_at = start
    lab.save()
    api = Api(lab)
    path = created(api, autoValidateVat=False)
    vies.answers["FR40303265045"] = "MS_UNAVAILABLE"
    assert api.post(f"{path}/vat/override", {"reason": "Seen on paper", "ttlDays": 30})[0] == 200
    assert api.post("/clock", {"days": 29})[0] == 200
    assert vat_status(api, path) == "manual"
    assert api.post("/clock", {"days": 2})[0] == 200
    assert vat_status(api, path) == "pending"
    check = api.get(f"{path}/vat/verifications")[1]["data"][0]
    assert check["status"] == "pending"
