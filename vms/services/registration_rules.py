"""Registration rules for people: other digests, no Date, another platform for one device or all."""

from typing import Protocol

from peewee import Database

from channel_registry.queries.devices import get_device
from channel_registry.queries.rules import delete_rule, find_rule, list_rules, save_rule
from channel_registry.records import RegistrationRuleRecord
from sip.events import Transport
from sip.server import ALL_DEVICES, Algorithm, RedirectTarget, RegistrationRule
from vms.errors import Invalid
from vms.records import RegistrationRuleView
from vms.services.store import Store

MOST_ALGORITHMS = len(Algorithm)


class RuleKeeper(Protocol):
    """The part of `sip.server.SipServer` that obeys rules."""

    def set_rule(self, device_id: str, rule: RegistrationRule | None) -> None:
        """From the next REGISTER on."""


class RegistrationRuleService:
    """Keeps the rules in the registry and tells the registrar; `begin` once."""

    def __init__(self, keeper: RuleKeeper, store: Store) -> None:
        self._keeper = keeper
        self._store = store

    async def begin(self) -> None:
        """Tell the registrar every stored rule."""
        for rule in await self._store.run(list_rules):
            self._keeper.set_rule(rule.device_id, _spoken(rule))

    async def rule(self, device_id: str) -> RegistrationRuleView:
        """The rule of a device or of ALL_DEVICES, an empty one where there is none.

        Raises NotFound(device).
        """
        found = await self._store.run(_find, device_id)
        return found or RegistrationRuleRecord(device_id)

    async def set_rule(self, rule: RegistrationRuleView) -> RegistrationRuleView:
        """Replace the rule of a device or of ALL_DEVICES; an empty one takes it away.

        Raises NotFound(device), Invalid(digest_algorithms), Invalid(redirect_host).
        """
        spoken = _spoken(rule)
        await self._store.run(_save, rule, is_empty=spoken.is_empty)
        self._keeper.set_rule(rule.device_id, spoken)
        return rule


def _spoken(rule: RegistrationRuleView) -> RegistrationRule:
    """The rule as signalling knows it; raises Invalid for what it cannot do."""
    algorithms = []
    for name in rule.digest_algorithms[:MOST_ALGORITHMS]:
        try:
            algorithm = Algorithm(name)
        except ValueError as error:
            raise Invalid("digest_algorithms", "unknown_algorithm", name) from error
        if not algorithm.is_available:
            raise Invalid("digest_algorithms", "algorithm_not_available", name)
        algorithms.append(algorithm)
    if bool(rule.redirect_host) != bool(rule.redirect_server_id):
        raise Invalid("redirect_host", "redirect_incomplete")
    target = None
    if rule.redirect_host:
        transport: Transport = "tcp" if rule.redirect_transport == "tcp" else "udp"
        target = RedirectTarget(
            rule.redirect_server_id, rule.redirect_host, rule.redirect_port, transport
        )
    return RegistrationRule(tuple(dict.fromkeys(algorithms)), rule.send_date, target)


def _find(database: Database, device_id: str) -> RegistrationRuleRecord | None:
    if device_id != ALL_DEVICES:
        get_device(database, device_id)
    return find_rule(database, device_id)


def _save(database: Database, rule: RegistrationRuleRecord, *, is_empty: bool) -> None:
    with database.atomic():
        if rule.device_id != ALL_DEVICES:
            get_device(database, rule.device_id)
        if is_empty:
            delete_rule(database, rule.device_id)
        else:
            save_rule(database, rule)
