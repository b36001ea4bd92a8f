"""The OpenAPI document: it is one, it is whole, and its examples are what it says."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import billing.urls  # noqa: F401 - adds the routes
from billing.web.api import ApiSchema
from billing.web.openapi import JSON, document
from billing.web.openapi_words import TAGS, WAYS
from billing.web.samples import BODIES
from tests.house.addresses import api_operations

BYTES = ("/pdf", "/xml", "/receipt")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation)."""
    paths = document()["paths"]
    return [(method.upper(), path, one) for path, some in paths.items() for method, one in some.items()]


def test_it_is_valid_and_made_once() -> None:
    assert document() is document()
    validate(document())


def test_every_route_is_in_it_once() -> None:
    known = {(method, route.replace("{path:", "{")) for method, route in api_operations()}
    assert {(method, path) for method, path, _ in operations()} == known
    keys = [one["operationId"] for _, _, one in operations()]
    assert len(keys) == len(set(keys))
    assert set(WAYS) <= {f"{method} {path}" for method, path, _ in operations()}
    assert set(BODIES) <= set(keys)


def test_each_operation_says_what_it_does_takes_and_answers() -> None:
    for method, path, one in operations():
        place = f"{method} {path}"
        assert one["summary"] and one["description"], place
        assert one["tags"] and set(one["tags"]) <= set(TAGS), place
        assert {"400", "401", "403", "429"} <= set(one["responses"]), place
        [*good] = [status for status in one["responses"] if status.startswith("2")]
        assert good, place
        for status in good:
            content = one["responses"][status].get("content", {})
            assert JSON in content or status == "204" or path.endswith(BYTES), place
        if "{" in path:
            assert "404" in one["responses"], place
        if method == "POST":
            assert {"$ref": "#/components/parameters/IdempotencyKey"} in one["parameters"], place
        if "requestBody" in one:
            assert one["requestBody"]["content"][JSON]["schema"], place


def test_no_answer_is_a_free_object() -> None:
    known = document()["components"]["schemas"]

    def ways(schema: dict[str, Any]) -> list[dict[str, Any]]:
        """The schemas that it may be, by their definitions."""
        if "$ref" in schema:
            return ways(known[schema["$ref"].rpartition("/")[2]])
        return [way for one in schema["anyOf"] for way in ways(one)] if "anyOf" in schema else [schema]

    def named(schema: dict[str, Any]) -> bool:
        whole = [way for way in ways(schema) if way.get("type") != "null"]
        return all("properties" in way or ("items" in way and named(way["items"])) for way in whole)

    for method, path, one in operations():
        for status, answer in one["responses"].items():
            schema = answer.get("content", {}).get(JSON, {}).get("schema") if status < "300" else None
            for way in ways(schema) if schema is not None else ():
                assert named(way["properties"]["data"]), f"{method} {path}"


def test_examples_are_as_their_schemas_say() -> None:
    parts = document()["components"]
    seen = 0
    for method, path, one in operations():
        contents = [one.get("requestBody", {}).get("content", {}).get(JSON)]
        contents += [answer.get("content", {}).get(JSON) for answer in one["responses"].values()]
        for content in filter(None, contents):
            if "example" not in content:
                continue
            seen += 1
            checker = Draft202012Validator({**content["schema"], "components": parts})
            faults = [
                f"{list(error.absolute_path)}: {error.message}"
                for error in checker.iter_errors(content["example"])
            ]
            assert faults == [], (method, path)
    assert seen > 250


def test_it_is_served_to_everybody() -> None:
    answer = Client().get("/api/openapi.json")
    assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")


def test_no_two_shapes_of_bodies_share_a_name() -> None:
    """One would be described as the other."""

    def below(kind: type) -> list[type]:
        return [one for sub in kind.__subclasses__() for one in (sub, *below(sub))]

    shown = document()["components"]["schemas"]
    found = Counter(kind.__name__ for kind in set(below(ApiSchema)) if kind.__name__ in shown)
    assert found and [name for name, times in found.items() if times > 1] == []
