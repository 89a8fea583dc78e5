"""The platform's own rows. Only this package sees them; `queries/` turns them into records.

Devices and channels are named by their codes without foreign keys: what happened to a channel
outlives the channel. No model is bound to a database: every statement names the one it runs on.
"""

from peewee import (
    AutoField,
    BigAutoField,
    BigIntegerField,
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


class Alarm(Model):
    """Something a person should know."""

    id = BigAutoField()
    channel = CharField(max_length=32, index=True)
    channel_name = CharField(max_length=255)
    kind = CharField(max_length=64)
    level = IntegerField()
    state = CharField(max_length=16, index=True)
    dedupe_key = CharField(max_length=255)
    active_key = CharField(max_length=255, null=True, unique=True)
    # The dedupe key while the alarm is active, null once it is cleared: unique in both databases.
    source = CharField(max_length=64)
    raised_at = UtcField(index=True)
    last_at = UtcField()
    count = IntegerField()
    acknowledged_at = UtcField(null=True)
    acknowledged_by = CharField(max_length=64, null=True)
    cleared_at = UtcField(null=True)
    cleared_by = CharField(max_length=64, null=True)
    note = TextField()
    detail = JsonTextField()
    boxes = JsonTextField()
    snapshot = CharField(max_length=255)

    class Meta:
        """Table name as in the reference."""

        table_name = "alarm"


class Span(Model):
    """A stretch of time in one state."""

    id = BigAutoField()
    kind = CharField(max_length=16)
    subject = CharField(max_length=32)
    state = CharField(max_length=16)
    cause = CharField(max_length=32)
    started_at = UtcField()
    ended_at = UtcField(null=True)
    open_key = CharField(max_length=64, null=True, unique=True)
    # Kind and subject while the span lasts, null once it ended: one open span per subject.

    class Meta:
        """Table name as in the reference."""

        table_name = "span"
        indexes = ((("kind", "subject", "started_at"), False),)


class Beat(Model):
    """When the platform was last known to run; one row."""

    id = IntegerField(primary_key=True)
    at = UtcField()

    class Meta:
        """Table name as in the reference."""

        table_name = "beat"


class User(Model):
    """A person who may log in."""

    id = AutoField()
    username = CharField(max_length=64)
    login = CharField(max_length=64, unique=True)
    # The user name without regard to case.
    password_hash = CharField(max_length=255)
    role = CharField(max_length=16)
    must_change_password = BooleanField()
    disabled = BooleanField()
    created_at = UtcField()
    password_changed_at = UtcField()
    last_login_at = UtcField(null=True)

    class Meta:
        """`user` is a reserved word of SQL."""

        table_name = "account"


class Session(Model):
    """A login, by the hash of its token."""

    token_hash = CharField(max_length=128, primary_key=True)
    user = ForeignKeyField(User, column_name="user_id", on_delete="CASCADE", lazy_load=False)
    source = CharField(max_length=64)
    user_agent = CharField(max_length=255)
    created_at = UtcField()
    last_seen_at = UtcField()
    expires_at = UtcField(index=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "session"


class LoginFailure(Model):
    """Failed logins under one key."""

    key = CharField(max_length=255, primary_key=True)
    count = IntegerField()
    first_at = UtcField()
    last_at = UtcField(index=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "login_failure"


class Segment(Model):
    """A recorded file."""

    id = BigAutoField()
    channel = CharField(max_length=32)
    path = CharField(max_length=255, unique=True)
    started_at = UtcField()
    ended_at = UtcField(index=True)
    size_bytes = BigIntegerField()
    codec = CharField(max_length=32)
    width = IntegerField()
    height = IntegerField()
    has_audio = BooleanField()
    locked = BooleanField()

    class Meta:
        """Table name as in the reference."""

        table_name = "segment"
        indexes = ((("channel", "started_at"), False),)


class Scene(Model):
    """How one channel is analysed."""

    id = AutoField()
    channel = CharField(max_length=32)
    plugin = CharField(max_length=64)
    name = CharField(max_length=128)
    enabled = BooleanField()
    sample_fps = DoubleField()
    region = JsonTextField()
    params = JsonTextField()
    level = IntegerField()
    created_at = UtcField()
    updated_at = UtcField()

    class Meta:
        """Table name as in the reference."""

        table_name = "scene"
        indexes = ((("channel", "name"), True),)


class RecordingSwitch(Model):
    """Whether a channel is to be recorded."""

    channel = CharField(max_length=32, primary_key=True)
    is_on = BooleanField()
    changed_at = UtcField()
    changed_by = CharField(max_length=64)

    class Meta:
        """Table name as in the reference."""

        table_name = "recording_switch"


class RegistrationAttempt(Model):
    """Tries to register, added up."""

    id = BigAutoField()
    device_id = CharField(max_length=64)
    address = CharField(max_length=64, index=True)
    outcome = CharField(max_length=32)
    transport = CharField(max_length=8)
    user_agent = CharField(max_length=255)
    count = BigIntegerField()
    first_at = UtcField()
    last_at = UtcField(index=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "registration_attempt"
        indexes = ((("device_id", "address", "outcome"), True),)


class AuditEntry(Model):
    """Who did what."""

    id = BigAutoField()
    at = UtcField(index=True)
    actor = CharField(max_length=64, index=True)
    source = CharField(max_length=64)
    action = CharField(max_length=64)
    target = CharField(max_length=255)
    result = CharField(max_length=64)
    detail = JsonTextField()

    class Meta:
        """Table name as in the reference."""

        table_name = "audit_entry"


class Capability(Model):
    """What a device was seen to be able to do."""

    device_id = CharField(max_length=32)
    name = CharField(max_length=64)
    verdict = CharField(max_length=16)
    at = UtcField()
    detail = CharField(max_length=255)

    class Meta:
        """Table name and key as in the reference."""

        table_name = "capability"
        primary_key = CompositeKey("device_id", "name")


class Subscription(Model):
    """What is subscribed to at a device, and what was learned of it."""

    device_id = CharField(max_length=32)
    topic = CharField(max_length=16)
    is_wanted = BooleanField(null=True)
    # Null: nobody has said so; the configuration decides.
    state = CharField(max_length=16)
    reason = CharField(max_length=64)
    since = UtcField(null=True)

    class Meta:
        """Table name as in the reference."""

        table_name = "subscription"
        primary_key = CompositeKey("device_id", "topic")


class Position(Model):
    """Where a channel was last."""

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
        """Table name as in the reference."""

        table_name = "position"


class TrackPoint(Model):
    """Where a channel was at one moment."""

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
        """Table name as in the reference."""

        table_name = "track_point"
        indexes = ((("channel", "at"), False),)


class Broadcast(Model):
    """A broadcast that is over."""

    number = BigIntegerField(primary_key=True)
    ended_at = UtcField(index=True)
    facts = TextField()
    # JSON, as the voice service writes it.

    class Meta:
        """Table name as in the reference."""

        table_name = "broadcast"


class TransportMemory(Model):
    """The way of media that brought a device's latest picture."""

    device_id = CharField(max_length=32, primary_key=True)
    transport = CharField(max_length=16)
    at = UtcField()
    evidence = CharField(max_length=64)

    class Meta:
        """Table name as in the reference."""

        table_name = "transport_memory"


TABLES = (
    Alarm,
    Span,
    Beat,
    User,
    Session,
    LoginFailure,
    Segment,
    Scene,
    RecordingSwitch,
    RegistrationAttempt,
    AuditEntry,
    Capability,
    Subscription,
    Position,
    TrackPoint,
    Broadcast,
    TransportMemory,
)
