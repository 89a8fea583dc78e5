/* See program_stream.h. Clauses are of ISO/IEC 13818-1. */
#include "program_stream.h"

#include <stdlib.h>
#include <string.h>

#include "common.h"

enum {
    SCR_AT = 4,
    MUX_RATE = 20000, /* units of 50 bytes a second: 8 Mbit/s */
    PES_ROOM = 65000, /* bytes of picture in one PES packet; its length has 16 bits */
    STREAM_TYPE_H264 = 0x1B,
    VIDEO_ID = 0xE0,
};

static uint8_t *put_bytes(uint8_t *out, const uint8_t *data, size_t size) {
    memcpy(out, data, size);
    return out + size;
}

#define PUT(out, ...) put_bytes(out, (const uint8_t[]){__VA_ARGS__}, sizeof(uint8_t[]){__VA_ARGS__})

/* CRC of a program stream map, annex A. */
static uint32_t crc_of(const uint8_t *data, size_t size) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < size; i++)
        for (int bit = 7; bit >= 0; bit--) {
            uint32_t feedback = (crc >> 31) ^ ((data[i] >> bit) & 1);
            crc = crc << 1 ^ (feedback ? 0x04C11DB7 : 0);
        }
    return crc;
}

/* 2.5.3.3; the stamp is written by stamp_pack. */
static uint8_t *put_pack_header(uint8_t *out) {
    return PUT(out, 0, 0, 1, 0xBA, 0, 0, 0, 0, 0, 0, MUX_RATE >> 14, (MUX_RATE >> 6) & 0xFF,
               (MUX_RATE << 2 & 0xFF) | 3, 0xF8);
}

/* 2.5.3.5: one video stream with a buffer of 512 KiB. */
static uint8_t *put_system_header(uint8_t *out) {
    return PUT(out, 0, 0, 1, 0xBB, 0, 9, 0x80 | MUX_RATE >> 15, (MUX_RATE >> 7) & 0xFF,
               (MUX_RATE << 1 & 0xFF) | 1, 0, 0x21, 0xFF, VIDEO_ID, 0xE2, 0x00);
}

/* 2.5.4.1: H.264 under the first video id. */
static uint8_t *put_stream_map(uint8_t *out) {
    uint8_t *begin = out;
    out = PUT(out, 0, 0, 1, 0xBC, 0, 14, 0xE0, 0xFF, 0, 0, 0, 4, STREAM_TYPE_H264, VIDEO_ID, 0, 0);
    uint32_t crc = crc_of(begin, (size_t)(out - begin));
    return PUT(out, crc >> 24, (crc >> 16) & 0xFF, (crc >> 8) & 0xFF, crc & 0xFF);
}

Pack make_pack(const Picture *picture) {
    size_t pieces = picture->size / PES_ROOM + 1;
    Pack pack = {.data = malloc(picture->size + 128 + pieces * 16), .is_key = picture->is_key};
    if (!pack.data)
        fail("memory");
    uint8_t *out = put_pack_header(pack.data);
    if (picture->is_key)
        out = put_stream_map(put_system_header(out));
    for (size_t taken = 0; taken < picture->size;) {
        size_t part = picture->size - taken < PES_ROOM ? picture->size - taken : PES_ROOM;
        bool is_first = taken == 0;
        size_t length = part + (is_first ? 8 : 3);
        /* 2.4.3.6; the stamp is in the first packet of a picture only. */
        out = PUT(out, 0, 0, 1, VIDEO_ID, (uint8_t)(length >> 8), (uint8_t)length, 0x80,
                  is_first ? 0x80 : 0, is_first ? 5 : 0);
        if (is_first) {
            pack.pts_at = (size_t)(out - pack.data);
            out += 5;
        }
        out = put_bytes(out, picture->data + taken, part);
        taken += part;
    }
    pack.size = (size_t)(out - pack.data);
    stamp_pack(&pack, 0);
    return pack;
}

void stamp_pack(Pack *pack, uint64_t ticks) {
    uint64_t high = ticks >> 30 & 7, middle = ticks >> 15 & 0x7FFF, low = ticks & 0x7FFF;
    uint8_t *scr = pack->data + SCR_AT, *pts = pack->data + pack->pts_at;
    /* 01 sss 1 s(15) 1 s(15) 1 extension(9) 1 */
    uint64_t clock = (uint64_t)1 << 46 | high << 43 | (uint64_t)1 << 42 | middle << 27 |
                     (uint64_t)1 << 26 | low << 11 | (uint64_t)1 << 10 | 1;
    for (int i = 0; i < 6; i++)
        scr[i] = (uint8_t)(clock >> (40 - 8 * i));
    /* 0010 ppp 1 p(15) 1 p(15) 1 */
    uint64_t shown = (uint64_t)2 << 36 | high << 33 | (uint64_t)1 << 32 | middle << 17 |
                     (uint64_t)1 << 16 | low << 1 | 1;
    for (int i = 0; i < 5; i++)
        pts[i] = (uint8_t)(shown >> (32 - 8 * i));
}
