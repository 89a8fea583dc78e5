"""What a handler gets besides its arguments: who calls, in which language, and the services."""

from dataclasses import dataclass

from aiohttp import web

from vms.errors import Denied
from vms.records import Identity
from vms.services import Services
from web.keys import identity_key, services_key, settings_key
from web.language import Language, language_of

SESSION_COOKIE = "vms_session"


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a handler."""

    request: web.Request
    services: Services
    language: Language

    @classmethod
    def of(cls, request: web.Request) -> "Call":
        """Wrap a request that passed the guard."""
        return cls(request, request.app[services_key], language_of(request))

    @property
    def identity(self) -> Identity:
        """Who calls; on open routes nobody may, then Denied (unauthenticated)."""
        identity: Identity | None = self.request.get(identity_key)
        if identity is None:
            raise Denied("unauthenticated")
        return identity

    @property
    def source(self) -> str:
        """The address that the request came from."""
        return self.request.remote or ""

    @property
    def is_secure(self) -> bool:
        """Whether cookies must be marked Secure: TLS here, or declared before us."""
        return self.request.secure or self.request.app[settings_key].secure_cookies
