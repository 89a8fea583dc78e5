"""Step 4: broadcasts that are over."""

from peewee import BigIntegerField, Database, Model, TextField
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the table."""

    class Broadcast(Model):
        number = BigIntegerField(primary_key=True)
        ended_at = UtcField(index=True)
        facts = TextField()

        class Meta:
            database = db
            table_name = "broadcast"

    db.create_tables([Broadcast])
