"""What VIES' messages mean, against its REST service as it is documented."""

from __future__ import annotations

import pytest

from customers.clients.vies import NoAnswer, ViesAnswer, check_number
from tests.services.vies import TEST_NUMBERS, FakeVies


def code_of(vies: FakeVies, number: str, **options: float) -> str:
    """The fault that a question ends with."""
    with pytest.raises(NoAnswer) as caught:
        check_number(vies.url, number, **options)
    return caught.value.code


def test_the_test_numbers_for_valid_and_invalid(vies: FakeVies) -> None:
    assert check_number(vies.url, "DE100") == ViesAnswer(True, "Globex SARL", "1 RUE DE LA PAIX\n75002 PARIS")
    assert check_number(vies.url, "DE200") == ViesAnswer(False)
    assert vies.log[0] == {"countryCode": "DE", "vatNumber": "100"}


@pytest.mark.parametrize(
    ("number", "fault"), [(number, fault) for number, fault in TEST_NUMBERS.items() if isinstance(fault, str)]
)
def test_the_test_numbers_for_faults(vies: FakeVies, number: str, fault: str) -> None:
    assert code_of(vies, f"DE{number}") == fault


def test_a_requester_gets_a_consultation_number(vies: FakeVies) -> None:
    found = check_number(vies.url, "FR40303265045", "EL094259216")
    assert found.valid and found.reference == "WAPIAAAAYtest"
    assert vies.log[0]["requesterMemberStateCode"] == "EL"
    assert vies.log[0]["requesterNumber"] == "094259216"


def test_a_requester_that_is_refused_does_not_keep_the_customer_waiting(vies: FakeVies) -> None:
    vies.refuses_requester = True
    found = check_number(vies.url, "FR40303265045", "DE136695976")
    assert (found.valid, found.reference, found.requester_refused) == (True, "", True)
    assert len(vies.log) == 2 and "requesterNumber" not in vies.log[1]


@pytest.mark.parametrize(
    ("answer", "code"),
    [("garbage", "MALFORMED"), ("html", "MALFORMED"), ("other", "OTHER_NUMBER"), ("VOW-ERR-1", "VOW-ERR-1")],
)
def test_what_is_no_whole_answer_is_none(vies: FakeVies, answer: str, code: str) -> None:
    vies.answers["DE136695976"] = answer
    assert code_of(vies, "DE136695976") == code


def test_a_slow_or_absent_service_is_unreachable(vies: FakeVies) -> None:
    vies.answers["DE136695976"] = 1.0
    assert code_of(vies, "DE136695976", timeout=0.15) == "UNREACHABLE"
    vies.url = "http://127.0.0.1:9"
    assert code_of(vies, "DE136695976") == "UNREACHABLE"
    vies.url = "http://10.0.0.1"
    assert code_of(vies, "DE136695976") == "UNREACHABLE"
