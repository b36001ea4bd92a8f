"""The pages of what is sold and measured, and of the people who work here."""

from __future__ import annotations

from django.urls import URLPattern, path

from billing.views import (
    api_keys,
    auth,
    codes,
    coupons,
    developers,
    jobs,
    members,
    metrics,
    plan_form,
    plans,
    taxes,
)
from billing.views.audit import audit
from billing.views.health import health
from billing.views.settings import settings
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
    path("jobs/<pid:id>", jobs.job, name="job"),
    path("jobs/<pid:id>/progress", jobs.progress, name="job-progress"),
    path("jobs/<pid:id>/run-again", jobs.run_again, name="job-run-again"),
    path("settings", settings, name="settings"),
    path("settings/members", members.members, name="members"),
    path("settings/members/add", members.invite, name="member-invite"),
    path("settings/members/<pid:id>/role", members.change_role, name="member-role"),
    path("settings/members/<pid:id>/remove", members.remove, name="member-remove"),
    path("settings/members/<pid:id>/invite-again", members.invite_again, name="member-invite-again"),
    path("developers", developers.developers, name="developers"),
    path("developers/api-keys", api_keys.api_keys, name="api-keys"),
    path("developers/api-keys/add", api_keys.add, name="api-key-add"),
    path("developers/api-keys/<pid:id>/revoke", api_keys.revoke, name="api-key-revoke"),
    path("developers/activity", audit, name="audit"),
    path("metrics", metrics.metrics, name="metrics"),
    path("metrics/add", metrics.add, name="metric-add"),
    path("metrics/<pid:id>", metrics.metric, name="metric"),
    path("metrics/<pid:id>/edit", metrics.edit, name="metric-edit"),
    path("metrics/<pid:id>/delete", metrics.delete, name="metric-delete"),
    path("plans", plans.plans, name="plans"),
    path("plans/add", plan_form.add, name="plan-add"),
    path("plans/charge-preview", plan_form.charge_preview, name="plan-charge-preview"),
    path("plans/<pid:id>", plans.plan, name="plan"),
    path("plans/<pid:id>/subscriptions", plans.subscriptions, name="plan-subscriptions"),
    path("plans/<pid:id>/activity", plans.activity, name="plan-activity"),
    path("plans/<pid:id>/edit", plan_form.edit, name="plan-edit"),
    path("plans/<pid:id>/duplicate", plan_form.duplicate, name="plan-duplicate"),
    path("plans/<pid:id>/activate", plans.activate, {"active": True}, name="plan-activate"),
    path("plans/<pid:id>/deactivate", plans.activate, {"active": False}, name="plan-deactivate"),
    path("plans/<pid:id>/delete", plans.delete, name="plan-delete"),
    path("coupons", coupons.coupons, name="coupons"),
    path("coupons/add", coupons.add, name="coupon-add"),
    path("coupons/<pid:id>", coupons.coupon, name="coupon"),
    path("coupons/<pid:id>/edit", coupons.edit, name="coupon-edit"),
    path("coupons/<pid:id>/terminate", coupons.terminate, name="coupon-terminate"),
    path("coupons/<pid:id>/delete", coupons.delete, name="coupon-delete"),
    path("taxes", taxes.taxes, name="taxes"),
    path("taxes/add", taxes.add, name="tax-add"),
    path("taxes/<pid:id>/edit", taxes.edit, name="tax-edit"),
    path("taxes/<pid:id>/delete", taxes.delete, name="tax-delete"),
    path("code-suggestion/<slug:noun>", codes.code_suggestion, name="code-suggestion"),
    path("health", health, name="health"),
    path("theme", theme, name="theme"),
]
