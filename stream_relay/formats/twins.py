"""Chooses the compiled twin of a module where it has been built, else the plain one."""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

PACKAGE = "stream_relay.formats"


def twin(name: str, package: str = PACKAGE) -> ModuleType:
    """The module `_name` compiled from `name.py`, or `name` itself when nothing was built.

    A plain module that has a compiled twin gets plain modules: compiled classes call each other
    in C, plain ones in Python, so the two sides cannot be mixed, only compared.
    """
    if not _is_plain_side(sys._getframe(1).f_globals.get("__name__", "")):
        try:
            return import_module(f"{package}._{name}")
        except ImportError:
            pass
    return import_module(f"{package}.{name}")


def is_compiled(name: str, package: str = PACKAGE) -> bool:
    """Whether `twin(name)` is the compiled one."""
    return twin(name, package).__name__ == f"{package}._{name}"


def _is_plain_side(asker: str) -> bool:
    """Whether this module is a plain one beside its compiled twin (which has no Python frame)."""
    home, _, leaf = asker.rpartition(".")
    return asker.startswith("stream_relay.") and find_spec(f"{home}._{leaf}") is not None
