# C types of video.py for its compiled twin.
import cython

cdef class VideoAssembler:
    cdef public object reader
    cdef public Py_ssize_t size
    cdef public bint has_pts
    cdef object _timeline
    cdef object _stamps
    cdef list _pieces
    cdef list _starts
    cdef bytes _tail
    cdef object _pts
    cdef object _dts
    cdef object _rtp
    cdef object _declared
    cdef bint _hint

    cpdef bint continues(self, pts) except -1
    @cython.locals(
        joint=bytes, base=Py_ssize_t, width=Py_ssize_t, last=Py_ssize_t, found=Py_ssize_t,
    )
    cpdef bytes add(self, bytes piece, bint find_pack)
    @cython.locals(frame=bytes, starts=list)
    cdef _keep(self, bytes piece)
    cpdef list close(self)
    cpdef drop(self)
    cdef _clear(self)
