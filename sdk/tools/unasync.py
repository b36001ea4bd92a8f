"""Makes the synchronous client, `_sync/`, from the asynchronous one, `_async/`: run it after each change there.

    python tools/unasync.py            writes
    python tools/unasync.py --check    says what is out of date, and fails

The buffers are written by hand in both: one has a thread, the other a task.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set, Tuple

SOURCE = Path(__file__).resolve().parent.parent / "src" / "novabilling"
BY_HAND = {"buffer.py", "__init__.py"}
HEADER = "# Made by tools/unasync.py from _async/{}: change it there.\n"
WORDS = [
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bhttpx\.AsyncClient\b", "httpx.Client"),
    (r"\bsleep_async\b", "sleep"),
    (r"\baclose\b", "close"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\bAsync(?=[A-Z])", ""),
]


def made(text: str, name: str) -> str:
    """The synchronous form of a file."""
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    return HEADER.format(name) + text


def files() -> Dict[Path, str]:
    """What `_sync/` has to hold."""
    found = sorted((SOURCE / "_async").glob("*.py"))
    return {
        SOURCE / "_sync" / path.name: made(path.read_text("utf-8"), path.name)
        for path in found
        if path.name not in BY_HAND
    }


def outdated() -> List[str]:
    """Names of the files that are not as they should be."""
    wanted = files()
    stale = [
        path.name
        for path, text in wanted.items()
        if not path.exists() or shape(path.read_text("utf-8")) != shape(text)
    ]
    extra = {path.name for path in (SOURCE / "_sync").glob("*.py")} - {path.name for path in wanted} - BY_HAND
    return sorted([*stale, *extra])


def shape(text: str) -> Tuple[Set[str], str]:
    """What a file imports, and what it does: without its layout and the order of its imports."""
    tree = ast.parse(text)
    imports = {
        "{}{}.{}".format("." * getattr(node, "level", 0), getattr(node, "module", ""), alias.name)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    tree.body = [node for node in tree.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
    return imports, ast.dump(tree)


def main() -> int:
    """Write, or check."""
    if "--check" in sys.argv[1:]:
        stale = outdated()
        sys.stdout.write("".join("out of date: _sync/{}\n".format(name) for name in stale))
        return 1 if stale else 0
    for path, text in files().items():
        path.write_text(text, "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", "--fix", "--select", "I", str(SOURCE / "_sync")], check=True)
    subprocess.run([*ruff, "format", "--quiet", str(SOURCE / "_sync")], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
