"""Calls that are made from the OpenAPI document, sensible ones and nonsense, against the running product."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest

from tests.stack import Stack

SECONDS = 60
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.stack
def test_no_call_fails_or_is_answered_otherwise_than_documented(live_stack: Stack) -> None:
    """For longer runs: `-m tests.flows.test_document_calls URL KEY SECONDS`."""
    made = live_stack.bootstrap("Fuzzed", "owner@fuzzed.example", "a-long-password-1")
    assert httpx.get(f"{live_stack.base_url}/api/openapi.json", timeout=120).status_code == 200  # made once
    done = subprocess.run(
        command(live_stack.base_url, made["apiKey"], SECONDS),
        capture_output=True,
        text=True,
        timeout=SECONDS * 4,
        cwd=live_stack.home,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def command(base_url: str, key: str, seconds: int) -> list[str]:
    """Schemathesis, told what to look at."""
    return [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"),
        f"{base_url}/api/openapi.json",
        *("--url", base_url, "--header", f"Authorization: Bearer {key}"),
        *("--checks", CHECKS, "--phases", "examples,fuzzing", "--max-time", str(seconds)),
        *("--request-timeout", "60", "--warnings", "off", "--no-shrink"),
        *("--seed", "1", "--generation-database", "none", "--no-color", "--continue-on-failure"),
    ]


if __name__ == "__main__":
    sys.exit(subprocess.run(command(sys.argv[1], sys.argv[2], int(sys.argv[3]))).returncode)
