"""A sandbox's clock goes forward, and everything that falls due on the way happens at its own moment.

Law: one jump and many small ones leave the same rows. The clock stops at each moment at which something waits, does
what waits there, and goes on; `at` is always the moment of the stop, never that of the jump. A move that is
interrupted goes on from where the clock stands: what was done is not due any more.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from billing.actions import audit, later
from billing.actions.clock import now
from billing.actions.wallet_ending import expire_credits
from billing.actions.wallet_watch import TOP_UP
from billing.models import ClockMove, Job, Organization, Wallet
from billing.orm.actor import Actor
from billing.rules.errors import Conflict, Invalid
from customers.actions import vat_override
from customers.queries.clock import Stop, next_stop
from invoicing.actions import advance, billing_run, dunning, ongoing, past_due, usage_watch
from invoicing.actions.scheduled_top_ups import run_schedules
from invoicing.actions.top_up import top_up_automatically
from invoicing.actions.wallet_settling import end_wallet

LONGEST = timedelta(days=366 * 10)
PATIENCE = 100  # looks at what another process holds, a tenth of a second apart


@transaction.atomic
def move_clock(organization: Organization, to: datetime, *, by: Actor) -> ClockMove:
    """Begin a move to a later moment; a job carries it out. Raises Conflict for an organization that is no sandbox
    or whose clock is moving, Invalid for a moment that is not ahead or more than ten years off.
    """
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    if not organization.sandbox:
        raise Conflict("Only a sandbox has a clock that can be moved.", code="not_a_sandbox", field="now")
    if Job.objects.of(organization).open().filter(task="customers.move_clock").exists():
        raise Conflict("The clock is moving. Wait until it has arrived.", code="clock_is_moving", field="now")
    start = now(organization)
    if to <= start:
        raise Invalid(f"It is {start:%Y-%m-%d %H:%M} UTC already: time only goes forward.", field="now")
    if to - start > LONGEST:
        raise Invalid("Move by at most ten years at once.", field="now")
    organization.clock_at = start
    organization.save(update_fields=["clock_at", "updated_at"])
    move = ClockMove.objects.create(organization=organization, from_at=start, to_at=to, reached_at=start)
    move.job = later.enqueue(
        organization,
        "customers.move_clock",
        key="clock",
        label=f"Move the clock to {to:%Y-%m-%d %H:%M} UTC",
        subject_id=move.pk,
    )
    move.save(update_fields=["job"])
    changes = {"clock_at": (start, to)}
    audit.record(organization, "organization.clock_moved", organization, by=by, at=start, changes=changes)
    return move


def carry_out(job: Job) -> None:
    """Go from stop to stop up to the end of a move. Called again after a stop by error or kill, it goes on."""
    move = ClockMove.objects.select_related("organization").get(pk=job.subject_id)
    organization = move.organization
    # Events that came before the clock went on are looked at as of then, whether or not a worker was as quick.
    bill_events(organization, move.reached_at)
    usage_watch.run(Q(organization=organization), move.reached_at)
    ongoing.run(Q(organization=organization), move.reached_at)
    # A campaign that has just been changed or turned on: its chases begin, and their steps become stops.
    held(move.reached_at, dunning.run(Q(organization=organization), move.reached_at))
    while (stop := next_stop(organization)) and stop.at <= move.to_at:
        reach(move, max(stop.at, move.reached_at))
        settle(organization, move.reached_at)
    reach(move, move.to_at)


def bill_events(organization: Organization, at: datetime) -> None:
    """Events of charges in advance that wait are billed before the clock goes on. Raises Conflict with the reason
    when that fails, or has failed before and still waits for somebody.
    """
    held(at, advance.run(Q(organization=organization), at) or advance.held_up(organization))


def held(at: datetime, failed: list[str]) -> None:
    """Raise Conflict when something has failed."""
    if failed:
        raise Conflict(f"The clock stopped at {at:%Y-%m-%d %H:%M} UTC. {failed[0]}", code="clock_stopped")


@transaction.atomic
def reach(move: ClockMove, at: datetime) -> None:
    """The clock stands at `at`."""
    ClockMove.objects.filter(pk=move.pk).update(reached_at=at)
    Organization.objects.filter(pk=move.organization_id).update(clock_at=at, updated_at=timezone.now())
    move.reached_at = move.organization.clock_at = at


def settle(organization: Organization, at: datetime) -> None:
    """Do everything that is due at `at`. What another process is doing at this moment is waited for.

    Raises Conflict with the reason when something fails: the clock stays there until it is dealt with.
    """
    for _ in range(PATIENCE):
        held(at, act(organization, at))
        stop = next_stop(organization)
        if stop is None or stop.at > at:
            return
        time.sleep(0.1)
    raise Conflict(stuck(stop, at), code="clock_stopped")


def act(organization: Organization, at: datetime) -> list[str]:
    """One round of what the worker does each minute, for one organization. Returns what failed."""
    result = billing_run.RunResult()
    where = Q(organization=organization)
    result.failed += advance.run(where, at)
    usage_watch.run(where, at)
    billing_run.bill_customers(where, at, result)
    billing_run.finalize_drafts(where, at, result)
    past_due.run(where, at)
    result.failed += dunning.run(where, at)
    by, wallets = Actor.system(), Wallet.objects.of(organization).active()
    for wallet in wallets.filter(lots__remaining_minor__gt=0, lots__expires_at__lte=at).distinct():
        expire_credits(wallet, by=by, at=at)
    for wallet in wallets.filter(expires_at__lte=at).order_by("pk"):
        end_wallet(wallet, by=by, at=at, expired=True)
    run_schedules(where, at, by=by)
    for job in Job.objects.of(organization).open().filter(task=TOP_UP):
        later.run(str(job.pk), lambda job: top_up(job, at))
    vat_override.expire(where, at)
    ongoing.run(where, at)
    return result.failed


def top_up(job: Job, at: datetime) -> None:
    """The automatic top-up that a debit has set off, at the moment of the debit."""
    top_up_automatically(Wallet.objects.get(pk=job.subject_id), job.args[0], by=Actor.system(), at=at)


def stuck(stop: Stop | None, at: datetime) -> str:
    """Why the clock cannot go on."""
    what = f"{stop.what} for {stop.subject}" if stop else "Something"
    return f"The clock stopped at {at:%Y-%m-%d %H:%M} UTC: {what[:1].lower()}{what[1:]}, and it could not be done."
