# C types of ps.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t
from stream_relay.formats cimport _ps_packets as ps_packets
from stream_relay.formats._audio cimport AudioAssembler as CAudioAssembler
from stream_relay.formats._buffer cimport Buffer as CBuffer
from stream_relay.formats._stream_map cimport StreamMap as CStreamMap
from stream_relay.formats._timeline cimport Timeline as CTimeline
from stream_relay.formats._video cimport VideoAssembler as CVideoAssembler

cdef int SEARCH, BETWEEN, BOUNDED, UNBOUNDED, SKIP, NO_STAMP, PES_FIXED_BYTES
cdef int STREAM_MAP, FIRST_SYSTEM_CODE, AUDIO_FIRST, VIDEO_FIRST, VIDEO_LAST
cdef int MAX_AUDIO_PACKET_BYTES, MAX_STREAM_MAP_BYTES, MAX_CONTRADICTIONS, NOTHING_CUT

cdef class PsDemuxer(ps_packets.PsReader):
    cdef public long truncated
    cdef public long oversize
    cdef public long malformed_pes
    cdef Py_ssize_t _max_unit
    cdef CTimeline _timeline
    cdef CVideoAssembler _video
    cdef CAudioAssembler _audio
    cdef CStreamMap _map
    cdef CBuffer _packet
    cdef int64_t _packet_pts
    cdef bint _is_video
    cdef bint _map_seen
    cdef bint _closed_early
    cdef int _video_id
    cdef int _audio_id
    cdef int64_t _timestamp
    cdef int _marker_lies
    cdef int _timestamp_lies

    cdef void feed(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t timestamp, bint marker
    ) noexcept nogil
    cdef void interrupt(self) noexcept nogil
    cdef void finish(self) noexcept nogil
    cdef void restart(self) noexcept nogil

    cdef bint _open_packet(
        self, const uint8_t* data, Py_ssize_t available, int code, Py_ssize_t length
    ) noexcept nogil
    cdef bint _take_payload(self, const uint8_t* data) noexcept nogil
    cdef void _on_pack(self) noexcept nogil
    cdef void _on_order(self) noexcept nogil
    cdef void _on_garbage(self) noexcept nogil
    cdef void _on_stray_video(self) noexcept nogil
    cdef void _on_damage(self) noexcept nogil

    cdef bint _read_map(
        self, const uint8_t* data, Py_ssize_t available, Py_ssize_t length
    ) noexcept nogil
    cdef bint _is_ours(self, int code) noexcept nogil
    @cython.locals(position=Py_ssize_t, header=int)
    cdef bint _begin_pes(
        self, const uint8_t* data, Py_ssize_t available, int code, Py_ssize_t length
    ) noexcept nogil
    @cython.locals(declared=int)
    cdef void _begin_video(self) noexcept nogil
    @cython.locals(count=Py_ssize_t)
    cdef bint _take_bounded(self, const uint8_t* data) noexcept nogil
    @cython.locals(search=Py_ssize_t, found=Py_ssize_t)
    cdef bint _take_unbounded(self, const uint8_t* data) noexcept nogil
    @cython.locals(first=Py_ssize_t)
    cdef Py_ssize_t _zeros_from(self, const uint8_t* data) noexcept nogil
    @cython.locals(start=Py_ssize_t, is_kept=bint, found=Py_ssize_t)
    cdef void _take(self, const uint8_t* data, Py_ssize_t end) noexcept nogil
    cdef void _close_packet(self) noexcept nogil
    cdef void _push_audio(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    cdef void _end_unbounded(self) noexcept nogil
    cdef void _end_of_frame(self) noexcept nogil
    cdef void _change_timestamp(self, int64_t timestamp) noexcept nogil
