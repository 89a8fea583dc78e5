"""Quirks: what makers do differently, as a table that people can edit."""

from pydantic import Field

from vms.records import QuirkView
from web.api.wire import Body, ListOf, Wire
from web.call import Call
from web.route import Permission, Resource

resource = Resource("quirks", "Quirks (厂家差异): how to speak to which maker's devices.")
MOST_OWN_ROWS = 2000
LONGEST = 512


class QuirkLine(Wire):
    """One row of the table."""

    maker: str = Field("", max_length=LONGEST)
    """Words joined by `|`; any of them in the maker's name or User-Agent fits. Empty: all."""
    model: str = Field("", max_length=LONGEST)
    """Pattern with `*` and `?`. Empty: all."""
    firmware_from: str = Field("", max_length=LONGEST)
    firmware_to: str = Field("", max_length=LONGEST)
    quirk: str = Field(max_length=LONGEST)
    value: str = Field(max_length=LONGEST)
    evidence: str = Field(min_length=1, max_length=LONGEST)
    """Where this is known from."""
    builtin: bool = False
    """Comes with the product; a row of one's own for the same devices wins over it."""


class BadLine(Wire):
    """A line of one's own file that is left out."""

    line: int
    """Counts from 1, the head line."""
    reason: str


class QuirkList(ListOf[QuirkLine]):
    """The whole table, in the order in which rows win: the last one that fits."""

    bad: list[BadLine]
    """Lines of `quirks.csv` that cannot be; they are lost when the table is saved here."""


class QuirkDraft(Body):
    """The rows of one's own, all of them."""

    rows: list[QuirkLine] = Field(max_length=MOST_OWN_ROWS)


@resource.route("GET", "/quirks", summary="List the quirk table", permission=Permission.WATCH)
async def list_quirks(call: Call) -> QuirkList:
    """List built-in rows, then one's own."""
    quirks = call.services.quirks
    return QuirkList(
        items=[QuirkLine.model_validate(row) for row in quirks.rows()],
        bad=[BadLine.model_validate(row) for row in quirks.bad],
    )


@resource.route(
    "PUT",
    "/quirks",
    summary="Exchange one's own rows",
    permission=Permission.ADMINISTER,
    problems=("invalid",),
)
async def replace_quirks(call: Call, body: QuirkDraft) -> QuirkList:
    """Put these rows in the place of one's own; they hold for the next call to a device."""
    rows = [QuirkView(**line.model_dump()) for line in body.rows if not line.builtin]
    await call.services.quirks.replace(rows)
    return await list_quirks(call)
