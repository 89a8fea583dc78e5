/* See pictures.h. Clauses are of ITU-T H.264. */
#define _GNU_SOURCE
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"

enum {
    WIDTH_MBS = 16,
    HEIGHT_MBS = 12,
    PICTURE_MBS = WIDTH_MBS * HEIGHT_MBS,
    CHANGED_MBS = 49,         /* macroblocks of a picture that is no key */
    PCM_BYTES = 384,          /* 4:2:0, 8 bits: 256 luma and 2 x 64 chroma */
    LARGEST = 256 * 1024,     /* bytes of one made picture, escapes included */
    NAL_SLICE = 0x41,         /* nal_ref_idc 2, type 1 */
    NAL_IDR = 0x65,           /* nal_ref_idc 3, type 5 */
    NAL_SPS = 0x67,
    NAL_PPS = 0x68,
};

/* --- bits ------------------------------------------------------------------------------------ */

typedef struct {
    uint8_t *data;
    size_t bits;
} Bits;

static void put_bits(Bits *out, uint32_t value, int count) {
    while (count--) {
        size_t at = out->bits++;
        if (at % 8 == 0)
            out->data[at / 8] = 0;
        out->data[at / 8] |= (uint8_t)(((value >> count) & 1) << (7 - at % 8));
    }
}

/* Exp-Golomb code of an unsigned number, 9.1. */
static void put_ue(Bits *out, uint32_t value) {
    int length = 0;
    while ((value + 1) >> (length + 1))
        length++;
    put_bits(out, 0, length);
    put_bits(out, value + 1, length + 1);
}

static void align_zero(Bits *out) {
    while (out->bits % 8)
        put_bits(out, 0, 1);
}

/* rbsp_trailing_bits, 7.3.2.11. */
static void end_payload(Bits *out) {
    put_bits(out, 1, 1);
    align_zero(out);
}

/* --- units ----------------------------------------------------------------------------------- */

/* Append a start code, the NAL header and the payload with emulation prevention, 7.4.1. */
static void append_unit(Picture *picture, uint8_t header, const Bits *payload) {
    uint8_t *out = picture->data + picture->size;
    const uint8_t start[] = {0, 0, 0, 1, header};
    memcpy(out, start, sizeof start);
    out += sizeof start;
    int zeros = 0;
    for (size_t i = 0; i < payload->bits / 8; i++) {
        uint8_t byte = payload->data[i];
        if (zeros >= 2 && byte <= 3) {
            *out++ = 3;
            zeros = 0;
        }
        *out++ = byte;
        zeros = byte ? 0 : zeros + 1;
    }
    picture->size = (size_t)(out - picture->data);
}

/* Baseline, level 3, picture order by decoding order: 7.3.2.1.1. */
static void put_sps(Bits *out) {
    put_bits(out, 66, 8);
    put_bits(out, 0xC0, 8); /* constraint_set0 and 1: main decoders too */
    put_bits(out, 30, 8);
    put_ue(out, 0);              /* seq_parameter_set_id */
    put_ue(out, 4);              /* frame_num has 8 bits */
    put_ue(out, 2);              /* pic_order_cnt_type */
    put_ue(out, 1);              /* max_num_ref_frames */
    put_bits(out, 0, 1);         /* gaps_in_frame_num */
    put_ue(out, WIDTH_MBS - 1);
    put_ue(out, HEIGHT_MBS - 1);
    put_bits(out, 3, 2);         /* frame_mbs_only, direct_8x8_inference */
    put_bits(out, 0, 2);         /* no cropping, no VUI */
    end_payload(out);
}

/* CAVLC, one slice group, one reference: 7.3.2.2. */
static void put_pps(Bits *out) {
    put_ue(out, 0);
    put_ue(out, 0);
    put_bits(out, 0, 2); /* entropy_coding_mode, bottom_field_pic_order */
    put_ue(out, 0);      /* one slice group */
    put_ue(out, 0);
    put_ue(out, 0);      /* one reference in each list */
    put_bits(out, 0, 3); /* weighted prediction */
    put_ue(out, 0);      /* qp 26, qs 26, no chroma offset: the code of 0 is the same signed */
    put_ue(out, 0);
    put_ue(out, 0);
    put_bits(out, 0, 3); /* deblocking control, constrained intra, redundant pictures */
    end_payload(out);
}

static void put_slice_header(Bits *out, bool is_key, uint32_t frame_number) {
    put_ue(out, 0);              /* first_mb_in_slice */
    put_ue(out, is_key ? 7 : 5); /* all slices I, all slices P */
    put_ue(out, 0);
    put_bits(out, frame_number, 8);
    if (is_key) {
        put_ue(out, 0);      /* idr_pic_id */
        put_bits(out, 0, 2); /* dec_ref_pic_marking of an IDR */
    } else {
        put_bits(out, 0, 2); /* no override of the reference count, no reordering */
        put_bits(out, 0, 1); /* sliding window */
    }
    put_ue(out, 0); /* slice_qp_delta */
}

