"""Acts on many invoices: seen, confirmed, done one by one, tried again; archives of PDFs."""

from __future__ import annotations

import tempfile
import zipfile
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from billing.actions import later
from billing.models import AuditEntry, Job, Organization
from billing.rules.errors import Conflict
from invoicing.actions import archives, runs
from invoicing.actions.mail_documents import send_document_mail
from invoicing.actions.one_off import Item, create_one_off
from invoicing.actions.payments import record_payment
from invoicing.actions.publish import publish_invoice, store
from invoicing.actions.void import void_invoice
from invoicing.models import Invoice, InvoiceRun, Mail
from invoicing.queries.runs import forecast
from invoicing.views.selecting import state_of
from tests.factories.customers import make_customer
from tests.factories.invoicing import set_entity
from tests.factories.people import ACTOR, NOW, make_member, make_organization, sign_in

pytestmark = pytest.mark.django_db
ON = NOW.date()


@pytest.fixture(autouse=True)
def storage(settings: Any, tmp_path: Path) -> None:
    """Files of a test stay in its own folder."""
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def organization() -> Organization:
    return make_organization()


def made(organization: Organization, *, finalize: bool = True, **customer: Any) -> Invoice:
    found = make_customer(organization, **customer)
    return create_one_off(found, [Item("Work", Decimal(100))], finalize=finalize, by=ACTOR, at=NOW)


def start(organization: Organization, act: str, *, token: str = "", **fields: Any) -> InvoiceRun:
    rows = Invoice.objects.of(organization)
    seen = forecast(rows, act, on=ON, again=fields.get("again", False)).seen
    given = {"seen": seen, "query": "", "token": token or act} | fields
    return runs.start_run(organization, rows, act, by=ACTOR, at=NOW, **given)


def work(run: InvoiceRun) -> dict[str, tuple[str, str]]:
    """Do the newest job of a run; {customer: (outcome, note)}."""
    task = archives.pack if run.act == "archive" else runs.carry_out
    job = Job.objects.filter(subject_id=run.pk).latest("created_at")
    later.run(str(job.pk), task)
    assert Job.objects.get(pk=job.pk).state == "succeeded"
    run.refresh_from_db()
    assert run.finished_at
    rows = run.rows.select_related("invoice")
    return {row.invoice.customer_name if row.invoice else "": (row.outcome, row.note) for row in rows}


def test_drafts_become_final_and_others_are_left_out(organization: Organization) -> None:
    drafts = [made(organization, finalize=False, name=name) for name in "AB"]
    made(organization, name="C")
    gone = made(organization, finalize=False, name="D")
    run = start(organization, "finalize")
    assert start(organization, "finalize", token="finalize") == run, "the same token is the same run"
    assert (run.total, run.rows.filter(outcome="waiting").count()) == (4, 3)
    gone.delete()
    found = work(run)
    assert [Invoice.objects.get(pk=row.pk).status for row in drafts] == ["finalized"] * 2
    assert found["A"] == ("done", Invoice.objects.get(pk=drafts[0].pk).number)
    assert found["C"] == ("skipped", "Is no draft any more.")
    assert found[""] == ("failed", "This draft was deleted.")
    assert AuditEntry.objects.get(action="bulk_act.started").changes["invoices"] == [None, 3]
    with pytest.raises(Conflict, match="None of the selected"):
        start(organization, "finalize", token="twice")


def test_another_selection_than_the_one_that_was_seen_is_refused(organization: Organization) -> None:
    made(organization, finalize=False, name="A")
    seen = forecast(Invoice.objects.of(organization), "finalize", on=ON).seen
    made(organization, finalize=False, name="B")
    with pytest.raises(Conflict, match="has changed since"):
        start(organization, "finalize", seen=seen)
    of = Invoice.objects.of(organization)
    one, other = (forecast(of.filter(customer_name=name), "finalize", on=ON) for name in "AB")
    assert one.sums == other.sums and one.seen != other.seen, "another one of the same price"
    assert not InvoiceRun.objects.exists() and not Job.objects.filter(task=runs.TASK).exists()


