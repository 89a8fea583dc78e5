"""Reads faults from the command line: `loss=0.05`, `silence_after_s=20`, `no_answer`, `die=60`."""

from dataclasses import fields, replace
from typing import Any

from sip.simulator.profile import Faults
from stream_relay.simulator import MediaFaults
from vms.errors import ConfigError
from vms.simulation.box import BoxFaults

OPTION = "--fault"
EXAMPLE = "--fault loss=0.05 --fault no_answer --fault die=60"
DIE = "die"
_BYTES = ("answer_body",)
"""Faults that only tests can set."""


def fault_names() -> tuple[str, ...]:
    """Every name that `parse_faults` takes."""
    signalling = (name for name in Faults.__dataclass_fields__ if name not in _BYTES)
    return (DIE, *MediaFaults.__dataclass_fields__, *signalling)


def parse_faults(texts: list[str]) -> BoxFaults:
    """Faults of a box; raises ConfigError that says what would do."""
    signalling: dict[str, Any] = {}
    media: dict[str, Any] = {}
    die: float | None = None
    for text in texts:
        name, _, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if name == DIE:
            die = _number(text, value)
        elif name in MediaFaults.__dataclass_fields__:
            media[name] = fault_value(MediaFaults, name, text, value)
        elif name in fault_names():
            signalling[name] = fault_value(Faults, name, text, value)
        else:
            raise ConfigError(
                OPTION, f"unknown fault {name!r}; known: {', '.join(fault_names())}", EXAMPLE
            )
    return BoxFaults(replace(Faults(), **signalling), MediaFaults(**media), die)


def fault_value(owner: type[Any], name: str, text: str, value: str) -> Any:
    """A switch is set by its name alone; the others need a number."""
    [field] = (field for field in fields(owner) if field.name == name)
    if isinstance(field.default, bool):
        return True
    number = _number(text, value)
    is_whole = "int" in str(field.type)
    return int(number) if is_whole else number


def _number(text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ConfigError(OPTION, f"{text!r} needs a number behind =", EXAMPLE) from error
