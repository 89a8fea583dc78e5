"""Each fault switch of the simulator leads to the verdict that names it: everything is real but
the registry, over loopback."""

from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from sip.simulator.profile import Faults
from stream_relay.packetizer import MediaFaults
from tests.ports import free_ports
from tests.vms.services.doctor.ward import OneRoute, open_ward
from vms.config_sections import MediaSection
from vms.config_values import Transport
from vms.records import Cause, Grade, Mark, Rung
from vms.simulation.box import BoxFaults

UDP, PASSIVE, ACTIVE = Transport.UDP, Transport.TCP_PASSIVE, Transport.TCP_ACTIVE
SOON = {"first_packet_timeout_s": 0.6}
"""For what never comes: how busy the machine is does not matter."""


@dataclass(frozen=True)
class Case:
    """A fault and the verdict that names it."""

    cause: Cause
    signalling: dict[str, Any] = field(default_factory=dict)
    media: dict[str, Any] = field(default_factory=dict)
    way: Transport = UDP
    settings: dict[str, Any] = field(default_factory=dict)
    says_on: bool = True

    @property
    def name(self) -> str:
        faults = ",".join(f"{k}={v}" for k, v in {**self.signalling, **self.media}.items())
        return f"{faults or 'nothing'}-{self.way.value}-{self.cause.value}"


def refused(status: int, cause: Cause) -> Case:
    return Case(cause, {"answer_status": status})


SIP = [
    Case(Cause.SIP_SILENT, {"no_answer": True}, settings={"invite_timeout_s": 0.5}),
    Case(Cause.SIP_TRYING_ONLY, {"trying_only": True}, settings={"invite_timeout_s": 4.0}),
    Case(
        Cause.SIP_LATE,
        {"answer_delay_s": 1.5, "cancel_ignored": True},
        settings={"invite_timeout_s": 0.5},
    ),
    refused(404, Cause.SIP_NOT_FOUND),
    refused(403, Cause.SIP_FORBIDDEN),
    refused(480, Cause.SIP_UNAVAILABLE),
    refused(486, Cause.SIP_BUSY),
    refused(600, Cause.SIP_BUSY),
    refused(488, Cause.SIP_TRANSPORT),
    refused(415, Cause.SIP_TRANSPORT),
    refused(500, Cause.SIP_DEVICE_FAULT),
    refused(503, Cause.SIP_DEVICE_FAULT),
    refused(410, Cause.SIP_REFUSED),
    Case(Cause.SIP_BUSY, {"busy_then_ok": True}),
    Case(Cause.SIP_TRANSPORT, {"tcp_refused": True}, way=PASSIVE),
    Case(Cause.CHANNEL_OFF, {"answer_status": 480}, says_on=False),
]
SDP = [
    Case(Cause.SDP_MISSING, {"omit_sdp": True}),
    Case(Cause.SDP_BROKEN, {"answer_body": b"this is no description"}),
    Case(Cause.SDP_PORT_ZERO, {"answer_port_zero": True}),
    Case(Cause.SDP_NO_ADDRESS, {"answer_nowhere": True}),
    Case(Cause.SDP_PRIVATE_ADDRESS, {"answer_private": True}),
    Case(
        Cause.SDP_NO_ADDRESS,
        {"answer_nowhere": True},
        {"not_listening": True},
        ACTIVE,
        settings=SOON,
    ),
    Case(Cause.SDP_PRIVATE_ADDRESS, {"answer_private": True}, way=ACTIVE, settings=SOON),
]
CONNECTION = [
    Case(Cause.TCP_NOT_MADE, {"no_media": True}, way=PASSIVE, settings=SOON),
    Case(Cause.TCP_REFUSED, media={"not_listening": True}, way=ACTIVE),
    Case(Cause.TCP_SILENT, media={"silence_after_s": 0.0}, way=PASSIVE),
    Case(Cause.TCP_SILENT, media={"silence_after_s": 0.0}, way=ACTIVE),
]
PACKETS = [
    Case(Cause.NO_PACKETS, {"no_media": True}, settings=SOON),
    Case(Cause.NO_PACKETS, media={"silence_after_s": 0.0}, settings=SOON),
    Case(Cause.NOT_RTP, media={"not_rtp": True}),
    Case(Cause.WRONG_SSRC, media={"wrong_ssrc": True}, settings={"ssrc_check": True}),
    Case(Cause.OTHER_SSRC, media={"wrong_ssrc": True}),
    Case(Cause.OTHER_SOURCE, media={"other_address": True}),
]
CONTENT = [
    Case(Cause.ENCRYPTED, media={"encrypted": True}),
    Case(Cause.GARBAGE, media={"garbage": True}),
    Case(Cause.NO_KEY_FRAME, media={"no_key_frames": True}),
    Case(Cause.CODEC_SVAC, media={"svac": True}),
    Case(Cause.SENDS_TS, media={"as_ts": True}),
    Case(Cause.SENDS_ES, media={"as_es": True}),
    Case(Cause.NO_STREAM_MAP, media={"no_map": True}),
    Case(Cause.WRONG_STREAM_MAP, media={"map_swapped": True}),
    Case(Cause.GARBAGE_BETWEEN, media={"garbage_between": True}),
]
FLOW = [
    Case(Cause.LOSS, media={"loss": 0.05}),
    Case(Cause.DISORDER, media={"reorder": 0.2}),
    Case(Cause.STALLED, media={"silence_after_s": 1.0}),
    Case(Cause.STALLED, media={"die_after_s": 1.0}),
    Case(Cause.STALLS, media={"silence_after_s": 1.0}, settings={"retry_first_s": 0.1}),
    Case(Cause.FINE),
    Case(Cause.FINE, way=PASSIVE),
    Case(Cause.FINE, way=ACTIVE),
]
TABLE = [*SIP, *SDP, *CONNECTION, *PACKETS, *CONTENT, *FLOW]

