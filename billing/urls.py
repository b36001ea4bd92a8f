"""All URLs: pages by app, the API under /api, the operator's back office under /admin."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, register_converter

from billing.web.api import api
from billing.web.paths import PublicIdConverter

register_converter(PublicIdConverter, "pid")

for door in ("billing.api", "invoicing.api", "customers.api"):
    import_module(door)  # each package adds its routers to `api`

handler500 = "billing.views.failures.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", api.urls),
    path("admin/", admin.site.urls),
    path("", include("billing.pages")),
    path("", include("invoicing.urls")),
    path("", include("customers.urls")),
]

if settings.DEBUG:
    from billing.views.gallery import gallery

    urlpatterns.append(path("ui/", gallery, name="gallery"))
