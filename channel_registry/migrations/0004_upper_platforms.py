"""Step 4: upper platforms, what is shared with them, and codes made for that."""

from peewee import (
    BooleanField,
    CharField,
    CompositeKey,
    Database,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from channel_registry.fields import UtcField


def up(migrator: SchemaMigrator, db: Database) -> None:
    """Make the tables."""

    class UpperPlatform(Model):
        id = CharField(max_length=20, primary_key=True)
        name = CharField(max_length=255)
        domain = CharField(max_length=64)
        host = CharField(max_length=253)
        port = IntegerField()
        transport = CharField(max_length=8)
        own_id = CharField(max_length=20)
        username = CharField(max_length=64)
        secret = TextField(null=True)
        expires_s = IntegerField()
        keepalive_interval_s = DoubleField()
        keepalive_count = IntegerField()
        edition = CharField(max_length=8)
        charset = CharField(max_length=16)
        catalog_form = CharField(max_length=16)
        is_enabled = BooleanField()
        rights = CharField(max_length=255)
        shares_everything = BooleanField()
        created_at = UtcField()
        updated_at = UtcField()

        class Meta:
            database = db
            table_name = "upper_platform"

    class UpperShare(Model):
        platform = ForeignKeyField(
            UpperPlatform, column_name="platform_id", on_delete="CASCADE", lazy_load=False
        )
        kind = CharField(max_length=16)
        key = CharField(max_length=64)

        class Meta:
            database = db
            table_name = "upper_share"
            primary_key = CompositeKey("platform", "kind", "key")

    class UpperCode(Model):
        platform = ForeignKeyField(
            UpperPlatform, column_name="platform_id", on_delete="CASCADE", lazy_load=False
        )
        is_rule = BooleanField()
        ours = CharField(max_length=64)
        theirs = CharField(max_length=20)

        class Meta:
            database = db
            table_name = "upper_code"
            primary_key = CompositeKey("platform", "is_rule", "ours")

    class NationalCode(Model):
        subject = CharField(max_length=80, primary_key=True)
        code = CharField(max_length=20, unique=True)

        class Meta:
            database = db
            table_name = "national_code"

    db.create_tables([UpperPlatform, UpperShare, UpperCode, NationalCode])
