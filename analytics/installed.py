"""Finds the installed plugins through the entry points of the group `vms.analytics`."""

from functools import cache
from importlib.metadata import entry_points

from analytics.errors import SceneError
from analytics.plugin import Plugin

GROUP = "vms.analytics"


@cache
def installed_plugins() -> dict[str, type[Plugin]]:
    """Return plugin classes by their manifest's id."""
    found: dict[str, type[Plugin]] = {}
    for entry in entry_points(group=GROUP):
        plugin: type[Plugin] = entry.load()
        found[plugin.manifest.id] = plugin
    return found


def new_plugin(name: str) -> Plugin:
    """Return a fresh instance. Raises SceneError if no such plugin is installed."""
    plugins = installed_plugins()
    if name not in plugins:
        raise SceneError(f"no plugin {name}; installed are {', '.join(sorted(plugins))}")
    return plugins[name]()
