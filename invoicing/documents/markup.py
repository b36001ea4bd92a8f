"""Our documents as WeasyPrint takes them, read and dressed more quickly than any web page could be.

The templates write well-formed markup, so an XML parser reads it in a tenth of the time that reading HTML takes;
and of the style sheet that the renderer has for all of HTML only what our elements need is looked through for each of
them. Law: the PDF has the same bytes as one that the renderer read and dressed by itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from xml.etree.ElementTree import Element, ParseError

from cssselect2 import ElementWrapper
from defusedxml.ElementTree import fromstring
from weasyprint import CSS, HTML
from weasyprint.urls import URLFetcher

UNKNOWN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # to XML 1.0
BLOCKS = "html, body, div, h1, h2, p"
DEFAULTS = f"""
head, meta, title {{ display: none }}
{BLOCKS} {{ display: block }}
table {{ display: table; box-sizing: border-box; text-indent: 0; border-collapse: separate; border-color: gray }}
thead {{ display: table-header-group; vertical-align: middle }}
tbody {{ display: table-row-group; vertical-align: middle }}
tr {{ display: table-row; vertical-align: inherit }}
td, th {{ display: table-cell; vertical-align: inherit; padding: 1px; border-color: gray }}
th, b {{ font-weight: bold }}
img {{ overflow: hidden }}
h1, h2 {{ bookmark-label: content(text); break-after: avoid; break-inside: avoid }}
h1 {{ bookmark-level: 1 }}
h2 {{ bookmark-level: 2; font-weight: bold }}
@page {{
  @top-left {{ text-align: left; vertical-align: middle }}
  @top-right {{ text-align: right; vertical-align: middle }}
  @bottom-left {{ text-align: left; vertical-align: middle }}
  @bottom-right {{ text-align: right; vertical-align: middle }}
}}
"""


@lru_cache(maxsize=1)
def defaults() -> CSS:
    """The parsed style sheet of our elements."""
    return CSS(string=DEFAULTS)


def parsed(text: str) -> Element:
    """The tree. Control characters in names and notes are rare, so they are looked for when it fails."""
    try:
        return fromstring(text)
    except ParseError:
        return fromstring(UNKNOWN.sub("", text))


class Markup(HTML):
    """A document of our own templates. What XML does not know is left out; raises ParseError for what is not
    well-formed, which is a mistake in a template.
    """

    def __init__(self, text: str, fetcher: URLFetcher) -> None:
        self.base_url = "asset:"
        self.url_fetcher = fetcher
        self.media_type = "print"
        self.wrapper_element = ElementWrapper.from_html_root(parsed(text))
        self.etree_element = self.wrapper_element.etree_element

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:
        return [defaults()]
