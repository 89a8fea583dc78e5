# A reader in Python.
from stream_relay.engine._core cimport StreamCore
from stream_relay.engine._feed cimport Cursor
from stream_relay.engine._output_feed cimport OutputFeed

cdef class Place:
    cdef StreamCore _core
    cdef OutputFeed _feed
    cdef Cursor* _cursor
    cdef bint _has_left
