"""A local server, and both clients on it."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from novabilling import AsyncNovaBilling, NovaBilling

spec = importlib.util.spec_from_file_location(
    "sdk_test_server", Path(__file__).with_name("sdk_test_server.py")
)
assert spec and spec.loader
module = importlib.util.module_from_spec(spec)
sys.modules["sdk_test_server"] = module
spec.loader.exec_module(module)
TOKEN = "sk_test_very_secret_indeed"


@pytest.fixture(scope="session")
def port() -> Iterator[Any]:
    """One server for all tests."""
    found = module.Server()
    yield found
    found.stop()


@pytest.fixture
def server(port: Any) -> Any:
    """The server, which answers with a customer unless told otherwise."""
    port.seen = []
    port.replies = [module.Reply(200, module.CUSTOMER)]
    return port


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """How long the clients would have waited: nobody waits in a test."""
    found: List[float] = []

    async def sleep_async(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr("novabilling._async.transport.sleep_async", sleep_async)
    monkeypatch.setattr("novabilling._async.resource.sleep_async", sleep_async)
    monkeypatch.setattr("novabilling._sync.transport.sleep", found.append)
    monkeypatch.setattr("novabilling._sync.resource.sleep", found.append)
    return found


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, server: Any) -> Callable[..., Any]:
    """`ask(lambda client: client.customers.get("cust_1"))`: the answer of either client."""

    def run(act: Callable[[Any], Any], **options: Any) -> Any:
        options = {"base_url": server.url, "token": TOKEN, **options}
        if request.param == "sync":
            with NovaBilling(**options) as client:
                found = act(client)
                return list(found) if inspect.isgenerator(found) else found

        async def main() -> Any:
            async with AsyncNovaBilling(**options) as client:
                found = act(client)
                if inspect.isasyncgen(found):
                    return [row async for row in found]
                return await found if inspect.isawaitable(found) else found

        return asyncio.run(main())

    return run
