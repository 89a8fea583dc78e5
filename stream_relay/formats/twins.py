"""Chooses the compiled twin of a module where it has been built, else the plain one."""

from importlib import import_module
from types import ModuleType

PACKAGE = "stream_relay.formats"


def twin(name: str) -> ModuleType:
    """The module `_name` compiled from `name.py`, or `name` itself when nothing was built."""
    try:
        return import_module(f"{PACKAGE}._{name}")
    except ImportError:
        return import_module(f"{PACKAGE}.{name}")


def is_compiled(name: str) -> bool:
    """Whether `twin(name)` is the compiled one."""
    return twin(name).__name__ == f"{PACKAGE}._{name}"
