"""VIES, the VAT register of the European Union: its REST service, plain data in and out.

`POST /check-vat-number` with `countryCode` and `vatNumber`, and with `requesterMemberStateCode` and `requesterNumber`
for a consultation number. A fault comes with status 200, 400 or 500 as `errorWrappers`; text that a country does not
tell is "---". Whatever is not a whole answer about the number that was asked for is no answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from billing.clients.http import Unreachable, fetch

PATH = "/check-vat-number"
MAX_BYTES = 64 * 1024
UNTOLD = {"---", "N/A"}


class NoAnswer(Exception):
    """Why nothing is known: a code of VIES, or one of ours (UNREACHABLE, MALFORMED, OTHER_NUMBER)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class ViesAnswer:
    """What VIES says. `reference` is the consultation number; `requester_refused`: it would not take ours."""

    valid: bool
    name: str = ""
    address: str = ""
    reference: str = ""
    requester_refused: bool = False


def check_number(base: str, number: str, requester: str = "", *, timeout: float = 5.0) -> ViesAnswer:
    """Ask about a number with its prefix; `requester` is our own, in the same spelling. A requester that VIES refuses
    is left out, so that a mistake of ours does not keep customers waiting. Raises NoAnswer.
    """
    if not requester:
        return ask(base, number, "", timeout)
    try:
        return ask(base, number, requester, timeout)
    except NoAnswer as error:
        if error.code != "INVALID_REQUESTER_INFO":
            raise
    found = ask(base, number, "", timeout)
    return ViesAnswer(found.valid, found.name, found.address, requester_refused=True)


def ask(base: str, number: str, requester: str, timeout: float) -> ViesAnswer:
    """One question."""
    body = {"countryCode": number[:2], "vatNumber": number[2:]}
    if requester:
        body |= {"requesterMemberStateCode": requester[:2], "requesterNumber": requester[2:]}
    try:
        answer = fetch(
            "POST",
            base.rstrip("/") + PATH,
            json=body,
            headers={"Accept": "application/json"},
            timeout=timeout,
            max_bytes=MAX_BYTES,
        )
    except Unreachable as error:
        raise NoAnswer("UNREACHABLE") from error
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("MALFORMED") from error
    return read(found, number, answer.status)


def read(found: Any, number: str, status: int) -> ViesAnswer:
    """The answer in a parsed body."""
    if not isinstance(found, dict):
        raise NoAnswer("MALFORMED")
    if found.get("actionSucceed") is False or "errorWrappers" in found:
        raise NoAnswer(fault_in(found))
    valid = found.get("valid")
    if status != 200 or not isinstance(valid, bool):
        raise NoAnswer("MALFORMED")
    if bare(found.get("countryCode")) + bare(found.get("vatNumber")) != number:
        raise NoAnswer("OTHER_NUMBER")
    return ViesAnswer(
        valid,
        name=told(found.get("name"), 255),
        address=told(found.get("address"), 500),
        reference=told(found.get("requestIdentifier"), 50),
    )


def fault_in(found: dict[str, Any]) -> str:
    """The code of the first fault."""
    wrappers = found.get("errorWrappers")
    first = wrappers[0] if isinstance(wrappers, list) and wrappers else None
    code = first.get("error") if isinstance(first, dict) else None
    return code[:60] if isinstance(code, str) and code else "MALFORMED"


def bare(value: Any) -> str:
    """Letters and digits of a text."""
    return "".join(char for char in value.upper() if char.isalnum()) if isinstance(value, str) else ""


def told(value: Any, most: int) -> str:
    """A text of the answer without what cannot be stored; empty when the country does not tell it."""
    if not isinstance(value, str) or value.strip() in UNTOLD:
        return ""
    lines = (" ".join(line.split()) for line in value.replace("\x00", "").splitlines())
    return "\n".join(line for line in lines if line)[:most]
