"""Erasing what merely names a customer: the API log, kept answers, events, labels, searches, the activity log.

Nothing ties such rows to a customer, so they are looked through, some thousands at once and each time in a
transaction of its own. Emptying a row twice is the same as once.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from billing.clients.sealed import Unsealable, unseal_bytes
from billing.models import ApiCall, AuditEntry, Export, IdempotentCall, Job
from billing.rules.states import JobState
from customers.actions.delete import counted
from customers.actions.erase_rows import joined
from customers.queries.erasing import TASK, Family, names_of, pattern_of, subjects_of, trail_of
from customers.rules.erased_words import scrubbed
from customers.rules.erasing import ERASED_TEXT, TABLES, tombstone
from invoicing.models import InvoiceRun, InvoiceRunRow

AT_ONCE = 2000
KEPT_LABELS = ("invoice", "creditnote", "receipt")  # their labels are numbers of documents
OWN_ACTS = ("customer.erasure_requested", "customer.erased")  # say why it was erased
KEPT_APART = ("customer.kept_apart", "customer.kept_apart_undone")  # their reason names the other one
SEARCHED = (
    "billing.SavedView",
    "customers.BulkRun",
    "customers.BulkRow",
    "invoicing.InvoiceRun",
    "billing.Export",
)
PERMIT = "SELECT set_config('tarn.erasing', 'on', true)"


def empty_logs(family: Family) -> str:
    """The API log, kept answers, jobs, searches that name the customer, and exported files."""
    wanted = pattern_of(family, names=True)
    subjects = subjects_of(family)
    calls = empty_calls(family, wanted, subjects)
    answers = empty_answers(family, wanted)
    others = sum(empty_named(label, family, wanted) for label in SEARCHED)
    others += empty_jobs(family, wanted, subjects)
    files = drop_files(family)
    return joined(
        counted(calls, "call of the API", "calls of the API"),
        counted(answers, "kept answer", "kept answers"),
        counted(others, "row of jobs and searches", "rows of jobs and searches"),
        counted(files, "file removed", "files removed"),
    )


def slices(model: Any, organization_id: UUID) -> Iterator[list[UUID]]:
    """The keys of an organization's rows, some thousands at once, in order."""
    rows = model._base_manager.filter(organization=organization_id).order_by("pk")
    last = None
    while True:
        found = rows if last is None else rows.filter(pk__gt=last)
        keys = list(found.values_list("pk", flat=True)[:AT_ONCE])
        if not keys:
            return
        yield keys
        last = keys[-1]


