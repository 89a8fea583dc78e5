"""What a service may refuse, as one tree; every error carries a stable code.

    VmsError
    ├── ConfigError      the configuration cannot be used; stops the start
    ├── NotReady         a peer or a resource is not there now; retry later
    │   └── LiveFailed   a picture could not be brought; says at which step and why
    ├── Denied           who asks may not, or could not prove who they are
    │   └── LockedOut    too many failures; says for how long
    ├── NotFound         the named thing does not exist
    ├── Conflict         it exists already, or its state forbids the request
    └── Invalid          a value is not acceptable; names the field

`web/problems.py` alone turns a code into a status and a Chinese or English text.
"""

from vms.records import LiveReason, LiveStep


class VmsError(Exception):
    """Root of what the services raise; `code` is stable, `fields` are the facts of the case."""

    code = "error"

    def __init__(self, message: str = "", **fields: object) -> None:
        super().__init__(message or self.code)
        self.message = message or self.code
        self.fields = fields


class ConfigError(VmsError):
    """The configuration cannot be used; names the key, the reason and a value that would do."""

    code = "config_error"

    def __init__(self, key: str, reason: str, example: str = "") -> None:
        super().__init__(f"{key}: {reason}", key=key, reason=reason, example=example)
        self.key = key
        self.reason = reason
        self.example = example


class NotReady(VmsError):
    """Something needed is not there at this moment; the same request may succeed later."""

    code = "not_ready"

    def __init__(
        self, message: str = "", *, code: str = "", retry_after_s: float = 5.0, **fields: object
    ) -> None:
        super().__init__(message or code, **fields)
        if code:
            self.code = code
        self.retry_after_s = retry_after_s


class LiveFailed(NotReady):
    """A picture could not be brought; `reason` is the code that people are shown."""

    def __init__(self, step: LiveStep, reason: LiveReason, detail: str = "") -> None:
        super().__init__(detail, code=reason.value, step=step.value, reason=reason.value)
        self.step = step
        self.reason = reason
        self.detail = detail


class Denied(VmsError):
    """Who asks is unknown, wrong, expired or not allowed.

    Codes: `denied` (the role is too low), `unauthenticated` (no session, or no longer),
    `wrong_credentials` (never says whether the account or the password is wrong).
    """

    code = "denied"

    def __init__(self, code: str = "denied", message: str = "", **fields: object) -> None:
        super().__init__(message or code, **fields)
        self.code = code


class LockedOut(Denied):
    """Too many failures of this account from this address, or of this address at all."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("locked_out", retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s


class NotFound(VmsError):
    """The named device, channel, alarm, scene, segment or user does not exist."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no such {kind}", kind=kind, name=name)
        self.code = f"{kind}_not_found"
        self.kind = kind
        self.name = name


class Conflict(VmsError):
    """The thing exists already, or its present state forbids the request."""

    def __init__(self, code: str = "conflict", message: str = "", **fields: object) -> None:
        super().__init__(message or code, **fields)
        self.code = code


class Invalid(VmsError):
    """A value is not acceptable; `field` names it, `reason` is a code such as `too_short`."""

    code = "invalid"

    def __init__(self, field: str, reason: str, message: str = "", **fields: object) -> None:
        super().__init__(message or f"{field}: {reason}", field=field, reason=reason, **fields)
        self.field = field
        self.reason = reason
