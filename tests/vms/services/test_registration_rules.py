"""Rules of registration are stored, told to the registrar, and gone with their device."""

import hashlib

import pytest

from sip.server import ALL_DEVICES, Algorithm, RedirectTarget, RegistrationRule
from tests.vms.bench import DEVICE, OTHER_DEVICE, T0
from vms.errors import Invalid, NotFound
from vms.records import RegistrationRuleView
from vms.services.directory import remove_device
from vms.services.registration_rules import RegistrationRuleService
from vms.services.store import Store

TARGET = "34020000002000000002"


class Keeper:
    """A registrar that remembers what it was told."""

    def __init__(self) -> None:
        self.rules: dict[str, RegistrationRule | None] = {}

    def set_rule(self, device_id: str, rule: RegistrationRule | None) -> None:
        self.rules[device_id] = rule


def redirect(device_id: str = DEVICE) -> RegistrationRuleView:
    return RegistrationRuleView(
        device_id,
        digest_algorithms=("SHA-256", "MD5"),
        send_date=False,
        redirect_server_id=TARGET,
        redirect_host="192.0.2.11",
        redirect_transport="tcp",
    )


@pytest.mark.parametrize("device_id", [DEVICE, ALL_DEVICES])
async def test_a_rule_reaches_the_registrar_and_outlives_a_restart(
    mine: Store, device_id: str
) -> None:
    first, second = Keeper(), Keeper()
    await RegistrationRuleService(first, mine).set_rule(redirect(device_id))
    service = RegistrationRuleService(second, mine)
    await service.begin()
    wanted = RegistrationRule(
        (Algorithm.SHA_256, Algorithm.MD5),
        False,
        RedirectTarget(TARGET, "192.0.2.11", 5060, "tcp"),
    )
    assert first.rules == second.rules == {device_id: wanted}
    assert await service.rule(device_id) == redirect(device_id)


async def test_an_empty_rule_takes_it_away(mine: Store) -> None:
    keeper = Keeper()
    service = RegistrationRuleService(keeper, mine)
    await service.set_rule(redirect())
    await service.set_rule(RegistrationRuleView(DEVICE))
    assert await service.rule(DEVICE) == RegistrationRuleView(DEVICE)
    rule = keeper.rules[DEVICE]
    assert rule is not None
    assert rule.is_empty


async def test_a_rule_goes_with_its_device(mine: Store) -> None:
    service = RegistrationRuleService(Keeper(), mine)
    await service.set_rule(redirect())
    await mine.run(remove_device, DEVICE, T0)
    with pytest.raises(NotFound):
        await service.rule(DEVICE)
    later = Keeper()
    await RegistrationRuleService(later, mine).begin()
    assert later.rules == {}


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (RegistrationRuleView(DEVICE, digest_algorithms=("ROT13",)), "unknown_algorithm"),
        (RegistrationRuleView(DEVICE, redirect_host="192.0.2.11"), "redirect_incomplete"),
        (RegistrationRuleView(DEVICE, redirect_server_id=TARGET), "redirect_incomplete"),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    mine: Store, rule: RegistrationRuleView, reason: str
) -> None:
    keeper = Keeper()
    with pytest.raises(Invalid) as caught:
        await RegistrationRuleService(keeper, mine).set_rule(rule)
    assert caught.value.reason == reason
    assert keeper.rules == {}


async def test_sm3_without_openssl_is_refused(mine: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashlib, "algorithms_available", {"md5", "sha256"})
    rule = RegistrationRuleView(DEVICE, digest_algorithms=("SM3",))
    with pytest.raises(Invalid) as caught:
        await RegistrationRuleService(Keeper(), mine).set_rule(rule)
    assert caught.value.reason == "algorithm_not_available"


async def test_a_device_that_does_not_exist_has_no_rule(mine: Store) -> None:
    with pytest.raises(NotFound):
        await RegistrationRuleService(Keeper(), mine).set_rule(redirect(OTHER_DEVICE))
