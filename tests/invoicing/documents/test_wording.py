"""No English is left on a document in another language: every step of every charge model, and every line of ours."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from billing.queries.usage_advance import BY_EVENT, STAYED
from billing.rules.advance import marginal
from billing.rules.charges.base import Step, Usage
from billing.rules.charges.registry import CHARGE_MODELS, charge_model, price
from billing.rules.commitment import true_up
from billing.rules.periods import Interval
from billing.rules.proration import Share, SubscriptionFee
from invoicing.actions.rows import step_json
from invoicing.documents.languages import WORDS
from invoicing.documents.phrases import STEPS
from invoicing.documents.wording import HOLE, line_words, pattern, step_words
from invoicing.queries.document import detail_step
from invoicing.rules.adjusting import Correction, corrected
from invoicing.rules.lines import Line, LineFacts, LineKind, commitment_line, fixed_line, subscription_line

OTHERS = sorted(set(WORDS) - {"en"})
# Words that other languages spell the same way.
SHARED = {"per", "in", "minimum", "plan", "for", "all", "under", "hand"}
FACTS = LineFacts("Line", "EUR")
LINE = Line(LineKind.ONE_OFF, FACTS, Decimal(1), Decimal(1), Decimal(1), 100)


def usage(*values: int | str, **fields: Any) -> Usage:
    """Usage by events of these values."""
    numbers = tuple(Decimal(value) for value in values)
    return Usage(sum(numbers, Decimal(0)), len(numbers), numbers, **fields)


def tiers(name: str, price: str) -> dict[str, Any]:
    """Three tiers: up to 10, up to 1,010, and more; each with a flat amount."""
    bounds = [(0, 10), (11, 1010), (1011, None)]
    return {
        name: [{"fromValue": start, "toValue": end, price: "2", "flatAmount": "1"} for start, end in bounds]
    }


PERCENTAGE = {
    "rate": "1.25",
    "fixedAmount": "2",
    "freeUnitsPerEvents": 1,
    "perTransactionMinAmount": "3",
    "perTransactionMaxAmount": "4",
}
# Each model with what makes it show all its kinds of steps.
CASES: dict[str, list[tuple[dict[str, Any], Usage]]] = {
    "standard": [({"amount": "2"}, usage(3))],
    "graduated": [
        (tiers("graduatedRanges", "perUnitAmount"), usage(2000)),
        ({"graduatedRanges": [{"fromValue": 0, "toValue": None, "perUnitAmount": "1"}]}, usage(2)),
        (
            tiers("graduatedRanges", "perUnitAmount"),
            usage(20, prorated_values=(Decimal(10),), full_units=Decimal(20)),
        ),
    ],
    "graduated_percentage": [(tiers("graduatedPercentageRanges", "rate"), usage(2000))],
    "package": [
        ({"amount": "5", "packageSize": 1, "freeUnits": 0}, usage(3)),
        ({"amount": "5", "packageSize": 1000, "freeUnits": 1}, usage(3000)),
    ],
    "percentage": [({"rate": "2"}, usage(100)), (PERCENTAGE, usage(10, 20, 1000))],
    "volume": [
        (tiers("volumeRanges", "perUnitAmount"), usage(5)),
        (tiers("volumeRanges", "perUnitAmount"), usage(500)),
        (tiers("volumeRanges", "perUnitAmount"), usage(2000)),
    ],
    "dynamic": [({}, usage(2, events_total=Decimal("9.12")))],
}


def all_steps() -> Iterator[Step]:
    """A step of every kind that a line can carry."""
    for name, cases in CASES.items():
        for properties, used in cases:
            yield from price(name, properties, used).steps
    model = charge_model("package")
    params = model.parse({"amount": "5", "packageSize": 10, "freeUnits": 0})
    yield from marginal(model, params, usage(30), usage(10)).steps
    for days in (1, 5):
        fee = SubscriptionFee(days, 31, Decimal(1000))
        yield from subscription_line(FACTS, fee, 6200).steps
    for share in (Share(31, 31), Share(5, 31)):
        line = commitment_line(FACTS, true_up(10000, share, 100))
        assert line is not None
        yield from line.steps
    yield from fixed_line(FACTS, price("standard", {"amount": "1"}, usage(10)), Decimal(10), 484).steps
    yield from (Step("advance", label, Decimal(1)) for label in (BY_EVENT, STAYED))
    line = corrected(LINE, Correction(units=Decimal(2), unit_amount=Decimal(5)))
    yield from line.steps


def words(text: str) -> set[str]:
    """The words of a text, without figures."""
    return set(re.findall(r"[^\W\d_]{2,}", text.lower()))


ENGLISH = set().union(*(words(HOLE.sub("", row)) for row in STEPS)) | {
    word for noun in WORDS["en"].nouns.values() for text in noun.values() for word in text.split()
}


def test_every_model_is_walked() -> None:
    assert set(CASES) == set(CHARGE_MODELS)


def test_every_kind_of_step_in_the_code_is_walked() -> None:
    """A new kind of step, wherever it is made, has to be walked here and so to have words."""
    made = set()
    for folder in ("billing", "invoicing", "customers"):
        for path in (Path(settings.BASE_DIR) / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if "Step(" not in text or "dunning" in path.name:  # the steps of a chase are others
                continue
            for call in ast.walk(ast.parse(text)):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Step":
                    kind = next((item.value for item in call.keywords if item.arg == "kind"), None)
                    made.add(ast.literal_eval(kind or call.args[0]))
    assert made == {step.kind for step in all_steps()}


@pytest.mark.parametrize("locale", OTHERS)
def test_no_step_is_left_in_english(locale: str) -> None:
    """Also none half: of the words of our English sentences not one may stand in the other language's."""
    for step in all_steps():
        label = detail_step(step_json(step), locale).label
        assert label != step.label, step
        assert not words(label) & ENGLISH - SHARED, (step.label, label)
        # every figure is still there, as the language writes it
        assert re.sub(r"\D", "", label) == re.sub(r"\D", "", step.label), (step.label, label)


