"""Every act that the code records has words and a colour; values are for people."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

from billing.web.formats import UNKNOWN
from billing.web.trail_words import NOUNS, TITLES, VERBS, field_words, known, title, tone, value_text

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
TASKS = ("billing.", "customers.", "invoicing.")
COLOURS = {"success", "neutral", "warning", "danger"}


def recorded() -> dict[str, str]:
    """{action: file} of every action's name in the actions, and of what other code writes to the trail itself."""
    found = {f"subscription.{status}": "states.py" for status in ("canceled", "terminated")}
    for app in ("billing", "customers", "invoicing"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nodes = list(ast.walk(tree)) if path.parent.name == "actions" else written(tree)
            for node in nodes:
                name = node.value if isinstance(node, ast.Constant) else None
                if (
                    isinstance(name, str)
                    and ACTION.fullmatch(name)
                    and (name in TITLES or not name.startswith(TASKS))
                ):
                    found[name] = path.name
    return found


def written(tree: ast.AST) -> list[ast.AST]:
    """What is passed to `audit.record`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [part for call in calls if ast.unparse(call.func) == "audit.record" for part in call.args]


def test_every_act_has_words() -> None:
    acts = recorded()
    assert len(acts) > 100
    assert {name: file for name, file in acts.items() if not known(name)} == {}


def test_no_words_for_what_nobody_does() -> None:
    assert set(TITLES) - set(recorded()) == set()
    assert {name.partition(".")[0] for name in recorded()} >= set(NOUNS)


def test_colours_are_those_of_the_timeline() -> None:
    assert {*VERBS.values(), *(colour for _, colour in TITLES.values())} == COLOURS


@pytest.mark.parametrize(
    ("action", "words", "colour"),
    [
        ("credit_note.created", "Credit note created", "success"),
        ("subscription.cancel_scheduled", "Ends with the running period", "warning"),
        ("wallet.terminated", "Wallet terminated", "warning"),
        ("invoice.voided", "Invoice voided", "danger"),
        ("something.new_happened", "Something new happened", "neutral"),
    ],
)
def test_titles(action: str, words: str, colour: str) -> None:
    assert (title(action), tone(action)) == (words, colour)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("amount_minor", 123456, "€1,234.56"),
        ("amount_minor", None, UNKNOWN),
        ("active", False, "No"),
        ("status", "past_due", "Past due"),
        ("code", "past_due", "past_due"),
        ("ending_at", "2026-11-26T13:00:00+00:00", "26 Nov 2026, 13:00"),
        ("issued_on", "2026-11-26", "26 Nov 2026"),
        ("issued_on", "soon", "soon"),
        ("tags", ["a", "b"], "a, b"),
        ("fee_types", ["charge", "fixed_charge"], "Charge, Fixed charge"),
    ],
)
def test_values(name: str, value: object, text: str) -> None:
    assert value_text(name, value, "EUR") == text


def test_fields() -> None:
    assert (field_words("amount_minor"), field_words("ending_at")) == ("Amount", "Ending")
