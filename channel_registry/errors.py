"""What the registry refuses, as one tree; every error carries a stable code and its facts.

RegistryError
├── InvalidCode           text that is not a 20-digit code (or not a category code)
├── InvalidFilter         a filter or a page that no query can answer
├── UnknownDevice         no such device
├── UnknownChannel        no such channel
├── UnknownOrganisation   no such organisation
├── UnknownPlatform       no such upper platform
├── Conflict              it exists already, or belongs to another device
└── DatabaseUnavailable   the database cannot be opened, reached or brought up to date
"""


class RegistryError(Exception):
    """Root of what this package raises."""

    code = "registry_error"


class InvalidCode(RegistryError):
    """Text that is not the code it should be; keeps at most 32 characters of it."""

    code = "invalid_code"

    def __init__(self, text: str, expected: str, offset: int = 0) -> None:
        super().__init__(f"{text[:32]!r}: expected {expected} at {offset}")
        self.text = text[:32]
        self.expected = expected
        self.offset = offset


class InvalidFilter(RegistryError):
    """A filter or a page number outside its bounds; `field` names it."""

    code = "invalid_filter"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class UnknownDevice(RegistryError):
    """No device has this id."""

    code = "device_not_found"

    def __init__(self, device_id: str) -> None:
        super().__init__(f"no device {device_id[:64]}")
        self.device_id = device_id


class UnknownChannel(RegistryError):
    """No channel has this code."""

    code = "channel_not_found"

    def __init__(self, channel: str) -> None:
        super().__init__(f"no channel {channel[:64]}")
        self.channel = channel


class UnknownOrganisation(RegistryError):
    """No organisation has this id."""

    code = "organisation_not_found"

    def __init__(self, organisation_id: str) -> None:
        super().__init__(f"no organisation {organisation_id[:64]}")
        self.organisation_id = organisation_id


class UnknownPlatform(RegistryError):
    """No upper platform has this code."""

    code = "platform_not_found"

    def __init__(self, platform_id: str) -> None:
        super().__init__(f"no upper platform {platform_id[:64]}")
        self.platform_id = platform_id


class Conflict(RegistryError):
    """The thing exists already, or its present state forbids the request."""

    code = "conflict"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name[:64]} exists already")
        self.kind = kind
        self.name = name


class DatabaseUnavailable(RegistryError):
    """The database cannot be opened, reached, or brought to this version's schema."""

    code = "database_unavailable"