NEVER_SHOWN = {
    Cause.TCP_SILENT,
    Cause.NOT_RTP,
    Cause.WRONG_SSRC,
    Cause.ENCRYPTED,
    Cause.GARBAGE,
    Cause.NO_KEY_FRAME,
}
"""Something comes, which may take a while on a busy machine, and then the waiting is in vain."""
ELSEWHERE = {"wrong_password", "registers_once", "keepalive_stopped"}
"""The device is offline then: `test_device_that_is_not_registered`."""
PLAYABLE_QUIRKS = (
    "payload_number map_bad_crc map_bad_length audio_without_stamps audio_absent private_packets "
    "marker_missing marker_always stamps_restart interleaved preamble rtcp_inside pes_unbounded "
    "sets_everywhere sequence_restarts length_overwritten duplicate silence_s"
).split()
"""Pictures come all the same and nothing is to be said (`tests/conformance/test_quirks_media`)."""
HARMLESS = (
    "early_dialog refuse_bye omit_ssrc answer_ssrc ssrc_short ssrc_zero ssrc_first answer_rtp_avp "
    "answer_no_setup answer_two_media answer_glued answer_bad_f content_length_wrong "
    "contact_without_port route_header"
).split()
"""The answer differs from the book and the picture is the same."""
OTHER_MATTERS = (
    "query_ catalog_ record_ info_ pause_ no_media_status bye_at_end wrong_charset bad_byte raw_ "
    "control_ answers_everything upgrade_ subscribe_ notify_ new_call_id reads_first clock_ voice_ "
    "digest_ doubled_ refusals_ media_status_ byte_order no_prolog parental_ status_words "
    "parent_null group_inside ptz_type_ num_quoted config_ lower_case_ heartbeat_ trailing_ "
    "expires_ attributes_ broken_times"
).split()
"""Switches, by how their names begin, that no live picture depends on."""


