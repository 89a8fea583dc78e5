# C types of annexb.py for its compiled twin.
import cython

cdef class Picture:
    cdef public Py_ssize_t start
    cdef public Py_ssize_t end
    cdef public bint is_key
    cdef public bint has_slices
    cdef public list parameter_sets

cdef bint IS_COMPILED

@cython.locals(last=Py_ssize_t, byte=int)
cpdef Py_ssize_t find_start(bytes data, Py_ssize_t position) except -2

@cython.locals(starts=list, position=Py_ssize_t)
cpdef list nal_starts(bytes data)

@cython.locals(spans=list, end=Py_ssize_t, first=Py_ssize_t, following=Py_ssize_t)
cpdef list nal_spans(bytes data, list starts=*)

@cython.locals(kind=int)
cpdef int classify_h264(bytes data, Py_ssize_t first) except -1

@cython.locals(kind=int)
cpdef int classify_h265(bytes data, Py_ssize_t first) except -1

@cython.locals(code=int)
cpdef int classify_mpeg4(bytes data, Py_ssize_t first) except -1

@cython.locals(
    pictures=list, picture=Picture, spans=list, first=Py_ssize_t, end=Py_ssize_t, role=int,
    boundary=Py_ssize_t, has_parameters=bint,
)
cpdef list split_pictures(bytes data, codec, bint split=*, list starts=*)

@cython.locals(parts=list, first=Py_ssize_t, end=Py_ssize_t)
cpdef bytes to_length_prefixed(bytes data, codec)