def test_english_stays_as_it_is_frozen() -> None:
    for step in all_steps():
        assert detail_step(step_json(step), "en-GB").label == step.label


@pytest.mark.parametrize("locale", OTHERS)
def test_no_line_of_ours_is_left_in_english(locale: str) -> None:
    lines = [(f"Plan, {interval.value} fee", "subscription") for interval in Interval]
    lines += [("Plan, monthly fee: 1 unused day", "subscription")]
    lines += [("Plan, yearly fee: 200 unused days", "subscription")]
    lines += [("Calls: minimum spend", "true_up"), ("Plan, minimum commitment", "commitment")]
    lines += [("Prepaid credits for Wallet", "credit"), ("Balance owed on Wallet", "credit")]
    left = {
        "fee",
        "unused",
        "day",
        "days",
        "spend",
        "commitment",
        "prepaid",
        "credits",
        "for",
        "balance",
        "owed",
    }
    left |= {interval.value for interval in Interval}
    for description, kind in lines:
        said = line_words(description, kind, locale)
        assert not words(said) & left, (description, said)
        name = re.search(r"Plan|Calls|Wallet", description)
        assert name is not None and name[0] in said


@pytest.mark.parametrize(
    ("text", "locale", "said"),
    [
        ("First 1,000.5 units", "de-CH", "Bis 1’000.5 Einheiten"),
        ("First 1,000.5 units", "de", "Bis 1.000,5 Einheiten"),
        ("Next 1 unit", "de", "Nächste 1 Einheit"),
        ("Packages of 1 unit", "es", "Paquetes de 1 unidad"),
        ("Above 1.5 units", "fr", "Au-delà de 1,5 unité"),
        ("Above 1.5 units", "es", "Más de 1,5 unidades"),
        ("5 of 31 days", "de", "5 von 31 Tagen"),
        ("First 2,000 units", "sv", "Upp till 2\xa0000 enheter"),
        ("First 2,000 units", "fi", "First 2\xa0000 units"),
        ("Above 22 units", "pl", "Powyżej progu: 22 jednostki"),
        ("Above 25 units", "pl", "Powyżej progu: 25 jednostek"),
        ("5 of 31 days", "ar", "5 من 31 يومًا"),
        ("First 5 units free", "ar", "مجانًا: 5 وحدات"),
        ("Next 1,000 units", "ja", "次の1,000単位"),
        ("5 of 31 days", "pt-BR", "5 de 31 dias"),
        ("First 2,000 units", "zz", "First 2,000 units"),
        ("1.25 % of the quantity", "fr", "1,25 % de la quantité"),
        ("Something that is not ours", "de", "Something that is not ours"),
    ],
)
def test_figures_and_nouns_follow_the_language(text: str, locale: str, said: str) -> None:
    assert step_words(text, locale) == said


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Website, monthly fee", "one_off"),
        ("Website: 5 unused days", "one_off"),
        ("Free", "charge"),
        ("A {n} and {text}", "subscription"),
        ("", "subscription"),
    ],
)
def test_what_people_wrote_stays(text: str, kind: str) -> None:
    assert line_words(text, kind, "de") == text


def test_a_name_may_look_like_a_pattern() -> None:
    assert line_words("{text}, monthly fee", "subscription", "de") == "{text}, Monatsgebühr"
    assert line_words("A, yearly fee, monthly fee", "subscription", "de") == "A, yearly fee, Monatsgebühr"


def test_no_sentence_fits_two_patterns() -> None:
    """Else the order of the table would decide which one is said."""
    for step in all_steps():
        assert sum(bool(pattern(row).fullmatch(step.label)) for row in STEPS) == 1, step.label
