"""The OpenAPI document of the REST API, made once from its routes.

Parameters and bodies come from the schemas that read them, answers from what each route says that it returns
(`Object[…]`, `Listing[…]`: types that mypy holds the payloads to), the errors from what a route can meet. Nothing is
written here twice.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from django.conf import settings
from django.http import HttpResponse
from ninja.operation import Operation
from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from billing.web.api import api
from billing.web.openapi_names import named_by_path, summary_of
from billing.web.openapi_words import ABOUT, TAGS, WAYS
from billing.web.samples import BODIES, sample, sample_body
from billing.web.shapes import Error

REF = "#/components/schemas/{model}"
JSON = "application/json"
SUCCESS = {200: "Done.", 201: "Made.", 202: "Taken in.", 204: "Gone."}
# status -> (name, code, what it says)
ERRORS = {
    400: ("Invalid", "invalid", "The request is invalid; `errors` names each field."),
    401: ("Unauthorized", "unauthorized", "There is no key, or not a live one."),
    403: ("Forbidden", "scope_missing", "The key's scopes do not allow this."),
    404: ("NotFound", "not_found", "There is no such object, or it is somebody else's."),
    409: ("Conflict", "conflict", "It exists already, or its state does not allow this any more."),
    412: ("Changed", "changed", "The object is not what `If-Match` names any more."),
    413: ("TooLarge", "too_large", "The body is too large."),
    429: ("TooMany", "too_many_requests", "Too many requests: wait as long as `Retry-After` says."),
    502: ("Unavailable", "unavailable", "A payment provider or another service has failed."),
}
BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
# Operations whose body names what has to be there.
LOOKS_UP = {"mergeCustomers"}
WRAPPED = re.compile(r"(Object_list|Object|Listing|Counted)_(\w+?)_+")
ENVELOPES = {"Object": "Answer", "Object_list": "Answers", "Listing": "Page", "Counted": "All"}
# First parts of addresses behind which other systems are called.
CALLS_OUT = {
    "customers",
    "payment-providers",
    "payments",
    "invoices",
    "payment-requests",
    "credit-notes",
    "wallets",
    "subscriptions",
}
PLACES = {
    "id": "Its id.",
    "ref": "Its id or code.",
    "reference": "The id at a payment provider, or the external ID.",
    "transaction_id": "The transaction id that was sent.",
}


class Shapes(GenerateJsonSchema):
    """Numbers are exact decimals; whoever reads them as text asks for it."""

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """Amounts are JSON numbers in answers; in bodies text is understood, too."""
        number: JsonSchemaValue = {"type": "number"}
        for ours, theirs in (
            ("ge", "minimum"),
            ("gt", "exclusiveMinimum"),
            ("le", "maximum"),
            ("lt", "exclusiveMaximum"),
        ):
            if ours in schema:
                number[theirs] = float(schema[ours])
        return (
            number
            if self.mode == "serialization"
            else {"anyOf": [number, {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}]}
        )

    def get_title_from_name(self, name: str) -> str:
        """Names of fields speak for themselves."""
        return name


@dataclass(frozen=True)
class Route:
    """An operation of a router with its address."""

    path: str
    method: str
    operation: Operation

    @property
    def arguments(self) -> list[str]:
        """The parts of the address that name something."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def key(self) -> str:
        """Unique among all: `listCustomers`."""
        return WAYS.get(f"{self.method} {self.path}") or named_by_path(self.method, self.path)


def routes() -> Iterator[Route]:
    """All operations in the order of their addresses."""
    found = []
    for bound in api._get_bound_routers():
        for path, view in bound.path_operations.items():
            whole = re.sub(
                r"\{[^}:]+:",
                "{",
                "/" + "/".join(part.strip("/") for part in (bound.prefix, path) if part.strip("/")),
            )
            for operation in view.operations:
                found += [
                    Route(f"/api{whole}", method, operation)
                    for method in operation.methods
                    if operation.include_in_schema
                ]
    order = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    yield from sorted(found, key=lambda route: (route.path, order.index(route.method)))


