"""The pair of endpoint and simulated device that the tests of `sip` use."""

from tests.sip.conftest import make_rig, make_wire, parts, wire

__all__ = ["make_rig", "make_wire", "parts", "wire"]
