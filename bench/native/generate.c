/* Sends N paced streams, MPEG-PS over RTP (GB/T 28181 annex C), to a relay on this machine.
 *
 * Stream i has SSRC first + i and goes to port first + i * step. The streams begin one after
 * another over the spread, so that their key frames do not coincide. The RTP stamp of a picture is
 * CLOCK_MONOTONIC of the moment it was due, in 90 kHz: a receiver on this machine can tell its
 * delay. Lateness is measured at the moment of sending, so a generator that was starved shows. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common.h"
#include "pictures.h"
#include "program_stream.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    PACKET = 1400, /* RTP header included */
    PAYLOAD = PACKET - RTP_HEADER,
    LARGEST_PICTURE = 2048, /* packets */
    GSO_PACKETS = 46,       /* 46 * 1400 is what one UDP datagram can hold */
    PAYLOAD_TYPE = 96,
    LATE_NS = 10000000,
    START_DELAY_NS = 50000000,
};

typedef enum { UDP, UDP_GSO, TCP } Transport;

typedef struct {
    int fd;
    uint32_t ssrc;
    uint16_t sequence;
    size_t picture;   /* index of the next one */
    int64_t due;      /* of the next one */
    int64_t key_sent; /* when the last packet of the first picture left; 0 before */
    bool is_broken;   /* the peer closed the connection */
} Stream;

typedef struct {
    int streams, port, step, rate;
    uint32_t ssrc;
    double seconds, spread;
    Transport transport;
    const char *host, *input, *dump;
} Options;

static struct {
    uint64_t pictures, packets, bytes, errors, late;
    int64_t latest_ns;
} sent;

static struct iovec pieces[LARGEST_PICTURE * 2];
static struct mmsghdr messages[LARGEST_PICTURE];
static uint8_t headers[LARGEST_PICTURE][2 + RTP_HEADER]; /* RFC 4571 length before each */

/* --- sending --------------------------------------------------------------------------------- */

static void put_u16(uint8_t *out, uint32_t value) {
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

static void put_u32(uint8_t *out, uint32_t value) {
    put_u16(out, value >> 16);
    put_u16(out + 2, value & 0xFFFF);
}

/* Cut a pack into packets: headers and pieces are ready afterwards. Returns how many. */
static int packetize(Stream *stream, const Pack *pack, uint32_t stamp, bool is_framed) {
    int count = (int)((pack->size + PAYLOAD - 1) / PAYLOAD);
    if (count > LARGEST_PICTURE)
        count = LARGEST_PICTURE;
    for (int i = 0; i < count; i++) {
        size_t at = (size_t)i * PAYLOAD;
        size_t size = pack->size - at < PAYLOAD ? pack->size - at : PAYLOAD;
        uint8_t *header = headers[i];
        put_u16(header, (uint32_t)(size + RTP_HEADER));
        header[2] = 0x80;
        header[3] = (uint8_t)(PAYLOAD_TYPE | (i == count - 1 ? 0x80 : 0));
        put_u16(header + 4, stream->sequence++);
        put_u32(header + 6, stamp);
        put_u32(header + 10, stream->ssrc);
        pieces[2 * i] = is_framed ? (struct iovec){header, 2 + RTP_HEADER}
                                  : (struct iovec){header + 2, RTP_HEADER};
        pieces[2 * i + 1] = (struct iovec){pack->data + at, size};
        sent.bytes += size + RTP_HEADER;
    }
    sent.packets += (uint64_t)count;
    return count;
}

static void send_plain(const Stream *stream, int from, int to) {
    for (int i = from; i < to; i++)
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &pieces[2 * i], .msg_iovlen = 2};
    while (from < to) {
        int batch = to - from < 1024 ? to - from : 1024; /* UIO_MAXIOV */
        int done = sendmmsg(stream->fd, messages + from, (unsigned)batch, 0);
        if (done <= 0)
            sent.errors++; /* e.g. ECONNREFUSED: that packet is lost */
        from += done > 0 ? done : 1;
    }
}

