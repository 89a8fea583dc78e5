# cython: boundscheck=False, wraparound=False
"""RTP out as it came in, with another SSRC and its own sequence: cascade without demultiplexing.

A gap in the source's sequence stays a gap, so that the receiver knows of the loss; a restart of the
source does not. Runs of packets of one size leave in one system call (UDP GSO); their payload is
sent from where it was received. TCP frames by RFC 4571; a peer that does not take them loses whole
packets, and is told of by `dropped`.
"""

cimport cython
from libc.errno cimport EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, errno
from libc.string cimport memcpy, memset

from stream_relay.engine._loop cimport Ready
from stream_relay.engine.system cimport (
    CMSG_DATA, CMSG_FIRSTHDR, CMSG_LEN, CMSG_SPACE, EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT,
    EPOLLRDHUP, IPPROTO_UDP, MSG_DONTWAIT, MSG_NOSIGNAL, cmsghdr, msghdr, recv, send, sendmsg,
)

from stream_relay.errors import RelayError

cdef extern from "<netinet/udp.h>" nogil:
    int UDP_SEGMENT

cdef Py_ssize_t MAX_RUN_BYTES = 65000
cdef Py_ssize_t MAX_WAITING_BYTES = 4 * 1024 * 1024
cdef int MAX_TRIES = 3
cdef int READ_BYTES = 4096
cdef int MAX_READS = 64
"""At once; who says more on the way back is no receiver."""
cdef int MAX_STEP = 1000
"""A step of the source's sequence beyond this is another numbering, not a loss."""
cdef int64_t _last_number = 0


cdef void _on_ready(Forward forward, uint32_t events) noexcept nogil:
    forward._ready(events)


