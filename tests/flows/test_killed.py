"""The worker is killed (SIGKILL) in the middle of its work, or the broker forgets everything: afterwards all is
there, once. On the real stack, by rows.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.stack import ROOT, Stack, wait_for

pytestmark = pytest.mark.stack
PASSWORD = "a long enough pass phrase"
OWNED = re.compile(r"\{(\w+)\}")

# Customers that owe a month of 10.00 and 5 units at 0.10, made by the real actions; final at once.
MAKE = """
from datetime import datetime, timedelta, timezone as tz
from decimal import Decimal
from django.db import transaction
from billing.actions.charge_terms import ChargeTerms
from billing.actions.coupon_terms import create_coupon
from billing.actions.coupons import apply_coupon
from billing.actions.metrics import create_metric
from billing.actions.plans import create_plan
from billing.actions.subscriptions import start_subscription
from billing.actions.usage import ingest
from billing.actions.wallet_opening import create_wallet
from billing.actions.wallets import grant
from billing.models import BillingEntity, Organization
from billing.orm.actor import Actor
from billing.rules.events import IncomingEvent
from customers.actions.customers import add_customer
from invoicing.actions.one_off import Item, create_one_off

by = Actor.system("Test")
now = datetime.now(tz.utc)
this = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
last = (this - timedelta(days=1)).replace(day=1)
org = Organization.objects.get(name=NAME)
BillingEntity.objects.filter(organization=org).update(number_prefix="KIL")
metric = create_metric(org, name="Units", code="units", aggregation="sum", field_name="value", by=by, at=now)
terms = [ChargeTerms(metric, "standard", {"amount": "0.10"})]
plan = create_plan(
    org, name="Plan", code="plan", currency="EUR", amount_minor=1000, charges=terms, by=by, at=now
)


def customer(number, **fields):
    values = {"name": f"Customer {number}", "external_id": f"c-{number}", "currency": "EUR"}
    return add_customer(org, values | fields, by=by, at=last)


def subscribe(row, number, at):
    found = start_subscription(row, plan, external_id=f"s-{number}", by=by, at=at)
    event = IncomingEvent(f"e-{number}", f"s-{number}", "units", at + timedelta(hours=1), {"value": 5})
    ingest(org, [event], at=now)
    return found
