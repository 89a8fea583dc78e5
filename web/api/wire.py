"""What all answers and bodies have in common: how records become JSON, pages, ids and codes.

Answers are built from the services' records by attribute, field by field as declared here and in
the resources, so that a new field of a record never reaches the public by accident. Unknown values
are null, never "" or 0.
"""

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

ItemT = TypeVar("ItemT")


class Wire(BaseModel):
    """Base of answers: frozen, read from records by attribute, documented by docstrings."""

    model_config = ConfigDict(
        frozen=True,
        from_attributes=True,
        use_attribute_docstrings=True,
        ser_json_inf_nan="null",
    )


class Body(BaseModel):
    """Base of bodies and queries: unknown fields are refused, so no misspelt one is ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class ListOf(Wire, Generic[ItemT]):
    """A whole list."""

    items: list[ItemT]


class PageOf(Wire, Generic[ItemT]):
    """One page of a list."""

    items: list[ItemT]
    total: int
    """Number of items over all pages."""
    page: int
    """Counts from 1."""
    size: int
    """Most items per page."""


class PageQuery(Body):
    """Which page of a list."""

    page: int = Field(1, ge=1, le=1_000_000)
    """Counts from 1."""
    size: int = Field(50, ge=1, le=500)
    """Most items per page."""


def _none_when_empty(value: object) -> object:
    return value if value not in ("", 0) else None


Known = BeforeValidator(_none_when_empty)
Text = Annotated[str | None, Known]
"""Text that may be unknown."""
Count = Annotated[int | None, Known]
"""A number whose zero means that it is not known."""
Id = Annotated[str, BeforeValidator(str), Field(examples=["17"])]
"""An opaque id."""
Number = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""An id as a path parameter."""
FileId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""The id of something that is kept as a file."""
GbCode = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{20}$"), Field(examples=["14040000001320000001"])
]
"""The 20 digits of GB/T 28181-2022 annex E."""
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
"""A name that people give: printable, on one line."""
WITHOUT_NUL = r"^[^\x00]*$"
"""Databases refuse the character NUL in text."""
Search = Annotated[str, StringConstraints(max_length=128, pattern=WITHOUT_NUL)]
"""What people look for, or a key that only a service can judge."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A share of the picture's width or height."""
