"""The stream doctor: why a picture does not come, step by step, and what worked for a device."""

from datetime import datetime
from http import HTTPStatus

from vms.records import Cause, Diagnosis, Grade, Mark, Rung, TransportMemory
from web.api.wire import GbCode, Text, Wire
from web.call import Call
from web.language import Language
from web.route import Permission, Resource
from web.words.doctor import FACTS, RUNGS, place_of, verdict_words

resource = Resource(
    "doctor",
    "Stream doctor (码流诊断): the verdict on a picture that does not come, and its facts.",
)


class DoctorFact(Wire):
    """One thing that was seen."""

    name: str
    """Stable: `ssrc_seen`, `port_range` ..."""
    label: str
    """What it is called in the reader's language."""
    value: str
    """For the technician, not translated."""


class DoctorStep(Wire):
    """One step of the way to a picture."""

    rung: Rung
    title: str
    mark: Mark
    facts: list[DoctorFact]


class DoctorTry(Wire):
    """One attempt of the latest round."""

    transport: Text
    at: datetime | None
    cause: Cause
    title: str


class DoctorReport(Wire):
    """One verdict on one channel, with everything that it rests on."""

    channel: str
    device_id: Text
    cause: Cause
    grade: Grade
    title: str
    """The verdict in the reader's language."""
    hint: str
    """What to do about it, in the reader's language."""
    at: datetime | None
    """When the attempt that it speaks of began."""
    transport: Text
    running: bool
    """Attempts are being made, or a picture runs: ask again."""
    ladder: list[DoctorStep]
    tried: list[DoctorTry]


class DeviceTransport(Wire):
    """The way of media that brought a device's latest picture; nulls: nothing is remembered."""

    device_id: str
    transport: Text
    at: datetime | None
    evidence: Text
    """The channel whose picture came."""


def build_report(found: Diagnosis, language: Language) -> DoctorReport:
    """A diagnosis with its words."""
    title, hint = verdict_words(found.cause, language)
    place = place_of(language)
    return DoctorReport(
        channel=found.channel,
        device_id=found.device_id,
        cause=found.cause,
        grade=found.grade,
        title=title,
        hint=hint,
        at=found.at,
        transport=found.transport,
        running=found.is_running,
        ladder=[
            DoctorStep(
                rung=step.rung,
                title=RUNGS[step.rung.value][place],
                mark=step.mark,
                facts=[
                    DoctorFact(name=name, label=FACTS[name][place], value=value)
                    for name, value in step.facts
                ],
            )
            for step in found.ladder
        ],
        tried=[
            DoctorTry(
                transport=each.transport,
                at=each.at,
                cause=each.cause,
                title=verdict_words(each.cause, language)[0],
            )
            for each in found.tried
        ],
    )


@resource.route(
    "GET",
    "/channels/{code}/doctor",
    summary="Show why a picture does not come",
    permission=Permission.WATCH,
    problems=("channel_not_found",),
)
async def show_diagnosis(call: Call, code: GbCode) -> DoctorReport:
    """Show the latest verdict and its ladder, without starting anything."""
    return build_report(await call.services.doctor.diagnosis(code), call.language)


@resource.route(
    "POST",
    "/channels/{code}/doctor",
    summary="Examine a channel now",
    permission=Permission.WATCH,
    status=HTTPStatus.ACCEPTED,
    problems=("channel_not_found",),
)
async def examine_channel(call: Call, code: GbCode) -> DoctorReport:
    """Begin to look for a picture with every way of media in turn; ask for the verdict later."""
    return build_report(await call.services.doctor.examine(code), call.language)


@resource.route(
    "GET",
    "/devices/{device_id}/transport",
    summary="Show which way of media worked",
    permission=Permission.WATCH,
    problems=("device_not_found",),
)
async def show_transport(call: Call, device_id: GbCode) -> DeviceTransport:
    """Show what is remembered of the device's latest picture."""
    return _build_transport(device_id, await call.services.doctor.memory(device_id))


@resource.route(
    "DELETE",
    "/devices/{device_id}/transport",
    summary="Forget which way of media worked",
    permission=Permission.OPERATE,
    problems=("device_not_found",),
)
async def forget_transport(call: Call, device_id: GbCode) -> DeviceTransport:
    """Let the next picture be asked for as the configuration says."""
    await call.services.doctor.forget(device_id)
    return _build_transport(device_id, None)


def _build_transport(device_id: str, memory: TransportMemory | None) -> DeviceTransport:
    if memory is None:
        return DeviceTransport(device_id=device_id, transport="", at=None, evidence="")
    return DeviceTransport.model_validate(memory)
