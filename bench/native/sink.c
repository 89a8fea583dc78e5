/* Receives RTP that a relay forwards, on N UDP ports or TCP connections (RFC 4571), and counts for
 * each SSRC what came and what is missing by sequence number. Tells loss, reads no payload. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common.h"

enum {
    BATCH = 64,
    SLOT = 2048,
    SOURCES = 4096, /* a power of two: also the size of the table */
    CONNECTIONS = 4096,
    STREAM_ROOM = 1 << 17, /* bytes of a TCP connection that wait for the rest of a packet */
    EVENTS = 256,
    FIRST_CONNECTION = 1 << 16, /* numbers from here on are connections, below are sockets */
};

typedef struct {
    uint32_t ssrc;
    uint32_t first, highest; /* sequence numbers, extended to 32 bits */
    uint64_t packets, bytes, out_of_order;
    bool is_used;
} Source;

typedef struct {
    int fd;
    size_t filled;
    uint8_t *data;
} Connection;

static Source sources[SOURCES];
static int source_count;
static uint64_t malformed;
static Connection connections[CONNECTIONS];
static int connection_count;

static Source *find_source(uint32_t ssrc) {
    uint32_t at = ssrc * 2654435761u % SOURCES;
    while (sources[at].is_used && sources[at].ssrc != ssrc)
        at = (at + 1) % SOURCES;
    return &sources[at];
}

static void count_packet(const uint8_t *data, size_t size) {
    if (size < RTP_HEADER || data[0] >> 6 != 2 || source_count == SOURCES - 1) {
        malformed++;
        return;
    }
    uint32_t ssrc;
    memcpy(&ssrc, data + 8, sizeof ssrc);
    ssrc = ntohl(ssrc);
    uint16_t sequence = (uint16_t)(data[2] << 8 | data[3]);
    Source *source = find_source(ssrc);
    if (!source->is_used) {
        /* Begin far from 0: packets from before the first one do not turn the count negative. */
        *source = (Source){.ssrc = ssrc, .is_used = true};
        source->first = source->highest = 0x10000u + sequence;
        source_count++;
    }
    int16_t step = (int16_t)(sequence - (uint16_t)source->highest);
    if (step > 0)
        source->highest += (uint32_t)step;
    else if (step < 0)
        source->out_of_order++;
    source->packets++;
    source->bytes += size;
}

static int64_t lost_of(const Source *source) {
    int64_t expected = (int64_t)source->highest - source->first + 1;
    return expected > (int64_t)source->packets ? expected - (int64_t)source->packets : 0;
}

static void print_snapshot(bool is_each) {
    uint64_t packets = 0, bytes = 0, out_of_order = 0;
    int64_t lost = 0, lossy = 0;
    for (int i = 0; i < SOURCES; i++) {
        packets += sources[i].packets;
        bytes += sources[i].bytes;
        out_of_order += sources[i].out_of_order;
        lost += sources[i].is_used ? lost_of(&sources[i]) : 0;
        lossy += sources[i].is_used && lost_of(&sources[i]) > 0;
    }
    printf("{\"now_ns\":%ld,\"cpu_s\":%.6f,\"sources\":%d,\"packets\":%lu,\"bytes\":%lu,"
           "\"lost\":%ld,\"lossy_sources\":%ld,\"out_of_order\":%lu,\"malformed\":%lu,\"each\":[",
           now_ns(), cpu_seconds(), source_count, packets, bytes, lost, lossy, out_of_order,
           malformed);
    bool is_first = true;
    for (int i = 0; is_each && i < SOURCES; i++)
        if (sources[i].is_used) {
            printf("%s{\"ssrc\":%u,\"packets\":%lu,\"lost\":%ld}", is_first ? "" : ",",
                   sources[i].ssrc, sources[i].packets, lost_of(&sources[i]));
            is_first = false;
        }
    printf("]}\n");
    fflush(stdout);
}

static void drain(int fd) {
    static struct mmsghdr messages[BATCH];
    static struct iovec slots[BATCH];
    static uint8_t pool[BATCH][SLOT];
    for (int got = BATCH; got == BATCH;) {
        for (int i = 0; i < BATCH; i++) {
            slots[i] = (struct iovec){pool[i], SLOT};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &slots[i], .msg_iovlen = 1};
        }
        got = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++)
            count_packet(pool[i], messages[i].msg_len);
    }
}

static void accept_connection(int poller, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    uint8_t *data = malloc(STREAM_ROOM);
    if (!data || connection_count == CONNECTIONS)
        fail("too many connections");
    connections[connection_count] = (Connection){.fd = fd, .data = data};
    watch(poller, fd, FIRST_CONNECTION + connection_count++);
}

/* Take what came and count the whole packets in it; the rest waits. */
static void read_connection(Connection *from) {
    ssize_t got = read(from->fd, from->data + from->filled, STREAM_ROOM - from->filled);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            close(from->fd);
        return;
    }
    from->filled += (size_t)got;
    size_t at = 0;
    while (from->filled - at >= 2) {
        size_t size = (size_t)from->data[at] << 8 | from->data[at + 1];
        if (from->filled - at - 2 < size)
            break;
        count_packet(from->data + at + 2, size);
        at += 2 + size;
    }
    from->filled -= at;
    memmove(from->data, from->data + at, from->filled);
}

int main(int argc, char **argv) {
    int streams = 1, port = 40000, step = 2;
    bool is_tcp = false, is_each = false;
    for (int c; (c = getopt(argc, argv, "n:p:s:Tv")) != -1;) switch (c) {
        case 'n': streams = (int)number_of(optarg); break;
        case 'p': port = (int)number_of(optarg); break;
        case 's': step = (int)number_of(optarg); break;
        case 'T': is_tcp = true; break;
        case 'v': is_each = true; break;
        default:
            fprintf(stderr, "sink [-n ports] [-p first port] [-s port step]\n"
                            "  [-T listen for TCP (RFC 4571)] [-v tell each SSRC]\n");
            return 2;
        }
    int *sockets = calloc((size_t)streams, sizeof *sockets);
    if (!sockets)
        fail("memory");
    catch_signals();
    int poller = open_poller();
    for (int i = 0; i < streams; i++) {
        sockets[i] = is_tcp ? open_listener(port + i * step) : open_udp(port + i * step);
        watch(poller, sockets[i], i);
    }
    printf("{\"ready\":true}\n");
    fflush(stdout);
    while (!is_stopped) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int number = events[i].data.fd;
            if (number == CONTROL) {
                if (read_control())
                    print_snapshot(is_each);
            } else if (number >= FIRST_CONNECTION) {
                read_connection(&connections[number - FIRST_CONNECTION]);
            } else if (is_tcp) {
                accept_connection(poller, sockets[number]);
            } else {
                drain(sockets[number]);
            }
        }
    }
    print_snapshot(is_each);
    return 0;
}
