"""Writing XML: elements in a fixed order, nothing for what is empty, the same bytes for the same document."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from xml.etree import ElementTree as ET


class Writer:
    """Builds one document. Tags are written as `prefix:Name`; `spaces` maps prefixes to namespaces, "" is the root's
    own when it has no prefix.
    """

    def __init__(self, spaces: Mapping[str, str], root: str) -> None:
        self.spaces = dict(spaces)
        attributes = {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in spaces.items()}
        self.root = ET.Element(root, attributes)

    def sub(self, parent: ET.Element, tag: str) -> ET.Element:
        """An element that holds others."""
        return ET.SubElement(parent, tag)

    def put(self, parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
        """An element with a text; none when the text is empty."""
        if text:
            ET.SubElement(parent, tag, attributes).text = text

    def text(self) -> bytes:
        """The finished document."""
        ET.indent(self.root)
        body = ET.tostring(self.root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def amount_text(value: Decimal) -> str:
    """An amount with two decimals, which is what e-invoices have."""
    return f"{value:.2f}"


def decimal_text(value: Decimal) -> str:
    """A quantity, price or rate without needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
