"""What the values of the configuration may be: readers, checks and small types.

The sections in `vms.config_sections` use them; errors name what would do.
"""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic.config import JsonDict

from stream_relay.remote.signing import secret_fault

FIRST_FREE_PORT = 1024
"""Below it ports are the system's."""


class PortRange(NamedTuple):
    """UDP and TCP ports for media, both ends included."""

    first: int
    last: int


def parse_ports(text: str) -> PortRange:
    """Read `30000-30999`; raises ValueError when it is not a usable range."""
    first, dash, last = text.replace(" ", "").partition("-")
    if not (dash and first.isdecimal() and last.isdecimal()):
        raise ValueError("must be two ports joined by a dash")
    ports = PortRange(int(first), int(last))
    if not FIRST_FREE_PORT <= ports.first < ports.last <= 65535:
        raise ValueError("must lie within 1024-65535 and rise")
    if ports.last - ports.first < 3:
        raise ValueError("must hold two even ports at least")
    return ports


def check_ports(text: str) -> str:
    """Accept what `parse_ports` reads."""
    parse_ports(text)
    return text


def split(value: object) -> object:
    """Let the environment give a list as `a,b`."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def none_if_empty(value: object) -> object:
    """Let an empty text stand for nothing."""
    return None if value == "" else value


def check_digests(names: tuple[str, ...]) -> tuple[str, ...]:
    """Accept digests that this system has, each once."""
    if "SM3" in names and "sm3" not in hashlib.algorithms_available:
        raise ValueError("the OpenSSL of this system has no SM3; leave it out")
    if len(set(names)) < len(names):
        raise ValueError("must name each digest once")
    return names


DOMAIN_DIGITS = 10
"""Of our code, which are the domain by rule (GB/T 28181-2022 annex E)."""


def read_json(value: object) -> object:
    """Let the environment give a list of tables as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else ()
    except (ValueError, RecursionError) as error:
        raise ValueError("must be a JSON list of objects with url and secret") from error


def check_node_url(text: str) -> str:
    """Accept the address of a relay node."""
    url = urlsplit(text)
    try:
        is_good = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is no number
        is_good = False
    if not is_good or url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc:
        raise ValueError("must be http:// or https://, a host and a port, nothing more")
    return text.rstrip("/")


def check_secret(value: SecretStr) -> SecretStr:
    """Accept an empty secret or a good one."""
    text = value.get_secret_value()
    if text and (fault := secret_fault(text)):
        raise ValueError(fault)
    return value


GbCode = Annotated[str, Field(pattern=r"^[0-9]{20}$")]


class Transport(StrEnum):
    """How media comes from a device (GB/T 28181-2022 annex G); passive and active are ours."""

    UDP = "udp"
    TCP_PASSIVE = "tcp-passive"
    TCP_ACTIVE = "tcp-active"


class LogFormat(StrEnum):
    """How a log line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least urgent line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def setting(default: Any, example: Any, unit: str = "", **bounds: Any) -> Any:
    """A key with its default, a value that would do, its unit and its bounds."""
    extra: JsonDict = {"unit": unit} if unit else {}
    return Field(default, examples=[example], json_schema_extra=extra, **bounds)
