"""Step 5: the way of media that brought each device's latest picture."""

from peewee import CharField, Database, Model
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the table."""

    class TransportMemory(Model):
        device_id = CharField(max_length=32, primary_key=True)
        transport = CharField(max_length=16)
        at = UtcField()
        evidence = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "transport_memory"

    db.create_tables([TransportMemory])
