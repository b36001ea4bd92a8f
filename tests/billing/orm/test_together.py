"""Tables made together are those that the models ask for, and nothing else may be made that way."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AddIndex, CreateModel, DeleteModel

from billing.orm.together import Together, together


@pytest.mark.django_db
def test_every_column_index_and_constraint_of_the_models_is_in_the_database() -> None:
    """`makemigrations --check` compares with what the migrations say; this with what they did."""
    with connection.cursor() as cursor:
        for model in (
            model
            for label in ("billing", "customers", "invoicing")
            for model in apps.get_app_config(label).get_models()
        ):
            table = model._meta.db_table
            columns = {
                column.name for column in connection.introspection.get_table_description(cursor, table)
            }
            assert columns == {field.column for field in model._meta.local_concrete_fields}, table
            made = connection.introspection.get_constraints(cursor, table)
            cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass", [table])
            names = set(made) | {name for (name,) in cursor.fetchall()}
            wanted = {row.name for row in (*model._meta.indexes, *model._meta.constraints)}
            assert wanted <= names, table


def test_tables_come_first_and_removals_are_refused() -> None:
    link = AddField("a", "b", models.ForeignKey("x.B", models.CASCADE))
    first, second = CreateModel("A", []), CreateModel("B", [])
    index = AddIndex("b", models.Index(fields=["id"], name="b_id"))
    found = together([first, link, second, index])
    assert [type(part) for part in found] == [Together, Together]
    assert [list(part.operations) for part in found if isinstance(part, Together)] == [
        [first, second],
        [link, index],
    ]
    with pytest.raises(ValueError, match="Delete model A"):
        together([first, DeleteModel("A")])


def test_the_first_migrations_stand_for_those_before_them() -> None:
    """A database that has all of those need not run these: no name may be missing between the first and the last."""
    loader = MigrationLoader(None)
    for app, last in {"billing": 26, "customers": 6, "invoicing": 13}.items():
        replaced = [
            name
            for key in loader.disk_migrations
            if key[0] == app
            for _, name in loader.disk_migrations[key].replaces
        ]
        assert sorted({int(name[:4]) for name in replaced}) == list(range(1, last + 1)), app
