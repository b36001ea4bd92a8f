"""How VAT numbers are read, when VIES rests, and how long the next try waits."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from customers.rules.vat import (
    FAULTS,
    Reading,
    asked_of_itself,
    fault_of,
    maintenance_end,
    next_wait,
    read_number,
)

VALID = [
    "ATU13585627",
    "BE0697449992",
    "BG175074752",
    "CY10259033P",
    "CZ25123891",
    "DE136695976",
    "DK13585628",
    "EE100931558",
    "EL094259216",
    "ESB58378431",
    "FI20774740",
    "FR40303265045",
    "HR33392005961",
    "HU12892312",
    "IE6433435F",
    "IT00743110157",
    "LT119511515",
    "LU15027442",
    "LV40003521600",
    "MT11679112",
    "NL004495445B01",
    "PL8567346215",
    "PT501964843",
    "RO18547290",
    "SE123456789701",
    "SI50223054",
    "SK2022749619",
    "XI980780684",
]


@pytest.mark.parametrize("number", VALID)
def test_every_register_of_vies_is_read(number: str) -> None:
    assert read_number(number, "") == Reading(number, asked=True)


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("gr 094.259.216", "", "EL094259216"),
        ("GR094259216", "GR", "EL094259216"),
        ("094259216", "GR", "EL094259216"),
        ("136695976", "DE", "DE136695976"),
        ("de 136-695-976", "FR", "DE136695976"),
        ("B58378431", "ES", "ESB58378431"),
        ("XI 980 7806 84", "GB", "XI980780684"),
        ("BE 697449992", "", "BE0697449992"),
    ],
)
def test_spellings(written: str, country: str, number: str) -> None:
    assert read_number(written, country) == Reading(number, asked=True)


@pytest.mark.parametrize(
    ("written", "country", "asked", "fault"),
    [
        ("DE136695977", "", True, "The check digits are wrong."),
        ("DE12", "", True, "It has the wrong number of characters."),
        ("FR!?", "FR", True, "It is not written as such numbers are."),
        ("GB 980 7806 84", "GB", False, ""),
        ("980780684", "GB", False, ""),
        ("GB 980 7806 85", "", False, "It does not look like a UK VAT number: the check digits are wrong."),
        ("CHE-107.787.577 IVA", "CH", False, ""),
        ("NO 995 525 828 MVA", "NO", False, ""),
        (
            "NO 995 525 829 MVA",
            "NO",
            False,
            "It does not look like a Norwegian VAT number: the check digits are wrong.",
        ),
        ("1000123456", "UG", False, ""),
        ("EU372022452", "", False, ""),  # the one-stop shop for others is no register of VIES
        ("136695976", "", False, ""),
        ("", "DE", False, ""),
        ("...", "DE", False, ""),
    ],
)
def test_faults_and_numbers_that_nobody_can_be_asked_about(
    written: str, country: str, asked: bool, fault: str
) -> None:
    found = read_number(written, country)
    assert (found.asked, found.fault) == (asked, fault)


def test_the_country_behind_a_prefix() -> None:
    assert read_number("EL094259216", "").country == "GR"
    assert read_number("FR40303265045", "").country == "FR"
    assert read_number("XI980780684", "").country == ""


@pytest.mark.parametrize(
    ("kind", "wish", "asked"),
    [
        ("business", None, True),
        ("unknown", None, True),
        ("consumer", None, False),
        ("consumer", True, False),
        ("business", False, False),
        ("business", True, True),
    ],
)
def test_who_is_asked_about_of_itself(kind: str, wish: bool | None, asked: bool) -> None:
    assert asked_of_itself(read_number("DE136695976", ""), kind, wish) is asked
    assert not asked_of_itself(read_number("GB980780684", "GB"), kind, wish)


@pytest.mark.parametrize(
    ("at", "start", "end", "over"),
    [
        ("23:30", "22:00", "02:00", "16 02:00"),
        ("01:59", "22:00", "02:00", "15 02:00"),
        ("02:00", "22:00", "02:00", None),
        ("21:59", "22:00", "02:00", None),
        ("12:00", "11:00", "13:30", "15 13:30"),
        ("13:30", "11:00", "13:30", None),
        ("23:00", "22:00", "00:00", "16 00:00"),
        ("12:00", "12:00", "12:00", None),
        ("12:00", None, None, None),
    ],
)
def test_hours_of_maintenance(at: str, start: str | None, end: str | None, over: str | None) -> None:
    def clock(text: str | None) -> time | None:
        return time.fromisoformat(text) if text else None

    moment = datetime.fromisoformat(f"2026-03-15T{at}:00+00:00")
    expected = datetime.strptime(f"2026-03-{over}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC) if over else None
    assert maintenance_end(moment, clock(start), clock(end)) == expected


def test_waits_grow_to_an_hour() -> None:
    assert [next_wait(n).total_seconds() / 60 for n in range(1, 8)] == [5, 5, 10, 20, 40, 60, 60]
    assert next_wait(1, "IP_BLOCKED") == timedelta(hours=24)


def test_only_these_faults_of_vies_are_final() -> None:
    assert {code for code, fault in FAULTS.items() if fault.final and code.isupper()} == {
        "INVALID_INPUT",
        "VAT_BLOCKED",
    }
    assert not fault_of("VOW-ERR-1").final
    assert "VOW-ERR-1" in fault_of("VOW-ERR-1").words
