"""Outputs by the name of their format; a new format is one file and one line here."""

from collections.abc import Callable

from stream_relay.outputs.access_units import AccessUnitOutput
from stream_relay.outputs.chunk import Format, Output
from stream_relay.outputs.flv import FlvOutput
from stream_relay.outputs.fmp4 import Fmp4Output

_OUTPUTS: dict[Format, Callable[[], Output]] = {
    "access-units": AccessUnitOutput,
    "fmp4": lambda: Fmp4Output("aac"),
    "fmp4-any-audio": lambda: Fmp4Output("any"),
    "flv": lambda: FlvOutput("enhanced"),
    "flv-h265-legacy": lambda: FlvOutput("legacy"),
}


def create_output(name: Format) -> Output:
    """A new output of this format."""
    return _OUTPUTS[name]()
