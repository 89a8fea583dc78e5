"""What a simulated device keeps of DeviceConfig, and how it answers ConfigDownload."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from sip.gb28181 import device_config as config
from sip.gb28181.config_fields import Block
from sip.gb28181.manscdp import Envelope, Root
from sip.simulator.answers import DeviceState, Handlers
from sip.simulator.control import is_2022, is_allowed
from sip.simulator.profile import CommandReceived, SnapshotsRequested


class ConfigState:
    """The configurations of the device and of each channel; what was written is kept."""

    def __init__(self, state: DeviceState) -> None:
        self._state = state
        self._kept: dict[tuple[str, str], config.Config] = {}

    def answer(self, envelope: Envelope) -> Iterable[bytes]:
        """Answer ConfigDownload, one message for each type; ERROR for one it does not have."""
        state = self._state
        for name in config.parse_config_query(envelope):
            if name == "BasicParam" and self._keeps_silent(envelope.device_id):
                continue
            found = self._find(envelope.device_id, name)
            answer = config.build_config_answer(
                envelope.device_id,
                envelope.sn,
                {} if found is None else {name: found},
                is_ok=found is not None,
                charset=state.profile.charset,
            )
            if state.faults.config_other_name:
                answer = answer.replace(f"{name}>".encode(), f"{name}Config>".encode())
            yield answer

    def _keeps_silent(self, device_id: str) -> bool:
        """Whether it answers nothing about itself, or restarts instead."""
        state = self._state
        if state.faults.config_restarts:
            state.emit(CommandReceived(state.profile.device_id, "TeleBoot", "Boot"))
            return True
        return state.faults.config_wants_device and device_id != state.profile.device_id

    def write(self, envelope: Envelope) -> Iterable[bytes]:
        """Take over DeviceConfig, all of it or nothing."""
        state, device_id = self._state, envelope.device_id
        wanted = config.parse_configs(envelope)
        is_ok = bool(wanted) and not state.faults.control_refused
        is_ok = is_ok and all(self._can_take(device_id, each) for each in wanted.items())
        if is_ok:
            for name, block in wanted.items():
                self._keep(device_id, name, block)
        yield config.build_config_response(
            device_id, envelope.sn, is_ok=is_ok, charset=state.profile.charset
        )

    def _can_take(self, device_id: str, wanted: tuple[str, config.Config]) -> bool:
        name, block = wanted
        if isinstance(block, config.SnapShotConfig):
            return is_2022(self._state) and is_allowed(self._state, block.upload_url or "")
        return self._find(device_id, name) is not None

    def _keep(self, device_id: str, name: str, block: config.Config) -> None:
        if isinstance(block, config.SnapShotConfig):
            self._state.emit(
                SnapshotsRequested(
                    device_id,
                    block.count or 1,
                    block.interval_s or 1,
                    block.upload_url or "",
                    block.session_id or "",
                )
            )
        known = self._find(device_id, name)
        self._kept[(device_id, name)] = _merge(known, block)

    def _find(self, device_id: str, name: str) -> config.Config | None:
        kept = self._kept.get((device_id, name))
        if kept is not None:
            return kept
        if name not in config.TYPES_2016 and not is_2022(self._state):
            return None
        profile = self._state.profile
        if name == "BasicParam":
            is_absurd = self._state.faults.heartbeat_absurd
            return config.BasicParam(
                name=profile.name,
                expiration_s=profile.expires_s,
                heartbeat_interval_s=0 if is_absurd else round(profile.keepalive_interval_s),
                heartbeat_count=255 if is_absurd else profile.keepalive_count,
            )
        return _DEFAULTS.get(name)


def handlers(state: DeviceState) -> Handlers:
    """ConfigDownload and DeviceConfig."""
    configs = ConfigState(state)
    return {
        (Root.QUERY, config.DOWNLOAD): configs.answer,
        (Root.CONTROL, config.CONFIG): configs.write,
    }


def _merge(known: config.Config | None, given: config.Config) -> config.Config:
    """What is not given stays."""
    if not (isinstance(known, Block) and isinstance(given, Block)) or type(known) is not type(
        given
    ):
        return given
    changes: dict[str, Any] = {}
    for each in fields(given):
        value = getattr(given, each.name)
        if value is not None:
            changes[each.name] = value
    return replace(known, **changes)


_DEFAULTS: dict[str, config.Config] = {
    "VideoParamOpt": config.VideoParamOpt(download_speed="1/2/4", resolution="5/6"),
    "SVACEncodeConfig": config.SvacEncodeConfig(
        roi=config.RoiParam(is_on=False), audio=config.AudioParam(recognition=False)
    ),
    "SVACDecodeConfig": config.SvacDecodeConfig(svc=config.SvcParam(stream_mode=0)),
    "VideoParamAttribute": config.VideoParamAttribute(
        streams=(
            config.VideoStream(
                stream=0, format="2", resolution="6", frame_rate="25",
                bit_rate_type="2", bit_rate_kbps="4096",
            ),
            config.VideoStream(
                stream=1, format="2", resolution="4", frame_rate="25",
                bit_rate_type="1", bit_rate_kbps="512",
            ),
        )
    ),
    "VideoRecordPlan": config.VideoRecordPlan(is_on=False, stream=0),
    "VideoAlarmRecord": config.VideoAlarmRecord(is_on=False, after_s=30, before_s=5, stream=0),
    "PictureMask": config.PictureMask(is_on=False),
    "FrameMirror": config.FrameMirror(mode=0),
    "AlarmReport": config.AlarmReport(motion=False, field=False),
    "OSDConfig": config.OsdConfig(
        width=1920, height=1080, time_x=16, time_y=16, shows_time=True, time_type=1,
        shows_text=True,
        texts=(config.OsdText(text="模拟摄像机", x=16, y=1000),),
    ),
    "SnapShotConfig": config.SnapShotConfig(count=1, interval_s=1),
}  # fmt: skip
"""What a device has before anybody writes."""
