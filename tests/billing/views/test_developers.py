"""API keys, jobs, the activity log and the quick start in the browser."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.actions import audit, later
from billing.models import ApiKey, AuditEntry, Job, Member, Organization
from billing.orm.actor import Actor
from billing.views.developers import commands
from tests.factories.catalog import make_metric, make_plan, subscribe
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def organization() -> Organization:
    """A tenant."""
    return make_organization("Acme")


@pytest.fixture
def admin(organization: Organization) -> Client:
    """Its admin's browser."""
    return sign_in(Client(), Member.objects.get(organization=organization))


def key_form(client: Client, **values: str) -> dict[str, str]:
    """The form with the one-time token that the page gave out."""
    page = client.get(reverse("api-key-add")).content.decode()
    token = re.search(r'name="once" value="(\w+)"', page).group(1)  # type: ignore[union-attr]
    return {"once": token, "name": "Production", "limited": "no"} | values


def test_secret_is_shown_once_and_kept_nowhere(admin: Client, organization: Organization) -> None:
    data = key_form(admin)
    page = admin.post(reverse("api-key-add"), data)
    secret = re.search(r"sk_live_[0-9a-f]{64}", page.content.decode()).group(0)  # type: ignore[union-attr]
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.get(organization=organization)
    assert secret not in str(vars(key))
    assert secret not in admin.get(reverse("api-keys")).content.decode()
    assert secret not in str(list(AuditEntry.objects.values()))
    repeat = admin.post(reverse("api-key-add"), data)
    assert (repeat.status_code, ApiKey.objects.count()) == (422, 1), "a double click makes one key"
    answer = Client().get("/api/openapi.json", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200


def test_scopes_are_chosen_from_the_real_resources(admin: Client) -> None:
    data = key_form(admin, limited="yes")
    empty = admin.post(reverse("api-key-add"), data)
    assert (empty.status_code, "at least one resource" in empty.content.decode()) == (422, True)
    admin.post(reverse("api-key-add"), data | {"scope-invoices": "read"})
    assert ApiKey.objects.get().scopes == ["invoices:read"]


def test_limited_key_is_really_limited(admin: Client) -> None:
    page = admin.post(reverse("api-key-add"), key_form(admin, limited="yes", **{"scope-invoices": "read"}))
    secret = re.search(r"sk_live_[0-9a-f]{64}", page.content.decode()).group(0)  # type: ignore[union-attr]
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/invoices", headers=headers).status_code == 200
    post = Client().post("/api/invoices", {}, content_type="application/json", headers=headers)
    assert post.status_code == 403
    assert Client().get("/api/payments", headers=headers).status_code == 403


def test_expiry_is_the_end_of_the_day_and_not_in_the_past(admin: Client) -> None:
    yesterday = (timezone.now() - timedelta(days=1)).date().isoformat()
    assert admin.post(reverse("api-key-add"), key_form(admin, expires_on=yesterday)).status_code == 422
    today = timezone.now().date()
    admin.post(reverse("api-key-add"), key_form(admin, expires_on=today.isoformat()))
    expires = ApiKey.objects.get().expires_at
    assert expires is not None and (expires.date(), expires.hour) == (today, 23)


def test_revoked_key_stops_at_once(admin: Client, organization: Organization) -> None:
    page = admin.post(reverse("api-key-add"), key_form(admin))
    secret = re.search(r"sk_live_[0-9a-f]{64}", page.content.decode()).group(0)  # type: ignore[union-attr]
    key = ApiKey.objects.get(organization=organization)
    assert admin.get(reverse("api-key-revoke", args=[key.public_id])).status_code == 200
    assert admin.post(reverse("api-key-revoke", args=[key.public_id])).status_code == 302
    answer = Client().get("/api/invoices", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401
    assert "Revoked" in admin.get(reverse("api-keys")).content.decode()


def failed_job(organization: Organization) -> Job:
    """A job that has failed."""
    job = later.enqueue(
        organization, "invoicing.publish", key="pdf:1", label="PDF of ACM-1", subject_id=organization.pk
    )
    Job.objects.filter(pk=job.pk).update(
        state="failed", error="Disk <full>", attempts=1, finished_at=timezone.now()
    )
    job.refresh_from_db()
    return job


def test_failed_job_shows_its_reason_and_runs_again_once(admin: Client, organization: Organization) -> None:
    job = failed_job(organization)
    page = admin.get(reverse("jobs"), {"state": "failed"}).content.decode()
    assert "Disk &lt;full&gt;" in page and "Run again" in page
    url = reverse("job-run-again", args=[job.public_id])
    assert admin.post(url).status_code == 302
    job.refresh_from_db()
    assert (job.state, job.error) == ("queued", "")
    admin.post(url)
    assert AuditEntry.objects.filter(action="job.run_again").count() == 1, "the second click is refused"


def test_support_sees_jobs_without_the_button(organization: Organization) -> None:
    job = failed_job(organization)
    support = sign_in(Client(), make_member(organization, "support"))
    assert "Run again" not in support.get(reverse("jobs")).content.decode()
    assert support.post(reverse("job-run-again", args=[job.public_id])).status_code == 403


def test_progress_polls_until_the_job_has_ended(admin: Client, organization: Organization) -> None:
    steps = [
        {"name": "a", "label": "End subscriptions", "state": "done", "detail": "2 ended"},
        {"name": "b", "label": "Finalise drafts", "state": "running"},
    ]
    job = later.enqueue(
        organization, "x", key="x", label="Delete Acme", steps=steps, subject_id=organization.pk
    )
    url = reverse("job-progress", args=[job.public_id])
    running = admin.get(url, headers={"HX-Request": "true"})
    assert 'hx-trigger="load delay:1s"' in running.content.decode()
    assert "1 of 2 steps" in running.content.decode()
    Job.objects.filter(pk=job.pk).update(state="succeeded")
    ended = admin.get(url, headers={"HX-Request": "true"})
    assert "hx-trigger" not in ended.content.decode()
    assert ended["HX-Trigger-After-Swap"] == "job-finished"


def test_activity_log_filters_by_action_person_and_day(admin: Client, organization: Organization) -> None:
    ada = Actor("user", "Ada <b>")
    audit.record(
        organization, "customer.created", organization, by=ada, at=NOW, changes={"name": (None, "<i>x</i>")}
    )
    audit.record(organization, "coupon.applied", organization, by=ACTOR, at=NOW - timedelta(days=3))
    page = admin.get(reverse("audit"), {"action": "customer.created"}).content.decode()
    assert "Customer created" in page and "&lt;i&gt;x&lt;/i&gt;" in page and "<i>x" not in page
    assert rows(admin, action="customer.created") == ["Customer created"]
    assert rows(admin, actor="Ada <b>") == ["Customer created"]
    day = NOW.date().isoformat()
    assert rows(admin, **{"from": day, "to": day, "actor": "Ada <b>"}) == ["Customer created"]
    before = (NOW - timedelta(days=2)).date().isoformat()
    assert rows(admin, to=before) == ["Coupon applied"]
    assert rows(admin, action="nothing") == []


@pytest.mark.parametrize("value", ["2026-13-45", "9999-12-31", "x' OR 1=1", "%", "0000-00-00"])
def test_senseless_filters_are_left_out(admin: Client, value: str) -> None:
    for name in ("from", "to", "page"):
        assert admin.get(reverse("audit"), {name: value}).status_code == 200


def rows(client: Client, **filters: str) -> list[str]:
    """The headings of the entries that the log shows."""
    page = client.get(reverse("audit"), filters).content.decode()
    return re.findall(r'data-tone="\w+"><span class="medium">([^<]+)</span>', page)


def test_commands_of_the_quick_start_survive_quotes_in_names(organization: Organization) -> None:
    metric = make_metric(organization, "calls")
    subscription = subscribe(make_plan(organization, [metric]))
    subscription.external_id = 'it\'s "$(touch pwned)" TRANSACTION'
    command = commands("http://x", metric, subscription)["event"].replace("curl", "printf '%s|'", 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=10)
    body = done.stdout.split("-d|")[1]
    assert 'it\'s \\"$(touch pwned)\\" TRANSACTION' in body
    assert re.search(r'"transactionId": "\d+N?"', body)
