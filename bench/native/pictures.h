/* Pictures to send: a group of pictures made here, or the access units of an Annex-B file.
 *
 * The made ones are real H.264 of 256x192 pixels that any decoder shows: noise in I_PCM
 * macroblocks, 192 of them in a key picture and 49 in every other one, the rest skipped. That is
 * 74 kB and 19 kB: 4 Mbit/s at 25 pictures a second and a key every 50. */
#ifndef BENCH_PICTURES_H
#define BENCH_PICTURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GROUP = 50 }; /* pictures from key to key */

typedef struct {
    uint8_t *data; /* Annex B, parameter sets before a key */
    size_t size;
    bool is_key;
} Picture;

/* One group of pictures, always the same bytes; `count` tells how many. */
Picture *make_pictures(size_t *count);

/* The access units of an H.264 file in Annex B, from its first key picture on. */
Picture *read_pictures(const char *path, size_t *count);

#endif
