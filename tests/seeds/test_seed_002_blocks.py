"""Seeds 000 and 002: every Python block of the guides runs against the real stack, in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from novabilling import NovaBilling

from tests.seeds.sdk_world import PASSWORD, World, blocks, runnable
from tests.stack import Stack

pytestmark = pytest.mark.stack
# What a block says on the way, where that is the point of it.
SAYS = {
    "Create a Customer": "Created customer: cust_",
    "Get a Customer": "Email: ",
    "List Customers": "Total customers: ",
    "Delete a Customer": "Customer deleted",
    "Get Customer Subscriptions": "",
    "Create a Plan": "Created plan: pln_",
    "List Plans": "Pro Plan (pro_monthly): monthly",
    "Create a Subscription": "Subscription status: active",
    "Change Plan": "Plan changed. New period end: 20",
    "Create an Invoice": "Total: NGN 17500",
    "Finalize an Invoice": "PDF URL: http",
    "Void an Invoice": "Invoice voided: voided",
    "Mark an Invoice as Paid": "Invoice marked paid: paid",
    "Get Invoice PDF": "PDF URL: http",
    "List Payments": "Total paid: ",
    "Refund a Payment": "Refund ID: ref_",
    "List Payment Providers": "",
    "Configure a Payment Provider": "Provider configured: pprv_",
    "Create a Webhook": "Secret: whsec_",
    "Error Handling": "Customer not found: ",
    "Async Support": "Active plans: ",
    "Creating Customers": "Customer created: cust_",
    "Updating Customers": "Updated: Nakato Sarah Williams",
    "Basic Listing": "Showing ",
    "Search by Name or Email": "Nakato Sarah",
    "Getting Customer Details": "metadata=",
    "Deleting Customers": "Customer deleted",
}


@pytest.fixture(scope="module")
def token(live_stack: Stack) -> str:
    """The key of the guides' reader."""
    return str(live_stack.bootstrap("Guides", "guides@example.com", PASSWORD)["apiKey"])


@pytest.mark.parametrize(("seed", "currency", "count"), [("000", "UGX", 6), ("002", "NGN", 38)])
def test_every_block_runs_unchanged(
    seed: str,
    currency: str,
    count: int,
    token: str,
    live_stack: Stack,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOVABILLING_TOKEN", token)
    found = blocks(seed)
    assert len(found) == count
    space: dict[str, Any] = {"__name__": "guide"}
    with NovaBilling(token=token, base_url=live_stack.base_url) as client:
        world = World(client, currency)
        for heading, text in found:
            program = runnable(text, world, token=token, base_url=live_stack.base_url)
            capsys.readouterr()
            try:
                # In a thread of its own: where the browser's tests have been, this one has an event loop.
                with ThreadPoolExecutor(1) as alone:
                    alone.submit(exec, compile(program, heading, "exec"), space).result()
            except Exception as error:
                raise AssertionError(f"{heading}: {error!r}\n{program}") from error
            assert SAYS.get(heading, "") in capsys.readouterr().out, heading
