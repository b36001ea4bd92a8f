"""The Python client knows the routes of the API and their fields, no more and no less."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import pytest
from novabilling import NovaBilling, fields
from novabilling._http import Call
from novabilling._wire import camel
from pydantic import AliasChoices, BaseModel

import billing.urls  # noqa: F401  registers all routes
from billing.web.api import api

# Routes that the client leaves out, with the reason.
LEFT_OUT = {
    "POST /api/payments": "payments are read-only there: an invoice is marked as paid",
    "POST /api/customers/{id}/payment-providers": "the same as PATCH",
    "PUT /api/subscriptions/{id}": "PATCH and change-plan",
    "GET /api/plans/{ref}/price-changes/{change_id}": "how a change of prices goes on is looked at in the browser",
    "GET /api/plans/{ref}/price-changes/{change_id}/rows": "as above",
    "POST /api/plans/{ref}/price-changes/{change_id}/retry": "as above",
}
ALSO_CALLED = {"groupBy"}  # other names of fields
SAMPLES: dict[str, Any] = {"properties": {}, "events": [], "customers": [], "patience": 0.0}


class Stop(Exception):
    """Nothing is sent."""


class Recorder:
    """A transport that keeps what it should have sent."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def send(self, call: Call) -> Any:
        self.calls.append(call)
        raise Stop


def keys_of(function: Any) -> set[str]:
    """The fields of `**fields: Unpack[X]`."""
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            [name] = re.findall(r"Unpack\[(\w+)\]", str(parameter.annotation))
            kind = getattr(fields, name)
            return set(kind.__required_keys__ | kind.__optional_keys__)
    return set()


def calls() -> Iterator[tuple[str, Call]]:
    """(name, what it sends) of every method of the client, with all the fields that it knows."""
    for group, resource in vars(NovaBilling(token="sk_x")).items():
        for name, _ in inspect.getmembers(type(resource), inspect.isfunction):
            if group.startswith("_") or name.startswith("_") or name == "buffer":
                continue
            recorder = Recorder()
            bound = getattr(type(resource)(recorder), name)
            known = inspect.signature(bound).parameters.values()
            names = {one.name for one in known if one.kind is not one.VAR_KEYWORD} | keys_of(bound)
            with pytest.raises(Stop):
                next(bound(**{one: SAMPLES.get(one, "x") for one in names}))
            yield f"{group}.{name}", recorder.calls[0]


def bodies() -> dict[str, set[str] | None]:
    """`POST /api/customers` -> the fields of its body, None where it has none that is described."""
    found: dict[str, set[str] | None] = {}
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    place = f"/api/{prefix.strip('/')}/{path.strip('/')}".rstrip("/")
                    found[f"{method} {re.sub(r'{(?:[a-z]+:)?', '{', place)}"] = body_fields(operation)
    return found


def body_fields(operation: Any) -> set[str] | None:
    """The fields that a body may have, by the names of the API."""
    for model in operation.models:
        if model.__ninja_param_source__ == "body":
            [field] = model.model_fields.values()
            kinds = [field.annotation, *get_args(field.annotation)]
            [kind] = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
            return {name_of(told, name) for name, told in kind.model_fields.items()}
    return None


def name_of(field: Any, name: str) -> str:
    """What a field is called outside: the first of its names."""
    given = field.validation_alias
    return str(given.choices[0] if isinstance(given, AliasChoices) else given or field.alias or name)


def matching(routes: Iterable[str], call: Call) -> list[str]:
    """The routes that a call reaches."""
    asked = f"{call.method} /api{call.path}"
    return [route for route in routes if re.sub(r"{[^}]*}", "x", route) == asked]


def test_routes() -> None:
    routes, reached = bodies(), set()
    for name, call in calls():
        found = matching(routes, call)
        assert found, f"{name} asks {call.method} {call.path}, which the API does not have"
        reached |= set(found)
    assert set(routes) - reached == set(LEFT_OUT)


def test_fields() -> None:
    routes = bodies()
    for name, call in calls():
        for route in matching(routes, call):
            known = routes[route]
            if known is not None and call.body is not None:
                assert {camel(field) for field in call.body} == known - ALSO_CALLED, name
