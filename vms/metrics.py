"""Figures for machines, in the Prometheus text format 0.0.4.

Parts of the program answer samples when asked; nothing is kept here but the form.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Kind(StrEnum):
    """How a figure may change: a counter only grows."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure; samples of one name share kind and meaning."""

    name: str
    """Without the prefix `vms_`; counters end in `_total`, units are `_seconds` or `_bytes`."""
    kind: Kind
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def build_text(samples: Iterable[Sample]) -> str:
    """All samples, grouped by name in the order of their first appearance."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.name, []).append(sample)
    lines: list[str] = []
    for name, group in groups.items():
        lines.append(f"# HELP vms_{name} {group[0].meaning}")
        lines.append(f"# TYPE vms_{name} {group[0].kind}")
        lines += [f"vms_{name}{_labels(sample.labels)} {_number(sample.value)}" for sample in group]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
