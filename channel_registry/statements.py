"""How statements are run: on a named database, answering plain dictionaries, in bounded chunks.

The one place where the untyped results of peewee become typed values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from peewee import Database

from channel_registry.errors import InvalidFilter
from channel_registry.records import Page

T = TypeVar("T")
Row = dict[str, Any]

CHUNK = 500
"""Rows of one statement: 500 rows of 30 columns stay under SQLite's 32,766 parameters."""
MAX_PAGE_SIZE = 1_000


def fetch(query: Any, database: Database) -> list[Row]:
    """All rows of a SELECT (or of a RETURNING) as dictionaries."""
    return list(query.dicts().execute(database))


def fetch_one(query: Any, database: Database) -> Row | None:
    """The first row, or none."""
    return next(iter(fetch(query.limit(1), database)), None)


def run(query: Any, database: Database) -> int:
    """Run an UPDATE or a DELETE; answers how many rows it touched."""
    return int(query.execute(database))


def insert(query: Any, database: Database) -> Any:
    """Run an INSERT; answers the new row's key."""
    return query.execute(database)


def count(query: Any, database: Database) -> int:
    """How many rows a SELECT has."""
    return int(query.count(database))


def scalar(query: Any, database: Database) -> Any:
    """The first column of the first row, or none."""
    return query.scalar(database)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def run_sql(database: Any, sql: str, parameters: tuple[Any, ...] = ()) -> None:
    """Run a statement that peewee has no words for; never with text from outside in `sql`."""
    database.execute_sql(sql, parameters)


def insert_all(model: Any, rows: Iterable[Row], database: Database) -> None:
    """Insert many rows, a chunk per statement."""
    for chunk in chunks(rows):
        model.insert_many(chunk).execute(database)


def update_each(model: Any, values: Mapping[Any, Row], database: Database) -> None:
    """Update rows by their primary key, each to values of its own, in one statement per chunk.

    All rows name the same fields. Peewee has no words for a table of values with names; only names
    of our own columns and marks of parameters are put into the statement.
    """
    if not values:
        return
    key = model._meta.primary_key
    fields = [key, *(getattr(model, name) for name in next(iter(values.values())))]
    mark: str = database.param
    row = ", ".join(f"CAST({mark} AS {field.field_type})" for field in fields)
    names = [f'"{field.column_name}"' for field in fields]
    sets = ", ".join(f"{name} = given.{name}" for name in names[1:])
    table = f'"{model._meta.table_name}"'
    for chunk in chunks(values.items()):
        rows = ", ".join([f"({row})"] * len(chunk))
        parameters = [
            field.db_value(value)
            for identity, changes in chunk
            for field, value in zip(fields, (identity, *changes.values()), strict=True)
        ]
        run_sql(
            database,
            f"WITH given ({', '.join(names)}) AS (VALUES {rows}) "  # noqa: S608  # see above
            f"UPDATE {table} SET {sets} FROM given WHERE {table}.{names[0]} = given.{names[0]}",
            tuple(parameters),
        )


def page_of(
    query: Any,
    order: Sequence[Any],
    make: Callable[[Row], T],
    database: Database,
    *,
    page: int,
    size: int,
) -> Page[T]:
    """One page of a query's records; raises `InvalidFilter` for a page that cannot be."""
    if page < 1:
        raise InvalidFilter("page", "counts from 1")
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise InvalidFilter("size", f"1 to {MAX_PAGE_SIZE}")
    total = count(query, database)
    rows = fetch(query.order_by(*order).paginate(page, size), database)
    return Page(tuple(make(row) for row in rows), total, page, size)
