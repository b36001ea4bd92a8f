"""Tables of whom we bill."""

from customers.models.customer import Customer, CustomerStatus, CustomerType, Provider

__all__ = ["Customer", "CustomerStatus", "CustomerType", "Provider"]
