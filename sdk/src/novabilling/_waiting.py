"""Waiting, in both ways: a place of its own, so that tests need not wait."""

from __future__ import annotations

import asyncio
import time


async def sleep_async(seconds: float) -> None:
    """Let others go on meanwhile."""
    await asyncio.sleep(seconds)


def sleep(seconds: float) -> None:
    """Let this thread rest."""
    time.sleep(seconds)
