/* MPEG program stream as GB/T 28181 cameras send it: one pack per picture, system header and
 * stream map before each key, the picture in as many PES packets as it needs. */
#ifndef BENCH_PROGRAM_STREAM_H
#define BENCH_PROGRAM_STREAM_H

#include "pictures.h"

typedef struct {
    uint8_t *data;
    size_t size;
    size_t pts_at; /* where the five bytes of the time stamp lie */
    bool is_key;
} Pack;

/* One pack around the picture; its stamps are 0 until stamp_pack. */
Pack make_pack(const Picture *picture);

/* Write system clock and presentation time, 90 kHz; 33 bits of `ticks` are used. */
void stamp_pack(Pack *pack, uint64_t ticks);

#endif
