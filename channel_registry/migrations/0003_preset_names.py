"""Step 3: names that people gave to preset positions."""

from peewee import CharField, CompositeKey, Database, IntegerField, Model
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the table."""

    class PresetName(Model):
        channel = CharField(max_length=32)
        number = IntegerField()
        name = CharField(max_length=255)

        class Meta:
            database = db
            table_name = "preset_name"
            primary_key = CompositeKey("channel", "number")

    db.create_tables([PresetName])
