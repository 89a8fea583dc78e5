/* What the kernel alone costs to serve viewers: writes one buffer per picture to everyone who
 * connected, paced, one send() each. The buffers have the sizes of the generator's pictures, so a
 * viewer gets the same bytes as from a relay that carries one of its streams. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "pictures.h"

enum { VIEWERS = 4096, LISTENER = -2, TIMER = -3 };

static int viewers[VIEWERS], viewer_count;
static uint64_t bytes, pictures_sent, blocked;

static void print_snapshot(void) {
    printf("{\"now_ns\":%ld,\"cpu_s\":%.6f,\"viewers\":%d,\"bytes\":%lu,\"pictures\":%lu,"
           "\"blocked\":%lu}\n",
           now_ns(), cpu_seconds(), viewer_count, bytes, pictures_sent, blocked);
    fflush(stdout);
}

/* Take who waits; their request is read away and answered with the shortest header. */
static void accept_viewers(int listener) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: video/x-flv\r\n\r\n";
    char request[4096];
    int fd, yes = 1;
    while (viewer_count < VIEWERS && (fd = accept4(listener, NULL, NULL, 0)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (read(fd, request, sizeof request) <= 0 ||
            write(fd, answer, sizeof answer - 1) != (ssize_t)sizeof answer - 1) {
            close(fd);
            continue;
        }
        viewers[viewer_count++] = fd;
    }
}

static void write_picture(const Picture *picture) {
    pictures_sent++;
    for (int i = 0; i < viewer_count; i++) {
        ssize_t sent = send(viewers[i], picture->data, picture->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        bytes += sent > 0 ? (uint64_t)sent : 0;
        blocked += sent != (ssize_t)picture->size;
    }
}

static int open_timer(int rate) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct timespec period = {.tv_nsec = 1000000000 / rate};
    struct itimerspec every = {.it_interval = period, .it_value = period};
    if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) != 0)
        fail("timerfd");
    return fd;
}

int main(int argc, char **argv) {
    int port = 8000, rate = 25;
    for (int c; (c = getopt(argc, argv, "p:f:")) != -1;) switch (c) {
        case 'p': port = (int)number_of(optarg); break;
        case 'f': rate = (int)number_of(optarg); break;
        default: fprintf(stderr, "write_floor [-p port] [-f pictures a second]\n"); return 2;
        }
    size_t count;
    Picture *pictures = make_pictures(&count);
    catch_signals();
    int listener = open_listener(port), timer = open_timer(rate), poller = open_poller();
    watch(poller, listener, LISTENER);
    watch(poller, timer, TIMER);
    printf("{\"ready\":true}\n");
    fflush(stdout);
    for (size_t next = 0; !is_stopped;) {
        struct epoll_event events[8];
        int ready = epoll_wait(poller, events, 8, -1);
        for (int i = 0; i < ready; i++) {
            uint64_t ticks;
            if (events[i].data.fd == LISTENER)
                accept_viewers(listener);
            else if (events[i].data.fd == CONTROL && read_control())
                print_snapshot();
            else if (events[i].data.fd == TIMER && read(timer, &ticks, sizeof ticks) > 0)
                while (ticks--) /* late: what was due is written now, as a relay would */
                    write_picture(&pictures[next++ % count]);
        }
    }
    print_snapshot();
    return 0;
}
