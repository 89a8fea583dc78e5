/* What the kernel alone costs a relay: takes what comes on N UDP ports and throws it away, or sends
 * it on unread from sockets of its own (-f), runs of packets of one size in one system call by GSO;
 * or takes what comes over N TCP connections (-t), counting packets by the lengths before them
 * (RFC 4571). No relay can cost less: the reference of the relay's figures. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    BATCH = 64, /* packets of one recvmmsg; a key frame here is 54 */
    PLAIN_SLOT = 2048,
    GRO_SLOT = 65536,
    STREAM_ROOM = 256 << 10, /* bytes of one recv; a key picture is 78 KB */
    LARGEST_RUN = 46, /* packets of 1400 bytes that one datagram can hold */
    EVENTS = 256,
};

typedef union {
    char space[CMSG_SPACE(sizeof(int))];
    struct cmsghdr aligned;
} Control;

static struct {
    uint64_t packets, bytes, datagrams, wakes, sends, errors;
} counted;

static struct mmsghdr messages[BATCH];
static struct iovec slots[BATCH];
static Control controls[BATCH];

static void print_snapshot(void) {
    printf("{\"now_ns\":%ld,\"cpu_s\":%.6f,\"packets\":%lu,\"bytes\":%lu,\"datagrams\":%lu,"
           "\"wakes\":%lu,\"sends\":%lu,\"errors\":%lu}\n",
           now_ns(), cpu_seconds(), counted.packets, counted.bytes, counted.datagrams,
           counted.wakes, counted.sends, counted.errors);
    fflush(stdout);
}

/* The size of the packets that a datagram was made of by GRO; its own size when of one. */
static size_t segment_of(struct msghdr *message, size_t size) {
    for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each; each = CMSG_NXTHDR(message, each))
        if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(each), sizeof segment);
            return (size_t)segment;
        }
    return size;
}

static void send_run(int fd, struct iovec *first, int count, size_t segment, bool is_cut) {
    Control control = {0};
    struct msghdr message = {.msg_iov = first, .msg_iovlen = (size_t)count};
    if (is_cut) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(sizeof(uint16_t));
        struct cmsghdr *wanted = CMSG_FIRSTHDR(&message);
        wanted->cmsg_level = IPPROTO_UDP;
        wanted->cmsg_type = UDP_SEGMENT;
        wanted->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        uint16_t size = (uint16_t)segment;
        memcpy(CMSG_DATA(wanted), &size, sizeof size);
    }
    counted.sends++;
    if (sendmsg(fd, &message, 0) < 0)
        counted.errors++;
}

/* Packets of one size after another leave together; a shorter one ends its run. */
static void send_on(int fd, int count) {
    for (int from = 0, to; from < count; from = to) {
        size_t size = slots[from].iov_len;
        for (to = from + 1; to < count && to - from < LARGEST_RUN; to++)
            if (slots[to].iov_len > size || slots[to - 1].iov_len != size)
                break;
        send_run(fd, &slots[from], to - from, size, to - from > 1);
    }
}

/* Take what waits on one socket. */
static void drain(int in, int out, uint8_t *pool, bool has_gro) {
    size_t slot = has_gro ? GRO_SLOT : PLAIN_SLOT;
    for (int got = BATCH; got == BATCH;) {
        for (int i = 0; i < BATCH; i++) {
            slots[i] = (struct iovec){pool + (size_t)i * slot, slot};
            messages[i].msg_hdr = (struct msghdr){.msg_iov = &slots[i], .msg_iovlen = 1};
            if (has_gro) {
                messages[i].msg_hdr.msg_control = controls[i].space;
                messages[i].msg_hdr.msg_controllen = sizeof controls[i].space;
            }
        }
        got = recvmmsg(in, messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++) {
            size_t size = messages[i].msg_len;
            size_t segment = has_gro ? segment_of(&messages[i].msg_hdr, size) : size;
            counted.packets += segment ? (size + segment - 1) / segment : 1;
            counted.bytes += size;
            slots[i].iov_len = size;
            if (has_gro && out >= 0)
                send_run(out, &slots[i], 1, segment, segment < size);
        }
        counted.datagrams += got > 0 ? (uint64_t)got : 0;
        if (out >= 0 && !has_gro && got > 0)
            send_on(out, got);
    }
}

