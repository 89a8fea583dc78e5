/* See common.h. */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

volatile int is_stopped;

void fail(const char *what) {
    perror(what);
    exit(2);
}

int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void sleep_until(int64_t due) {
    if (now_ns() >= due) /* a sleep of no length is a change of process all the same */
        return;
    struct timespec then = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL);
}

double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void on_signal(int number) {
    (void)number;
    is_stopped = 1;
}

void catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_signal}; /* no SA_RESTART: sleeps must end */
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
}

struct sockaddr_in address_of(const char *host, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EINVAL;
        fail(host);
    }
    return address;
}

/* Root may go beyond net.core.rmem_max; others get what the system allows. */
static void enlarge(int fd, int forced, int plain) {
    int size = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0)
        setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

int open_udp(int port) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0)
        fail("socket");
    enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    if (port) {
        struct sockaddr_in own = address_of("127.0.0.1", port);
        if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0)
            fail("bind");
    }
    return fd;
}

int open_listener(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in own = address_of("127.0.0.1", port);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || listen(fd, 1024) != 0)
        fail("listen");
    return fd;
}

void watch(int poller, int fd, int number) {
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = number};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted) != 0)
        fail("epoll_ctl");
}

int open_poller(void) {
    int poller = epoll_create1(0);
    if (poller < 0)
        fail("epoll_create1");
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = CONTROL};
    /* /dev/null and plain files cannot be watched; then there is no conversation. */
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &wanted) != 0 && errno != EPERM)
        fail("epoll_ctl stdin");
    return poller;
}

int read_control(void) {
    char text[256];
    ssize_t got = read(STDIN_FILENO, text, sizeof text);
    if (got <= 0) {
        is_stopped = 1;
        return 0;
    }
    int asked = 0;
    for (ssize_t i = 0; i < got; i++)
        asked += text[i] == '\n';
    return asked;
}

long number_of(const char *text) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        fprintf(stderr, "%s is not a number\n", text);
        exit(2);
    }
    return value;
}
