"""Step 2: how single devices are treated when they register, and how wrong their clocks are."""

from peewee import BooleanField, CharField, Database, DoubleField, IntegerField, Model
from playhouse.migrate import SchemaMigrator


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the table, add the column."""

    class RegistrationRule(Model):
        device_id = CharField(max_length=32, primary_key=True)
        digest_algorithms = CharField(max_length=64)
        send_date = BooleanField(null=True)
        redirect_server_id = CharField(max_length=20)
        redirect_host = CharField(max_length=253)
        redirect_port = IntegerField()
        redirect_transport = CharField(max_length=8)

        class Meta:
            database = db
            table_name = "registration_rule"

    db.create_tables([RegistrationRule])
    column = DoubleField(null=True)
    migrator.migrate(migrator.add_column("device", "clock_offset_s", column))
