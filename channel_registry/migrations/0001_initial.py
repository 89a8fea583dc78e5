"""Step 1: organisations, devices and channels.

The classes are a frozen copy: a step never changes once it was released.
"""

from peewee import (
    BooleanField,
    CharField,
    Database,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import JsonTextField, UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the tables."""

    class Organisation(Model):
        id = CharField(max_length=64, primary_key=True)
        kind = CharField(max_length=16)
        code = CharField(max_length=20)
        name = CharField(max_length=255)
        parent = ForeignKeyField(
            "self", null=True, column_name="parent_id", on_delete="SET NULL", lazy_load=False
        )
        device_id = CharField(max_length=32, null=True, index=True)
        missing_since = UtcField(null=True)

        class Meta:
            database = db
            table_name = "organisation"

    class Device(Model):
        id = CharField(max_length=32, primary_key=True)
        name = CharField(max_length=255)
        reported_name = CharField(max_length=255)
        secret = TextField(null=True)
        username = CharField(max_length=64, null=True)
        manufacturer = CharField(max_length=255)
        model = CharField(max_length=255)
        firmware = CharField(max_length=255)
        user_agent = CharField(max_length=255)
        gb_version = CharField(max_length=16)
        transport = CharField(max_length=8, null=True)
        host = CharField(max_length=64, null=True)
        port = IntegerField(null=True)
        contact = CharField(max_length=255)
        media_transport = CharField(max_length=16)
        registered = BooleanField()
        registered_at = UtcField(null=True)
        expires_at = UtcField(null=True)
        last_seen_at = UtcField(null=True)
        online = BooleanField()
        state_since = UtcField(null=True)
        cause = CharField(max_length=32)
        organisation = ForeignKeyField(
            Organisation,
            null=True,
            column_name="organisation_id",
            on_delete="SET NULL",
            lazy_load=False,
        )
        catalog_at = UtcField(null=True)
        catalog_complete = BooleanField()
        created_at = UtcField()

        class Meta:
            database = db
            table_name = "device"

    class Channel(Model):
        code = CharField(max_length=20, primary_key=True)
        device = ForeignKeyField(
            Device, column_name="device_id", on_delete="CASCADE", lazy_load=False
        )
        given_name = CharField(max_length=255)
        reported_name = CharField(max_length=255)
        parent_id = CharField(max_length=255)
        civil_code = CharField(max_length=8)
        organisation = ForeignKeyField(
            Organisation,
            null=True,
            column_name="organisation_id",
            on_delete="SET NULL",
            lazy_load=False,
        )
        organisation_given = BooleanField()
        category = CharField(max_length=2, null=True, index=True)
        category_code = CharField(max_length=4, null=True)
        says_on = BooleanField()
        proven_at = UtcField(null=True)
        missing_since = UtcField(null=True)
        manufacturer = CharField(max_length=255)
        model = CharField(max_length=255)
        owner = CharField(max_length=255)
        address = CharField(max_length=255)
        ptz_type = IntegerField(null=True)
        longitude = DoubleField(null=True)
        latitude = DoubleField(null=True)
        note = CharField(max_length=255)
        extra = JsonTextField()
        first_seen_at = UtcField()
        updated_at = UtcField()

        class Meta:
            database = db
            table_name = "channel"

    db.create_tables([Organisation, Device, Channel])
