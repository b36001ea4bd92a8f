"""The house rules that no linter knows: names of files, empty app packages, where Celery and the ORM may stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("billing", "invoicing", "customers")
KINDS = {
    *("rules", "models", "documents", "clients", "queries", "actions"),
    *("forms", "templatetags", "views", "api", "management", "migrations"),
}
ONLY_IN = {"embedded": "billing", "web": "billing", "orm": "billing"}
FILES = {
    "billing": {"settings", "urls", "pages", "celery", "wsgi", "supervisor"},
    "invoicing": {"urls"},
    "customers": {"urls"},
}
EVERY_APP = {"__init__", "apps", "tasks", "admin"}
AVOIDED = {
    "utils",
    "helpers",
    "helper",
    "common",
    "misc",
    "service",
    "services",
    "manager",
    "managers",
    "base_utils",
}


def sources(*folders: str) -> Iterator[Path]:
    """Python files under these folders of the root, without migrations."""
    for folder in folders:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("app", APPS)
def test_the_list_of_kinds_is_exhaustive(app: str) -> None:
    folders = {path.name for path in (ROOT / app).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= KINDS | set(ONLY_IN)
    assert {folder for folder in folders if ONLY_IN.get(folder, app) != app} == set()
    assert {path.stem for path in (ROOT / app).glob("*.py")} <= EVERY_APP | FILES[app]


@pytest.mark.parametrize("app", APPS)
def test_app_packages_load_nothing(app: str) -> None:
    """So that `billing.rules` loads without Django or Celery. `billing.on` is found when it is asked for."""
    body = ast.parse((ROOT / app / "__init__.py").read_text()).body
    loaded = {ast.unparse(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom)}
    assert loaded <= {"from importlib import import_module", "from typing import Any"}
    assert not body or app == "billing"


def test_names_say_what_a_file_holds() -> None:
    assert [path for path in sources(*APPS, "tests") if path.stem in AVOIDED] == []


def test_only_the_web_kit_is_shared_between_doors() -> None:
    """A view calls an action, never another app's view, API or task."""
    doors = {f"{app}.{kind}" for app in APPS for kind in ("views", "api", "tasks", "admin", "management")}
    for path in sources(*APPS):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if len(parts) < 2 or f"{parts[0]}.{parts[1]}" not in doors:
            continue
        own = f"{parts[0]}.{parts[1]}"
        used = {name for name in imports(path) for door in doors if name.startswith(f"{door}.")}
        assert {name for name in used if not name.startswith(f"{own}.")} == set(), path


def test_documents_and_clients_know_no_orm() -> None:
    for app in APPS:
        for path in sources(f"{app}/documents", f"{app}/clients"):
            assert not [name for name in imports(path) if name.startswith("django.db")], path


def test_no_signals_and_no_save_overrides() -> None:
    for path in sources(*(f"{app}/models" for app in APPS)):
        assert not [name for name in imports(path) if name.startswith("django.db.models.signals")], path
        functions = [
            node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)
        ]
        assert "save" not in functions, path


def test_files_stay_readable() -> None:
    long = {path: lines for path in sources(*APPS) if (lines := len(path.read_text().splitlines())) > 400}
    assert long == {}
