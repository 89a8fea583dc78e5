"""The pairs that the tests of `sip` use: endpoint and device, upper and lower platform."""

from tests.sip.conftest import make_rig, make_wire, parts, wire
from tests.sip.roles.upward.conftest import make_cascade

__all__ = ["make_cascade", "make_rig", "make_wire", "parts", "wire"]
