"""The fakes take what the real services take, else the web would be tested against a wish."""

import inspect
from pathlib import Path

import pytest

from tests.web.fakes import FakeServices
from vms.services import Services


def methods(thing: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(member)
        for name, member in inspect.getmembers(thing, inspect.isfunction)
        if not name.startswith("_")
    }


@pytest.mark.parametrize("name", [n for n in Services.__dataclass_fields__ if n != "bus"])
def test_fake_service_has_the_parameters_of_the_real_one(name: str, tmp_path: Path) -> None:
    real = methods(Services.__dataclass_fields__[name].type)
    fake = methods(type(getattr(FakeServices(tmp_path), name)))
    shared = real.keys() & fake.keys()
    assert shared, f"nothing of {name} is faked"
    for method in shared:
        assert list(fake[method].parameters.values()) == list(real[method].parameters.values()) or [
            (p.name, p.kind, p.default) for p in fake[method].parameters.values()
        ] == [(p.name, p.kind, p.default) for p in real[method].parameters.values()], method
