"""Accounts, sessions and tokens."""

from dataclasses import dataclass, field
from datetime import datetime

from vms.storage.records import Role

RANKS = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
"""See; also acknowledge, record and steer; also manage. A higher rank includes the lower."""


@dataclass(frozen=True, slots=True)
class UserView:
    """A user account without its secret."""

    id: int
    username: str
    role: Role
    must_change_password: bool
    created_at: datetime
    last_login_at: datetime | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request: a user by a running session."""

    user_id: int
    username: str
    role: Role
    session: str = field(repr=False)
    """Names the session without being its token: the hash that is stored."""
    must_change_password: bool
    expires_at: datetime
    """The earlier of the idle and the absolute end of the session."""

    def may(self, role: Role) -> bool:
        """Whether the identity has at least `role`."""
        return RANKS.index(self.role) >= RANKS.index(role)


@dataclass(frozen=True, slots=True)
class NewSession:
    """The answer to a login; `token` is shown once and stored only as a hash."""

    token: str = field(repr=False)
    identity: Identity


@dataclass(frozen=True, slots=True)
class MediaToken:
    """Permission to open the live outputs of one channel, or of all, for a while."""

    token: str = field(repr=False)
    expires_at: datetime
