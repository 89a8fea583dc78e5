# cython: boundscheck=False, wraparound=False
"""The ways in of media inside the engine: UDP ports, of one stream or of many.

They only move bytes into an `Intake`; whose bytes count is its latch's business. Nothing is sent
from here. Descriptors stay their owner's.
"""

cimport cython
from libc.stdlib cimport free, realloc
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memmove

from stream_relay.engine._forward cimport Forward
from stream_relay.engine._loop cimport BATCH, DATAGRAM_ROOM, Ready, Tick
from stream_relay.engine.system cimport (
    AF_INET, CMSG_DATA, CMSG_FIRSTHDR, CMSG_NXTHDR, EPOLLIN, IPPROTO_UDP, cmsghdr, msghdr, ntohl,
    ntohs, setsockopt, sockaddr_in,
)

from stream_relay.errors import Overload, RelayError

cdef extern from "<netinet/udp.h>" nogil:
    int UDP_GRO

cdef int MAX_BATCHES = 8
"""Of one port, before others get their turn."""
cdef Py_ssize_t HEADER_BYTES = 12
cdef int FIRST_RTCP = 200
cdef int LAST_RTCP = 204


cdef int64_t peer_of(const sockaddr_in6* name) noexcept nogil:
    """The peer key of an address; `sources/peers.py` says how it is made."""
    cdef const sockaddr_in* four = <const sockaddr_in*>name
    cdef const uint8_t* six = <const uint8_t*>name + 8
    cdef uint64_t value = 0xCBF29CE484222325
    cdef int index
    cdef int64_t host
    if four.sin_family == AF_INET:
        return <int64_t>ntohl(four.sin_addr.s_addr) << 16 | ntohs(four.sin_port)
    for index in range(10):
        if six[index]:
            break
    else:
        if six[10] == 0xFF and six[11] == 0xFF:
            host = <int64_t>six[12] << 24 | six[13] << 16 | six[14] << 8 | six[15]
            return host << 16 | ntohs(name.sin6_port)
    for index in range(16):
        value = (value ^ six[index]) * <uint64_t>0x100000001B3
    host = <int64_t>1 << 46 | <int64_t>((value ^ value >> 46) & ((<uint64_t>1 << 46) - 1))
    return host << 16 | ntohs(name.sin6_port)


cdef int64_t ssrc_of(const uint8_t* data, Py_ssize_t start) noexcept nogil:
    """Whose packet it is; RTCP on the media port names its sender elsewhere."""
    cdef bint is_control = FIRST_RTCP <= data[start + 1] <= LAST_RTCP
    cdef const uint8_t* at = data + start + (4 if is_control else 8)
    return <int64_t>at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]


cdef void _inlet_tick(Inlet inlet) noexcept nogil:
    inlet.tick()


cdef void inlet_flush(Inlet inlet) noexcept nogil:
    inlet.flush()


cdef int inlet_receive(
    Inlet inlet, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer, bint is_stable
) noexcept nogil:
    return inlet.receive(data, start, end, peer, is_stable)


cdef void _forward_flush(Forward forward) noexcept nogil:
    forward.flush()


