# C types of g711.py for its compiled twin.
import cython
from libc.stdint cimport uint8_t

cdef int G711A, G711U, UNHEARD
cdef int QUIET_A_FIRST, QUIET_A_LAST, NOISE_A, QUIET_U_FIRST

cdef class Ear:
    @cython.locals(
        position=Py_ssize_t, magnitude=int, quiet_a=Py_ssize_t, quiet_u=Py_ssize_t, size=Py_ssize_t
    )
    cdef int law_of_silence(
        self, const uint8_t* data, Py_ssize_t start, Py_ssize_t end
    ) noexcept nogil
