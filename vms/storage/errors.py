"""What the storage refuses, as one tree.

StorageError
├── UnknownRow       no alarm, scene, user, session or segment has this id
├── WrongState       the alarm's state does not allow this step; nothing was changed
├── AlreadyExists    a user of this name, a scene of this name on this channel
└── DatabaseBusy     too many calls wait for the database; try again later
"""


class StorageError(Exception):
    """Root of what this package raises."""

    code = "storage_error"


class UnknownRow(StorageError):
    """No such thing; `kind` is alarm, scene, user or segment."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} {name}")
        self.code = f"{kind}_not_found"
        self.kind = kind
        self.name = name


class WrongState(StorageError):
    """The present state does not allow the step; nothing was changed."""

    code = "wrong_state"

    def __init__(self, kind: str, name: str, state: str, step: str) -> None:
        super().__init__(f"{kind} {name} is {state}: cannot {step}")
        self.kind = kind
        self.name = name
        self.state = state
        self.step = step


class AlreadyExists(StorageError):
    """The name is taken."""

    code = "already_exists"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name} exists already")
        self.kind = kind
        self.name = name


class DatabaseBusy(StorageError):
    """More calls wait for the database than may; nothing was done."""

    code = "database_busy"
