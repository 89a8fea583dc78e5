"""Someone is where nobody may be: people in its region, or motion if no model is configured."""

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from analytics.detectors.motion import MotionDetector
from analytics.plugin import (
    AlarmPhase,
    AlarmSignal,
    Detection,
    Detector,
    Findings,
    Frame,
    Manifest,
    Resources,
    Scene,
)
from analytics.rules.persistence import Change, Persistence, PersistenceRule
from analytics.rules.region import Region

LONGEST_SIDE = 640
"""Pixels; enough for a person of a tenth of the picture's height, and cheap to scale."""


class IntrusionParams(BaseModel):
    """What an operator may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: Literal["auto", "person", "motion"] = Field(
        "auto", description="auto: person where a model is configured, else motion"
    )
    min_score: float = Field(0.45, ge=0, le=1, description="a person's score below this is ignored")
    min_area: float = Field(
        0.002, gt=0, le=1, description="motion smaller than this share of the picture is ignored"
    )
    hits: int = Field(2, ge=1, le=60, description="k: samples that must show it …")
    window: int = Field(3, ge=1, le=60, description="… among the last n")
    min_duration_s: float = Field(1.0, ge=0, le=3600, description="seconds it must last")
    clear_after_s: float = Field(5.0, ge=0, le=3600, description="seconds of absence that end it")


class IntrusionPlugin:
    """Region intrusion. A person counts by the feet, motion by any part of its box."""

    manifest: ClassVar[Manifest] = Manifest(
        id="intrusion",
        version="1.0",
        title={"zh": "区域入侵", "en": "Region intrusion"},
        params=IntrusionParams,
        default_fps=2.0,
    )

    def open(self, scene: Scene, resources: Resources) -> None:
        """Prepare for a scene. Raises pydantic.ValidationError if its parameters do not fit."""
        self._params = params = IntrusionParams.model_validate(dict(scene.params))
        self._region = Region(scene.region)
        self._persistence = Persistence(
            PersistenceRule(
                hits=params.hits,
                window=max(params.hits, params.window),
                min_duration_s=params.min_duration_s,
                clear_after_s=params.clear_after_s,
            )
        )
        self._person: Detector | None = None
        if params.detector != "motion":
            self._person = resources.detector("person")
        if params.detector == "person" and self._person is None:
            raise ValueError("the scene asks for a person model, but none is configured")
        self._motion = MotionDetector(params.min_area)

    def process(self, frame: Frame) -> Findings:
        """Look at one sampled frame."""
        seen = tuple(self._people(frame) if self._person else self._movements(frame))
        inside = tuple(detection for detection in seen if detection.is_inside)
        change = self._persistence.sample(frame.pts_ticks, bool(inside))
        if change is Change.NONE:
            return Findings(seen)
        phase = AlarmPhase.RAISED if change is Change.RAISED else AlarmPhase.ENDED
        score = max((detection.score for detection in inside), default=0.0)
        return Findings(seen, (AlarmSignal(phase, "intrusion", inside, score),))

    def close(self) -> None:
        """Release what `open` took: nothing, the model belongs to the worker."""

    def _people(self, frame: Frame) -> list[Detection]:
        detector = self._person
        assert detector is not None
        found: list[Detection] = frame.remember(
            detector.info, lambda: detector.detect([frame.bgr(LONGEST_SIDE)])[0]
        )
        return [
            replace(detection, is_inside=self._region.contains(detection.foot))
            for detection in found
            if detection.label == "person" and detection.score >= self._params.min_score
        ]

    def _movements(self, frame: Frame) -> list[Detection]:
        """Only what moves in the region: elsewhere the camera's own clock never stands still."""
        return [
            replace(detection, is_inside=True)
            for detection in self._motion.detect(frame.bgr(LONGEST_SIDE))
            if self._region.touches(detection.box)
        ]
