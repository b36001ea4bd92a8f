"""The seal: one spelling, one fingerprint, and where something differs."""

from __future__ import annotations

from typing import Any

import pytest

from invoicing.rules.seal import canonical, check, fingerprint, seal

PARTS: dict[str, Any] = {
    "sums": {"total_minor": 1230},
    "line_a": {"units": "2", "steps": [{"amount": "12.3"}]},
}


def test_the_spelling_knows_no_order_and_no_floats() -> None:
    assert canonical({"b": [1, None, True], "a": "é"}) == '{"a":"é","b":[1,null,true]}'.encode()
    assert fingerprint({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    with pytest.raises(TypeError):
        canonical({"a": [{"b": 1.5}]})


@pytest.mark.parametrize(
    ("changed", "differing"),
    [
        ({}, []),
        ({"sums": {"total_minor": 1231}}, ["sums"]),
        ({"line_a": {"units": "2", "steps": [{"amount": "12.4"}]}}, ["line_a"]),
        ({"line_b": {"units": "1"}}, ["line_b"]),
    ],
)
def test_what_was_changed_is_named(changed: dict[str, Any], differing: list[str]) -> None:
    kept = seal(PARTS)
    found = check(kept.sha256, kept.parts, PARTS | changed)
    assert (found.differing, found.whole) == (differing, not differing)


def test_a_part_that_is_gone_and_a_seal_that_was_mended_are_seen() -> None:
    kept = seal(PARTS)
    assert check(kept.sha256, kept.parts, {"sums": PARTS["sums"]}).differing == ["line_a"]
    other = PARTS | {"sums": {"total_minor": 1}}
    mended = check(kept.sha256, seal(other).parts, other)
    assert (mended.differing, mended.whole) == ([], False)