@cython.no_gc_clear
cdef class Inlet:
    """One stream's way in: its intake, its core, and the forwards that follow it.

    A new source is told as the event ("source", number).
    """

    def __init__(self, Loop loop not None, number, Intake intake not None, StreamCore core not None):
        self._loop = loop
        self._number = number
        self.intake = intake
        self.core = core
        self._kept = []
        self._is_open = True
        with nogil:
            loop.hub.lock()
            loop.add_ticker(<void*>self, <Tick>_inlet_tick)
            loop.hub.unlock()

    def __del__(self):
        if self._is_open:
            self._loop.hub.let_go(self)

    def __dealloc__(self):
        if self._is_open:
            with nogil:
                self._loop.hub.lock()
                self._loop.remove_ticker(<void*>self)
                self._loop.hub.unlock()

    cdef int receive(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer, bint is_stable
    ) noexcept nogil:
        cdef int verdict
        if not self._is_open:
            return 0
        verdict = self.intake.receive(
            data, start, end, is_stable, peer, self._loop.hub.now_us
        )
        if self.intake.source_changes != self._told_changes:
            self._told_changes = self.intake.source_changes
            self._tell_source()
        return verdict

    cdef void release(self, int64_t peer) noexcept nogil:
        """The connection of this peer is gone: the next source need not wait for silence."""
        if self.intake.latch.peer == peer:
            self.intake.latch.vacate()

    cdef void flush(self) noexcept nogil:
        """A batch is over: forwards send what they gathered."""
        cdef int index
        cdef Flush flush = <Flush>_forward_flush
        for index in range(self._forward_count):
            flush(self._forwards[index])

    cdef void tick(self) noexcept nogil:
        self.intake.poll(self._loop.hub.now_us)
        self.flush()
        self.core.tick()

    cdef void _tell_source(self) noexcept with gil:
        self._loop.hub.add_event(("source", self._number))

    def add_forward(self, Forward forward not None):
        """Send this stream's packets on; raises `Overload`."""
        with nogil:
            self._loop.hub.lock()
        try:
            if self._forward_count == MAX_FORWARDS:
                raise Overload("a stream is forwarded to eight targets at most")
            self.intake.add_forward(forward)
            self._forwards[self._forward_count] = <void*>forward
            self._forward_count += 1
            self._kept.append(forward)
        finally:
            self._loop.hub.unlock()

    def remove_forward(self, Forward forward not None):
        """Idempotent."""
        cdef int index
        with nogil:
            self._loop.hub.lock()
        try:
            for index in range(self._forward_count):
                if self._forwards[index] == <void*>forward:
                    self.intake.remove_forward(forward)
                    self._forward_count -= 1
                    self._forwards[index] = self._forwards[self._forward_count]
                    self._kept.remove(forward)
                    break
        finally:
            self._loop.hub.unlock()

    def locked(self, call):
        """The result of `call()`, while the engine does not touch this stream."""
        with nogil:
            self._loop.hub.lock()
        try:
            return call()
        finally:
            self._loop.hub.unlock()

    def close(self):
        """Hand out what is complete, take nothing more; idempotent."""
        with nogil:
            self._loop.hub.lock()
        try:
            if self._is_open:
                self._is_open = False
                self._loop.remove_ticker(<void*>self)
                self.intake.finish()
                self.flush()
                self.intake.close()
        finally:
            self._loop.hub.unlock()


cdef void _udp_ready(UdpPort port, uint32_t events) noexcept nogil:
    port._drain()


