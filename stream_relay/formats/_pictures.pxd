# C types of pictures.py for its compiled twin.
cdef class PictureReader:
    cdef public object track
    cdef public bint is_waiting_for_key
    cdef public long pictures
    cdef public long skipped
    cdef public long malformed
    cdef public long contradicted
    cdef object _timeline
    cdef object _codec
    cdef object _declared
    cdef bytes _lead
    cdef dict _sets
    cdef bint _is_interlaced
    cdef long long _step_ticks
    cdef long long _last_dts

    cpdef lost(self)
    
    cdef _decide(self, bytes data, declared)
    cdef _switch(self, codec)
    cdef list _pass_on(self, bytes data, codec, pts, dts, bint hint)
    cdef _emit(self, list units, bytes data, codec, bint is_key, pts, dts)
    cdef _learn(self, list sets, codec)
    cdef _read(self, tuple sets, codec)
