"""Chooses the compiled twin of a module where it has been built, else the plain one."""

from importlib import import_module
from types import ModuleType

PACKAGE = "stream_relay.formats"


def twin(name: str, package: str = PACKAGE) -> ModuleType:
    """The module `_name` compiled from `name.py`, or `name` itself when nothing was built."""
    try:
        return import_module(f"{package}._{name}")
    except ImportError:
        return import_module(f"{package}.{name}")


def is_compiled(name: str, package: str = PACKAGE) -> bool:
    """Whether `twin(name)` is the compiled one."""
    return twin(name, package).__name__ == f"{package}._{name}"
