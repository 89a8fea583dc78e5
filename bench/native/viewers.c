/* K viewers over HTTP or WebSocket that take everything and look at nothing but how much came and
 * when the first byte did. Viewer i asks for the path i modulo the number of paths. What comes
 * after the answer's header is thrown away inside the kernel, so that a viewer costs little. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common.h"

enum {
    HEAD_ROOM = 4096,
    TAKE = 1 << 20,     /* bytes thrown away by one call */
    PICTURE = 70000,    /* bytes after which the generator's key picture has begun to show */
    EVENTS = 256,
};

typedef struct {
    int fd;
    int status;             /* of the HTTP answer; 0 before it came */
    bool is_closed;         /* by the server */
    uint64_t bytes;         /* after the header */
    int64_t first, picture; /* when the first byte and the PICTUREth came */
    size_t head;
    char *text; /* the header, while it comes */
} Viewer;

static Viewer *viewers;
static int viewer_count, answered, refused, closed_count;

static int wanted_status(bool is_socket) { return is_socket ? 101 : 200; }

static void print_snapshot(bool is_final) {
    uint64_t sum = 0, least = UINT64_MAX, most = 0;
    for (int i = 0; i < viewer_count; i++) {
        uint64_t bytes = viewers[i].bytes;
        sum += bytes;
        least = bytes < least ? bytes : least;
        most = bytes > most ? bytes : most;
    }
    printf("{\"now_ns\":%ld,\"cpu_s\":%.6f,\"viewers\":%d,\"answered\":%d,\"refused\":%d,"
           "\"closed\":%d,\"bytes\":%lu,\"least\":%lu,\"most\":%lu",
           now_ns(), cpu_seconds(), viewer_count, answered, refused, closed_count, sum, least,
           most);
    if (is_final) {
        printf(",\"first_ns\":[");
        for (int i = 0; i < viewer_count; i++)
            printf("%s%ld", i ? "," : "", viewers[i].first);
        printf("],\"picture_ns\":[");
        for (int i = 0; i < viewer_count; i++)
            printf("%s%ld", i ? "," : "", viewers[i].picture);
        printf("]");
    }
    printf("}\n");
    fflush(stdout);
}

static void open_viewer(Viewer *viewer, const char *host, int port, const char *path,
                        bool is_socket) {
    static const char upgrade[] = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Version: 13\r\n"
                                  "Sec-WebSocket-Key: YmVuY2gtb2YtYS1yZWxheQ==\r\n";
    struct sockaddr_in to = address_of(host, port);
    viewer->fd = socket(AF_INET, SOCK_STREAM, 0);
    viewer->text = malloc(HEAD_ROOM);
    int room = SOCKET_BUFFER;
    setsockopt(viewer->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (!viewer->text || connect(viewer->fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    char request[2048];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", path,
                        host, port, is_socket ? upgrade : "");
    if (size >= (int)sizeof request || write(viewer->fd, request, (size_t)size) != size)
        fail("request");
    fcntl(viewer->fd, F_SETFL, O_NONBLOCK);
}

static void close_viewer(Viewer *viewer) {
    viewer->is_closed = true;
    close(viewer->fd);
    closed_count++;
}

static void count_body(Viewer *viewer, size_t size, int64_t now) {
    if (size && viewer->bytes == 0)
        viewer->first = now;
    viewer->bytes += size;
    if (viewer->bytes >= PICTURE && viewer->picture == 0)
        viewer->picture = now;
}

/* Read the header; what came behind it is the beginning of the body. */
static void read_head(Viewer *viewer, bool is_socket, int64_t now) {
    size_t room = HEAD_ROOM - 1 - viewer->head;
    ssize_t got = room ? read(viewer->fd, viewer->text + viewer->head, room) : 0;
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            close_viewer(viewer);
        return;
    }
    viewer->head += (size_t)got;
    viewer->text[viewer->head] = '\0';
    char *end = strstr(viewer->text, "\r\n\r\n"), *space = strchr(viewer->text, ' ');
    if (!end || !space)
        return;
    viewer->status = atoi(space + 1);
    answered++;
    if (viewer->status != wanted_status(is_socket)) {
        if (refused++ == 0)
            fprintf(stderr, "viewers: answered %d: %.300s\n", viewer->status, end + 4);
        close_viewer(viewer);
        return;
    }
    count_body(viewer, viewer->head - (size_t)(end + 4 - viewer->text), now);
    free(viewer->text);
    viewer->text = NULL;
}

static void take(Viewer *viewer, bool is_socket) {
    int64_t now = now_ns();
    if (viewer->is_closed)
        return;
    if (viewer->text) {
        read_head(viewer, is_socket, now);
        return;
    }
    ssize_t got = recv(viewer->fd, NULL, TAKE, MSG_TRUNC); /* TCP: taken without a copy */
    if (got > 0)
        count_body(viewer, (size_t)got, now);
    else if (got == 0 || errno != EAGAIN)
        close_viewer(viewer);
}

int main(int argc, char **argv) {
    const char *host = "127.0.0.1";
    int port = 8000;
    bool is_socket = false;
    viewer_count = 1;
    for (int c; (c = getopt(argc, argv, "k:p:a:w")) != -1;) switch (c) {
        case 'k': viewer_count = (int)number_of(optarg); break;
        case 'p': port = (int)number_of(optarg); break;
        case 'a': host = optarg; break;
        case 'w': is_socket = true; break;
        default:
            fprintf(stderr, "viewers [-k viewers] [-p port] [-a address] [-w WebSocket] PATH...\n");
            return 2;
        }
    if (optind >= argc || viewer_count < 1)
        return 2;
    viewers = calloc((size_t)viewer_count, sizeof *viewers);
    if (!viewers)
        fail("memory");
    catch_signals();
    int poller = open_poller();
    for (int i = 0; i < viewer_count; i++) {
        open_viewer(&viewers[i], host, port, argv[optind + i % (argc - optind)], is_socket);
        watch(poller, viewers[i].fd, i);
    }
    printf("{\"ready\":true}\n");
    fflush(stdout);
    while (!is_stopped) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int number = events[i].data.fd;
            if (number != CONTROL)
                take(&viewers[number], is_socket);
            else if (read_control())
                print_snapshot(false);
        }
    }
    print_snapshot(true);
    return 0;
}
