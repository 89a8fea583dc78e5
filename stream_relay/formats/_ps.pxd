# C types of ps.py for its compiled twin.
import cython

cdef int SEARCH, BETWEEN, BOUNDED, UNBOUNDED, SKIP

cdef class PsDemuxer:
    cdef public long packs
    cdef public long long garbage_bytes
    cdef public long truncated
    cdef public long oversize
    cdef public long malformed_pes
    cdef public long skipped_packets
    cdef Py_ssize_t _max_unit
    cdef object _timeline
    cdef object _video
    cdef object _audio
    cdef dict _types
    cdef bytes _data
    cdef Py_ssize_t _position
    cdef int _state
    cdef Py_ssize_t _left
    cdef bint _is_video
    cdef int _video_id
    cdef int _audio_id
    cdef bint _map_seen
    cdef bytearray _packet
    cdef object _packet_pts
    cdef object _timestamp
    cdef int _marker_lies
    cdef int _timestamp_lies
    cdef bint _closed_early
    cdef bint _in_garbage
    cdef list _ready

    @cython.locals(ready=list)
    cpdef list push(self, bytes payload, timestamp=*, bint marker=*)
    @cython.locals(ready=list)
    cpdef list flush(self)
    cpdef lost(self)
    cdef bint _step(self) except -1
    @cython.locals(found=Py_ssize_t, following=Py_ssize_t)
    cdef bint _find_pack(self) except -1
    @cython.locals(count=Py_ssize_t)
    cdef bint _skip(self) except -1
    @cython.locals(position=Py_ssize_t, available=Py_ssize_t, code=int, length=Py_ssize_t)
    cdef bint _next_packet(self) except -1
    cdef _begin_skip(self, Py_ssize_t length)
    @cython.locals(data=bytes, search=Py_ssize_t, found=Py_ssize_t, following=Py_ssize_t, code=int)
    cdef bint _skip_garbage(self) except -1
    @cython.locals(size=Py_ssize_t)
    cdef bint _begin_pack(self, Py_ssize_t available) except -1
    cdef bint _read_map(self, Py_ssize_t available, Py_ssize_t length) except -1
    cdef bint _is_ours(self, int code) except -1
    @cython.locals(position=Py_ssize_t, data=bytes, header=int)
    cdef bint _begin_pes(self, Py_ssize_t available, int code, Py_ssize_t length) except -1
    cdef _begin_video(self, pts, dts)
    @cython.locals(count=Py_ssize_t)
    cdef bint _take_bounded(self) except -1
    @cython.locals(data=bytes, search=Py_ssize_t, found=Py_ssize_t, end=Py_ssize_t)
    cdef bint _take_unbounded(self) except -1
    @cython.locals(end=Py_ssize_t, piece=bytes, given_back=bytes)
    cdef _take(self, Py_ssize_t count)
    cdef _close_packet(self)
    cdef _end_unbounded(self)
    cdef _end_of_frame(self)
    cdef _change_timestamp(self, timestamp)
    cdef _damaged(self)