@cython.no_gc_clear
cdef class Forward(PacketSink):
    """One target of a stream. The descriptor is a connected socket and stays its owner's.

    The end of a TCP connection comes once as the event ("forward", number).
    """

    def __init__(self, Loop loop not None, int fd, unsigned int ssrc, bint is_tcp, int sequence):
        cdef bint is_watched
        global _last_number
        _last_number += 1
        self.number = _last_number
        self._loop = loop
        self._fd = fd
        self._ssrc = ssrc
        self._is_tcp = is_tcp
        self._sequence = sequence
        self._last_in = -1
        self._waiting = Buffer()
        if is_tcp:
            with nogil:
                loop.hub.lock()
                self._handle = loop.watch(
                    fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, <void*>self, <Ready>_on_ready
                )
                is_watched = self._handle != NULL
                loop.hub.unlock()
            # The engine may have met its end already: the handle is gone then, and that is no error.
            if not is_watched:
                raise RelayError("the engine cannot watch the connection")

    def __del__(self):
        if self._handle != NULL:
            self._loop.hub.let_go(self)

    def __dealloc__(self):
        if self._loop is not None and self._handle != NULL:
            with nogil:
                self._loop.hub.lock()
                self._loop.unwatch(self._handle)
                self._loop.hub.unlock()

    cdef void packet(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil:
        """Take one whole RTP packet; see `PacketSink`."""
        cdef Py_ssize_t size = end - start
        cdef uint8_t* head
        if size < RTP_HEAD or self._is_ended:
            return
        if self._is_tcp:
            self._frame(data + start, size)
            return
        # A run holds packets of one size; a shorter one ends it.
        if self._count and (size > self._size or self._bytes + size > MAX_RUN_BYTES):
            self._send_run()
        head = self._heads + self._count * RTP_HEAD
        self._renumber(data + start, head)
        self._vectors[2 * self._count].iov_base = head
        self._vectors[2 * self._count].iov_len = RTP_HEAD
        self._vectors[2 * self._count + 1].iov_base = <void*>(data + start + RTP_HEAD)
        self._vectors[2 * self._count + 1].iov_len = size - RTP_HEAD
        if self._count == 0:
            self._size = size
        self._count += 1
        self._bytes += size
        if self._count == RUN or size < self._size or not is_stable:
            self._send_run()

    cdef void _renumber(self, const uint8_t* data, uint8_t* head) noexcept nogil:
        """Copy the fixed header with our SSRC and the next number of our own sequence."""
        cdef int came = data[2] << 8 | data[3]
        cdef int step = came - self._last_in & 0xFFFF
        if self._last_in < 0 or step == 0 or step > MAX_STEP:
            step = 1
        self._last_in = came
        self._sequence = self._sequence + step & 0xFFFF
        memcpy(head, data, 8)
        head[2], head[3] = self._sequence >> 8, self._sequence & 0xFF
        head[8], head[9] = self._ssrc >> 24, self._ssrc >> 16 & 0xFF
        head[10], head[11] = self._ssrc >> 8 & 0xFF, self._ssrc & 0xFF

    cdef void flush(self) noexcept nogil:
        """The batch is over: its bytes are about to be overwritten."""
        if self._count:
            self._send_run()
        if self._is_tcp and self._waiting.size:
            self._write()

    cdef void _send_run(self) noexcept nogil:
        cdef int index
        cdef ssize_t sent = self._send(0, self._count)
        if sent >= 0:
            self.packets += self._count
            self.sent_bytes += sent
        elif self._count > 1 and errno in (EINVAL, EIO, EMSGSIZE):
            # Not to be cut by the kernel: packets beyond the path's size, or no checksum offload.
            for index in range(self._count):
                sent = self._send(index, 1)
                if sent < 0:
                    self.dropped += 1
                else:
                    self.packets += 1
                    self.sent_bytes += sent
        else:
            self.dropped += self._count
        self._count = 0
        self._bytes = 0

    cdef ssize_t _send(self, int first, int count) noexcept nogil:
        """Send packets of the run in one call; negative, with `errno`: none was sent."""
        cdef msghdr message
        cdef uint8_t control[64]
        cdef cmsghdr* field
        cdef unsigned short segment = self._size
        cdef ssize_t sent = -1
        cdef int tries = MAX_TRIES
        memset(&message, 0, sizeof(message))
        message.msg_iov = &self._vectors[2 * first]
        message.msg_iovlen = 2 * count
        if count > 1:
            memset(control, 0, sizeof(control))
            message.msg_control = control
            message.msg_controllen = CMSG_SPACE(sizeof(segment))
            field = CMSG_FIRSTHDR(&message)
            field.cmsg_level, field.cmsg_type = IPPROTO_UDP, UDP_SEGMENT
            field.cmsg_len = CMSG_LEN(sizeof(segment))
            memcpy(CMSG_DATA(field), &segment, sizeof(segment))
        while sent < 0 and tries:
            tries -= 1
            sent = sendmsg(self._fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL)
            # A refusal speaks of what was sent before: perhaps somebody listens again.
            if sent < 0 and errno != EINTR and errno != ECONNREFUSED:
                break
        return sent

    # --- TCP --------------------------------------------------------------------------------------

    cdef void _frame(self, const uint8_t* data, Py_ssize_t size) noexcept nogil:
        cdef uint8_t head[RTP_HEAD]
        if size > 0xFFFF or self._waiting.size - self._written > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._renumber(data, head)
        if not self._waiting.reserve(self._waiting.size + size + 2):
            self.dropped += 1
            return
        self._waiting.put(size, 2)
        self._waiting.append(head, 0, RTP_HEAD)
        self._waiting.append(data, RTP_HEAD, size)
        self.packets += 1

    cdef void _write(self) noexcept nogil:
        cdef ssize_t written
        while self._written < self._waiting.size and not self._is_ended:
            written = send(
                self._fd, self._waiting.data + self._written, self._waiting.size - self._written,
                MSG_DONTWAIT | MSG_NOSIGNAL,
            )
            if written < 0:
                if errno == EINTR:
                    continue
                if errno != EAGAIN:
                    self._end()
                break
            self._written += written
            self.sent_bytes += written
        if self._written == self._waiting.size:
            self._waiting.clear()
            self._written = 0
        elif self._written > MAX_WAITING_BYTES // 4:
            self._waiting.drop(self._written)
            self._written = 0

    cdef void _ready(self, uint32_t events) noexcept nogil:
        cdef ssize_t count = 1
        cdef int reads
        if events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR):
            # A receiver has nothing to say here but that it left.
            for reads in range(MAX_READS):
                count = recv(self._fd, self._loop.stream_room, READ_BYTES, MSG_DONTWAIT)
                if count == 0 or count < 0 and errno != EINTR:
                    break
            if count >= 0 or errno != EAGAIN:
                self._end()
                return
        if events & EPOLLOUT:
            self._write()

    cdef void _end(self) noexcept with gil:
        if self._is_ended:
            return
        self._is_ended = True
        self._loop.unwatch(self._handle)
        self._handle = NULL
        self._loop.hub.add_event(("forward", self.number))

    def close(self):
        """Stop; idempotent."""
        with nogil:
            self._loop.hub.lock()
            self._is_ended = True
            self._loop.unwatch(self._handle)
            self._handle = NULL
            self._loop.hub.unlock()
