"""What Wireshark finds in a capture file, with every check that it has."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WARNING = 6_291_456
"""tshark's number for the severity."""


@dataclass(frozen=True)
class Seen:
    """What tshark says of a capture."""

    complaints: list[str]
    packets: list[dict[str, str]]
    """Fields of each packet; a field that comes several times is joined by commas."""

    def of(self, protocol: str) -> list[dict[str, str]]:
        return [packet for packet in self.packets if protocol in packet["frame.protocols"]]


def tshark(path: Path, *fields: str, options: Sequence[str] = ()) -> Seen:
    """Read a capture with every check that Wireshark has."""
    troubles = ("_ws.malformed", "_ws.unreassembled")
    names = ("frame.number", "frame.protocols", "_ws.expert.severity", *troubles, *fields)
    command = ["tshark", "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE", *options]
    command += ["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    command += ["-T", "fields", *(word for name in names for word in ("-e", name))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    packets = [dict(zip(names, line, strict=True)) for line in lines]
    complaints = [
        str(packet)
        for packet in packets
        if any(packet[name] for name in troubles)
        or any(int(one) >= WARNING for one in packet["_ws.expert.severity"].split(",") if one)
    ]
    return Seen(complaints, packets)
