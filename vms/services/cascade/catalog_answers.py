"""Our catalogue in messages that fit the transport (GB/T 28181-2022 annex M, 2016 annex N)."""

from collections.abc import Iterator, Sequence

from sip.events import CatalogItem
from sip.gb28181.catalog import build_catalog_response

MOST_BYTES = {"udp": 1_200, "tcp": 60_000}
"""Of a body: over UDP a whole message must go into one packet of the network (RFC 3261 18.1.1)."""
MOST_ITEMS = 500


def split_items(
    items: Sequence[CatalogItem], transport: str, charset: str
) -> Iterator[tuple[CatalogItem, ...]]:
    """Cut a list so that each message keeps to the transport; at least one item in each."""
    most = MOST_BYTES[transport]
    head = len(build_catalog_response("0" * 20, 1, (), 0, charset=charset)) + 64
    part: list[CatalogItem] = []
    size = head
    for item in items:
        own = len(build_catalog_response("0" * 20, 1, (item,), 0, charset=charset)) - head + 64
        if part and (size + own > most or len(part) >= MOST_ITEMS):
            yield tuple(part)
            part, size = [], head
        part.append(item)
        size += own
    if part:
        yield tuple(part)
