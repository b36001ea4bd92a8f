"""The reference of the API for people: the groups of the OpenAPI document, each operation as rows and examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from billing.web.openapi import ERRORS, JSON, document
from billing.web.openapi_words import MANNERS, TAGS
from billing.web.samples import ID, PATHS

DEEPEST = 3
BULLETS = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
)


@dataclass(frozen=True)
class Field:
    """A field of a body, an answer or a query; `name` is its path, such as `items[].amount`."""

    name: str
    type: str
    required: bool
    text: SafeString
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """An operation as the page shows it."""

    key: str
    method: str
    path: str
    title: str
    text: SafeString
    parameters: list[Field]
    body: list[Field]
    answer: list[Field]
    status: str
    curl: str
    example: str
    errors: list[tuple[str, str]]
    searched: str = ""


@dataclass(frozen=True)
class Group:
    """The operations of one noun."""

    name: str
    slug: str
    text: str
    operations: list[Shown] = field(default_factory=list)


def prose(text: str) -> SafeString:
    """Paragraphs with `code` and **strong**; everything else is text."""
    found = str(escape(text))
    for pattern, html in BULLETS:
        found = pattern.sub(html, found)
    parts = [" ".join(part.split()) for part in found.split("\n\n") if part.strip()]
    return mark_safe("".join(f"<p>{part}</p>" for part in parts))  # noqa: S308 - escaped above


@lru_cache(maxsize=1)
def manners() -> list[tuple[str, str, SafeString]]:
    """(slug, name, text) of what holds for every operation."""
    return [(f"about-{slugify(name)}", name, prose(text)) for name, text in MANNERS.items()]


@lru_cache(maxsize=1)
def groups() -> list[Group]:
    """All groups in the order of the document, each with its operations."""
    whole = document()
    found = {name: Group(name, slugify(name), text) for name, text in TAGS.items()}
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            for tag in operation["tags"][:1]:
                group = found.setdefault(tag, Group(tag, slugify(tag), ""))
                group.operations.append(shown(path, method.upper(), operation, whole))
    return [group for group in found.values() if group.operations]


def found_by(text: str) -> list[tuple[Group, list[Shown]]]:
    """The operations that have all these words in their name, address or description."""
    words = text.lower().split()
    hits = [
        (group, [one for one in group.operations if all(word in one.searched for word in words)])
        for group in groups()
    ]
    return [(group, some) for group, some in hits if some]


def shown(path: str, method: str, operation: dict[str, Any], whole: dict[str, Any]) -> Shown:
    """One operation with its rows and examples."""
    parts = whole["components"]["schemas"]
    status, answer = next((code, one) for code, one in operation["responses"].items() if code.startswith("2"))
    content = answer.get("content", {}).get(JSON, {})
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    parameters = [parameter_row(resolved(one, whole), parts) for one in operation["parameters"]]
    return Shown(
        key=operation["operationId"],
        method=method,
        path=path,
        title=operation["summary"],
        text=prose(operation["description"]),
        parameters=parameters,
        body=list(rows(body.get("schema", {}), parts)),
        answer=list(rows(content.get("schema", {}), parts)),
        status=status,
        curl=curl(method, path, body.get("example"), whole["servers"][0]["url"]),
        example=json.dumps(content["example"], indent=2, ensure_ascii=False) if "example" in content else "",
        errors=[(code, ERRORS[int(code)][2]) for code in operation["responses"] if int(code) in ERRORS],
        searched=f"{method} {path} {operation['summary']} {operation['description']}".lower(),
    )


def resolved(one: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    if "$ref" not in one:
        return one
    found: Any = whole
    for part in one["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def parameter_row(one: dict[str, Any], parts: dict[str, Any]) -> Field:
    """A parameter of the address, the query or the headers."""
    place = {"path": "in the address", "query": "query", "header": "header"}[one["in"]]
    kind = f"{type_of(one['schema'], parts)}, {place}"
    words = tuple(one["schema"].get("enum", ()))
    return Field(one["name"], kind, one["required"], prose(one.get("description", "")), words)


def rows(schema: dict[str, Any], parts: dict[str, Any], path: str = "", level: int = 0) -> Iterator[Field]:
    """The fields of an object, those of the objects in it below them."""
    schema = inner(schema, parts)
    if schema.get("type") == "array":
        yield from rows(schema.get("items", {}), parts, f"{path}[]" if path else "", level)
        return
    for name, part in schema.get("properties", {}).items():
        whole = f"{path}.{name}" if path else name
        text = prose(part.get("description", ""))
        words = tuple(str(word) for word in inner(part, parts).get("enum", ()) if word is not None)
        yield Field(whole, type_of(part, parts), name in schema.get("required", ()), text, words)
        if level < DEEPEST:
            yield from rows(part, parts, whole, level + 1)


def inner(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """The schema behind references, and of several the first that is not null."""
    while True:
        if "$ref" in schema:
            schema = parts[schema["$ref"].rpartition("/")[2]]
        elif options := [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]:
            schema = options[0]
        else:
            return schema


def type_of(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    """In words: "text", "list of numbers", "moment or null"."""
    kind = schema.get("type")
    null = {"type": "null"} in schema.get("anyOf", ()) or (isinstance(kind, list) and "null" in kind)
    found = inner(schema, parts)
    kind = found.get("type")
    kind = next((one for one in kind if one != "null"), "") if isinstance(kind, list) else kind
    if kind == "array":
        name = f"list of {type_of(found.get('items', {}), parts)}s"
    else:
        formats = {"date-time": "moment", "date": "day", "binary": "file"}
        plain = {"string": "text", "boolean": "true or false", "integer": "whole number", None: "any value"}
        name = formats.get(found.get("format", "")) or plain.get(kind) or str(kind)
    return f"{name} or null" if null else name


def curl(method: str, path: str, body: Any, server: str) -> str:
    """The call as a command."""

    def place(match: re.Match[str]) -> str:
        noun = path[: match.start()].strip("/").rpartition("/")[2]
        return PATHS.get(match[1]) or f"{PATHS.get(noun, 'id')}_{ID}"

    url = server + re.sub(r"\{(\w+)\}", place, path)
    lines = [f"curl {url}" if method == "GET" else f"curl -X {method} {url}"]
    lines.append('  -H "Authorization: Bearer $TARN_KEY"')
    if body is not None:
        text = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
        lines += ['  -H "Content-Type: application/json"', f"  -d '{text}'"]
    return " \\\n".join(lines)