@cython.no_gc_clear
cdef class UdpPort:
    """A UDP socket of one stream, or of many that are told apart by their SSRC.

    With an `inlet` everything goes there; without, `add_route` says what goes where. With `fd` -1
    there is no socket: the routes are those of TCP connections.
    """

    def __init__(self, Loop loop not None, int fd, Inlet inlet):
        cdef bint is_watched
        cdef int on = 1
        self._loop, self._fd, self._inlet = loop, fd, inlet
        if fd < 0:
            return
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on))  # an old kernel just does not
        with nogil:
            loop.hub.lock()
            self._handle = loop.watch(fd, EPOLLIN, <void*>self, <Ready>_udp_ready)
            is_watched = self._handle != NULL
            loop.hub.unlock()
        # The engine may have met its end already: the handle is gone then, and that is no error.
        if not is_watched:
            raise RelayError("the engine cannot watch the port")

    def __del__(self):
        if self._handle != NULL:
            self._loop.hub.let_go(self)

    def __dealloc__(self):
        if self._handle != NULL:
            with nogil:
                self._loop.hub.lock()
                self._loop.unwatch(self._handle)
                self._loop.hub.unlock()
        free(self._routes)

    def close(self):
        """Stop receiving; idempotent."""
        with nogil:
            self._loop.hub.lock()
            self._loop.unwatch(self._handle)
            self._handle = NULL
            self._loop.hub.unlock()

    def add_route(self, int64_t ssrc, Inlet inlet not None):
        """Packets with this SSRC go to `inlet`, which must outlive the route."""
        cdef void* grown
        with nogil:
            self._loop.hub.lock()
        try:
            if self._route(ssrc) != NULL:
                raise RelayError(f"SSRC {ssrc} has a stream at this port already")
            if self._route_count == self._route_room:
                grown = realloc(self._routes, (self._route_room * 2 + 16) * sizeof(Route))
                if grown == NULL:
                    raise MemoryError
                self._routes = <Route*>grown
                self._route_room = self._route_room * 2 + 16
            self._insert(ssrc, <void*>inlet)
        finally:
            self._loop.hub.unlock()

    cdef void _insert(self, int64_t ssrc, void* inlet) noexcept nogil:
        # Sorted, for the search of every packet.
        cdef Py_ssize_t index = self._route_count
        while index > 0 and self._routes[index - 1].ssrc > ssrc:
            self._routes[index] = self._routes[index - 1]
            index -= 1
        self._routes[index].ssrc = ssrc
        self._routes[index].channel = inlet
        self._route_count += 1

    def remove_route(self, int64_t ssrc):
        """Idempotent."""
        cdef Py_ssize_t index
        with nogil:
            self._loop.hub.lock()
            for index in range(self._route_count):
                if self._routes[index].ssrc == ssrc:
                    self._route_count -= 1
                    memmove(
                        &self._routes[index], &self._routes[index + 1],
                        (self._route_count - index) * sizeof(Route),
                    )
                    break
            self._loop.hub.unlock()

    cdef void* _route(self, int64_t ssrc) noexcept nogil:
        cdef Py_ssize_t low = 0
        cdef Py_ssize_t high = self._route_count
        cdef Py_ssize_t middle
        while low < high:
            middle = (low + high) // 2
            if self._routes[middle].ssrc < ssrc:
                low = middle + 1
            else:
                high = middle
        if low < self._route_count and self._routes[low].ssrc == ssrc:
            return self._routes[low].channel
        return NULL

    cdef void _drain(self) noexcept nogil:
        cdef int batch, count, index, segment
        cdef Py_ssize_t size, position, end
        cdef int64_t peer
        cdef uint8_t* data
        for batch in range(MAX_BATCHES):
            count = self._loop.receive_batch(self._fd)
            if count <= 0:
                return
            self._loop.has_received = True
            for index in range(count):
                size = self._loop.messages[index].msg_len
                data = self._loop.pool + <Py_ssize_t>index * DATAGRAM_ROOM
                peer = peer_of(&self._loop.names[index])
                segment = _segment_of(&self._loop.messages[index].msg_hdr)
                position = 0
                while position < size:
                    end = position + segment if 0 < segment < size - position else size
                    self._take(data, position, end, peer)
                    position = end
                if size == 0:
                    self._take(data, 0, 0, peer)
            if self._inlet is not None:
                self._inlet.flush()
            self._flush_touched()
            if count < BATCH:
                return

    cdef void _take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, int64_t peer
    ) noexcept nogil:
        cdef void* target
        cdef int index
        cdef Receive receive = <Receive>inlet_receive
        if self._inlet is not None:
            self._inlet.receive(data, start, end, peer, True)
            return
        target = self._route(ssrc_of(data, start)) if end - start >= HEADER_BYTES else NULL
        if target == NULL:
            self.stray(ssrc_of(data, start) if end - start >= HEADER_BYTES else -1, peer)
            return
        receive(target, data, start, end, peer, True)
        for index in range(self._touched_count):
            if self._touched[index] == target:
                return
        if self._touched_count == MAX_TOUCHED:
            self._flush_touched()
        self._touched[self._touched_count] = target
        self._touched_count += 1

    cdef void stray(self, int64_t ssrc, int64_t peer) noexcept nogil:
        """Count a packet that no stream expects, and remember the latest for people."""
        self.unrouted += 1
        self.stray_ssrc = ssrc
        self.stray_peer = peer

    cdef void _flush_touched(self) noexcept nogil:
        """Whose packets were in this batch: their forwards send."""
        cdef int index
        cdef Flush flush = <Flush>inlet_flush
        for index in range(self._touched_count):
            flush(self._touched[index])
        self._touched_count = 0


cdef int _segment_of(msghdr* message) noexcept nogil:
    """The size of the packets that the kernel has joined (UDP GRO); 0: it is one."""
    cdef cmsghdr* field
    cdef int segment
    if message.msg_controllen == 0:
        return 0
    field = CMSG_FIRSTHDR(message)
    while field != NULL:
        if field.cmsg_level == IPPROTO_UDP and field.cmsg_type == UDP_GRO:
            memcpy(&segment, CMSG_DATA(field), sizeof(segment))
            return segment
        field = CMSG_NXTHDR(message, field)
    return 0
