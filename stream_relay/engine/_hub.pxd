# What Python's thread and the engine's thread share: a lock, and news for Python.
from libc.stdint cimport int64_t, uint64_t
from posix.time cimport timespec

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    int pthread_mutex_init(pthread_mutex_t*, void*)
    int pthread_mutex_lock(pthread_mutex_t*)
    int pthread_mutex_unlock(pthread_mutex_t*)
    int pthread_mutex_destroy(pthread_mutex_t*)
    ctypedef unsigned long pthread_t
    pthread_t pthread_self()

cdef int64_t monotonic_us() noexcept nogil
cdef int64_t wall_us() noexcept nogil

cdef class Hub:
    cdef pthread_mutex_t _turn
    cdef pthread_mutex_t _lock
    cdef pthread_t _holder              # the thread that has the lock; 0: none
    cdef list _orphans
    cdef readonly int fd
    cdef public int64_t now_us          # monotonic, as of the current round
    cdef public int64_t wall_offset_us  # wall clock minus monotonic
    cdef bint _is_told
    cdef list _events
    cdef int64_t* _ready
    cdef Py_ssize_t _ready_count
    cdef Py_ssize_t _ready_room

    cdef void lock(self) noexcept nogil
    cdef void unlock(self) noexcept nogil
    cdef void tell(self) noexcept nogil
    cdef int let_go(self, object owner) except -1
    cdef void add_event(self, object event) noexcept
    cdef void add_ready(self, int64_t number) noexcept nogil
