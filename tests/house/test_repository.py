"""What must not be committed: secrets, addresses of package indexes, unfinished work."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SELF = "tests/house/test_repository.py"
LOCKS = ("requirements", "requirements-dev")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|NotImplementedError)\b|(?i:\b(?:lorem ipsum|coming soon)\b)")
SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "API key of ours": re.compile(r"\bsk_(?:live|test)_[0-9a-f]{64}\b"),
    "cloud key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "repository token": re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "password in an address": re.compile(
        r"\b(?:postgres(?:ql)?|redis|amqp)://[^\s:@/'\"]+:[^\s:@/'\"<>{}]{6,}@"
    ),
}


def committed() -> list[str]:
    """Paths that git knows, or every file outside of ignored folders where there is no git."""
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if (ROOT / line).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Text files by path."""
    found = {}
    for path in committed():
        try:
            found[path] = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
    assert len(found) > 50, "run in a git checkout"
    return found


def test_no_secrets(texts: dict[str, str]) -> None:
    hits = [
        (path, kind) for path, text in texts.items() for kind, rule in SECRETS.items() if rule.search(text)
    ]
    assert hits == []


def test_no_data_or_environment_files(texts: dict[str, str]) -> None:
    assert [
        path for path in committed() if path.startswith(("var/", ".venv/")) or Path(path).name == ".env"
    ] == []


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_hashes_and_no_index_address(texts: dict[str, str], name: str) -> None:
    lock = texts[f"{name}.lock"]
    assert re.search(r"https?://|file:/|--(?:extra-)?index-url|--find-links|--trusted-host", lock) is None
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked(texts: dict[str, str], name: str) -> None:
    names = re.findall(r"^([A-Za-z0-9-]+)", texts[f"{name}.in"].replace("-c requirements.lock", ""), re.M)
    assert {one.lower() for one in names} <= set(pins(texts[f"{name}.lock"]))


def test_the_locks_agree(texts: dict[str, str]) -> None:
    """The second is installed over the first."""
    run, tests = (pins(texts[f"{name}.lock"]) for name in LOCKS)
    assert [name for name in run.keys() & tests.keys() if run[name] != tests[name]] == []


def pins(lock: str) -> dict[str, str]:
    """{package: version} of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.M))


def test_nothing_unfinished(texts: dict[str, str]) -> None:
    kinds = (".py", ".html", ".js", ".css", ".md")
    hits = [
        (path, found.group())
        for path, text in texts.items()
        if path.endswith(kinds) and path != SELF and (found := UNFINISHED.search(text))
    ]
    assert hits == []


def test_rules_load_without_django() -> None:
    """Rules import the standard library and tables of the world that others keep well (languages, tax numbers,
    phone numbers), and the parser of expressions: pure packages without clock, network or files of ours.
    """
    code = """
import importlib, pkgutil, sys
site = sys.argv[1]
sys.path.append(site)
for app in ("billing", "invoicing", "customers"):
    rules = importlib.import_module(app + ".rules")
    for module in pkgutil.walk_packages(rules.__path__, rules.__name__ + "."):
        importlib.import_module(module.name)
found = {name.split(".")[0] for name, module in sys.modules.items()
         if (getattr(module, "__file__", None) or "").startswith(site)}
assert found <= {"babel", "stdnum", "phonenumbers", "lark"}, found
"""
    command = [sys.executable, "-S", "-c", code, sysconfig.get_path("purelib")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
