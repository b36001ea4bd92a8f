"""An e-invoice inside a PDF, as Factur-X and ZUGFeRD have it: the file, and the metadata by which readers find it.

Source: Factur-X 1.0, profile EN 16931. The extension schema of the `fx` names stands in the same description as they
do: a second one in the packet would be overlooked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from weasyprint import Attachment

FILE = "factur-x.xml"
VALUES = {
    "DocumentType": "INVOICE",
    "DocumentFileName": FILE,
    "Version": "1.0",
    "ConformanceLevel": "EN 16931",
}
NAMES = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters",
    "Version": "The version of the standard that the embedded XML document follows",
    "ConformanceLevel": "The conformance level of the embedded XML document",
}
URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
PDFA = "http://www.aiim.org/pdfa/ns"
END = b"</rdf:RDF>"


def description() -> str:
    """The XMP that names the file, with the schema of these names."""
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, value in VALUES.items())
    properties = "".join(
        '<rdf:li rdf:parseType="Resource">'
        f"<pdfaProperty:name>{name}</pdfaProperty:name>"
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        "<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
        for name, text in NAMES.items()
    )
    return (
        f'<rdf:Description rdf:about="" xmlns:fx="{URI}">{values}</rdf:Description>'
        f'<rdf:Description rdf:about="" xmlns:pdfaExtension="{PDFA}/extension/" xmlns:pdfaSchema="{PDFA}/schema#"'
        f' xmlns:pdfaProperty="{PDFA}/property#"><pdfaExtension:schemas><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{URI}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li>"
        "</rdf:Bag></pdfaExtension:schemas></rdf:Description>"
    )


def attach(metadata: Any, content: bytes, made_at: datetime) -> None:
    """Put the file and its names into a document's metadata before it is written."""
    metadata.attachments = [
        Attachment(
            string=content,
            name=FILE,
            description="E-invoice",
            relationship="Alternative",
            created=made_at,
            modified=made_at,
        )
    ]
    usual = metadata.generate_rdf_metadata

    def with_names(*args: Any, **kwargs: Any) -> bytes:
        packet: bytes = usual(*args, **kwargs)
        if packet.count(END) != 1:
            raise ValueError("The metadata of the PDF have no place for the e-invoice's.")
        return packet.replace(END, description().encode() + END)

    write = metadata.include_in_pdf

    def in_the_open(pdf: Any, variant: Any, version: Any, conformance: Any, compress: Any) -> None:
        write(pdf, variant, version, conformance, False)  # some readers look for the names without unpacking

    metadata.generate_rdf_metadata = with_names
    metadata.include_in_pdf = in_the_open
