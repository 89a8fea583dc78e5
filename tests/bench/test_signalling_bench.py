"""The bench of signalling works in its short form; no figure is asserted."""

import pytest

from bench.bench_signalling import Subject, cost
from bench.signalling.load import Blaster
from bench.signalling.subjects import floor, ours, sipp

SUBJECTS: dict[str, tuple[Subject, bool]] = {
    "floor": (lambda: floor(1), False),
    "sipp": (lambda: sipp("uas.xml"), False),
    "ours": (lambda: ours(1000), True),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_keepalive_is_answered_by(name: str) -> None:
    subject, has_registrar = SUBJECTS[name]
    warm = 100 if has_registrar else 0
    assert cost(subject, Blaster.keep_alive, 100, warm=warm) >= 0


@pytest.mark.parametrize("subject", [lambda: sipp("registrar.xml"), lambda: ours(1000)])
def test_every_registration_comes_to_its_end(subject: Subject) -> None:
    assert cost(subject, Blaster.register, 50, warm=0) >= 0