def settings_for(case: Case, **more: Any) -> MediaSection:
    """Short enough for a test, and one attempt with one way only, so that the verdict stays."""
    values: dict[str, Any] = {
        "transports": (case.way,),
        "invite_timeout_s": 20.0,
        "first_packet_timeout_s": 4.0 if case.cause in NEVER_SHOWN else 60.0,
        "stall_timeout_s": 1.0 if case.cause in (Cause.STALLED, Cause.STALLS) else 60.0,
        "retry_first_s": 60.0,
    }
    return MediaSection().model_copy(update={**values, **case.settings, **more})


def faults_of(case: Case) -> BoxFaults:
    return BoxFaults(Faults(**case.signalling), MediaFaults(**case.media))


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
async def test_fault_leads_to_the_verdict_that_names_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms.services.live.session.PULSE_S", 1.0)
    monkeypatch.setattr("vms.services.live.charting.LEAST_PACKETS", 20)
    route = OneRoute(case.way, case.says_on)
    async with open_ward(faults_of(case), settings_for(case), route) as ward:
        found = await ward.until(case.cause)
    if found.grade in (Grade.FAILED, Grade.POOR):
        assert Mark.FAILED in {step.mark for step in found.ladder}
    else:
        assert Mark.FAILED not in {step.mark for step in found.ladder}


async def test_device_that_is_not_registered() -> None:
    case = Case(Cause.DEVICE_OFFLINE)
    route = OneRoute(device_id="14040000001180009999")
    async with open_ward(BoxFaults(), settings_for(case), route) as ward:
        found = await ward.until(Cause.DEVICE_OFFLINE)
    assert {step.rung: step.mark for step in found.ladder}[Rung.DEVICE] is Mark.FAILED


async def test_another_ssrc_than_agreed_at_the_shared_port_is_named() -> None:
    case = Case(Cause.WRONG_SSRC, media={"wrong_ssrc": True})
    port = next(port for port in free_ports(8) if port % 2 == 0)
    settings = settings_for(case, shared_port=port)
    async with open_ward(faults_of(case), settings, OneRoute(), shared_port=port) as ward:
        found = await ward.until(Cause.WRONG_SSRC)
    facts = dict(fact for step in found.ladder for fact in step.facts)
    assert "127.0.0.1" in facts["refused"] and facts["port_range"] == str(port)


async def test_ways_of_media_are_tried_in_turn_and_the_one_that_works_is_remembered() -> None:
    faults = BoxFaults(Faults(tcp_refused=True))
    case = Case(Cause.OTHER_TRANSPORT, settings={"transports": (PASSIVE, ACTIVE, UDP)})
    route = OneRoute(PASSIVE)
    async with open_ward(faults, settings_for(case), route) as ward:
        found = await ward.until(Cause.OTHER_TRANSPORT)
    assert [(each.transport, each.cause) for each in found.tried] == [
        ("tcp-passive", Cause.SIP_TRANSPORT),
        ("tcp-active", Cause.SIP_TRANSPORT),
        ("udp", Cause.FINE),
    ]
    assert route.proven == [UDP]


async def test_when_all_ways_fail_the_one_that_came_farthest_gives_the_verdict() -> None:
    faults = BoxFaults(Faults(tcp_refused=True, no_media=True))
    case = Case(Cause.NO_PACKETS, settings={"transports": (PASSIVE, UDP), **SOON})
    async with open_ward(faults, settings_for(case), OneRoute(PASSIVE)) as ward:
        found = await ward.until(Cause.NO_PACKETS)
    assert [each.cause for each in found.tried] == [Cause.SIP_TRANSPORT, Cause.NO_PACKETS]
    assert found.transport == "udp"


def test_every_switch_of_the_simulator_is_accounted_for() -> None:
    judged = {name for case in TABLE for name in (*case.signalling, *case.media)}
    known = judged | ELSEWHERE | set(PLAYABLE_QUIRKS) | set(HARMLESS)
    switches = [each.name for owner in (Faults, MediaFaults) for each in fields(owner)]
    left = [name for name in switches if name not in known]
    assert [name for name in left if not name.startswith(tuple(OTHER_MATTERS))] == []
