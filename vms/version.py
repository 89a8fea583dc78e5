"""The version of what is installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("fengsui-vms")
except PackageNotFoundError:
    VERSION = "0.0.0"
"""Of the installed distribution; 0.0.0 in a source tree that was never installed."""
