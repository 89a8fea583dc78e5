# C types of websocket.py for its compiled twin.
import cython
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer as CBuffer

cdef int CONTINUATION, BINARY, CLOSE, PING, PONG
cdef int FINAL, RESERVED, MASKED, LENGTH_16, LENGTH_64
cdef int PROTOCOL_ERROR, NO_CODE, TOO_BIG
cdef int MAX_CONTROL_BYTES, MAX_FRAME_BYTES, MAX_REPLY_BYTES
cdef int64_t HUGE
cdef int OPEN, CLOSED, HEAD, LENGTH, MASK, PAYLOAD, HEAD_BYTES, MASK_BYTES

cdef class FrameWriter:
    cdef bint write_header(self, int opcode, int64_t size, CBuffer out) noexcept nogil
    cdef bint write_close(self, int code, CBuffer out) noexcept nogil

cdef class FrameReader:
    cdef readonly bint is_closed
    cdef readonly int close_code
    cdef readonly bint is_clean
    cdef readonly int64_t pings
    cdef readonly int64_t unanswered
    cdef readonly int64_t messages
    cdef readonly int64_t discarded_bytes
    cdef readonly CBuffer reply
    cdef FrameWriter _writer
    cdef CBuffer _control
    cdef int _step
    cdef int _want
    cdef int64_t _number
    cdef int _opcode
    cdef Py_ssize_t _size
    cdef int64_t _key
    cdef Py_ssize_t _taken
    cdef bint _in_message

    @cython.locals(position=Py_ssize_t, piece=Py_ssize_t)
    cdef int receive(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
    @cython.locals(number=int64_t)
    cdef void _head_complete(self) noexcept nogil
    @cython.locals(opcode=int, size=int, is_final=bint)
    cdef void _start(self, int first, int second) noexcept nogil
    cdef bint _is_in_place(self, int opcode, bint is_final) noexcept nogil
    @cython.locals(is_long=bint)
    cdef void _take_length(self, int64_t size) noexcept nogil
    cdef void _await(self, int step, int size) noexcept nogil
    cdef void _count(self, Py_ssize_t size) noexcept nogil
    @cython.locals(size=Py_ssize_t)
    cdef void _answer(self) noexcept nogil
    @cython.locals(code=int)
    cdef void _take_close(self) noexcept nogil
    cdef bint _is_code(self, int code) noexcept nogil
    cdef void _fail(self, int code) noexcept nogil
