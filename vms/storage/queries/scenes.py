"""Scenes: which plugin looks at which channel, where in the picture, how strictly."""

from datetime import datetime
from typing import Any

from peewee import Database, IntegrityError

from channel_registry.literal import fit
from channel_registry.statements import Row, fetch, fetch_one, insert, run
from vms.storage.errors import AlreadyExists, UnknownRow
from vms.storage.models import Scene
from vms.storage.records import AlarmLevel, SceneDraft, SceneRecord


def add_scene(database: Database, draft: SceneDraft, *, at: datetime) -> SceneRecord:
    """Make a scene; raises `AlreadyExists` for a second one of this name on the channel."""
    row = _columns(draft) | {"created_at": at, "updated_at": at}
    try:
        with database.atomic():
            scene_id = insert(Scene.insert(row), database)
    except IntegrityError as error:
        raise AlreadyExists("scene", draft.name) from error
    return get_scene(database, scene_id)


def get_scene(database: Database, scene_id: int) -> SceneRecord:
    """One scene; raises `UnknownRow`."""
    row = fetch_one(Scene.select().where(Scene.id == scene_id), database)
    if row is None:
        raise UnknownRow("scene", str(scene_id))
    return _record(row)


def list_scenes(
    database: Database,
    *,
    channel: str | None = None,
    plugin: str | None = None,
    enabled: bool | None = None,
) -> tuple[SceneRecord, ...]:
    """Scenes in the order of channel and name."""
    query = Scene.select().order_by(Scene.channel, Scene.name)
    if channel is not None:
        query = query.where(Scene.channel == channel)
    if plugin is not None:
        query = query.where(Scene.plugin == plugin)
    if enabled is not None:
        query = query.where(Scene.enabled if enabled else ~Scene.enabled)
    return tuple(_record(row) for row in fetch(query, database))


def update_scene(
    database: Database, scene_id: int, draft: SceneDraft, *, at: datetime
) -> SceneRecord:
    """Put a draft in the place of a scene; raises `UnknownRow`, `AlreadyExists`."""
    change = Scene.update(_columns(draft) | {"updated_at": at}).where(Scene.id == scene_id)
    try:
        with database.atomic():
            changed = run(change, database)
    except IntegrityError as error:
        raise AlreadyExists("scene", draft.name) from error
    if not changed:
        raise UnknownRow("scene", str(scene_id))
    return get_scene(database, scene_id)


def delete_scene(database: Database, scene_id: int) -> None:
    """Remove a scene; its alarms stay. Raises `UnknownRow`."""
    if not run(Scene.delete().where(Scene.id == scene_id), database):
        raise UnknownRow("scene", str(scene_id))


def _columns(draft: SceneDraft) -> dict[str, Any]:
    return {
        "channel": fit(draft.channel, 32)[0],
        "plugin": fit(draft.plugin, 64)[0],
        "name": fit(draft.name, 128)[0],
        "enabled": draft.enabled,
        "sample_fps": draft.sample_fps,
        "region": [list(corner) for corner in draft.region],
        "params": draft.params,
        "level": int(draft.level),
    }


def _record(row: Row) -> SceneRecord:
    typed = {
        "region": tuple((float(x), float(y)) for x, y in row["region"]),
        "level": AlarmLevel(row["level"]),
    }
    return SceneRecord(**(row | typed))
