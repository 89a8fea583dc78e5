# cython: boundscheck=False, wraparound=False
"""TCP connections that bring RTP (RFC 4571), read by the engine."""

cimport cython
from libc.errno cimport EAGAIN, EINTR, errno

from stream_relay.engine._loop cimport STREAM_ROOM, Ready
from stream_relay.engine._source cimport Flush, Receive, inlet_flush, inlet_receive
from stream_relay.engine.system cimport EPOLLIN, EPOLLRDHUP, MSG_DONTWAIT, recv
from stream_relay.sources._intake cimport MALFORMED, REFUSED, USED

from stream_relay.errors import RelayError

cdef int MAX_READS = 4
cdef int MAX_REFUSED = 64
"""Packets of one connection that nobody wants, before it is ended."""
cdef int64_t _last_number = 0
CLOSED, MALFORMED_STREAM, UNWANTED = 0, 1, 2
REASONS = {CLOSED: "closed", MALFORMED_STREAM: "malformed", UNWANTED: "unwanted"}


cdef void _tcp_ready(MediaConnection connection, uint32_t events) noexcept nogil:
    connection._drain()


@cython.no_gc_clear
cdef class MediaConnection(TcpFramer):
    """One TCP connection that brings RTP (RFC 4571), to one stream or to one of a router's.

    Its end comes once as the event ("media", number, reason).
    """

    def __init__(self, Loop loop not None, int fd, int64_t peer, Inlet inlet, UdpPort router):
        cdef bint is_watched
        global _last_number
        TcpFramer.__init__(self)
        _last_number += 1
        self.number = _last_number
        self.peer = peer
        self._loop, self._fd, self._inlet, self._router = loop, fd, inlet, router
        with nogil:
            loop.hub.lock()
            self.used_us = loop.hub.now_us
            self._handle = loop.watch(fd, EPOLLIN | EPOLLRDHUP, <void*>self, <Ready>_tcp_ready)
            is_watched = self._handle != NULL
            loop.hub.unlock()
        # The engine may have met its end already: the handle is gone then, and that is no error.
        if not is_watched:
            raise RelayError("the engine cannot watch the connection")

    def __del__(self):
        if self._handle != NULL:
            self._loop.hub.let_go(self)

    def __dealloc__(self):
        if self._handle != NULL:
            with nogil:
                self._loop.hub.lock()
                self._loop.unwatch(self._handle)
                self._loop.hub.unlock()

    def close(self):
        """Stop receiving; no event follows. Idempotent."""
        with nogil:
            self._loop.hub.lock()
        self._is_ended = True
        self._loop.unwatch(self._handle)
        self._handle = NULL
        self._routed = self._target()
        if self._routed != NULL:
            (<Inlet>self._routed).release(self.peer)
        self._loop.hub.unlock()

    def check(self):
        """Take what has come and notice an end now, before another connection is read."""
        with nogil:
            self._loop.hub.lock()
            if not self._is_ended:
                self._drain()
            self._loop.hub.unlock()

    cdef void* _target(self) noexcept nogil:
        """The stream that the packet read last belongs to, if it still is there."""
        if self._inlet is not None:
            return <void*>self._inlet
        return self._router._route(self._ssrc) if self._ssrc >= 0 else NULL

    cdef void take(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end, bint is_stable
    ) noexcept nogil:
        cdef int verdict
        cdef Receive receive = <Receive>inlet_receive
        cdef void* before = self._routed
        cdef Flush flush = <Flush>inlet_flush
        self._routed = self._target()
        if before != NULL and before != self._routed:
            flush(before)
        if self._routed == NULL:
            self.refused += 1
            if self._router is not None:
                self._router.stray(self._ssrc, self.peer)
            return
        verdict = receive(self._routed, data, start, end, self.peer, is_stable)
        if verdict == USED:
            self.used_us = self._loop.hub.now_us
            self.refused = 0
        elif verdict == REFUSED or verdict == MALFORMED:
            self.refused += 1

    cdef void _drain(self) noexcept nogil:
        cdef ssize_t count
        cdef int reads
        cdef bint is_malformed
        cdef Flush flush = <Flush>inlet_flush
        for reads in range(MAX_READS):
            self._routed = NULL
            count = recv(self._fd, self._loop.stream_room, STREAM_ROOM, MSG_DONTWAIT)
            if count < 0 and errno == EINTR:
                continue
            if count < 0 and errno == EAGAIN:
                return
            if count <= 0:
                self._end(0)
                return
            self._loop.has_received = True
            is_malformed = self.receive(self._loop.stream_room, 0, count)
            if self._routed != NULL:
                flush(self._routed)
            if is_malformed:
                self._end(1)
                return
            if self.refused > MAX_REFUSED:
                self._end(2)
                return
            if count < STREAM_ROOM:
                return

    cdef void _end(self, int reason) noexcept with gil:
        if self._is_ended:
            return
        self._is_ended = True
        self._loop.unwatch(self._handle)
        self._handle = NULL
        self._routed = self._target()
        if self._routed != NULL:
            (<Inlet>self._routed).release(self.peer)
        self._loop.hub.add_event(("media", self.number, REASONS[reason]))
