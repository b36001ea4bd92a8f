"""Every row of the seeds has a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.seeds.rows import every

ROW = re.compile(r"[KLNPQX][0-9]{2}")


def named() -> set[str]:
    """The ids that the test files name."""
    found: set[str] = set()
    for path in Path(__file__).parent.glob("test_seed_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and ROW.fullmatch(node.value):
                found.add(node.value)
    return found


def test_every_row_has_a_test() -> None:
    assert named() == every()
