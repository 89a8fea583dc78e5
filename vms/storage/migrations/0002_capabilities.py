"""Step 2: what each device was seen to be able to do."""

from peewee import CharField, CompositeKey, Database, Model
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the table."""

    class Capability(Model):
        device_id = CharField(max_length=32)
        name = CharField(max_length=64)
        verdict = CharField(max_length=16)
        at = UtcField()
        detail = CharField(max_length=255)

        class Meta:
            database = db
            table_name = "capability"
            primary_key = CompositeKey("device_id", "name")

    db.create_tables([Capability])
