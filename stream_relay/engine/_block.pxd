# A piece of media that readers share: counted references, freed by the last one.
from libc.stdint cimport int64_t, uint8_t

from stream_relay.formats._buffer cimport Buffer

cdef enum:
    HEAD_ROOM = 16     # bytes before `data` for the framing of a connection (WebSocket header)

cdef enum Flags:
    KEY = 1            # decoding can start here
    INIT = 2           # what a reader needs before the media that follow
    RESTART = 4        # an init behind which decoding starts at a key

cdef struct Block:
    int references
    int flags
    int kind
    int codec
    int version        # of the track (access units), or the number of the init
    int head           # bytes of framing in front of `data`
    int64_t pts
    int64_t dts
    int64_t wall_us
    int64_t before     # bytes that the ring took before this block
    Py_ssize_t size
    Block* next        # in the queue of one connection
    uint8_t* data

cdef Block* new_block(Py_ssize_t size) noexcept nogil
cdef Block* adopt_block(Buffer run, Py_ssize_t start) noexcept nogil
cdef Block* copy_block(const uint8_t* data, Py_ssize_t size) noexcept nogil
cdef void frame_block(Block* block, int opcode) noexcept nogil
cdef void retain(Block* block) noexcept nogil
cdef void release(Block* block) noexcept nogil