def test_what_was_paid_stays_and_a_failure_is_tried_again(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, paid, other = (made(organization, name=name) for name in ("First", "Paid", "Other"))
    record_payment(paid, amount_minor=100, key="part", by=ACTOR, at=NOW)
    run = start(organization, "void", reason="Wrong price")
    broken = {other.pk}

    def flaky(invoice: Invoice, **fields: Any) -> Invoice:
        if invoice.pk in broken:
            raise RuntimeError("out of order")
        return void_invoice(invoice, **fields)

    monkeypatch.setattr(runs, "void_invoice", flaky)
    found = work(run)
    assert found["First"] == ("done", "") and found["Paid"] == ("skipped", "Money was received for it.")
    assert found["Other"][0] == "failed" and "out of order" in found["Other"][1]
    first.refresh_from_db()
    assert (first.status, first.void_reason) == ("voided", "Wrong price")
    broken.clear()
    runs.run_failed_again(run, by=ACTOR, at=NOW)
    with pytest.raises(Conflict, match="not ended"):
        runs.run_failed_again(run, by=ACTOR, at=NOW)
    assert work(run)["Other"] == ("done", "")
    assert AuditEntry.objects.filter(action="invoice.voided").count() == 2, "none twice"
    with pytest.raises(Conflict, match="None of its invoices"):
        runs.run_failed_again(run, by=ACTOR, at=NOW)


def test_a_worker_that_was_killed_goes_on_with_the_rest(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ABC":
        made(organization, name=name)
    run = start(organization, "void")
    voided = []

    def killed(invoice: Invoice, **fields: Any) -> Invoice:
        if len(voided) == 2:
            raise KeyboardInterrupt
        voided.append(invoice.pk)
        return void_invoice(invoice, **fields)

    monkeypatch.setattr(runs, "void_invoice", killed)
    job = Job.objects.get(subject_id=run.pk)
    with pytest.raises(KeyboardInterrupt):
        later.run(str(job.pk), runs.carry_out)
    assert run.rows.filter(outcome="waiting").count() == 1
    monkeypatch.undo()
    assert set(work(run).values()) == {("done", "")}
    assert AuditEntry.objects.filter(action="invoice.voided").count() == 3


def test_each_goes_once_to_whoever_has_an_address(organization: Organization) -> None:
    made(organization, name="Here", email="ap@here.example")
    made(organization, name="Nowhere", email="")
    made(organization, name="Draft", finalize=False)
    found = work(start(organization, "send"))
    assert found == {
        "Here": ("done", "ap@here.example"),
        "Nowhere": ("skipped", "Its customer has no e-mail address."),
        "Draft": ("skipped", "Is a draft."),
    }
    assert Mail.objects.get().to == ["ap@here.example"]
    before = forecast(Invoice.objects.of(organization), "send", on=ON)
    assert (before.doing, dict(before.staying)["was sent already"]) == (0, 1)
    work(start(organization, "send", token="again", again=True))
    assert Mail.objects.count() == 2


def test_what_goes_out_by_itself_is_not_sent_twice(organization: Organization) -> None:
    set_entity(organization, email_invoices=True)
    invoice = made(organization, email="ap@here.example")
    made(organization, email="no@there.example", email_invoices=False)
    rows = Invoice.objects.of(organization)
    found = forecast(rows, "send", on=ON)
    assert (found.doing, dict(found.staying)) == (1, {"goes out by itself with its PDF": 1})
    publish_invoice(invoice.pk)
    Job.objects.filter(task="invoicing.publish").update(state="succeeded")
    assert dict(forecast(rows, "send", on=ON).staying) == {"was sent already": 1}
    assert forecast(rows, "send", on=ON, again=True).doing == 2


def test_an_issuing_job_that_is_run_again_mails_nothing_that_was_sent_meanwhile(
    organization: Organization,
) -> None:
    set_entity(organization, email_invoices=True)
    invoice = made(organization, email="ap@here.example")
    Job.objects.filter(task="invoicing.publish").update(state="failed")
    run = start(organization, "send")
    other = start(organization, "send", token="other")
    work(run)
    publish_invoice(invoice.pk)
    assert list(work(other).values()) == [("done", "It was sent meanwhile.")]
    assert Mail.objects.count() == 1
    second = made(organization, email="cfo@here.example")
    send_document_mail(second, to=["friend@else.example"], key="by hand", by=ACTOR, at=NOW)
    publish_invoice(second.pk)
    publish_invoice(second.pk)
    assert sorted(Mail.objects.filter(invoice=second).values_list("to", flat=True)) == [
        ["cfo@here.example"],
        ["friend@else.example"],
    ]


def test_no_filter_of_a_long_address_is_lost() -> None:
    typed = {"q": "ش" * 100, "number": "ق" * 80, "po": "ض" * 100, "metadata": "ص" * 200, "tab": "overdue"}
    data = QueryDict(urlencode({"all": "1", "query": urlencode(typed)}))
    assert state_of(data).dict() == typed


def test_an_archive_has_every_document_once_and_ends(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, voided = made(organization, name="First"), made(organization, name="Voided")
    made(organization, name="Draft", finalize=False)
    missing = made(organization, name="Missing")
    void_invoice(voided, by=ACTOR, at=NOW)
    for row in (first, voided, missing):
        row.refresh_from_db()
        store(row, lambda: b"%PDF of " + row.number.encode())  # noqa: B023 - called at once
    store(voided, lambda: b"%PDF void", voided.void_copy)
    Invoice.objects.filter(pk=missing.pk).update(pdf="invoices/nowhere.pdf")
    run, put, beside = start(organization, "archive"), archives.put, []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "work"))
    (tmp_path / "work").mkdir()

    def watched(*args: Any) -> str:
        beside.extend((tmp_path / "work").iterdir())
        return put(*args)

    monkeypatch.setattr(archives, "put", watched)
    found = work(run)
    assert not beside, "a worker that is killed leaves no file behind"
    assert found["Draft"] == ("skipped", "Is a draft.") and found["Missing"][0] == "failed"
    client = sign_in(Client(), make_member(organization, "support"))
    page = client.get(f"/invoices/runs/{run.public_id}")
    assert "The archive is ready" in page.content.decode()
    answer = client.get(f"/invoices/runs/{run.public_id}/file")
    assert answer["Cache-Control"] == "no-store, private" or "no-store" in answer["Cache-Control"]
    archive = zipfile.ZipFile(BytesIO(answer.getvalue()))
    code = first.billing_entity.code
    assert {name: archive.read(name) for name in archive.namelist()} == {
        f"{code}/{first.number}.pdf": b"%PDF of " + first.number.encode(),
        f"{code}/{voided.number}.pdf": b"%PDF void",
    }
    stranger = sign_in(Client(), make_member(make_organization("Else")))
    assert stranger.get(f"/invoices/runs/{run.public_id}/file").status_code == 404
    name = run.file.name
    InvoiceRun.objects.filter(pk=run.pk).update(file_expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(f"/invoices/runs/{run.public_id}/file").status_code == 302
    assert archives.drop_expired(timezone.now()) == 1 and archives.drop_expired(timezone.now()) == 0
    run.refresh_from_db()
    assert not run.file and not run._meta.get_field("file").storage.exists(name)  # type: ignore[attr-defined]
    assert "is gone" in client.get(f"/invoices/runs/{run.public_id}").content.decode()


def test_from_the_list_to_the_receipt(client: Client, organization: Organization) -> None:
    staff = sign_in(client, make_member(organization))
    draft = made(organization, finalize=False, name="=A")
    made(organization, name="B")
    chosen = {"act": "finalize", "id": [draft.public_id]}
    page = staff.get("/invoices/bulk", chosen)
    assert (page.context["forecast"].doing, page.context["forecast"].sums) == (1, [("EUR", 1, 10000)])
    every = {"act": "finalize", "all": "1", "query": "tab=draft"}
    page = staff.get("/invoices/bulk", every)
    assert page.context["forecast"].total == 1
    given = every | {"seen": page.context["forecast"].seen, "once": page.context["once"]}
    assert staff.post("/invoices/bulk", given | {"seen": "other"}).status_code == 422
    answer = staff.post("/invoices/bulk", given)
    run = InvoiceRun.objects.get()
    assert "every 1s" in staff.get(answer["Location"]).content.decode()
    work(run)
    text = staff.get(answer["Location"]).content.decode()
    assert "Done" in text and "every 1s" not in text
    assert "Finalize drafts" in staff.get("/invoices/runs").content.decode()
    lines = staff.get(f"{answer['Location']}/receipt").getvalue().decode().splitlines()
    assert lines[1].split(",")[2:6] == ["'=A", "EUR", "100.00", "done"]
    assert staff.get("/invoices/bulk").status_code == 302, "nothing is selected"
    assert staff.get("/invoices/bulk", chosen | {"act": "nonsense"}).status_code == 302
    assert staff.get("/invoices/bulk", every | {"act": "archive", "query": ""}).status_code == 200
    support = sign_in(Client(), make_member(organization, "support"))
    assert support.post("/invoices/bulk", given).status_code == 403
    assert not support.get("/invoices").context["acts"]
