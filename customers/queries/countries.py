"""The countries that an organization's customers are in, for choosing one of them."""

from __future__ import annotations

from django.db import connection

from billing.models import Organization

# From one country to the next along the index: as many steps as there are countries, however many the customers.
COUNTRIES = """
WITH RECURSIVE found (country) AS (
    (SELECT country FROM customers_customer
      WHERE organization_id = %(organization)s AND deleted_at IS NULL AND country > ''
      ORDER BY country LIMIT 1)
    UNION ALL
    SELECT (SELECT country FROM customers_customer
             WHERE organization_id = %(organization)s AND deleted_at IS NULL AND country > found.country
             ORDER BY country LIMIT 1)
      FROM found WHERE country IS NOT NULL
)
SELECT country FROM found WHERE country IS NOT NULL
"""


def countries_in_use(organization: Organization) -> list[str]:
    """ISO 3166 codes, in the order of codes."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTRIES, {"organization": organization.pk})
        return [country for (country,) in cursor.fetchall()]
