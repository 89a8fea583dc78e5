"""How registrations are treated: for all devices, and for single ones that need it otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sip.gb28181.edition import speaks_2022
from sip.message import SipUri
from sip.message.digest import Algorithm
from sip.message.peer import TransportName
from sip.message.uri import Params

ALL_DEVICES = "*"
"""In place of a device id: the rule of every device."""


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """Another platform that devices are sent to (2022 9.1.2.3)."""

    server_id: str
    host: str
    port: int = 5060
    transport: TransportName = "udp"
    """What the Contact names; devices without the word take the transport they use."""

    @property
    def contact(self) -> str:
        """The Contact of the 302."""
        params: Params = {"transport": "tcp"} if self.transport == "tcp" else {}
        return f"<{SipUri(self.host, self.server_id, self.port, params=params)}>"


@dataclass(frozen=True, slots=True)
class RegistrationRule:
    """What differs from the settings; None or nothing leaves a thing as it is."""

    digest_algorithms: tuple[Algorithm, ...] = ()
    """Challenges in this order, one header each (RFC 8760); old devices read the first only."""
    send_date: bool | None = None
    """Whether the 200 carries Date; some devices apply a wrong zone (quirk 13)."""
    redirect_to: RedirectTarget | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return self == RegistrationRule()


class RuleBook:
    """All rules; a device's own one goes before that of all devices, field by field."""

    def __init__(self, algorithms: Iterable[Algorithm], *, send_date: bool) -> None:
        self._algorithms = tuple(algorithms)
        self._send_date = send_date
        self._rules: dict[str, RegistrationRule] = {}

    def set(self, device_id: str, rule: RegistrationRule | None) -> None:
        """Set, replace or take away the rule of a device, or of ALL_DEVICES."""
        if rule is None or rule.is_empty:
            self._rules.pop(device_id, None)
        else:
            self._rules[device_id] = rule

    def rules(self) -> Mapping[str, RegistrationRule]:
        """Every rule by device id."""
        return dict(self._rules)

    def algorithms(self, device_id: str) -> tuple[Algorithm, ...]:
        """Which digests a device may answer with, in the order of the offer."""
        for rule in self._for(device_id):
            if rule.digest_algorithms:
                return rule.digest_algorithms
        return self._algorithms

    def sends_date(self, device_id: str) -> bool:
        """Whether the 200 to a device's REGISTER carries Date."""
        for rule in self._for(device_id):
            if rule.send_date is not None:
                return rule.send_date
        return self._send_date

    def redirect(self, device_id: str, gb_version: str) -> RedirectTarget | None:
        """Where a device is to register instead.

        302 is of 2022: the rule of all devices leaves older ones alone, a device's own forces it.
        """
        own = self._rules.get(device_id)
        if own is not None and own.redirect_to is not None:
            return own.redirect_to
        general = self._rules.get(ALL_DEVICES)
        if general is None or not speaks_2022(gb_version):
            return None
        return general.redirect_to

    def _for(self, device_id: str) -> list[RegistrationRule]:
        found = (self._rules.get(device_id), self._rules.get(ALL_DEVICES))
        return [rule for rule in found if rule is not None]