/* Packets of equal size in one datagram that kernel or card cut apart; the last may be shorter. */
static void send_segmented(const Stream *stream, int from, int to) {
    for (; from < to; from += GSO_PACKETS) {
        int count = to - from < GSO_PACKETS ? to - from : GSO_PACKETS;
        union {
            char space[CMSG_SPACE(sizeof(uint16_t))];
            struct cmsghdr aligned;
        } control = {0};
        struct msghdr message = {.msg_iov = &pieces[2 * from], .msg_iovlen = (size_t)count * 2};
        if (count > 1) {
            message.msg_control = control.space;
            message.msg_controllen = sizeof control.space;
            struct cmsghdr *segment = CMSG_FIRSTHDR(&message);
            segment->cmsg_level = IPPROTO_UDP;
            segment->cmsg_type = UDP_SEGMENT;
            segment->cmsg_len = CMSG_LEN(sizeof(uint16_t));
            uint16_t size = PACKET;
            memcpy(CMSG_DATA(segment), &size, sizeof size);
        }
        if (sendmsg(stream->fd, &message, 0) < 0)
            sent.errors++;
    }
}

static void send_framed(Stream *stream, int from, int to) {
    struct iovec *next = &pieces[2 * from], *end = &pieces[2 * to];
    while (next < end && !stream->is_broken) {
        ssize_t written = writev(stream->fd, next, end - next < 1024 ? (int)(end - next) : 1024);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            stream->is_broken = true;
            sent.errors++;
            return;
        }
        for (; next < end && (size_t)written >= next->iov_len; next++)
            written -= (ssize_t)next->iov_len;
        if (next < end) {
            next->iov_base = (uint8_t *)next->iov_base + written;
            next->iov_len -= (size_t)written;
        }
    }
}

static void send_range(Stream *stream, Transport transport, int from, int to) {
    if (transport == TCP)
        send_framed(stream, from, to);
    else if (transport == UDP_GSO)
        send_segmented(stream, from, to);
    else
        send_plain(stream, from, to);
}

static void send_picture(Stream *stream, Pack *pack, Transport transport) {
    int64_t late = now_ns() - stream->due;
    sent.late += late > LATE_NS;
    if (late > sent.latest_ns)
        sent.latest_ns = late;
    uint64_t ticks = (uint64_t)stream->due * 9 / 100000;
    stamp_pack(pack, ticks);
    int count = packetize(stream, pack, (uint32_t)ticks, transport == TCP);
    if (stream->key_sent == 0) {
        /* The first picture's last packet goes alone: its moment must be known. */
        send_range(stream, transport, 0, count - 1);
        stream->key_sent = now_ns();
        send_range(stream, transport, count - 1, count);
    } else {
        send_range(stream, transport, 0, count);
    }
    sent.pictures++;
}

/* --- pacing ---------------------------------------------------------------------------------- */

/* The heap's first stream was moved to a later time: let it sink to its place. */
static void sink_first(Stream **heap, int count) {
    for (int at = 0, child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1]->due < heap[child]->due)
            child++;
        if (heap[at]->due <= heap[child]->due)
            return;
        Stream *moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

static void run(Stream *streams, const Options *options, Pack *packs, size_t pack_count) {
    Stream **heap = calloc((size_t)options->streams, sizeof *heap);
    if (!heap)
        fail("memory");
    int64_t begin = now_ns() + START_DELAY_NS, period = 1000000000 / options->rate;
    int64_t end = begin + (int64_t)(options->seconds * 1e9);
    for (int i = 0; i < options->streams; i++) {
        streams[i].due = begin + (int64_t)(options->spread * 1e9 * i / options->streams);
        heap[i] = &streams[i]; /* rising times are a heap */
    }
    printf("{\"ready\":true,\"begin_ns\":%ld}\n", begin);
    fflush(stdout);
    while (!is_stopped && heap[0]->due < end) {
        Stream *stream = heap[0];
        sleep_until(stream->due);
        if (is_stopped)
            break;
        if (!stream->is_broken)
            send_picture(stream, &packs[stream->picture % pack_count], options->transport);
        stream->picture++;
        stream->due += period;
        sink_first(heap, options->streams);
    }
    free(heap);
}

/* --- set up ---------------------------------------------------------------------------------- */

