"""Whether an answer of the API is what the OpenAPI document says: its status, every field, and no other."""

from __future__ import annotations

import copy
import json
import re
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from billing.web.openapi import JSON, document

# What the server itself refuses before a route is found.
UNROUTED = {404, 405}


@lru_cache(maxsize=1)
def whole() -> dict[str, Any]:
    """The document, in which an object has no fields but those that are named."""
    found: dict[str, Any] = copy.deepcopy(document())
    for schema in found["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    error = found["components"]["schemas"]["ErrorBody"]
    error.pop("additionalProperties")  # some errors say more: {"targetCustomerId": …}
    return found


@lru_cache(maxsize=1)
def routes() -> list[tuple[re.Pattern[str], str]]:
    """(address, path of the document), those without arguments first."""
    found = []
    for path in sorted(whole()["paths"], key=lambda one: (one.count("{"), one)):
        part = ".+" if path.endswith(("/events/{transaction_id}", "/external/{reference}")) else "[^/]+"
        found.append((re.compile(re.sub(r"\{\w+\}", part, path)), path))
    return found


def operation_of(method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    """(path of the document, operation) behind an address."""
    for pattern, known in routes():
        if pattern.fullmatch(path) and method.lower() in whole()["paths"][known]:
            return known, whole()["paths"][known][method.lower()]
    return None


@cache
def validator(path: str, method: str, status: str) -> Draft202012Validator | None:
    """What checks a body; None where the document has none."""
    answer = whole()["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = whole()["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    content = answer.get("content", {}).get(JSON)
    if content is None:
        return None
    return Draft202012Validator({**content["schema"], "components": whole()["components"]})


def check_answer(method: str, path: str, status: int, kind: str, content: bytes) -> None:
    """AssertionError when the answer is not as documented."""
    known = operation_of(method, path)
    if known is None:
        assert status in UNROUTED or status == 401, f"{method} {path} answers {status} and is not documented"
        return
    place, operation = known
    if status == 405:
        return
    assert str(status) in operation["responses"], f"{method} {place} answers {status}: not documented"
    if "json" not in kind or not content:
        return
    found = validator(place, method.lower(), str(status))
    assert found is not None, f"{method} {place} answers JSON with {status}: not documented"
    error = best_match(found.iter_errors(json.loads(content)))
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path)
        raise AssertionError(f"{method} {place} {status} at {where}: {error.message[:300]}")
