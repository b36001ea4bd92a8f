"""The one router of /api/customers: paths that differ only in their method must stand on the same one."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["Customers"])