static void open_stream(Stream *stream, const Options *options, int index) {
    struct sockaddr_in to = address_of(options->host, options->port + index * options->step);
    stream->ssrc = options->ssrc + (uint32_t)index;
    stream->sequence = (uint16_t)(index * 1009); /* some wrap while we run */
    stream->fd =
        options->transport == TCP ? socket(AF_INET, SOCK_STREAM, 0) : open_udp(0);
    if (stream->fd < 0 || connect(stream->fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    int yes = 1;
    if (options->transport == TCP)
        setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static int dump(const Options *options, Pack *packs, size_t count) {
    FILE *file = fopen(options->dump, "wb");
    if (!file)
        fail(options->dump);
    for (size_t i = 0; i < count; i++) {
        stamp_pack(&packs[i], 90000 + i * 90000 / (size_t)options->rate);
        fwrite(packs[i].data, 1, packs[i].size, file);
    }
    return fclose(file);
}

static void print_result(const Stream *streams, const Options *options) {
    printf("{\"streams\":%d,\"pictures\":%lu,\"packets\":%lu,\"bytes\":%lu,\"errors\":%lu,"
           "\"late\":%lu,\"late_max_ms\":%.2f,\"cpu_s\":%.3f,\"key_sent_ns\":[",
           options->streams, sent.pictures, sent.packets, sent.bytes, sent.errors, sent.late,
           (double)sent.latest_ns / 1e6, cpu_seconds());
    for (int i = 0; i < options->streams; i++)
        printf("%s%ld", i ? "," : "", streams[i].key_sent);
    printf("]}\n");
}

static Transport transport_of(const char *name) {
    if (strcmp(name, "udp") == 0)
        return UDP;
    if (strcmp(name, "gso") == 0)
        return UDP_GSO;
    if (strcmp(name, "tcp") == 0)
        return TCP;
    fprintf(stderr, "transport udp, gso or tcp\n");
    exit(2);
}

static Options parse(int argc, char **argv) {
    Options options = {.streams = 1, .port = 30000, .step = 2, .rate = 25, .ssrc = 200000001,
                       .seconds = 10, .spread = 2, .host = "127.0.0.1"};
    for (int c; (c = getopt(argc, argv, "n:p:s:S:t:d:m:i:o:a:f:")) != -1;) switch (c) {
        case 'n': options.streams = (int)number_of(optarg); break;
        case 'p': options.port = (int)number_of(optarg); break;
        case 's': options.step = (int)number_of(optarg); break;
        case 'S': options.ssrc = (uint32_t)number_of(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'd': options.spread = atof(optarg); break;
        case 'm': options.transport = transport_of(optarg); break;
        case 'i': options.input = optarg; break;
        case 'o': options.dump = optarg; break;
        case 'a': options.host = optarg; break;
        case 'f': options.rate = (int)number_of(optarg); break;
        default:
            fprintf(stderr, "generate [-n streams] [-p first port] [-s port step] [-S first SSRC]\n"
                            "  [-t seconds] [-d spread of the starts, s] [-m udp|gso|tcp]\n"
                            "  [-i H.264 file in Annex B] [-f pictures a second] [-a address]\n"
                            "  [-o file: write one round of the program stream and end]\n");
            exit(2);
        }
    if (options.streams < 1 || options.rate < 1)
        exit(2);
    return options;
}

int main(int argc, char **argv) {
    Options options = parse(argc, argv);
    size_t count;
    Picture *pictures = options.input ? read_pictures(options.input, &count) : make_pictures(&count);
    if (count == 0) {
        fprintf(stderr, "%s: no pictures\n", options.input);
        return 2;
    }
    Pack *packs = calloc(count, sizeof *packs);
    Stream *streams = calloc((size_t)options.streams, sizeof *streams);
    if (!packs || !streams)
        fail("memory");
    for (size_t i = 0; i < count; i++)
        packs[i] = make_pack(&pictures[i]);
    if (options.dump)
        return dump(&options, packs, count);
    catch_signals();
    for (int i = 0; i < options.streams; i++)
        open_stream(&streams[i], &options, i);
    run(streams, &options, packs, count);
    print_result(streams, &options);
    return 0;
}
