"""Templates: no inline code (the content policy would block it), no unescaped data, colours only from tokens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# Documents are for WeasyPrint and e-mails for mail programs: no content policy there, but the same escaping.
PAGES = [
    path for path in TEMPLATES if path.relative_to(ROOT / "templates").parts[0] not in ("documents", "emails")
]
INLINE = {
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "style element": re.compile(r"<style\b", re.I),
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.I),
    "on… attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "hx-on attribute": re.compile(r"\shx-on[:\-a-z]*\s*=", re.I),
    "javascript: link": re.compile(r"javascript:", re.I),
}
COMMENT = re.compile(r"{#.*?#}|{%\s*comment\b.*?{%\s*endcomment\s*%}", re.S)
TAG = re.compile(r"{[%{].*?[%}]}", re.S)
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", re.I)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> str:
    """A template without its comments, which show examples."""
    return COMMENT.sub("", path.read_text())


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 20
    assert (ROOT / "templates/base.html") in PAGES


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_inline_code(path: Path) -> None:
    assert [kind for kind, pattern in INLINE.items() if pattern.search(text(path))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_everything_is_escaped(path: Path) -> None:
    assert re.search(r"\|\s*safe\b|{%\s*autoescape\s+off|\|\s*safeseq\b", text(path)) is None


@pytest.mark.parametrize("path", sorted((ROOT / "templates/components").glob("*.html")), ids=name)
def test_components_list_their_inputs(path: Path) -> None:
    assert path.read_text().lstrip().startswith(("{#", "{% comment"))


@pytest.mark.parametrize("path", sorted((ROOT / "static/css").rglob("*.css")), ids=name)
def test_colours_come_from_tokens(path: Path) -> None:
    if path.name in ("tokens.css", "print.css"):
        return
    styles = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    values = "\n".join(
        line.split(":", 1)[1] for line in styles.splitlines() if ":" in line and "url(" not in line
    )
    assert COLOUR.findall(values) == []


OPENER = re.compile(r"<a\s[^>]*hx-target=\"#(?:drawer|dialog)\"[^>]*>")


def test_a_link_fills_its_overlay_and_never_replaces_it() -> None:
    """An `hx-swap` of an element around the link would be inherited: the overlay itself would be gone."""
    openers = [(name(path), link) for path in PAGES for link in OPENER.findall(text(path))]
    assert len(openers) > 5
    assert [where for where, link in openers if 'hx-swap="innerHTML"' not in link] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_what_a_block_sets_is_used_in_that_block(path: Path) -> None:
    """A variable of `{% url … as x %}` ends with its block. A button whose url is lost that way becomes a submit
    button: a "Cancel" that does what it should not do.
    """
    parts = re.split(r"{% block (\w+) %}", text(path))
    blocks = {
        label: body.split("{% endblock")[0] for label, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    lost = [
        f"{variable} of {home} in {label}"
        for home, body in blocks.items()
        for variable in set(re.findall(r" as (\w+) %}", body))
        for label, other in blocks.items()
        if label != home
        and any(re.search(rf"\b{variable}\b", re.sub(r'"[^"]*"', "", tag)) for tag in TAG.findall(other))
        and not re.search(rf"\bas {variable}\b|\b{variable} in\b|\b{variable}=", other)
    ]
    assert lost == []
