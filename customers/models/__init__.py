"""Tables of whom we bill."""

from customers.models.bulk import BulkRow, BulkRun
from customers.models.customer import (
    BillingModel,
    Customer,
    CustomerStatus,
    CustomerType,
    Mode,
    Provider,
    VatStatus,
)
from customers.models.merge import Merge, NotDuplicate
from customers.models.note import Note
from customers.models.own_value import OwnValue
from customers.models.portal import PortalLink
from customers.models.statement import StatementFile
from customers.models.tag import CustomField, FieldKind, Tag, TagColor
from customers.models.vat_check import VatCheck, VatCheckSource, VatCheckState

__all__ = [
    "BillingModel",
    "BulkRow",
    "BulkRun",
    "CustomField",
    "Customer",
    "CustomerStatus",
    "CustomerType",
    "FieldKind",
    "Merge",
    "Mode",
    "NotDuplicate",
    "Note",
    "OwnValue",
    "PortalLink",
    "Provider",
    "StatementFile",
    "Tag",
    "TagColor",
    "VatCheck",
    "VatCheckSource",
    "VatCheckState",
    "VatStatus",
]
