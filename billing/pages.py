"""The pages of what is sold and measured, and of the people who work here."""

from __future__ import annotations

from django.urls import URLPattern, path

from billing.views import auth, jobs
from billing.views.health import health
from billing.views.theme import theme

urlpatterns: list[URLPattern] = [
    path("login", auth.sign_in, name="login"),
    path("logout", auth.sign_out, name="logout"),
    path("password-reset", auth.password_reset, name="password-reset"),
    path("password-reset/sent", auth.password_reset_sent, name="password-reset-sent"),
    path("password-reset/<uidb64>/<token>", auth.SetPassword.as_view(), name="password-reset-confirm"),
    path("invitation/<uidb64>/<token>", auth.Invitation.as_view(), name="invitation"),
    path("account", auth.profile, name="profile"),
    path("account/password", auth.password_change, name="password-change"),
    path("organization/switch", auth.organization_switch, name="organization-switch"),
    path("jobs", jobs.jobs, name="jobs"),
    path("jobs/<pid:pk>", jobs.job, name="job"),
    path("jobs/<pid:pk>/progress", jobs.progress, name="job-progress"),
    path("jobs/<pid:pk>/run-again", jobs.run_again, name="job-run-again"),
    path("health", health, name="health"),
    path("theme", theme, name="theme"),
]
