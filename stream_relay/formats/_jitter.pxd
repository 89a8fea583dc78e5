# C types of jitter.py for its compiled twin.
import cython

cdef class ReorderBuffer:
    cdef public object statistics
    cdef Py_ssize_t _window
    cdef double _max_wait_s
    cdef int _expected
    cdef long long _ssrc
    cdef dict _held
    cdef dict _given_up
    cdef object _suspect

    @cython.locals(sequence=int, distance=int)
    cpdef list push(self, packet, double now)
    cpdef list poll(self, double now)