"""


@dataclass(frozen=True)
class House:
    """One organization on the stack; every count is its own."""

    stack: Stack
    name: str
    key: str
    pk: UUID

    def shell(self, code: str) -> None:
        """Run Python on the stack's data with what `MAKE` prepares."""
        self.stack.manage("shell", "--no-imports", "-c", f"NAME = {self.name!r}\n{MAKE}\n{code}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query on {table}, which has only what this organization owns."""
        own = OWNED.sub(lambda table: f"(SELECT * FROM {table[1]} WHERE organization_id = %s)", query)
        return self.stack.sql(own, *[self.pk] * len(OWNED.findall(query)))

    def one(self, query: str) -> Any:
        """The single value of a query."""
        return self.rows(query)[0][0]


@pytest.fixture(scope="module")
def shared_stack() -> Iterator[Stack]:
    """A stack of this file's own, since its worker is killed and its broker emptied."""
    found = Stack()
    try:
        yield found.start()
    finally:
        if found.process is not None:
            found.stop()
        shutil.rmtree(found.home, ignore_errors=True)


@pytest.fixture
def house(request: pytest.FixtureRequest, shared_stack: Stack) -> House:
    """A new organization, named after the test."""
    name = request.node.name
    given = shared_stack.bootstrap(name, "owner@example.com", PASSWORD)
    [(pk,)] = shared_stack.sql("SELECT id FROM billing_organization WHERE name = %s", name)
    return House(shared_stack, name, given["apiKey"], pk)


def customers_that_owe(house: House, count: int) -> None:
    """`count` customers whose last month is due; the run finds them the moment that they are committed."""
    house.shell(
        f"""
with transaction.atomic():
    for number in range({count}):
        subscribe(customer(number, grace_period_days=0), number, last)
""",
    )


def check_all_billed_once(house: House, count: int) -> None:
    """One invoice per subscription over 10.50, numbers without a gap, one fee and one usage period each."""
    assert house.one("SELECT count(*) FROM {invoicing_invoice}") == count
    assert house.rows("SELECT DISTINCT status, total_minor FROM {invoicing_invoice}") == [("finalized", 1050)]
    numbers = sorted(
        int(number.rsplit("-", 1)[1]) for (number,) in house.rows("SELECT number FROM {invoicing_invoice}")
    )
    assert numbers == list(range(1, count + 1))
    assert house.one("SELECT last FROM {invoicing_sequence} WHERE key LIKE 'invoice:%%'") == count
    periods = house.rows(
        "SELECT kind, count(*), count(DISTINCT subscription_id) FROM {invoicing_invoicedperiod} GROUP BY 1"
    )
    assert sorted(periods) == [("fee", count, count), ("usage", count, count)]
    assert house.one("SELECT count(*) FROM {billing_subscription} WHERE next_billing_at <= now()") == 0


def wait_for_pdfs(house: House, count: int) -> None:
    """Every invoice gets its PDF, one job and one file each."""
    ready = "SELECT count(*) FROM {invoicing_invoice} WHERE pdf_state = 'ready'"
    wait_for(lambda: house.one(ready) == count, seconds=300, what=f"{count} PDFs")
    wait_for(
        lambda: house.one("SELECT count(*) FROM {billing_job} WHERE state <> 'succeeded'") == 0,
        seconds=60,
        what="the end of all jobs",
    )
    assert house.one("SELECT count(*) FROM {billing_job} WHERE task = 'invoicing.publish'") == count
    files = [path for path in house.stack.home.rglob(f"{house.pk.hex}/*.pdf") if path.is_file()]
    assert len(files) == count
    assert all(path.read_bytes().startswith(b"%PDF") for path in files)
    assert house.one("SELECT count(DISTINCT pdf) FROM {invoicing_invoice}") == count


def test_killed_in_a_billing_run_and_while_printing(house: House) -> None:
    """150 customers. The worker dies when some, not all, are billed, and again when some PDFs are made."""
    count = 150
    customers_that_owe(house, count)
    house.stack.manage("shell", "--no-imports", "-c", SEND)
    made = wait_for(
        lambda: house.one("SELECT count(*) FROM {invoicing_invoice}"), seconds=120, what="the first invoices"
    )
    house.stack.kill_worker()
    assert made < count, "the run was over before it could be killed"
    wait_for(
        lambda: house.one("SELECT count(*) FROM {invoicing_invoice} WHERE status = 'finalized'") == count,
        seconds=200,
        what="the rest, billed by the next run",
    )
    ready = "SELECT count(*) FROM {invoicing_invoice} WHERE pdf_state = 'ready'"
    wait_for(lambda: house.one(ready) > 3, seconds=120, what="the first PDFs")
    house.stack.kill_worker()
    assert house.one(ready) < count, "all was printed before it could be killed"
    wait_for_pdfs(house, count)
    check_all_billed_once(house, count)


SEND = "from billing.celery import app; app.send_task('invoicing.billing_run')"


def test_redis_forgets_while_jobs_wait(house: House) -> None:
    """The worker is frozen, 12 invoices are issued, Redis is emptied: the sweep finds the jobs in the database."""
    house.stack.freeze_worker()
    customers_that_owe(house, 12)
    house.stack.manage(
        "shell", "--no-imports", "-c", "from invoicing.tasks import run_billing; run_billing()"
    )
    assert house.one("SELECT count(*) FROM {billing_job} WHERE state = 'queued'") == 12
    flush = "import redis, sys; redis.from_url(sys.argv[1]).flushall()"
    subprocess.run([sys.executable, "-c", flush, house.stack.redis_url], cwd=ROOT, check=True, timeout=60)
    house.stack.thaw_worker()
    wait_for_pdfs(house, 12)
    check_all_billed_once(house, 12)


def test_two_billing_runs_at_once(house: House) -> None:
    """Two processes bill the same 60 customers: each is billed once, by whichever came first."""
    house.stack.freeze_worker()  # beat's own run waits
    customers_that_owe(house, 60)
    code = """
from django.utils import timezone
from invoicing.actions.billing_run import run
result = run(timezone.now())
assert result.failed == [], result.failed
print(result.invoices)
"""
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", code]
    runs = [
        subprocess.Popen(command, cwd=ROOT, env=house.stack.env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    made = [int(process.communicate(timeout=200)[0]) for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    assert sum(made) == 60
    check_all_billed_once(house, 60)
    house.stack.thaw_worker()
    wait_for_pdfs(house, 60)


def test_killed_in_a_deletion(house: House) -> None:
    """40 subscriptions, 30 drafts, 5 wallets with 10.00 each, 20 unpaid invoices, a coupon: the worker dies while
    subscriptions are being ended. Afterwards every subscription has one closing bill, every wallet one entry that
    voids it, and the numbers have no gap.
    """
    house.shell(
        """
with transaction.atomic():
    row = customer(1)
    for number in range(40):
        subscribe(row, number, now - timedelta(hours=2))
    for number in range(30):
        create_one_off(row, [Item("Draft", Decimal(10))], by=by, at=now)
    for number in range(20):
        create_one_off(row, [Item("Unpaid", Decimal(10))], finalize=True, by=by, at=now)
    for number in range(5):
        wallet = create_wallet(row, currency="EUR", by=by, at=now)
        grant(wallet, Decimal(1000), key="first", by=by, at=now)
    apply_coupon(row, create_coupon(
        org, name="Ten", code="ten", kind="percentage", percentage=Decimal(10), frequency="forever", by=by, at=now
    ), by=by, at=now)
""",
    )
    headers = {"Authorization": f"Bearer {house.key}"}
    base = f"{house.stack.base_url}/api/customers"
    [found] = httpx.get(base, headers=headers, timeout=60).json()["data"]
    path = f"{base}/{found['id']}"
    answers = [httpx.delete(path, headers=headers, timeout=60) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["data"] == answers[1].json()["data"] | {"deleted": True}
    assert httpx.get(path, headers=headers, timeout=60).status_code == 404, "gone at once"

    ended = "SELECT count(*) FROM {billing_subscription} WHERE status = 'terminated'"
    wait_for(lambda: house.one(ended) > 2, seconds=120, what="the first subscriptions to end")
    house.stack.kill_worker()
    assert house.one(ended) < 40, "the deletion was over before it could be killed"
    state = "SELECT state, steps, attempts FROM {billing_job} WHERE task = 'customers.delete'"
    wait_for(lambda: house.rows(state)[0][0] == "succeeded", seconds=200, what="the deletion")
    [(_, steps, attempts)] = house.rows(state)
    steps = json.loads(steps) if isinstance(steps, str) else steps
    assert [step["state"] for step in steps] == ["done"] * 8 and attempts == 2
    assert house.one(ended) == 40
    closing = "SELECT count(*), count(DISTINCT subscription_id) FROM {invoicing_invoicedperiod} WHERE kind = 'usage'"
    assert house.rows(closing) == [(40, 40)]
    by_status = dict(house.rows("SELECT status, count(*) FROM {invoicing_invoice} GROUP BY 1"))
    assert by_status["voided"] == 20 and "draft" not in by_status
    numbers = sorted(
        int(number.rsplit("-", 1)[1])
        for (number,) in house.rows("SELECT number FROM {invoicing_invoice} WHERE number <> ''")
    )
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) == 20 + 30 + 40
    voids = "SELECT count(*), count(DISTINCT wallet_id) FROM {billing_walletentry} WHERE key = 'terminated'"
    assert house.rows(voids) == [(5, 5)]
    sums = (
        "SELECT min(w.balance_minor), sum(e.amount_minor) FROM {billing_wallet} w"
        " JOIN {billing_walletentry} e ON e.wallet_id = w.id GROUP BY w.id"
    )
    assert {(int(left), int(right)) for left, right in house.rows(sums)} == {(0, 0)}
    assert house.one("SELECT count(*) FROM {billing_appliedcoupon} WHERE status = 'active'") == 0
    once = "SELECT action, count(*) FROM {billing_auditentry} WHERE action LIKE 'customer.delet%%' GROUP BY 1"
    assert dict(house.rows(once)) == {"customer.deletion_requested": 1, "customer.deleted": 1}
    twice = (
        "SELECT subject_id FROM {billing_auditentry} WHERE action = 'subscription.terminated'"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    assert house.rows(twice) == []
    assert httpx.delete(path, headers=headers, timeout=60).status_code == 404