/* Packets of a TCP stream are counted where their lengths say that the next one begins. */
typedef struct {
    size_t ahead; /* bytes to pass over before the next length */
    int high;     /* the first byte of a length that was cut in two; else -1 */
} Framing;

static void count_packets(Framing *framing, const uint8_t *data, size_t size) {
    size_t at = framing->ahead;
    while (at < size) {
        if (framing->high < 0 && at + 1 == size) {
            framing->high = data[at++];
            break;
        }
        int high = framing->high < 0 ? data[at++] : framing->high;
        framing->high = -1;
        at += 1 + ((size_t)high << 8 | data[at]);
        counted.packets++;
    }
    framing->ahead = at - size;
}

/* Take what waits on one connection; false when it has ended. */
static bool drain_stream(int fd, Framing *framing, uint8_t *room) {
    ssize_t got = recv(fd, room, STREAM_ROOM, MSG_DONTWAIT);
    if (got > 0) {
        counted.datagrams++;
        counted.bytes += (uint64_t)got;
        count_packets(framing, room, (size_t)got);
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static int connected(int port) {
    int fd = open_udp(0);
    struct sockaddr_in to = address_of("127.0.0.1", port);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    return fd;
}

/* The one connection that comes takes the place of its listener. */
static void accept_instead(int poller, int *fd, int number) {
    int accepted = accept(*fd, NULL, NULL);
    if (accepted < 0)
        fail("accept");
    close(*fd);
    *fd = accepted;
    watch(poller, accepted, number);
}

int main(int argc, char **argv) {
    int streams = 1, port = 30000, step = 2, target = 0, yes = 1;
    bool has_gro = false, is_tcp = false;
    for (int c; (c = getopt(argc, argv, "n:p:s:f:gt")) != -1;) switch (c) {
        case 'n': streams = (int)number_of(optarg); break;
        case 'p': port = (int)number_of(optarg); break;
        case 's': step = (int)number_of(optarg); break;
        case 'f': target = (int)number_of(optarg); break;
        case 'g': has_gro = true; break;
        case 't': is_tcp = true; break;
        default:
            fprintf(stderr, "floor [-n streams] [-p first port] [-s port step]\n"
                            "  [-f first port to send on to] [-g take aggregates (UDP GRO)]\n"
                            "  [-t take TCP connections instead]\n");
            return 2;
        }
    int *in = calloc((size_t)streams, sizeof *in), *out = calloc((size_t)streams, sizeof *out);
    bool *is_listener = calloc((size_t)streams, sizeof *is_listener);
    Framing *framings = calloc((size_t)streams, sizeof *framings);
    uint8_t *pool = malloc((size_t)BATCH * (has_gro ? GRO_SLOT : PLAIN_SLOT) + STREAM_ROOM);
    if (!in || !out || !is_listener || !framings || !pool)
        fail("memory");
    catch_signals();
    int poller = open_poller();
    for (int i = 0; i < streams; i++) {
        in[i] = is_tcp ? open_listener(port + i * step) : open_udp(port + i * step);
        is_listener[i] = is_tcp;
        framings[i].high = -1;
        out[i] = target ? connected(target + i * step) : -1;
        if (has_gro && setsockopt(in[i], IPPROTO_UDP, UDP_GRO, &yes, sizeof yes) != 0)
            fail("UDP_GRO");
        watch(poller, in[i], i);
    }
    printf("{\"ready\":true}\n");
    fflush(stdout);
    while (!is_stopped) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        counted.wakes++;
        for (int i = 0; i < count; i++) {
            int number = events[i].data.fd;
            if (number == CONTROL) {
                if (read_control())
                    print_snapshot();
            } else if (!is_tcp) {
                drain(in[number], out[number], pool, has_gro);
            } else if (is_listener[number]) {
                accept_instead(poller, &in[number], number);
                is_listener[number] = false;
            } else if (!drain_stream(in[number], &framings[number], pool)) {
                close(in[number]);
            }
        }
    }
    print_snapshot();
    return 0;
}