def answer_of(operation: Operation) -> Any:
    """The type of what a route answers; None when it is no JSON object of ours."""
    hint = get_type_hints(operation.view_func, include_extras=True).get("return")
    if get_origin(hint) is tuple:
        hint = get_args(hint)[1]
    if getattr(get_origin(hint), "__name__", "") == "Status":
        hint = get_args(hint)[0]
    if get_origin(hint) is Annotated:  # what a ready-made answer holds
        return get_args(hint)[1]
    options = [
        one
        for one in get_args(hint) or [hint]
        if not (inspect.isclass(one) and issubclass(one, HttpResponse))
    ]
    if get_origin(hint) not in {Union, UnionType}:
        return None if not options or hint in (None, type(None), Any) or hint is HttpResponse else hint
    return Union[tuple(options)]  # noqa: UP007 - from a list


def body_of(operation: Operation) -> tuple[Any, bool]:
    """(the schema that reads the body, whether it must be sent); (None, False) when there is none."""
    for model in operation.models:
        if model.__ninja_param_source__ == "body":
            field = next(iter(model.model_fields.values()))
            return field.annotation, field.is_required()
    return None, False


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document. Others must not change it."""
    every = list(routes())
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = [("Error", "serialization", TypeAdapter(Error))]
    for route in every:
        answer, (body, _) = answer_of(route.operation), body_of(route.operation)
        if answer is not None:
            wanted.append(((route.key, "answer"), "serialization", TypeAdapter(answer)))
        if body is not None:
            wanted.append(((route.key, "body"), "validation", TypeAdapter(body)))
    found, rest = TypeAdapter.json_schemas(wanted, ref_template=REF, schema_generator=Shapes)
    components = tidy({"schemas": rest["$defs"]})["schemas"]
    known = {key[0]: tidy(value) for key, value in found.items()}
    paths: dict[str, Any] = {}
    for route in every:
        paths.setdefault(route.path, {})[route.method.lower()] = described(route, known, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tarn API", "version": "1", "description": ABOUT},
        "servers": [{"url": settings.BASE_URL}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            **common(),
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key: `sk_live_…`."}
            },
        },
        "security": [{"key": []}],
    }


def described(route: Route, known: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    """One operation."""
    operation = route.operation
    found: dict[str, Any] = {
        "operationId": route.key,
        "summary": summary_of(route.key),
        "description": inspect.getdoc(operation.view_func) or "",
        "tags": operation.tags or [],
        "parameters": [*parameters_of(operation, components), *headers_of(route)],
        "responses": responses_of(route, known, components),
    }
    body, needed = body_of(operation)
    if body is not None:
        schema = present(known[route.key, "body"])
        content = {"schema": schema, "example": BODIES.get(route.key) or sample_body(schema, components)}
        found["requestBody"] = {"required": needed, "content": {JSON: content}}
    for name, value in (operation.openapi_extra or {}).items():
        found[name] = value
    if "requestBody" in found and route.key in BODIES:
        found["requestBody"]["content"][JSON]["example"] = BODIES[route.key]
    return found


def parameters_of(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands in the address and in the query."""
    found: list[dict[str, Any]] = []
    for model in operation.models:
        place = model.__ninja_param_source__
        if place not in {"path", "query"}:
            continue
        schema = model.model_json_schema(ref_template="{model}", schema_generator=Shapes)
        definitions = schema.get("$defs", {})
        for name, part, required in flat(schema, definitions):
            part = present(tidy(part))
            text = (
                part.pop("description", "") or PLACES.get(name, "")
                if place == "path"
                else part.pop("description", "")
            )
            if part.get("default") in (None, "", False):
                part.pop("default", None)
            entry = {"name": name, "in": place, "required": place == "path" or required, "schema": part}
            found.append(entry | ({"description": text} if text else {}))
    return found


