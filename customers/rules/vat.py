"""VAT numbers: how they are read, who can be asked about them, and when.

Laws.
- A number is read without spaces and marks, in capitals, with its prefix; without one, the customer's country is its
  prefix. Greece writes EL, Northern Ireland XI.
- VIES answers for the member states of the European Union and for Northern Ireland. A number of theirs whose form or
  check digits are wrong is invalid, and nobody is asked. Any other number keeps the state "not checked".
- Asked of itself is only for businesses and customers of unknown type. The organization's switch, the customer's
  opt-out and the hours of maintenance stand above every wish, in this order.
- No answer never means invalid: a fault is final or it is asked again after 5, 5, 10, 20, 40 minutes, then hourly.

Examples: `read_number("gr 094.259.216", "")` is EL094259216; `read_number("136695976", "DE")` is DE136695976;
`read_number("GB 980 7806 84", "GB")` is no number that VIES knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from importlib import import_module

from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength, ValidationError

from billing.rules.countries import EU_MEMBERS

PREFIXES = EU_MEMBERS - {"GR"} | {"EL", "XI"}
# Numbers from outside whose form can be checked: prefix -> (what it is called, module of python-stdnum).
FORMS = {
    "GB": ("a UK VAT number", "gb.vat"),
    "CH": ("a Swiss VAT number", "ch.vat"),
    "NO": ("a Norwegian VAT number", "no.mva"),
}
WAITS = (5, 5, 10, 20, 40)  # minutes; afterwards an hour
BLOCKED_WAIT = timedelta(hours=24)
BUSINESS, UNKNOWN = "business", "unknown"


@dataclass(frozen=True)
class Reading:
    """A number as it is compared and asked for. `fault`: what is wrong with its form, as a sentence; `asked`: VIES is
    responsible for it.
    """

    number: str
    asked: bool
    fault: str = ""

    @property
    def prefix(self) -> str:
        """The two letters that VIES calls the country."""
        return self.number[:2] if self.asked else ""

    @property
    def country(self) -> str:
        """The member state behind the prefix; none for Northern Ireland, whose services are not under EU VAT."""
        return {"EL": "GR", "XI": ""}.get(self.prefix, self.prefix)


def read_number(tax_id: str, country: str) -> Reading:
    """The number of a customer in `country` (ISO 3166 or empty)."""
    bare = "".join(char for char in tax_id.upper() if char.isalnum())
    if not bare:
        return Reading("", asked=False)
    if bare[:2] in PREFIXES or bare[:2] == "GR":
        return european(bare)
    if bare[:2] in FORMS or country in FORMS:
        return foreign(bare, bare[:2] if bare[:2] in FORMS else country)
    if country in EU_MEMBERS:
        return european(country + bare)
    return Reading(bare, asked=False)


def european(number: str) -> Reading:
    """A number with the prefix of a member state or of Northern Ireland."""
    number = f"EL{number[2:]}" if number.startswith("GR") else number
    try:
        found = str(import_module("stdnum.eu.vat").validate(number))
    except ValidationError as error:
        return Reading(number, asked=True, fault=wrong(error))
    return Reading(f"EL{found[2:]}" if found.startswith("GR") else found, asked=True)


def foreign(number: str, country: str) -> Reading:
    """A number of a country whose register nobody can be asked about; its form is looked at all the same."""
    name, module = FORMS[country]
    try:
        import_module(f"stdnum.{module}").validate(number)
    except ValidationError as error:
        return Reading(number, asked=False, fault=f"It does not look like {name}: {wrong(error).lower()}")
    return Reading(number, asked=False)


def wrong(error: ValidationError) -> str:
    """What is wrong with the form, as a sentence."""
    if isinstance(error, InvalidLength):
        return "It has the wrong number of characters."
    if isinstance(error, InvalidChecksum):
        return "The check digits are wrong."
    if isinstance(error, InvalidFormat | InvalidComponent):
        return "It is not written as such numbers are."
    return "It is no such number."


def asked_of_itself(reading: Reading, kind: str, wish: bool | None) -> bool:
    """Whether a change alone lets the number be checked. `wish`: what the caller says; None: as usual."""
    return reading.asked and kind in (BUSINESS, UNKNOWN) and wish is not False


def maintenance_end(at: datetime, start: time | None, end: time | None) -> datetime | None:
    """When the hours of maintenance (UTC, half-open, perhaps over midnight) that `at` is in are over; None outside.

    Example: 22:00 to 02:00 at 23:30 ends tomorrow at 02:00.
    """
    if start is None or end is None or start == end:
        return None
    clock = at.time()
    inside = start <= clock < end if start < end else clock >= start or clock < end
    if not inside:
        return None
    over = at.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return over if over > at else over + timedelta(days=1)


@dataclass(frozen=True)
class Fault:
    """Why there is no answer. `final`: asking again would not help; `country`: every number of that country has it;
    `everything`: nobody else should be asked now either.
    """

    words: str
    final: bool = False
    country: bool = False
    everything: bool = False


FAULTS: dict[str, Fault] = {
    "INVALID_INPUT": Fault("VIES does not take a number of this form.", final=True),
    "VAT_BLOCKED": Fault("VIES has blocked questions about this number.", final=True),
    "IP_BLOCKED": Fault("VIES has blocked this installation's address.", everything=True),
    "INVALID_REQUESTER_INFO": Fault("VIES does not know the billing entity's own VAT number."),
    "SERVICE_UNAVAILABLE": Fault("VIES is out of service.", everything=True),
    "GLOBAL_MAX_CONCURRENT_REQ": Fault("VIES is busy.", everything=True),
    "GLOBAL_MAX_CONCURRENT_REQ_TIME": Fault("VIES is busy.", everything=True),
    "MS_UNAVAILABLE": Fault("The country's register is out of service.", country=True),
    "MS_MAX_CONCURRENT_REQ": Fault("The country's register is busy.", country=True),
    "MS_MAX_CONCURRENT_REQ_TIME": Fault("The country's register is busy.", country=True),
    "TIMEOUT": Fault("The country's register did not answer in time.", country=True),
    "UNREACHABLE": Fault("VIES could not be reached.", everything=True),
    "MALFORMED": Fault("VIES answered something that cannot be read."),
    "OTHER_NUMBER": Fault("VIES answered about another number."),
    "maintenance": Fault("VIES is not asked during the hours of maintenance."),
    "opted_out": Fault("This customer is not checked.", final=True),
    "number_changed": Fault("The tax ID changed meanwhile.", final=True),
    "customer_merged": Fault("The customer was merged.", final=True),
    "not_covered": Fault("VIES knows numbers of the European Union and Northern Ireland only.", final=True),
    "override_ended": Fault("The confirmation by hand is over."),
    "override_cleared": Fault("The confirmation by hand was taken back."),
}


def fault_of(code: str) -> Fault:
    """The fault behind a code; an unknown one is asked again."""
    return FAULTS.get(code) or Fault(f"VIES gave no answer ({code})." if code else "VIES gave no answer.")


def next_wait(attempts: int, code: str = "") -> timedelta:
    """How long to wait after so many tries (1 or more) without an answer."""
    if code == "IP_BLOCKED":
        return BLOCKED_WAIT
    return timedelta(minutes=WAITS[attempts - 1] if attempts <= len(WAITS) else 60)