/* One macroblock of samples as they are, 7.3.5; in a P slice its type is five higher. */
static void put_pcm(Bits *out, bool is_key, uint64_t *noise) {
    put_ue(out, is_key ? 25 : 30);
    align_zero(out);
    for (int i = 0; i < PCM_BYTES; i++) {
        *noise ^= *noise << 13; /* xorshift: the bytes look compressed, zeros included */
        *noise ^= *noise >> 7;
        *noise ^= *noise << 17;
        put_bits(out, (uint32_t)(*noise >> 32) & 0xFF, 8);
    }
}

static void put_slice(Bits *out, bool is_key, int index, uint64_t *noise) {
    put_slice_header(out, is_key, (uint32_t)index);
    if (is_key) {
        for (int i = 0; i < PICTURE_MBS; i++)
            put_pcm(out, true, noise);
    } else {
        int first = index * 7 % (PICTURE_MBS - CHANGED_MBS); /* another place in each picture */
        for (int i = 0; i < CHANGED_MBS; i++) {
            put_ue(out, i ? 0 : (uint32_t)first); /* mb_skip_run */
            put_pcm(out, false, noise);
        }
        put_ue(out, (uint32_t)(PICTURE_MBS - CHANGED_MBS - first));
    }
    end_payload(out);
}

Picture *make_pictures(size_t *count) {
    Picture *pictures = calloc(GROUP, sizeof *pictures);
    uint8_t *payload = malloc(LARGEST);
    uint64_t noise = UINT64_C(88172645463325252);
    if (!pictures || !payload)
        fail("memory");
    for (int i = 0; i < GROUP; i++) {
        Picture *picture = &pictures[i];
        picture->is_key = i == 0;
        picture->data = malloc(picture->is_key ? LARGEST : LARGEST / 4);
        if (!picture->data)
            fail("memory");
        if (picture->is_key) {
            Bits sps = {payload, 0};
            put_sps(&sps);
            append_unit(picture, NAL_SPS, &sps);
            Bits pps = {payload, 0};
            put_pps(&pps);
            append_unit(picture, NAL_PPS, &pps);
        }
        Bits slice = {payload, 0};
        put_slice(&slice, picture->is_key, i, &noise);
        append_unit(picture, picture->is_key ? NAL_IDR : NAL_SLICE, &slice);
    }
    free(payload);
    *count = GROUP;
    return pictures;
}

/* --- a file ---------------------------------------------------------------------------------- */

static uint8_t *read_whole(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    struct stat facts;
    if (!file || fstat(fileno(file), &facts) != 0)
        fail(path);
    uint8_t *data = malloc((size_t)facts.st_size + 1);
    if (!data || fread(data, 1, (size_t)facts.st_size, file) != (size_t)facts.st_size)
        fail(path);
    fclose(file);
    *size = (size_t)facts.st_size;
    return data;
}

/* Where the next start code (its leading zero included) begins; `size` when there is none. */
static size_t find_unit(const uint8_t *data, size_t size, size_t from) {
    for (size_t i = from; i + 3 < size; i++)
        if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1)
            return i > from && data[i - 1] == 0 ? i - 1 : i;
    return size;
}

/* A new picture begins at a unit that no picture can hold after its slices, 7.4.1.2.3. */
static bool begins_picture(const uint8_t *unit) {
    int type = unit[0] & 31;
    bool is_slice = type >= 1 && type <= 5;
    return is_slice ? (unit[1] & 0x80) != 0 /* first_mb_in_slice is 0 */ : type >= 6 && type <= 9;
}

typedef struct {
    Picture *all;
    size_t count, room;
} List;

/* Nothing can be shown before the first key. */
static void append_picture(List *list, const Picture *picture) {
    if (list->count == 0 && !picture->is_key)
        return;
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 256;
        list->all = realloc(list->all, list->room * sizeof *list->all);
        if (!list->all)
            fail("memory");
    }
    list->all[list->count++] = *picture;
}

Picture *read_pictures(const char *path, size_t *count) {
    size_t size;
    uint8_t *data = read_whole(path, &size);
    List list = {0};
    Picture open = {0};
    bool has_slice = false;
    for (size_t at = find_unit(data, size, 0); at < size;) {
        size_t body = at + (data[at + 2] == 1 ? 3 : 4);
        size_t next = find_unit(data, size, body);
        int type = data[body] & 31;
        if (has_slice && begins_picture(data + body)) {
            append_picture(&list, &open);
            open = (Picture){0};
            has_slice = false;
        }
        if (!open.data)
            open.data = data + at;
        open.size = (size_t)(data + next - open.data);
        open.is_key |= type == 5;
        has_slice |= type >= 1 && type <= 5;
        at = next;
    }
    if (has_slice)
        append_picture(&list, &open);
    *count = list.count;
    return list.all;
}
