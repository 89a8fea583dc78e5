"""Facts to verdicts, without any plane."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_relay.evidence import Container, SourceEvidence, Stranger
from vms.records import Cause, Grade, LiveReason, LiveStep, Mark, Rung
from vms.services.doctor.casebook import KEPT_CASES, KEPT_CHARTS, CaseBook
from vms.services.doctor.facts import Chart, Pulse, is_private, is_public
from vms.services.doctor.findings import RULES, diagnose, judge
from vms.services.doctor.ladder import build_ladder
from web.language import Language
from web.words.doctor import FACTS, verdict_words

CODE = "14040000001320000001"
WALL = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
AGREED, OTHER = 100000001, 100000002


def chart(failure: LiveReason | None = None, **facts: Any) -> Chart:
    """An answered attempt over UDP, as far as nothing else is said."""
    values: dict[str, Any] = {
        "at": WALL,
        "transport": "udp",
        "device_id": "34020000001180000001",
        "host": "10.1.2.9",
        "is_registered": True,
        "says_on": True,
        "our_host": "10.1.2.3",
        "our_port": 30000,
        "our_ssrc": AGREED,
        "status": 200,
        "is_answered": True,
        "their_host": "10.1.2.9",
        "their_port": 6000,
        "their_ssrc": AGREED,
    }
    return Chart(CODE, failure=failure, **{**values, **facts})


def playing(**facts: Any) -> Chart:
    seen = SourceEvidence(
        packets=100, source=("10.1.2.9", 6000), ssrc=AGREED, packs=10, has_map=True, pictures=20,
        container=Container.PROGRAM,
    )  # fmt: skip
    values: dict[str, Any] = {
        "evidence": seen, "codec": "h264", "key_frame_s": 0.4, "was_playing": True,
    }  # fmt: skip
    return chart(**{**values, **facts})


def refused(host: str, ssrc: int | None) -> SourceEvidence:
    return SourceEvidence(refused=(Stranger(host, 7000, ssrc, 90),))


NOTHING = LiveReason.NO_MEDIA
NAMED = [
    (Cause.CHANNEL_UNKNOWN, chart(LiveReason.CHANNEL_UNKNOWN)),
    (Cause.PORTS_EXHAUSTED, chart(LiveReason.PORTS_EXHAUSTED, is_answered=False)),
    (Cause.RELAY_UNREACHABLE, chart(LiveReason.RELAY_UNREACHABLE, is_answered=False)),
    (Cause.PLATFORM_STOPPED, chart(LiveReason.STOPPED)),
    (Cause.PLATFORM_BUSY, chart(LiveReason.INVITE_REFUSED, word="overload", is_answered=False)),
    (Cause.DEVICE_LOST, playing(failure=LiveReason.DEVICE_OFFLINE)),
    (Cause.DEVICE_ENDED, playing(failure=LiveReason.DEVICE_ENDED)),
    (Cause.SDP_TRANSPORT,
     chart(LiveReason.BAD_ANSWER, word="transport_mismatch", is_answered=False)),
    (Cause.SSRC_TAKEN, chart(LiveReason.BAD_ANSWER)),
    (Cause.OUR_ADDRESS, chart(NOTHING, host="8.8.8.8")),
    (Cause.OUR_ADDRESS, chart(NOTHING, our_host="127.0.0.1")),
    (Cause.NO_PACKETS, chart(NOTHING)),
    (Cause.FOREIGN_SOURCE, chart(NOTHING, evidence=refused("10.9.9.9", AGREED))),
    (Cause.WRONG_SSRC, chart(NOTHING, evidence=refused("10.1.2.9", OTHER))),
    (Cause.NOT_RTP, chart(NOTHING, evidence=replace(refused("10.1.2.9", None), malformed=9))),
    (Cause.TCP_UNREACHABLE,
     chart(NOTHING, transport="tcp-active",
           evidence=SourceEvidence(attempts=3, connect_fault="timeout"))),
    (Cause.NO_VIDEO,
     chart(LiveReason.NO_KEY_FRAME, evidence=SourceEvidence(packets=90, packs=30, has_map=True))),
    (Cause.NO_KEY_FRAME,
     chart(LiveReason.NO_KEY_FRAME, evidence=SourceEvidence(is_partial=True, packets=90))),
    (Cause.NO_PACKETS,
     chart(NOTHING, transport="tcp-passive", evidence=SourceEvidence(is_partial=True))),
    (Cause.CODEC_UNPLAYABLE, playing(codec="mpeg4")),
    (Cause.CODEC_UNKNOWN, playing(codec="unknown")),
    (Cause.H265, playing(codec="h265")),
    (Cause.VIEWER_SLOW, playing(pulse=Pulse(dropped=12))),
    (Cause.STALLS, playing(pulse=Pulse(is_silent=True))),
    (Cause.STRANGERS,
     playing(evidence=replace(playing().evidence, refused=(Stranger("10.6.6.6", 1, OTHER, 5),)))),
    (Cause.UNEXPLAINED, playing(failure=LiveReason.UNPLAYABLE)),
    (Cause.EXAMINING, chart()),
    (Cause.FINE, playing()),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "facts"), NAMED, ids=lambda each: getattr(each, "value", ""))
def test_facts_have_their_verdict(cause: Cause, facts: Chart) -> None:
    assert judge(facts).cause is cause


def test_every_verdict_of_an_attempt_has_a_rule() -> None:
    made_of_several = {Cause.NOT_EXAMINED, Cause.OTHER_TRANSPORT}
    assert {rule.cause for rule in RULES} == set(Cause) - made_of_several


hosts = st.sampled_from(["", "0.0.0.0", "127.0.0.1", "10.1.2.9", "192.168.1.64", "8.8.8.8", "cam"])
numbers = st.none() | st.sampled_from([0, AGREED, OTHER])
strangers = st.lists(
    st.builds(Stranger, hosts, st.just(7000), numbers, st.integers(0, 9)), max_size=2
).map(tuple)
evidence = st.builds(
    SourceEvidence,
    is_partial=st.booleans(),
    packets=st.sampled_from([0, 5]),
    source=st.none() | st.tuples(hosts, st.just(6000)),
    ssrc=numbers,
    first_packet_s=st.none() | st.just(0.4),
    malformed=st.sampled_from([0, 3]),
    refused=strangers,
    strays=strangers,
    container=st.sampled_from(Container),
    payload_type=st.none() | st.just(96),
    is_even=st.booleans(),
    packs=st.none() | st.sampled_from([0, 4]),
    has_map=st.booleans(),
    garbage_bytes=st.sampled_from([0, 900]),
    pictures=st.sampled_from([0, 4]),
    skipped_pictures=st.sampled_from([0, 4]),
    is_contradicted=st.booleans(),
    connections=st.sampled_from([0, 1]),
    attempts=st.sampled_from([0, 3]),
    connect_fault=st.sampled_from(["", "refused", "timeout", "unreachable"]),
)
words = ["", "refused", "timeout", "no_answer", "offline", "no_sdp", "bad_sdp", "port_zero",
         "transport_mismatch", "cancelled", "overload"]  # fmt: skip
charts = st.builds(
    Chart,
    channel=st.just(CODE),
    transport=st.sampled_from(["", "udp", "tcp-passive", "tcp-active"]),
    host=hosts,
    is_registered=st.none() | st.booleans(),
    says_on=st.none() | st.booleans(),
    our_host=hosts,
    our_port=st.sampled_from([0, 30000]),
    our_ssrc=numbers,
    status=st.none() | st.sampled_from([200, 302, 404, 480, 486, 488, 500, 606]),
    word=st.sampled_from(words),
    has_provisional=st.booleans(),
    is_late=st.booleans(),
    their_host=hosts,
    their_ssrc=numbers,
    is_answered=st.booleans(),
    evidence=evidence,
    codec=st.sampled_from(["", "h264", "h265", "svac", "mpeg4", "unknown"]),
    key_frame_s=st.none() | st.just(0.5),
    is_key_frame_asked=st.booleans(),
    step=st.none() | st.sampled_from(LiveStep),
    failure=st.none() | st.sampled_from(LiveReason),
    was_playing=st.booleans(),
    pulse=st.builds(
        Pulse,
        loss=st.sampled_from([0.0, 0.05]),
        disorder=st.sampled_from([0.0, 0.3]),
        stalls=st.sampled_from([0, 2]),
        is_silent=st.booleans(),
        dropped=st.sampled_from([0, 7]),
    ),
)


@given(st.lists(charts, max_size=3))
def test_any_facts_have_one_verdict_with_texts_in_both_languages(found: list[Chart]) -> None:
    diagnosis = diagnose(CODE, found)
    for language in Language:
        title, hint = verdict_words(diagnosis.cause, language)
        assert title and hint
    assert [step.rung for step in diagnosis.ladder] == list(Rung)
    failed = [step for step in diagnosis.ladder if step.mark is Mark.FAILED]
    assert len(failed) == (diagnosis.grade in (Grade.FAILED, Grade.POOR))
    assert {name for step in diagnosis.ladder for name, _ in step.facts} <= set(FACTS)
    assert len(diagnosis.tried) == len(found)
    if found and found[-1].failure is not None:
        assert diagnosis.grade is Grade.FAILED


def test_without_any_attempt_nothing_is_said() -> None:
    found = diagnose(CODE, ())
    assert (found.cause, found.grade) == (Cause.NOT_EXAMINED, Grade.OPEN)
    assert {step.mark for step in found.ladder} == {Mark.UNKNOWN}


def test_steps_before_the_blamed_one_are_told_as_far_as_they_went() -> None:
    found = diagnose(CODE, [chart(NOTHING)])
    marks = {step.rung: step.mark for step in found.ladder}
    assert marks[Rung.SIP] is marks[Rung.SDP] is Mark.OK
    assert marks[Rung.PACKETS] is Mark.FAILED
    assert marks[Rung.CODEC] is marks[Rung.KEY_FRAME] is Mark.UNKNOWN


def test_ssrc_asked_answered_and_seen_stand_side_by_side() -> None:
    seen = replace(playing().evidence, ssrc=OTHER)
    ladder = build_ladder(playing(evidence=seen, their_ssrc=AGREED))
    facts = dict(next(step.facts for step in ladder if step.rung is Rung.SSRC))
    assert facts == {
        "ssrc_asked": f"{AGREED:010d}",
        "ssrc_answered": f"{AGREED:010d}",
        "ssrc_seen": f"{OTHER:010d}",
    }


def test_nothing_secret_is_on_a_chart() -> None:
    told = str(build_ladder(playing(phrase="Busy Here")))
    assert "password" not in told.lower() and "token" not in told.lower()


@pytest.mark.parametrize(
    ("host", "private", "public"),
    [
        ("10.0.0.1", True, False),
        ("192.168.1.9", True, False),
        ("127.0.0.1", True, False),
        ("8.8.8.8", False, True),
        ("0.0.0.0", False, False),
        ("camera.local", False, False),
        ("", False, False),
    ],
)
def test_which_addresses_mean_something_elsewhere(host: str, private: bool, public: bool) -> None:
    assert (is_private(host), is_public(host)) == (private, public)


def test_casebook_is_bounded_in_channels_and_attempts() -> None:
    book = CaseBook()
    for number in range(KEPT_CASES + 5):
        case = book.case(f"{number:020d}")
        for _ in range(KEPT_CHARTS + 3):
            case.begin_round()
            case.begin(WALL).failure = LiveReason.NO_MEDIA
    assert book.find(f"{0:020d}") is None
    assert book.find(f"{KEPT_CASES + 4:020d}") is not None
    assert len(case._charts) == KEPT_CHARTS
    assert len(case.diagnosis.tried) == 1, "only the latest round counts"


def test_of_main_and_sub_stream_the_one_asked_for_last_is_told() -> None:
    book = CaseBook()
    book.case(CODE).begin(WALL).failure = LiveReason.NO_MEDIA
    sub = book.case(f"{CODE}.sub")
    assert (found := book.find(CODE)) is not None and found.key == CODE
    sub.begin(WALL + timedelta(seconds=9)).failure = LiveReason.DEVICE_OFFLINE
    assert book.find(CODE) is sub
    assert (sub.diagnosis.channel, sub.diagnosis.cause) == (CODE, Cause.DEVICE_OFFLINE)
