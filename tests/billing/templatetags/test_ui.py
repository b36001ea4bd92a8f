"""What the tags write: escaped, tied together for screen readers, and safe under the content policy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.template import Context, Template
from django.test import RequestFactory

from billing.web.badges import BADGES, TONES

HOSTILE = '"><script>x</script>'


def show(text: str, **values: Any) -> str:
    return Template(text).render(Context(values))


class Sample(forms.Form):
    name = forms.CharField(help_text="As on invoices.")
    note = forms.CharField(required=False)
    kind = forms.ChoiceField(choices=[("a", "First"), ("b", "Second")], widget=forms.RadioSelect)


@pytest.mark.parametrize(
    "text",
    [
        "{% badge v %}",
        "{% badge 'x' label=v %}",
        "{% copy v %}",
        "{% crumb v v %}",
        "{% button v v %}",
        "{% button v name=v value=v busy=v %}",
        "{% menu v %}{% menu_item v v %}{% menu_item v reason=v %}{% endmenu %}",
        "{% empty 'users' v v v v %}",
        "{% fact v %}{{ v }}{% endfact %}",
        "{% drawer title=v action=v submit=v busy=v cancel=v subtitle=v %}{{ v }}{% enddrawer %}",
        "{% dialog title=v action=v %}{{ v }}{% enddialog %}",
        "{% card v note=v %}{{ v }}{% endcard %}",
        "{% alert v title=v %}{{ v }}{% endalert %}",
        "{% figure v note=v url=v %}{{ v }}{% endfigure %}",
        "{% fold v note=v %}{{ v }}{% endfold %}",
        "{% icon 'x' kind=v %}",
        "{{ 5|money:'EUR' }}{{ v|or_dash }}",
    ],
)
def test_nothing_hostile_survives(text: str) -> None:
    html = show(text, v=HOSTILE)
    assert "<script" not in html
    assert "&lt;script" in html


def test_field_ties_hint_and_error_to_the_control() -> None:
    form = Sample({"name": "", "kind": "a"})
    html = show("{% field form.name %}{% field form.note %}", form=form)
    assert 'aria-describedby="id_name_hint id_name_error"' in html
    assert 'id="id_name_hint"' in html and 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert html.count("optional") == 2  # the class and the word, for the note alone


def test_radio_choices_are_a_fieldset_with_a_legend() -> None:
    html = show("{% field form.kind cards=True %}", form=Sample())
    assert html.count('type="radio"') == 2
    assert "<fieldset" in html and "<legend" in html


def test_money_and_dates_carry_what_a_machine_needs() -> None:
    at = datetime(2026, 11, 21, 22, 5, 12, tzinfo=UTC)
    assert show("{{ 1234|money:'EUR' }}") == '<span class="money">€12.34</span>'
    html = show("{{ at|day:'Africa/Kampala' }}", at=at)
    assert html == (
        '<time datetime="2026-11-21T22:05:12+00:00" title="22 Nov 2026, 01:05:12 Africa/Kampala (UTC+03:00)">'
        "22 Nov 2026</time>"
    )
    assert "\u2013" in show("{{ none|day }}{{ none|money:'EUR' }}", none=None)


def test_sorting_turns_and_returns_to_the_first_page() -> None:
    request = RequestFactory().get("/customers", {"sort": "name", "page": "3", "q": "acme"})
    html = show('{% sort_header "Name" "name" target="list" %}', request=request)
    assert 'aria-sort="ascending"' in html
    assert 'href="?sort=-name&amp;q=acme"' in html
    assert 'hx-target="#list"' in html


def test_pager_says_where_we_are_and_keeps_the_filters() -> None:
    request = RequestFactory().get("/customers", {"q": "acme", "page": "2"})
    page = Paginator(range(1431), 20).get_page(2)
    html = show("{% pager page noun='customers' %}", request=request, page=page)
    assert "21\u201340 of 1,431 customers" in html
    assert 'href="?q=acme&amp;page=1"' in html and 'href="?q=acme&amp;page=3"' in html
    assert "1 entity<" in show("{% pager page noun='entities' %}", page=Paginator([1], 20).get_page(1))
    assert "rel=" not in show("{% pager page %}", page=Paginator([], 20).get_page(1))


def test_bars_have_sizes_as_attributes_and_a_table() -> None:
    items = [{"label": f"{day} Nov", "value": day, "title": f"{day} calls"} for day in range(4)]
    html = show("{% bar_chart items title='Calls' %}", items=items)
    assert "style" not in html
    assert html.count('class="value"') == 4
    assert 'height="138.0"' in html and 'height="0.0"' in html
    assert html.count('<th scope="row">') == 4


def test_every_status_has_a_known_tone_and_a_word() -> None:
    assert all(tone in TONES and word for tone, word in BADGES.values())
    assert "Something new" in show("{% badge 'something_new' %}")


def test_no_template_needs_what_the_content_policy_forbids() -> None:
    for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        if {"documents", "emails"} & set(path.parts):
            continue  # printed or mailed, never served as a page
        text = re.sub(r"{% comment %}.*?{% endcomment %}", "", path.read_text(), flags=re.S)
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|hx-on|javascript:", text), path.name
        assert not re.search(r"<script(?![^>]*src=)", text), path.name
