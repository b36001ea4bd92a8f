"""Seed 000: every curl command, as printed but for key, port and id, in order against the running product."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.seeds.rows import row
from tests.stack import Stack

COMMANDS = Path(__file__).parents[1] / "data/seed_000_curl.txt"
PRINTED = {"key": "sk_live_a1b2c3d4...", "place": "http://localhost:3000", "id": "cust_x1y2z3"}


@pytest.mark.stack
@row("N17", "N20", "N24", "N25", "N28", "N30", "N34", "N36")
def test_every_command_runs_as_printed(live_stack: Stack) -> None:
    bash = shutil.which("bash")
    assert bash and shutil.which("curl"), "bash and curl are needed"
    key = live_stack.bootstrap("Curl", "owner@curl.example", "a-long-password-1")["apiKey"]
    known = {"key": key, "place": live_stack.base_url, "id": PRINTED["id"]}

    def run(command: str) -> Any:
        for name, printed in PRINTED.items():
            command = command.replace(printed, known[name])
        done = subprocess.run(
            [bash, "-c", command.replace("curl ", "curl -sS --fail-with-body ", 1)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    commands = COMMANDS.read_text(encoding="utf-8").strip().split("\n\n")
    create, change, first_page, search, details, delete = commands
    made = run(create)["data"]
    assert made["id"].startswith("cust_") and made["metadata"]["userId"] == "usr_98765"
    known["id"] = made["id"]
    changed = run(change)["data"]
    assert (changed["name"], changed["email"]) == ("Nakato Sarah Williams", made["email"])
    assert set(changed["metadata"]) == {"userId", "accountType", "upgradeDate"}
    listed = run(first_page)
    assert (listed["meta"]["total"], listed["meta"]["limit"], listed["data"][0]["id"]) == (1, 20, made["id"])
    assert [one["id"] for one in run(search)["data"]] == [made["id"]]
    assert run(details)["data"] == listed["data"][0]
    assert run(delete)["data"]["deleted"] is True
