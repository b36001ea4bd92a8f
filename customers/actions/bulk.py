"""Acts on many customers at once: confirmed as a run with fixed rows, done row by row in a worker, and undone.

Each row is a transaction of its own by the act of a single customer, with that act's audit line and event. A row is
done once: a worker that is killed goes on with the rows that still wait. A customer that is being deleted is passed
over with its reason; one that refuses does not stop the others.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.locks import lock_customer
from billing.models import BillingEntity, Job, Organization
from billing.orm.actor import Actor
from billing.rules.errors import BillingError, Conflict
from customers.actions.customers import update_customer
from customers.actions.tags import add_tags, remove_tags
from customers.actions.vat import recheck
from customers.models import BulkRow, BulkRun, Customer, Tag, VatStatus
from customers.queries.bulk import described, outcomes
from customers.rules.bulk import ACTS, MOST, UNDO, new_tags, still_there

logger = logging.getLogger(__name__)
TASK = "customers.bulk"
BATCH = 1000
TOLD_EVERY = 50
GONE, SAME, NEWER = "Is being deleted.", "Already so.", "Was changed since."
BY_HAND = "Is confirmed by hand."
Result = tuple[str, str, dict[str, Any]]  # outcome, note, what an undo needs


@transaction.atomic
def start_run(
    organization: Organization,
    rows: Any,
    act: str,
    value: Any,
    *,
    query: str,
    token: str,
    by: Actor,
    at: datetime,
) -> BulkRun:
    """Fix the rows and hand them to a worker. The same token starts one run. Conflict when there are too many rows or
    none. `value` as JSON holds it: ids as texts.
    """
    Organization.objects.select_for_update(of=("self",)).get(pk=organization.pk)
    found = BulkRun.objects.of(organization).filter(params__token=token).first()
    if found is not None:
        return found
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if len(keys) > MOST:
        raise Conflict(f"One run takes at most {MOST:,} customers: narrow the list.", code="too_many")
    if not keys:
        raise Conflict("No customer is selected any more.", code="none_selected")
    params = {"value": value, "token": token} | signed(by, at)
    run = BulkRun.objects.create(
        organization=organization,
        act=act,
        params=params,
        query=query[:2000],
        actor_label=by.label[:200],
        total=len(keys),
    )
    new = (BulkRow(organization=organization, run=run, customer_id=key) for key in keys)
    BulkRow.objects.bulk_create(new, batch_size=BATCH)
    return begun(run, by=by, at=at)


@transaction.atomic
def undo_run(run: BulkRun, *, by: Actor, at: datetime) -> BulkRun:
    """A run that takes back what another has changed, customer by customer. Asking twice is one undo."""
    run = BulkRun.objects.locked().get(pk=run.pk)
    if run.undone_by is not None:
        return run.undone_by
    if run.act == UNDO or not run.finished_at:
        raise Conflict("Only a finished run can be undone.", code="not_undoable")
    if not ACTS[run.act].column:
        raise Conflict("Checking VAT numbers sets nothing that could be undone.", code="not_undoable")
    rows = list(run.rows.filter(outcome="changed").order_by("pk").values_list("customer", "before"))
    if not rows:
        raise Conflict("This run has changed nothing.", code="nothing_changed")
    origin = {"id": str(run.pk), "act": run.act, "value": run.params["value"], "described": described(run)}
    undo = BulkRun.objects.create(
        organization=run.organization,
        act=UNDO,
        params={"of": origin} | signed(by, at),
        actor_label=by.label[:200],
        total=len(rows),
    )
    new = (
        BulkRow(organization=run.organization, run=undo, customer_id=key, before=before)
        for key, before in rows
    )
    BulkRow.objects.bulk_create(new, batch_size=BATCH)
    run.undone_by = undo
    run.save(update_fields=["undone_by", "updated_at"])
    return begun(undo, by=by, at=at)


def signed(by: Actor, at: datetime) -> dict[str, Any]:
    """Who asked and when, as the run keeps it for its worker."""
    return {"by": [by.kind, by.label, str(by.user_id or "")], "at": at.isoformat()}


def begun(run: BulkRun, *, by: Actor, at: datetime) -> BulkRun:
    """The run's audit line and its job."""
    changes = {"act": (None, described(run)), "customers": (None, run.total)}
    audit.record(run.organization, "bulk_act.started", run, by=by, at=at, changes=changes)
    label = f"{described(run)} ({run.total} customers)"
    later.enqueue(run.organization, TASK, key=f"bulk:{run.pk}", label=label, subject_id=run.pk, first=True)
    return run


