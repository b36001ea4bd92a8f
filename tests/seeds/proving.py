"""A story that proves several rows: what fails names its row, and no row of the story is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Proof:
    """`with proof("L07"): ...` for each of the rows, then `proof.complete()`."""

    def __init__(self, *ids: str) -> None:
        self.open = set(ids)

    @contextmanager
    def __call__(self, *ids: str) -> Iterator[None]:
        """The block proves these rows; whatever is raised in it becomes an AssertionError that names them."""
        try:
            yield
        except Exception as error:
            raise AssertionError(f"{', '.join(ids)}: {error}") from error
        self.open -= set(ids)

    def complete(self) -> None:
        """All the rows were proved."""
        assert not self.open, f"never proved: {sorted(self.open)}"
