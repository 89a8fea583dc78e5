"""Runs a pretend upper platform: from a script, from what is typed, until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from sip.simulator.upper import UpperFaults
from vms.errors import ConfigError
from vms.simulation.faults import fault_value
from vms.simulation.script import typed_lines
from vms.simulation.upper.journal import Journal
from vms.simulation.upper.orders import Order, parse_order
from vms.simulation.upper.platform import UpperPlan, UpperPlatform

OPTION = "--fault"
EXAMPLE = "--fault no_ack --fault lost_keepalives=3"


def upper_fault_names() -> tuple[str, ...]:
    """Every name that `parse_upper_faults` takes."""
    return tuple(UpperFaults.__dataclass_fields__)


def parse_upper_faults(texts: list[str]) -> UpperFaults:
    """Faults as written on the command line; raises ConfigError that says what would do."""
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name not in upper_fault_names():
            known = ", ".join(upper_fault_names())
            raise ConfigError(OPTION, f"unknown fault {name!r}; known: {known}", EXAMPLE)
        found[name] = fault_value(UpperFaults, name, text, value)
    return replace(UpperFaults(), **found)


async def run_upper(
    plan: UpperPlan,
    journal: Journal,
    script: tuple[Order, ...],
    stop: asyncio.Event,
    *,
    is_typed: bool,
) -> None:
    """Play the platform until `stop`, or until an order says quit."""
    await UpperPlatform(plan, journal).run(_orders(script, journal, is_typed=is_typed), stop)


async def _orders(
    script: tuple[Order, ...], journal: Journal, *, is_typed: bool
) -> AsyncIterator[Order]:
    """Those of the file, then those that are typed; a wrong line is told and left out."""
    for order in script:
        yield order
    if not is_typed:
        return
    async for line in typed_lines():
        try:
            order_typed = parse_order(line)
        except ConfigError as error:
            journal.tell("failed", f"✗ {error.reason}", order=line.strip(), reason=error.reason)
            continue
        if order_typed is not None:
            yield order_typed
