"""Step 3: subscriptions at devices, last positions, tracks.

The classes are a frozen copy: a step never changes once it was released.
"""

from peewee import (
    BigAutoField,
    BooleanField,
    CharField,
    CompositeKey,
    Database,
    DoubleField,
    Model,
)
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the tables."""

    class Subscription(Model):
        device_id = CharField(max_length=32)
        topic = CharField(max_length=16)
        is_wanted = BooleanField(null=True)
        state = CharField(max_length=16)
        reason = CharField(max_length=64)
        since = UtcField(null=True)

        class Meta:
            database = db
            table_name = "subscription"
            primary_key = CompositeKey("device_id", "topic")

    class Position(Model):
        channel = CharField(max_length=32, primary_key=True)
        device_id = CharField(max_length=32)
        at = UtcField()
        time_text = CharField(max_length=64)
        longitude = DoubleField()
        latitude = DoubleField()
        speed = DoubleField(null=True)
        direction = DoubleField(null=True)
        altitude = DoubleField(null=True)
        height = DoubleField(null=True)

        class Meta:
            database = db
            table_name = "position"

    class TrackPoint(Model):
        id = BigAutoField()
        channel = CharField(max_length=32)
        device_id = CharField(max_length=32)
        at = UtcField(index=True)
        time_text = CharField(max_length=64)
        longitude = DoubleField()
        latitude = DoubleField()
        speed = DoubleField(null=True)
        direction = DoubleField(null=True)
        altitude = DoubleField(null=True)
        height = DoubleField(null=True)

        class Meta:
            database = db
            table_name = "track_point"
            indexes = ((("channel", "at"), False),)

    db.create_tables([Subscription, Position, TrackPoint])
