"""The official rules of EN 16931 and the schemas of UBL 2.1 and Factur-X, run over a document.

The rules are XSLT 3 and run by Saxon, on one thread alone: its processors break when several threads have one each.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

FILES = Path(facturx.__file__).parent / "xsd_and_schematron"
UBL, CII = FILES / "ubl-2.1", FILES / "facturx-en16931"
SVRL = "{http://purl.oclc.org/dsdl/svrl}"
RULES = {"ubl": UBL / "EN16931-UBL-validation.xslt", "cii": CII / "FACTUR-X_EN16931.xslt"}
SCHEMAS = {
    "Invoice": UBL / "maindoc" / "UBL-Invoice-2.1.xsd",
    "CreditNote": UBL / "maindoc" / "UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": CII / "Factur-X_EN16931.xsd",
}


@lru_cache(maxsize=1)
def processor() -> Any:
    """Saxon, kept for the whole run."""
    return PySaxonProcessor(license=False)


@lru_cache(maxsize=2)
def rules(syntax: str) -> Any:
    """The compiled rules."""
    return processor().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(RULES[syntax]))


@lru_cache(maxsize=3)
def schema(root: str) -> etree.XMLSchema:
    """The compiled schema of a root element."""
    return etree.XMLSchema(etree.parse(str(SCHEMAS[root])))


def faults(content: bytes, syntax: str) -> list[str]:
    """What the schema and the rules find wrong: ids and texts; empty for a valid document. A document that no rule
    has looked at is wrong as well.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    tree = etree.fromstring(content, parser)
    root = etree.QName(tree).localname
    found = schema(root)
    if not found.validate(tree):
        return [f"XSD: {error.message}" for error in found.error_log]
    text = etree.tostring(tree, encoding="unicode")
    report = rules(syntax).transform_to_string(xdm_node=processor().parse_xml(xml_text=text))
    result = etree.fromstring(report.encode())
    if not result.findall(f"{SVRL}fired-rule"):
        return ["No rule has looked at it."]
    return [
        f"{fault.get('id')}: {''.join(fault.itertext()).strip()[:200]}"
        for fault in result.findall(f"{SVRL}failed-assert")
        if fault.get("flag") != "warning"
    ]
