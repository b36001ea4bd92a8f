"""Webhooks on the real stack, to an application that fails three times in ten, answers slowly and restarts: every
event arrives, in order for each object, with signatures that verify.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from standardwebhooks import Webhook

from tests.services.receiver import Receiver
from tests.stack import ROOT, Stack, wait_for

pytestmark = pytest.mark.stack
CUSTOMERS = 12
OUTAGE = 2.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Three in ten fail, each answer takes up to a quarter of a second."""
    chance = random.Random(20)
    found = Receiver(answer=lambda _: 503 if chance.random() < 0.3 else 200, slow=0.05).start()
    yield found
    found.stop()


def key_of(stack: Stack, name: str) -> str:
    """The API key of a new organization."""
    made = subprocess.run(
        [
            *(
                sys.executable,
                "manage.py",
                "bootstrap",
                "--organization",
                name,
                "--email",
                f"{name}@x.example",
            ),
            *("--password", "a long enough pass phrase"),
        ],
        cwd=ROOT,
        env=stack.env,
        check=True,
        capture_output=True,
        text=True,
    )
    found = re.search(r"sk_live_[0-9a-f]+", made.stdout)
    assert found, made.stdout
    return found.group()


def test_every_event_arrives_in_order_and_signed(live_stack: Stack, receiver: Receiver) -> None:
    key = key_of(live_stack, "hooked")
    api = httpx.Client(
        base_url=f"{live_stack.base_url}/api", headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    asked = {"url": receiver.url, "events": ["customer.created", "customer.updated"]}
    hook = api.post("/webhooks", json=asked).raise_for_status().json()["data"]
    happened: dict[str, list[str]] = defaultdict(list)
    for number in range(CUSTOMERS):
        body = {"externalId": f"h-{number}", "email": f"h{number}@x.example", "name": "v0", "currency": "EUR"}
        customer = api.post("/customers", json=body).raise_for_status().json()["data"]["id"]
        happened[customer].append("v0")
    for version in ("v1", "v2"):
        for customer, versions in happened.items():
            api.patch(f"/customers/{customer}", json={"name": version}).raise_for_status()
            versions.append(version)
        if version == "v1":  # the application restarts in the middle of it
            receiver.stop()
            time.sleep(OUTAGE)
            receiver.start()
    wait_for(
        lambda: arrived(receiver) >= happened.keys() and complete(receiver, happened),
        seconds=100,
        what="all events to arrive",
    )

    assert any(one.status == 503 for one in receiver.log)
    for one in receiver.log:
        assert Webhook(hook["secret"]).verify(one.body, one.headers) == json.loads(one.body)
    for customer, versions in happened.items():
        mine = [one for one in receiver.taken if one.said["data"]["id"] == customer]
        first_time = list(dict.fromkeys(one.said["data"]["name"] for one in mine))
        assert first_time == versions, "each version once at least, in the order in which it happened"
    shown = wait_for(lambda: all_delivered(api, hook["id"]), what="all marked as delivered")
    assert len(shown) == 3 * CUSTOMERS
    assert any(len(one["attempts"]) > 1 for one in shown)


def arrived(receiver: Receiver) -> set[str]:
    """The customers that the application has heard of."""
    return {one.said["data"]["id"] for one in receiver.taken}


def complete(receiver: Receiver, happened: dict[str, list[str]]) -> bool:
    """Whether all versions have come."""
    seen = {(one.said["data"]["id"], one.said["data"]["name"]) for one in receiver.taken}
    return all((customer, version) in seen for customer, versions in happened.items() for version in versions)


def all_delivered(api: httpx.Client, hook: str) -> list[dict]:
    """All deliveries as the API shows them, once none waits."""
    answer = api.get(f"/webhooks/{hook}/deliveries", params={"limit": 100}).raise_for_status().json()
    rows: list[dict] = answer["data"]
    return rows if all(row["state"] == "delivered" for row in rows) else []