def carry_out(job: Job) -> None:
    """The rows of a run that still wait, then its end."""
    run = BulkRun.objects.select_related("organization").get(pk=job.subject_id)
    kind, label, user = run.params["by"]
    by = Actor(kind, label, user_id=UUID(user) if user else None)
    at = datetime.fromisoformat(run.params["at"])
    value = loaded(run)
    waiting = list(run.rows.filter(outcome="waiting").order_by("pk").values_list("pk", "customer"))
    for place, (key, customer) in enumerate(waiting, 1):
        try:
            one(run, key, customer, value, by=by, at=at)
        except BillingError as error:
            refuse(key, str(error))
        except Exception as error:  # one item of the batch; the others go on
            logger.exception("Row %s of bulk run %s failed.", key, run.pk)
            refuse(key, later.reason(error))
        if place % TOLD_EVERY == 0:
            tally(run)
    tally(run, finished=True)


@transaction.atomic
def one(run: BulkRun, key: UUID, customer_id: UUID, value: Any, *, by: Actor, at: datetime) -> None:
    """One customer, and what came of it, together."""
    customer = lock_customer(customer_id)
    row = BulkRow.objects.locked().get(pk=key)
    if row.outcome != "waiting":
        return
    if customer.deleted_at or customer.deleting_at:
        row.outcome, row.note = "skipped", GONE
    else:
        work = take_back if run.act == UNDO else act_on
        row.outcome, row.note, row.before = work(run, customer, row, value, by=by, at=at)
    row.save()


def act_on(run: BulkRun, customer: Customer, row: BulkRow, value: Any, *, by: Actor, at: datetime) -> Result:
    """Do the act to a locked customer."""
    act = ACTS[run.act]
    if act.needs == "tags":
        come, go = new_tags(act.key, customer.tag_ids, value)
        if not come | go:
            return "skipped", SAME, {}
        work = add_tags if come else remove_tags
        work(customer, sorted(come | go), by=by, at=at)
        return "changed", "", {"tags": [str(tag) for tag in sorted(come | go)]}
    if not act.column:
        if customer.vat_status == VatStatus.MANUAL:
            return "skipped", BY_HAND, {}
        recheck(customer, by=by, at=at)
        return "changed", "", {}
    old = getattr(customer, act.column)
    if old == value:
        return "skipped", SAME, {}
    update_customer(customer, {act.column: value}, by=by, at=at)
    return "changed", "", {"value": stored(old)}


def take_back(
    run: BulkRun, customer: Customer, row: BulkRow, value: Any, *, by: Actor, at: datetime
) -> Result:
    """Undo the act on a locked customer, unless it was changed since."""
    origin = run.params["of"]
    act = ACTS[origin["act"]]
    if act.needs == "tags":
        touched = {UUID(tag) for tag in row.before["tags"]}
        added = act.key == "add_tags"
        kept = set(Tag.objects.of(run.organization_id).filter(pk__in=touched).values_list("pk", flat=True))
        left = touched & set(customer.tag_ids) if added else kept - set(customer.tag_ids)
        if not left:
            return "skipped", NEWER, row.before
        (remove_tags if added else add_tags)(customer, sorted(left), by=by, at=at)
        return "changed", "", row.before
    if not still_there(value, getattr(customer, act.column)):
        return "skipped", NEWER, row.before
    old = row.before["value"]
    if act.needs == "entity":
        old = BillingEntity.objects.of(run.organization_id).kept().get(pk=old)
    update_customer(customer, {act.column: old}, by=by, at=at)
    return "changed", "", row.before


def loaded(run: BulkRun) -> Any:
    """The value of a run's act (of the act that it undoes) as customers hold it."""
    origin = run.params.get("of") or {"act": run.act, "value": run.params.get("value")}
    value, needs = origin["value"], ACTS[origin["act"]].needs
    if needs == "tags":
        return [UUID(tag) for tag in value]
    return (
        BillingEntity.objects.of(run.organization_id).filter(pk=value).first() if needs == "entity" else value
    )


def stored(value: Any) -> Any:
    """A column's value as JSON holds it."""
    return str(value.pk) if isinstance(value, BillingEntity) else value


@transaction.atomic
def refuse(key: UUID, reason: str) -> None:
    """The row failed, and why."""
    row = BulkRow.objects.locked().get(pk=key)
    if row.outcome == "waiting":
        row.outcome, row.note = "failed", reason[:500]
        row.save()


def tally(run: BulkRun, *, finished: bool = False) -> None:
    """Write the counts of the outcomes on the run."""
    counts = outcomes(run)
    fields = {name: counts.get(name, 0) for name in ("changed", "skipped", "failed")}
    moment = timezone.now()
    if finished:
        fields["finished_at"] = moment  # type: ignore[assignment]
    BulkRun.objects.filter(pk=run.pk).update(**fields, updated_at=moment)
