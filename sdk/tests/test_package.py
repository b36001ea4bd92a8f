"""The package itself: one source for both clients, old Pythons, wheel and sdist."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Iterator, Set

import pytest

import novabilling
from novabilling import AsyncNovaBilling, NovaBilling

HOME = Path(__file__).resolve().parent.parent
SOURCES = sorted((HOME / "src").rglob("*.py"))


def test_the_synchronous_client_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(HOME / "tools" / "unasync.py"), "--check"], stdout=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stdout


def calls(client: Any) -> Set[str]:
    """`customers.create(…)` and so on: names with their parameters."""
    found = set()
    for name, resource in vars(client).items():
        if name.startswith("_"):
            continue
        for method, function in inspect.getmembers(type(resource), inspect.isfunction):
            if not method.startswith("_"):
                found.add("{}.{}{}".format(name, method, sorted(inspect.signature(function).parameters)))
    return found


def test_both_clients_can_do_the_same() -> None:
    sync, other = calls(NovaBilling(token="sk_x")), calls(AsyncNovaBilling(token="sk_x"))
    assert sync == other and len(sync) > 150


def test_every_call_that_is_public_is_described() -> None:
    for resource in vars(NovaBilling(token="sk_x")).values():
        for name, function in inspect.getmembers(type(resource), inspect.isfunction):
            assert name.startswith("_") or function.__doc__, name


def names_of(annotation: ast.AST) -> Iterator[str]:
    """What an annotation uses that Python 3.8 cannot evaluate."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            yield "|"
        own = node.value.id if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) else ""
        if own in {"list", "dict", "set", "tuple", "type", "frozenset"}:
            yield own


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(HOME / "src")))
def test_python_3_8_can_read_it(path: Path) -> None:
    """The syntax; and what pydantic evaluates are names that Python 3.8 has."""
    text = path.read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 8))
    if path.name != "_version.py" and tree.body[1:]:
        assert "from __future__ import annotations" in text
    fields = [
        node.annotation
        for kind in ast.walk(tree)
        if isinstance(kind, ast.ClassDef)
        for node in kind.body
        if isinstance(node, ast.AnnAssign)
    ]
    assert [word for field in fields for word in names_of(field)] == []


def test_its_version_is_in_the_changelog() -> None:
    assert "## {}".format(novabilling.__version__) in (HOME / "CHANGELOG.md").read_text("utf-8")


def test_wheel_and_sdist_build(tmp_path: Path) -> None:
    """With the build backend that is installed: nothing is fetched."""
    home = tmp_path / "sdk"
    for path in (*SOURCES, HOME / "src/novabilling/py.typed", HOME / "pyproject.toml", HOME / "README.md"):
        target = home / path.relative_to(HOME)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    code = "from setuptools import build_meta as b; b.build_wheel('out'); b.build_sdist('out')"
    (home / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    [wheel], [sdist] = home.glob("out/*.whl"), home.glob("out/*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith("METADATA")]
        words = archive.read(metadata).decode()
        archive.extractall(tmp_path / "installed")
    assert re.fullmatch(r"novabilling-[0-9.]+-py3-none-any\.whl", wheel.name)
    assert "Requires-Python: >=3.8" in words and "Name: novabilling" in words
    assert {"novabilling/py.typed", "novabilling/_sync/client.py", "novabilling/fields/base.py"} <= set(names)
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("src/novabilling/py.typed") for name in archive.getnames())
    program = "import novabilling; print(novabilling.__file__, novabilling.NovaBilling(token='sk_x'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "installed",
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert str(tmp_path / "installed") in done.stdout
