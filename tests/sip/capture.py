"""Writes what two sans-IO parties said as a capture file."""

from pathlib import Path

from sip.trace.pcap import Parcel, build_capture, build_packets

__all__ = ["Parcel", "write_capture"]


def write_capture(path: Path, parcels: list[Parcel]) -> int:
    """Write a capture file and return how many packets it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(build_capture(parcels))
    return sum(1 for _ in build_packets(parcels))
