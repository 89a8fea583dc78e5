"""The registry's rows. Only this package sees them; `queries/` turns them into records.

No model is bound to a database: every statement names the one it runs on, so one process can hold
several. The tables are made by `migrations/`, never from here.
"""

from peewee import (
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)

from channel_registry.fields import JsonTextField, UtcField


class Organisation(Model):
    """A node between the root and the channels."""

    id = CharField(max_length=64, primary_key=True)
    kind = CharField(max_length=16)
    code = CharField(max_length=20)
    name = CharField(max_length=255)
    parent = ForeignKeyField(
        "self", null=True, column_name="parent_id", on_delete="SET NULL", lazy_load=False
    )
    device_id = CharField(max_length=32, null=True, index=True)
    # No foreign key: devices refer to organisations, and the two would depend on each other.
    missing_since = UtcField(null=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "organisation"


class Device(Model):
    """A peer that may register."""

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
    clock_offset_s = DoubleField(null=True)
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
        """Table name as in the reference."""

        table_name = "device"


class Channel(Model):
    """One end of a device."""

    code = CharField(max_length=20, primary_key=True)
    device = ForeignKeyField(Device, column_name="device_id", on_delete="CASCADE", lazy_load=False)
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
        """Table name as in the reference."""

        table_name = "channel"


class RegistrationRule(Model):
    """What differs for a device when it registers; no foreign key, for one row means all."""

    device_id = CharField(max_length=32, primary_key=True)
    digest_algorithms = CharField(max_length=64)
    send_date = BooleanField(null=True)
    redirect_server_id = CharField(max_length=20)
    redirect_host = CharField(max_length=253)
    redirect_port = IntegerField()
    redirect_transport = CharField(max_length=8)

    class Meta:
        """Table name as in the reference."""

        table_name = "registration_rule"


class PresetName(Model):
    """A name that people gave to a preset position; no foreign key, channels come and go."""

    channel = CharField(max_length=32)
    number = IntegerField()
    name = CharField(max_length=255)

    class Meta:
        """Table name as in the reference."""

        table_name = "preset_name"
        primary_key = CompositeKey("channel", "number")


class UpperPlatform(Model):
    """A platform at which we register as the lower one."""

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
        """Table name as in the reference."""

        table_name = "upper_platform"


class UpperShare(Model):
    """One part of what an upper platform may see; no key to channels, for they come and go."""

    platform = ForeignKeyField(
        UpperPlatform, column_name="platform_id", on_delete="CASCADE", lazy_load=False
    )
    kind = CharField(max_length=16)
    key = CharField(max_length=64)

    class Meta:
        """Table name as in the reference."""

        table_name = "upper_share"
        primary_key = CompositeKey("platform", "kind", "key")


class UpperCode(Model):
    """A code of ours, or the first digits of some, and what an upper platform sees instead."""

    platform = ForeignKeyField(
        UpperPlatform, column_name="platform_id", on_delete="CASCADE", lazy_load=False
    )
    is_rule = BooleanField()
    ours = CharField(max_length=64)
    theirs = CharField(max_length=20)

    class Meta:
        """Table name as in the reference."""

        table_name = "upper_code"
        primary_key = CompositeKey("platform", "is_rule", "ours")


class NationalCode(Model):
    """A code made by us for what has none; kept for good, since upper platforms know it."""

    subject = CharField(max_length=80, primary_key=True)
    code = CharField(max_length=20, unique=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "national_code"


TABLES = (
    Organisation,
    Device,
    Channel,
    RegistrationRule,
    PresetName,
    UpperPlatform,
    UpperShare,
    UpperCode,
    NationalCode,
)
