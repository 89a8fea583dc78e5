"""What goes wrong in analytics.

AnalyticsError
├── ModelError      a model file is missing, unreadable, or of no family we know
├── SceneError      a scene's plugin or parameters do not exist or do not fit
├── DecodeError     a channel's pictures cannot be decoded
└── WorkerExited    the worker process ended by itself
"""


class AnalyticsError(Exception):
    """Root of everything this package raises."""


class ModelError(AnalyticsError):
    """A model file is missing, unreadable, or of no family we know."""


class SceneError(AnalyticsError):
    """A scene names a plugin that is not installed, or parameters that do not fit it."""


class DecodeError(AnalyticsError):
    """A channel's pictures cannot be decoded."""


class WorkerExited(AnalyticsError):
    """The worker process ended without being asked to."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"analytics worker ended with status {returncode}")
        self.returncode = returncode
