"""Our registration at an upper platform, which is another one of ours."""

import pytest

from sip.events import DeviceRegistered, KeepaliveReceived
from sip.roles.upward.terms import UplinkState

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])


@TRANSPORTS
def test_it_registers_and_keeps_alive(make_cascade, transport):
    cascade = make_cascade(transport=transport)
    cascade.register()
    cascade.run(200)
    assert len(cascade.heard(DeviceRegistered, cascade.upper)) == 1
    assert len(cascade.heard(KeepaliveReceived, cascade.upper)) == 3
    assert cascade.states() == [(UplinkState.REGISTERING, ""), (UplinkState.REGISTERED, "")]
