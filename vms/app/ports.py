"""A port that cannot be taken, told to people."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from vms.errors import ConfigError


@contextmanager
def explained_port(key: str, port: int, step: int = 1) -> Iterator[None]:
    """Turn a port that cannot be taken into something that people can act on."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        section, _, name = key.partition(".")
        reason = f"port {port} cannot be taken: {os.strerror(error.errno)}"
        raise ConfigError(key, reason, f"[{section}] {name} = {port + step}") from error
