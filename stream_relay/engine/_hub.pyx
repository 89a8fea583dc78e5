"""The lock between Python and the engine's thread, and the one descriptor that carries news up.

A thread may lock again what it holds: collecting garbage, Python ends readers and connections at
any allocation, also while the lock is held.

Rule against deadlock: whoever waits for the lock has let go of the GIL; the engine may take the GIL
while it holds the lock (rarely: a track changed), Python never waits for the engine holding both.
"""

from libc.stdlib cimport free, realloc
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime
from posix.unistd cimport close, read, write

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int, int)
    int EFD_CLOEXEC
    int EFD_NONBLOCK

cdef extern from *:
    """
    /* Which hubs this thread holds, and how often. */
    static __thread struct { void *hub; int depth; } held[8];

    static int enter_hub(void *hub) {
        int free_one = -1;
        for (int i = 0; i < 8; i++) {
            if (held[i].hub == hub)
                return ++held[i].depth;
            if (held[i].hub == NULL)
                free_one = i;
        }
        if (free_one >= 0) {
            held[free_one].hub = hub;
            held[free_one].depth = 1;
        }
        return 1;
    }

    static int leave_hub(void *hub) {
        for (int i = 0; i < 8; i++) {
            if (held[i].hub == hub) {
                if (--held[i].depth == 0)
                    held[i].hub = NULL;
                return held[i].depth;
            }
        }
        return 0;
    }
    """
    int enter_hub(void*) noexcept nogil
    int leave_hub(void*) noexcept nogil


cdef int64_t monotonic_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef int64_t wall_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_REALTIME, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef class Hub:
    """Shared by all streams of one engine."""

    def __cinit__(self):
        self.fd = -1
        pthread_mutex_init(&self._turn, NULL)
        pthread_mutex_init(&self._lock, NULL)
        self._events = []
        self.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.fd < 0:
            raise OSError("no event descriptor could be made")

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)
        free(self._ready)
        pthread_mutex_destroy(&self._turn)
        pthread_mutex_destroy(&self._lock)

    cdef void lock(self) noexcept nogil:
        if enter_hub(<void*>self) > 1:
            return
        # Two locks make a queue: a busy engine cannot lock itself in again and again.
        pthread_mutex_lock(&self._turn)
        pthread_mutex_lock(&self._lock)
        pthread_mutex_unlock(&self._turn)

    cdef void unlock(self) noexcept nogil:
        if leave_hub(<void*>self) == 0:
            pthread_mutex_unlock(&self._lock)

    cdef void tell(self) noexcept nogil:
        """Make the descriptor readable; once until Python has looked."""
        cdef uint64_t one = 1
        if not self._is_told:
            self._is_told = True
            write(self.fd, &one, sizeof(one))

    cdef void add_event(self, object event) noexcept:
        self._events.append(event)
        self.tell()

    cdef void add_ready(self, int64_t number) noexcept nogil:
        """The reader of this number has something to take."""
        cdef Py_ssize_t wanted
        cdef void* grown
        if self._ready_count == self._ready_room:
            wanted = self._ready_room * 2 + 64
            grown = realloc(self._ready, wanted * sizeof(int64_t))
            if grown == NULL:
                return
            self._ready = <int64_t*>grown
            self._ready_room = wanted
        self._ready[self._ready_count] = number
        self._ready_count += 1
        self.tell()

    def take(self):
        """(events, numbers of readers that can take something) since the last call."""
        cdef uint64_t count
        cdef Py_ssize_t index
        with nogil:
            self.lock()
        read(self.fd, &count, sizeof(count))
        self._is_told = False
        events, self._events = self._events, []
        ready = [self._ready[index] for index in range(self._ready_count)]
        self._ready_count = 0
        self.unlock()
        return events, ready
