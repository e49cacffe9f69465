/* SPDX-License-Identifier: MIT */
/*
 * What read-only endpoints are measured against: an evhttp server on a Unix socket that answers every request with
 * 100 bytes of JSON and does nothing else.
 *
 *   bench_empty SOCKET
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>

static void
answer(struct evhttp_request *req, void *arg)
{
    static char body[] =
        "{\"empty\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}";
    struct evbuffer *out = evhttp_request_get_output_buffer(req);

    (void)arg;
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "application/json");
    (void)evbuffer_add_reference(out, body, sizeof body - 1, NULL, NULL);
    evhttp_send_reply(req, 200, "OK", NULL);
}

int
main(int argc, char **argv)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc != 2 || strlen(argv[1]) >= sizeof addr.sun_path) {
        fprintf(stderr, "usage: bench_empty SOCKET\n");
        return 2;
    }
    memcpy(addr.sun_path, argv[1], strlen(argv[1]) + 1);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof addr) != 0 || listen(fd, 1024) != 0 ||
        evutil_make_socket_nonblocking(fd) != 0 || evhttp_accept_socket(http, fd) != 0) {
        perror("bench_empty");
        return 1;
    }
    evhttp_set_gencb(http, answer, NULL);
    return event_base_dispatch(base) != 0;
}
