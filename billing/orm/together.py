"""Many tables made by one operation of a migration.

After each operation Django renders every model that is related to the one that it changed: in a schema where all
tables hang together that is all models, hundreds of times. Operations that only add things need one rendering of the
state before them and one of the state after all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddConstraint, AddField, AddIndex, CreateModel
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

ADDING = (AddField, AddIndex, AddConstraint)


class Together(Operation):
    """Operations of one kind, each of which sees the state after all of them. They are not taken back."""

    reversible = False

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Without the rendered models: they are rendered once, when they are next asked for."""
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Each operation's own way of doing it."""
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        """For `migrate --plan`."""
        return "; ".join(operation.describe() for operation in self.operations)


def together(operations: Sequence[Operation]) -> list[Operation]:
    """First the tables, then what is added to them. ValueError for an operation that does anything else."""
    if wrong := [operation for operation in operations if not isinstance(operation, (CreateModel, *ADDING))]:
        raise ValueError(f"Only new tables, columns, indexes and constraints: {wrong[0].describe()}")
    tables_first = sorted(operations, key=lambda operation: not isinstance(operation, CreateModel))
    return [
        Together(list(group))
        for _, group in groupby(tables_first, lambda operation: isinstance(operation, CreateModel))
    ]
