"""Faults as people write them on the command line."""

import pytest

from vms.errors import ConfigError
from vms.simulation.faults import fault_names, parse_faults


def test_numbers_and_switches_find_their_place() -> None:
    faults = parse_faults(["loss=0.05", "wrong-ssrc", "no_answer", "die=60", "answer_status=486"])
    assert (faults.media.loss, faults.media.wrong_ssrc) == (0.05, True)
    assert (faults.signalling.no_answer, faults.signalling.answer_status) == (True, 486)
    assert faults.die_after_s == 60


def test_no_faults_are_a_device_by_the_book() -> None:
    faults = parse_faults([])
    assert faults.die_after_s is None
    assert faults == parse_faults([])


@pytest.mark.parametrize("text", ["nonsense", "loss", "loss=much", "die", "answer_body=1"])
def test_a_mistake_is_answered_with_what_would_do(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_faults([text])
    assert raised.value.example


def test_every_name_offered_is_taken() -> None:
    for name in fault_names():
        parse_faults([f"{name}=1"])