def run(statement: str, values: Sequence[Any]) -> list[Any]:
    """Rows of a statement of ours."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def empty_calls(family: Family, wanted: str, subjects: set[UUID]) -> int:
    """Calls of the API whose bodies or address name the customer, or whose address is about something of it."""
    put = TABLES["billing.ApiCall"].put
    texts = ("path", "query", "request_body", "response_body")
    statement = f"""
        UPDATE {ApiCall._meta.db_table} SET request_body = %s, response_body = %s, query = %s,
            path = CASE WHEN path ~* %s THEN '/api/' || route ELSE path END
        WHERE id = ANY(%s) AND ({" OR ".join(f"{name} ~* %s" for name in texts)}
            OR lower(substring(path from '_([0-9A-Fa-f]{{32}})')) = ANY(%s))
        RETURNING 1
    """  # noqa: S608 - names of our own columns
    blank = [put[name] for name in ("request_body", "response_body", "query")]
    about = [key.hex for key in subjects]
    done = 0
    for keys in slices(ApiCall, family.customer.organization_id):
        done += len(run(statement, [*blank, wanted, keys, *[wanted] * len(texts), about]))
    return done


def empty_answers(family: Family, wanted: str) -> int:
    """Answers that are kept for a repeat of the call: the repeat is still known, its answer is lost."""
    named = re.compile(wanted, re.IGNORECASE)
    done = 0
    for keys in slices(IdempotentCall, family.customer.organization_id):
        found = []
        for row in IdempotentCall.objects.filter(pk__in=keys).exclude(sealed=b""):
            try:
                body = zlib.decompress(unseal_bytes(row.sealed)).decode()
            except Unsealable:
                continue
            if named.search(body) or named.search(row.place):
                found.append(row.pk)
        done += IdempotentCall.objects.filter(pk__in=found).update(sealed=b"")
    return done


def empty_named(label: str, family: Family, wanted: str) -> int:
    """The columns of a table that are erased, in the rows in which one of them names the customer."""
    model, put = apps.get_model(label), TABLES[label].put
    rows = naming(model._base_manager.filter(organization=family.customer.organization_id), put, wanted)
    done: int = rows.update(**put)
    return done


def naming(rows: Any, columns: Iterable[str], wanted: str) -> Any:
    """Those of some rows in which one of the columns, as text, names the customer."""
    named = Q()
    for name in columns:
        rows = rows.alias(**{f"{name}_as_text": Cast(name, TextField())})
        named |= Q(**{f"{name}_as_text__iregex": wanted})
    return rows.filter(named)


def empty_jobs(family: Family, wanted: str, subjects: set[UUID]) -> int:
    """Labels and progress of jobs about the customer. What an open or failed one still needs stays."""
    put = TABLES["billing.Job"].put
    jobs = Job.objects.of(family.customer.organization_id).exclude(task=TASK)
    about = jobs.filter(subject_id__in=list(subjects)).values_list("pk", flat=True)
    keys = {*about, *naming(jobs, put, wanted).values_list("pk", flat=True)}
    mine = Job.objects.filter(pk__in=keys)
    mine.filter(state=JobState.SUCCEEDED.value).update(**put)
    mine.exclude(state=JobState.SUCCEEDED.value).update(label=put["label"], error=put["error"])
    return len(keys)


def drop_files(family: Family) -> int:
    """Exported lists, and archives with documents of the customer. They can be made again."""
    organization = family.customer.organization_id
    exports = Export.objects.of(organization).exclude(file="")
    mine = InvoiceRunRow.objects.filter(invoice__customer__in=family.pks).values("run")
    archives = InvoiceRun.objects.of(organization).filter(pk__in=mine).exclude(file="")
    dropped = 0
    for rows in (exports, archives):
        row: Any
        for row in list(rows):
            row.file.storage.delete(str(row.file.name))
            rows.filter(pk=row.pk).update(file="", file_bytes=0)
            dropped += 1
    return dropped


def empty_events(family: Family) -> str:
    """What events said about the customer or anything of it, and what receivers answered to them."""
    wanted = pattern_of(family, names=False)
    subjects = list(subjects_of(family))
    events = answers = 0
    for keys in slices(apps.get_model("billing.EmittedEvent"), family.customer.organization_id):
        with transaction.atomic():
            found = run(
                """
                UPDATE billing_emittedevent SET data = jsonb_strip_nulls(
                    jsonb_build_object('id', data -> 'id', 'erased', true))
                WHERE id = ANY(%s) AND (subject_id = ANY(%s) OR data::text ~* %s) AND NOT data ? 'erased'
                RETURNING id
                """,
                [keys, subjects, wanted],
            )
            told = run(
                """
                UPDATE billing_webhookattempt SET answer = '' WHERE answer > '' AND delivery_id IN
                    (SELECT id FROM billing_webhookdelivery WHERE event_id = ANY(%s))
                RETURNING 1
                """,
                [[key for (key,) in found]],
            )
        events += len(found)
        answers += len(told)
    return joined(
        counted(events, "event", "events"),
        counted(answers, "answer of receivers", "answers of receivers"),
    )


def empty_trail(family: Family) -> str:
    """Names, values and reasons of the activity log. What happened, when, and who did it stays, and so does the
    reason for which the data was erased.
    """
    wanted, names = pattern_of(family, names=True), names_of(family)
    subjects = subjects_of(family)
    own = set(trail_of(family, subjects).values_list("pk", flat=True))
    others = foreign_entries(family, wanted, names) - own
    keys = sorted(own | others)
    called = {row.pk: tombstone(row.sequence) for row in family.rows}
    for start in range(0, len(keys), AT_ONCE):
        with transaction.atomic():
            run(PERMIT, [])
            rows = list(AuditEntry.objects.filter(pk__in=keys[start : start + AT_ONCE]))
            for row in rows:
                if row.pk in own:
                    empty_entry(row, called)
                else:
                    cover_entry(row, wanted, names)
            AuditEntry.objects.bulk_update(
                rows, ["subject_label", "changes", "reason", "actor_label"], batch_size=500
            )
    texts = [str(key) for key in subjects]
    back_office = LogEntry.objects.filter(object_id__in=texts)
    back_office.update(object_repr=ERASED_TEXT, change_message="")
    return joined(counted(len(keys), "entry", "entries"))


def foreign_entries(family: Family, wanted: str, names: set[str]) -> set[UUID]:
    """Lines of no customer that name this one, and those of others that were marked as no duplicates of it."""
    lines = AuditEntry.objects.of(family.customer.organization_id)
    found = naming(lines.filter(customer=None), ("subject_label", "changes", "reason"), wanted)
    apart = lines.filter(action__in=KEPT_APART, reason__in=names)
    return {*found.values_list("pk", flat=True), *apart.values_list("pk", flat=True)}


def empty_entry(row: AuditEntry, called: Mapping[UUID, str]) -> None:
    """A line about the customer or anything of it. `called`: what customers are called from now on."""
    if row.subject_type not in KEPT_LABELS:
        row.subject_label = called.get(row.subject_id, ERASED_TEXT)
    row.changes = scrubbed(row.changes, instead=ERASED_TEXT)
    if row.action not in OWN_ACTS:
        row.reason = ""
    if row.actor_kind == "customer":
        row.actor_label = ERASED_TEXT


def cover_entry(row: AuditEntry, wanted: str, names: set[str]) -> None:
    """A line about something else: only what names the customer goes."""
    named = re.compile(wanted, re.IGNORECASE)

    def covered(text: str) -> str:
        return ERASED_TEXT if text in names or named.search(text) else text

    row.subject_label, row.reason = covered(row.subject_label), covered(row.reason)
    row.changes = {
        name: [ERASED_TEXT if covered(json.dumps(value)) == ERASED_TEXT else value for value in pair]
        for name, pair in row.changes.items()
    }
