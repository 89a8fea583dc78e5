"""Outputs by the name of their format; a new format is one file and one line here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stream_relay.formats.twins import twin
from stream_relay.outputs.chunk import Format

if TYPE_CHECKING:
    from stream_relay.outputs.access_units import AccessUnitOutput
    from stream_relay.outputs.flv import FlvOutput
    from stream_relay.outputs.fmp4 import Fmp4Output
    from stream_relay.outputs.output import Output
    from stream_relay.outputs.ps import PsOutput
else:
    AccessUnitOutput = twin("access_units", __name__).AccessUnitOutput
    FlvOutput = twin("flv", __name__).FlvOutput
    Fmp4Output = twin("fmp4", __name__).Fmp4Output
    PsOutput = twin("ps", __name__).PsOutput

_OUTPUTS: dict[Format, "Callable[[], Output]"] = {
    "access-units": AccessUnitOutput,
    "fmp4": lambda: Fmp4Output("aac"),
    "fmp4-any-audio": lambda: Fmp4Output("any"),
    "flv": lambda: FlvOutput("enhanced"),
    "flv-h265-legacy": lambda: FlvOutput("legacy"),
    "ps": lambda: PsOutput("any"),
    "ps-g711": lambda: PsOutput("g711"),
    "ps-video": lambda: PsOutput("none"),
}


def create_output(name: Format) -> "Output":
    """A new output of this format, compiled where it has been built."""
    return _OUTPUTS[name]()
