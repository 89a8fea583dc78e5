/* What all programs of the bench share: clock, CPU time, sockets, and the conversation with the
 * bench over stdin and stdout.
 *
 * The conversation: a program prints one JSON line when it is ready, one for each line it reads
 * from stdin (a snapshot), and one before it ends. It ends when stdin is closed, on SIGTERM or
 * after its own time. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOCKET_BUFFER = 4 << 20, /* bytes: a key frame of every stream at once must fit */
    RTP_HEADER = 12,
    CONTROL = -1, /* epoll data of stdin */
};

extern volatile int is_stopped; /* set by SIGTERM, SIGINT and the end of stdin */

/* End the program with the reason that errno holds. */
_Noreturn void fail(const char *what);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t now_ns(void);

/* Sleep until CLOCK_MONOTONIC reaches `due`; a signal ends the sleep early. */
void sleep_until(int64_t due);

/* User and system time of this process so far, in seconds. */
double cpu_seconds(void);

/* Take SIGTERM and SIGINT as a wish to end, ignore SIGPIPE. */
void catch_signals(void);

/* The address of host:port; host in dotted form. */
struct sockaddr_in address_of(const char *host, int port);

/* A UDP socket with large buffers; bound to 127.0.0.1:port unless port is 0. */
int open_udp(int port);

/* A listening TCP socket on 127.0.0.1:port that does not block. */
int open_listener(int port);

/* An epoll descriptor that watches stdin as CONTROL (where stdin can be watched). */
int open_poller(void);

/* Watch a descriptor for input under a number of our own. */
void watch(int poller, int fd, int number);

/* Read what the bench wrote: the number of snapshots it asks for; sets is_stopped at the end. */
int read_control(void);

/* Parse a whole number of an option; ends the program when it is none. */
long number_of(const char *text);

#endif
