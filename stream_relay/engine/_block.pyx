"""Pieces of media with counted references.

Rings and connections may be freed without the hub's lock, so counting is atomic.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from stream_relay.formats._buffer cimport MARGIN

cdef extern from * nogil:
    int __sync_add_and_fetch(int*, int)
    int __sync_sub_and_fetch(int*, int)

cdef Py_ssize_t PREFIX = sizeof(Block) + HEAD_ROOM
if PREFIX > MARGIN:
    raise ImportError("a block does not fit before the bytes of a buffer")


cdef Block* new_block(Py_ssize_t size) noexcept nogil:
    """Room for `size` bytes with one reference; NULL when memory is short."""
    cdef Block* block = <Block*>malloc(PREFIX + size)
    if block == NULL:
        return NULL
    memset(block, 0, sizeof(Block))
    block.references = 1
    block.size = size
    block.data = <uint8_t*>block + PREFIX
    return block


cdef Block* adopt_block(Buffer run, Py_ssize_t start) noexcept nogil:
    """A block in the memory of `run`, from `start` on; `run` is empty then. NULL: it had none.

    The block takes the place of the margin before the bytes.
    """
    cdef Py_ssize_t size = run.size
    cdef uint8_t* memory = run.give()
    cdef Block* block = <Block*>memory
    if block == NULL:
        return NULL
    memset(block, 0, sizeof(Block))
    block.references = 1
    block.size = size - start
    block.data = memory + MARGIN + start
    return block


cdef Block* copy_block(const uint8_t* data, Py_ssize_t size) noexcept nogil:
    """A block with these bytes; NULL when memory is short."""
    cdef Block* block = new_block(size)
    if block != NULL and size:
        memcpy(block.data, data, size)
    return block


cdef void frame_block(Block* block, int opcode) noexcept nogil:
    """Put an unmasked WebSocket header in front of the data (RFC 6455 §5.2)."""
    cdef Py_ssize_t size = block.size
    cdef int head = 2 if size < 126 else 4 if size < 65536 else 10
    cdef int count = 0 if head == 2 else 2 if head == 4 else 8
    cdef uint8_t* at = block.data - head
    at[0] = 0x80 | opcode
    at[1] = size if head == 2 else 126 if head == 4 else 127
    while count:
        count -= 1
        at[2 + count] = size & 0xFF
        size >>= 8
    block.head = head


cdef void retain(Block* block) noexcept nogil:
    __sync_add_and_fetch(&block.references, 1)


cdef void release(Block* block) noexcept nogil:
    """Give one reference back; NULL is nothing."""
    if block == NULL:
        return
    if __sync_sub_and_fetch(&block.references, 1) == 0:
        free(block)
