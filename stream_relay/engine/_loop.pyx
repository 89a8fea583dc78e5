# cython: boundscheck=False, wraparound=False
"""The thread that moves media: waits for descriptors, lets their owners work, rests, waits again.

It holds the hub's lock while owners work and never while it waits. After a round in which media
were received, and another not long before, it rests for a moment: fewer and fuller rounds cost
less (interrupt moderation).
"""

cimport cython
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from stream_relay.engine._hub cimport monotonic_us, wall_us
from stream_relay.engine.system cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, MSG_DONTWAIT,
    close, epoll_create1, epoll_ctl, epoll_wait, eventfd, read, recvmmsg, usleep, write,
)

from stream_relay.errors import RelayError

cdef int MAX_EVENTS = 256
cdef int64_t BURST = 2
"""Rounds less than so many rests apart belong to one burst."""
cdef int64_t TICK_US = 100_000
REST_US = 1000
"""Takes a third off the cost of receiving; 2 ms take no more, and delay more."""


@cython.no_gc_clear
cdef class Loop:
    """One engine thread. `run` is its body; everything else may be called from Python's thread."""

    def __cinit__(self, unsigned int rest_us=REST_US):
        self._epoll = self._wake = -1
        self.hub = Hub()
        self.rest_us = rest_us
        self._epoll = epoll_create1(EPOLL_CLOEXEC)
        self._wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        self.pool = <uint8_t*>malloc(BATCH * DATAGRAM_ROOM)
        self.stream_room = <uint8_t*>malloc(STREAM_ROOM)
        self.messages = <mmsghdr*>calloc(BATCH, sizeof(mmsghdr))
        self.vectors = <iovec*>calloc(BATCH, sizeof(iovec))
        self.names = <sockaddr_in6*>calloc(BATCH, sizeof(sockaddr_in6))
        self.controls = <uint8_t*>calloc(BATCH, CONTROL_ROOM)
        if not (self.pool and self.stream_room and self.messages and self.vectors):
            raise MemoryError
        if not (self.names and self.controls):
            raise MemoryError
        if self._epoll < 0 or self._wake < 0:
            raise OSError("the engine gets no descriptors")
        self.hub.now_us = monotonic_us()
        self.hub.wall_offset_us = wall_us() - self.hub.now_us
        self._waker = self.watch(self._wake, EPOLLIN, <void*>self, <Ready>_woken)
        if self._waker == NULL:
            raise OSError("the engine cannot watch descriptors")

    def __dealloc__(self):
        self._bury()
        free(self._waker)
        if self._epoll >= 0:
            close(self._epoll)
        if self._wake >= 0:
            close(self._wake)
        free(self._tickers)
        free(self.pool)
        free(self.stream_room)
        free(self.messages)
        free(self.vectors)
        free(self.names)
        free(self.controls)

    def run(self):
        """Work until `stop`; without the GIL."""
        if self._is_running:
            raise RelayError("the engine runs already")
        self._is_running = True
        with nogil:
            self._run()
        self._is_running = False

    def stop(self):
        """Let `run` return."""
        self._is_stopping = True
        self.wake()

    cdef void wake(self) noexcept nogil:
        cdef int64_t one = 1
        write(self._wake, &one, sizeof(one))

    cdef void _run(self) noexcept nogil:
        cdef epoll_event events[256]
        cdef int count
        cdef bint rests
        cdef int64_t last_us = 0
        while not self._is_stopping:
            count = epoll_wait(self._epoll, events, MAX_EVENTS, 100 if self._ticker_count else -1)
            self.hub.lock()
            self._round(events, count)
            # What comes alone is worked off at once; a rest pays when more comes close behind.
            rests = self.has_received and self.hub.now_us - last_us < BURST * self.rest_us
            last_us = self.hub.now_us
            self.has_received = False
            self.hub.unlock()
            if rests:
                usleep(self.rest_us)

    cdef void _round(self, epoll_event* events, int count) noexcept nogil:
        cdef int index
        cdef Py_ssize_t each
        cdef Handle* handle
        self.rounds += 1
        self.hub.now_us = monotonic_us()
        self.hub.wall_offset_us = wall_us() - self.hub.now_us
        for index in range(count):
            handle = <Handle*>events[index].data.ptr
            if not handle.is_dead:
                handle.ready(handle.owner, events[index].events)
        if self.hub.now_us >= self._next_tick:
            self._next_tick = self.hub.now_us + TICK_US
            for each in range(self._ticker_count):
                self._tickers[each].tick(self._tickers[each].owner)
        # No event of a dead handle can come any more: what was waited for has been worked off.
        self._bury()

    cdef void _bury(self) noexcept nogil:
        cdef Handle* handle
        while self._graveyard != NULL:
            handle = self._graveyard
            self._graveyard = handle.next
            free(handle)

    cdef Handle* watch(self, int fd, uint32_t events, void* owner, Ready ready) noexcept nogil:
        """Call `ready` when the descriptor is; NULL when the kernel refuses."""
        cdef epoll_event event
        cdef Handle* handle = <Handle*>calloc(1, sizeof(Handle))
        if handle == NULL:
            return NULL
        handle.fd, handle.owner, handle.ready = fd, owner, ready
        memset(&event, 0, sizeof(event))
        event.events = events
        event.data.ptr = handle
        if epoll_ctl(self._epoll, EPOLL_CTL_ADD, fd, &event) < 0:
            free(handle)
            return NULL
        return handle

    cdef void unwatch(self, Handle* handle) noexcept nogil:
        """Never call it again; the descriptor stays its owner's. NULL is nothing."""
        cdef epoll_event event
        if handle == NULL or handle.is_dead:
            return
        epoll_ctl(self._epoll, EPOLL_CTL_DEL, handle.fd, &event)
        handle.is_dead = True
        handle.next = self._graveyard
        self._graveyard = handle

    cdef bint add_ticker(self, void* owner, Tick tick) noexcept nogil:
        """Call `tick` ten times a second."""
        cdef Py_ssize_t wanted
        cdef void* grown
        if self._ticker_count == self._ticker_room:
            wanted = self._ticker_room * 2 + 16
            grown = realloc(self._tickers, wanted * sizeof(Ticker))
            if grown == NULL:
                return False
            self._tickers = <Ticker*>grown
            self._ticker_room = wanted
        self._tickers[self._ticker_count].owner = owner
        self._tickers[self._ticker_count].tick = tick
        self._ticker_count += 1
        if self._ticker_count == 1:
            self.wake()
        return True

    cdef void remove_ticker(self, void* owner) noexcept nogil:
        cdef Py_ssize_t index
        for index in range(self._ticker_count):
            if self._tickers[index].owner == owner:
                self._ticker_count -= 1
                self._tickers[index] = self._tickers[self._ticker_count]
                return

    cdef int receive_batch(self, int fd) noexcept nogil:
        """Receive up to BATCH datagrams into `messages`; how many came, -1: none now."""
        cdef int index
        for index in range(BATCH):
            self.vectors[index].iov_base = self.pool + <Py_ssize_t>index * DATAGRAM_ROOM
            self.vectors[index].iov_len = 65536
            self.messages[index].msg_hdr.msg_iov = &self.vectors[index]
            self.messages[index].msg_hdr.msg_iovlen = 1
            self.messages[index].msg_hdr.msg_name = &self.names[index]
            self.messages[index].msg_hdr.msg_namelen = sizeof(sockaddr_in6)
            self.messages[index].msg_hdr.msg_control = self.controls + index * CONTROL_ROOM
            self.messages[index].msg_hdr.msg_controllen = CONTROL_ROOM
        return recvmmsg(fd, self.messages, BATCH, MSG_DONTWAIT, NULL)


cdef void _woken(Loop loop, uint32_t events) noexcept nogil:
    cdef int64_t count
    read(loop._wake, &count, sizeof(count))