def flat(schema: dict[str, Any], definitions: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """The single values of a query, also of those that a schema holds together."""
    for name, part in schema.get("properties", {}).items():
        reference = part.get("$ref")
        if reference and "properties" in definitions[reference]:
            yield from flat(definitions[reference], definitions)
        else:
            yield name, dict(part), name in schema.get("required", [])


def headers_of(route: Route) -> list[dict[str, Any]]:
    """The headers that mean something here."""
    if route.method == "GET":
        return [{"$ref": "#/components/parameters/IfNoneMatch"}] if route.arguments else []
    found = [{"$ref": "#/components/parameters/IdempotencyKey"}] if route.method == "POST" else []
    if route.arguments:
        found.append({"$ref": "#/components/parameters/IfMatch"})
    return found


def responses_of(route: Route, known: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    """What comes back: the answer, and every error that there can be."""
    operation = route.operation
    found: dict[str, Any] = {}
    for status in operation.response_models:
        if not isinstance(status, int):
            continue
        found[str(status)] = {"description": SUCCESS[status]}
        content: dict[str, Any] = {}
        if (schema := known.get((route.key, "answer"))) is not None:
            content[JSON] = {"schema": schema, "example": sample(schema, components)}
        if route.path.endswith(("/pdf", "/receipt")):
            content["application/pdf"] = {"schema": {"type": "string", "format": "binary"}}
        if route.path.endswith("/xml"):
            content["application/xml"] = {"schema": {"type": "string"}}
        if content:
            found[str(status)]["content"] = content
    if route.method == "GET":
        found["304"] = {"description": "It is as `If-None-Match` says: no body."}
    for status in errors_of(route):
        found[str(status)] = {"$ref": f"#/components/responses/{ERRORS[status][0]}"}
    return found


def errors_of(route: Route) -> list[int]:
    """The errors that an operation can meet, as far as its method and its address tell."""
    found = {400, 401, 403, 429}
    changes = route.method != "GET"
    if route.arguments or route.key in LOOKS_UP:
        found.add(404)
    if changes or route.path.endswith(("/pdf", "/xml", "/receipt")):
        found.add(409)
    if changes and route.arguments:
        found.add(412)
    if changes:
        found.add(413)
    if changes and route.path.split("/")[2] in CALLS_OUT:
        found.add(502)
    return sorted(found)


def present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what is sent when something is: without null."""
    options = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if "anyOf" not in schema or len(options) == len(schema["anyOf"]):
        return schema
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**options[0], **rest} if len(options) == 1 else {**rest, "anyOf": options}


def tidy(value: Any) -> Any:
    """Without titles, and with the names of objects as a client would have them."""
    if isinstance(value, list):
        return [tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, item in value.items():
        if name == "title" and isinstance(item, str):
            continue
        if name == "$ref":
            found[name] = REF.format(model=short(str(item).rpartition("/")[2]))
        elif name in {"schemas", "properties"} and isinstance(item, dict):
            found[name] = {short(key) if name == "schemas" else key: tidy(part) for key, part in item.items()}
        else:
            found[name] = item if name in {"default", "enum", "examples"} else tidy(item)
    return found


def short(name: str) -> str:
    """CustomerOut -> Customer; what two modules call alike is told apart by the module."""
    if wrapped := WRAPPED.fullmatch(name):
        inner = wrapped[2].rpartition("__")[2] if wrapped[2].startswith("Union_") else wrapped[2]
        return inner.removesuffix("Out") + ENVELOPES[wrapped[1]]
    parts = name.split("__")
    module = "".join(word.title() for word in parts[-2].split("_")) if len(parts) > 1 else ""
    return module + parts[-1].removesuffix("Out")


def common() -> dict[str, Any]:
    """Headers and errors that many operations share."""
    headers = {
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key with the same body answers what was answered first.",
            "schema": {"type": "string", "maxLength": 200},
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The `ETag` that was read: 304 without a body while the object is the same.",
            "schema": {"type": "string"},
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "required": False,
            "description": "The `ETag` that was read: 412 when the object is another one by now.",
            "schema": {"type": "string"},
        },
    }
    errors = {
        name: {
            "description": text,
            "content": {
                JSON: {"schema": {"$ref": REF.format(model="Error")}, "example": error_example(code)}
            },
        }
        for name, code, text in ERRORS.values()
    }
    return {"parameters": headers, "responses": errors}


def error_example(code: str) -> dict[str, Any]:
    """An error as it is answered."""
    fields = [{"field": "email", "message": "This field is required."}] if code == "invalid" else []
    message = "email: This field is required." if fields else f"{code.replace('_', ' ').capitalize()}."
    body = {"code": code, "message": message, "errors": fields, "requestId": "0f4d9c1a2b3c4d5e"}
    return {"message": message, "error": body}
