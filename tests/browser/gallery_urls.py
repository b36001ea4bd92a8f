"""The product's URLs with the gallery, which is routed only with DEBUG."""

from __future__ import annotations

from django.urls import include, path

from billing.views.gallery import gallery

urlpatterns = [path("ui/", gallery, name="gallery"), path("", include("billing.urls"))]
