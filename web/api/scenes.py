"""Scenes: which analysis plugin watches which channel, and the plugins there are."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import Field, JsonValue

from vms.records import AlarmLevel, PluginView
from vms.records import Scene as SceneRecord
from vms.records import SceneDraft as SceneValues
from web.api.wire import Body, GbCode, Id, ListOf, Name, Number, Share, Wire
from web.call import Call
from web.language import Language
from web.route import Permission, Resource

resource = Resource("scenes", "Scenes (场景): rules by which plugins watch channels.")


class Scene(Wire):
    """One plugin watching one channel."""

    id: Id
    channel: str
    plugin: str
    name: str
    enabled: bool
    sample_fps: float
    region: list[tuple[float, float]]
    """Corners as shares of the picture; empty: the whole picture."""
    params: Mapping[str, Any]
    level: AlarmLevel


class SceneList(ListOf[Scene]):
    """Scenes."""


class SceneQuery(Body):
    """Which scenes."""

    channel: GbCode | None = None


class SceneDraft(Body):
    """What people give to make or replace a scene."""

    channel: GbCode
    plugin: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9_]+$")
    name: Name
    enabled: bool = True
    sample_fps: float = Field(2.0, gt=0, le=30)
    """Pictures per second that the plugin looks at."""
    region: list[tuple[Share, Share]] = Field(default=[], max_length=64)
    """Three corners or more as shares of the picture; none: the whole picture."""
    params: dict[str, JsonValue] = {}
    """The plugin's own parameters, see its `params_schema`."""
    level: AlarmLevel = AlarmLevel.ORANGE
    """Level of the alarms it raises."""

    def values(self) -> SceneValues:
        """As the service takes it."""
        fields = self.model_dump()
        return SceneValues(**{**fields, "region": tuple(self.region), "level": self.level})


class Plugin(Wire):
    """An installed analysis plugin."""

    id: str
    name: str
    """In the reader's language."""
    version: str
    params_schema: Mapping[str, Any]
    """JSON schema of a scene's `params`."""


class PluginList(ListOf[Plugin]):
    """The installed plugins."""


def build_plugin(plugin: PluginView, language: Language) -> Plugin:
    """The JSON form of a plugin."""
    return Plugin(
        id=plugin.id,
        name=plugin.title_zh if language is Language.ZH else plugin.title_en,
        version=plugin.version,
        params_schema=plugin.params_schema,
    )


def build_scene(scene: SceneRecord) -> Scene:
    """The JSON form of a scene."""
    return Scene.model_validate(scene)


@resource.route("GET", "/plugins", summary="List analysis plugins", permission=Permission.WATCH)
async def list_plugins(call: Call) -> PluginList:
    """List what scenes can be made of."""
    plugins = call.services.analysis.plugins()
    return PluginList(items=[build_plugin(plugin, call.language) for plugin in plugins])


@resource.route("GET", "/scenes", summary="List scenes", permission=Permission.WATCH)
async def list_scenes(call: Call, query: SceneQuery) -> SceneList:
    """List all scenes, or those of one channel."""
    scenes = await call.services.analysis.scenes(query.channel or "")
    return SceneList(items=[build_scene(scene) for scene in scenes])


@resource.route(
    "POST",
    "/scenes",
    summary="Make a scene",
    permission=Permission.OPERATE,
    status=HTTPStatus.CREATED,
    problems=("channel_not_found", "plugin_not_found", "invalid"),
)
async def add_scene(call: Call, body: SceneDraft) -> Scene:
    """Let a plugin watch a channel; it starts at once when enabled."""
    return build_scene(await call.services.analysis.add_scene(body.values()))


@resource.route(
    "GET",
    "/scenes/{scene_id}",
    summary="Show a scene",
    permission=Permission.WATCH,
    problems=("scene_not_found",),
)
async def show_scene(call: Call, scene_id: Number) -> Scene:
    """Tell everything about one scene."""
    return build_scene(await call.services.analysis.scene(scene_id))


@resource.route(
    "PUT",
    "/scenes/{scene_id}",
    summary="Replace a scene",
    permission=Permission.OPERATE,
    problems=("scene_not_found", "channel_not_found", "plugin_not_found", "invalid"),
)
async def replace_scene(call: Call, scene_id: Number, body: SceneDraft) -> Scene:
    """Replace all values of a scene; it starts again with them."""
    return build_scene(await call.services.analysis.update_scene(scene_id, body.values()))


@resource.route(
    "DELETE",
    "/scenes/{scene_id}",
    summary="Remove a scene",
    permission=Permission.OPERATE,
    status=HTTPStatus.NO_CONTENT,
    problems=("scene_not_found",),
)
async def delete_scene(call: Call, scene_id: Number) -> None:
    """Stop watching; alarms that it raised stay."""
    await call.services.analysis.delete_scene(scene_id)
