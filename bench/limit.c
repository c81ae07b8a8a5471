/* The physical limit: the least that a server has to do for a fan-out over TCP.
 *
 * On each loop turn it reads what came in from every connection, then makes one send() per connection of all of it.
 * What a socket will not take stays for EPOLLOUT as an offset into the one log that all share. Lines go out as they
 * came in, to everyone, the sender included. No names, no parsing, no checks: whatever a real server costs above this
 * is what its work costs. It must not know the load generator or any protocol but "a line ends with \n".
 *
 * Bounded: a connection that sends 64 KiB without a newline, or is the furthest behind when the log is full, is closed.
 *
 *     limit PORT          (0 picks a free one; prints "ready limit 127.0.0.1:PORT") */
#include "common.h"

enum { LOG_BYTES = 64 << 20, READ_BYTES = 256 << 10, LINE_BYTES = 64 << 10, EVENTS = 1024 };

struct client {
    int fd;
    int blocked;    /* its socket is full: EPOLLOUT will say when to go on */
    size_t cursor;  /* offset into the log of what it has not had yet */
    size_t partial; /* bytes of an unfinished line */
    char *line;     /* that line; there from the first one that came in pieces */
};

static char *log_bytes;
static size_t log_end;
static struct client **clients;
static size_t client_count, client_room;
static int poller;

static void close_client(size_t index)
{
    struct client *c = clients[index];
    close(c->fd);
    free(c->line);
    free(c);
    clients[index] = clients[--client_count];
}

/* Gone connections are only marked while a turn is under way, since events may still point to them. */
static void give_up(struct client *c)
{
    shutdown(c->fd, SHUT_RDWR);
    watch(poller, EPOLL_CTL_MOD, c->fd, 0, (uint64_t)(uintptr_t)c);
    c->blocked = -1;
}

static void accept_clients(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct client *c = allocate(1, sizeof *c);
        c->fd = fd;
        c->cursor = log_end;
        if (client_count == client_room) {
            client_room = client_room ? client_room * 2 : 64;
            clients = realloc(clients, client_room * sizeof *clients);
            if (!clients) die("out of memory");
        }
        clients[client_count++] = c;
        watch(poller, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)(uintptr_t)c);
    }
}

/* Makes room for one more read by moving what somebody still needs to the front; the furthest behind may have to go. */
static void make_room(void)
{
    while (LOG_BYTES - log_end < READ_BYTES + LINE_BYTES) {
        struct client *slowest = NULL;
        for (size_t i = 0; i < client_count; i++)
            if (clients[i]->blocked >= 0 && (!slowest || clients[i]->cursor < slowest->cursor)) slowest = clients[i];
        size_t start = slowest ? slowest->cursor : log_end;
        if (start < LOG_BYTES / 4 && slowest) {
            give_up(slowest);
            continue;
        }
        memmove(log_bytes, log_bytes + start, log_end - start);
        log_end -= start;
        for (size_t i = 0; i < client_count; i++) clients[i]->cursor -= start;
    }
}

/* One read straight into the log; whole lines stay there, the beginning of the next one is put aside. */
static void read_lines(struct client *c)
{
    make_room();
    if (c->blocked < 0) return;
    char *start = log_bytes + log_end;
    memcpy(start, c->line ? c->line : "", c->partial);
    ssize_t got = recv(c->fd, start + c->partial, READ_BYTES, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        give_up(c);
        return;
    }
    if (got < 0) return;
    size_t length = c->partial + (size_t)got;
    char *newline = memrchr(start, '\n', length);
    size_t whole = newline ? (size_t)(newline + 1 - start) : 0;
    c->partial = length - whole;
    if (c->partial > LINE_BYTES) {
        give_up(c);
        return;
    }
    if (c->partial) {
        if (!c->line) c->line = allocate(1, LINE_BYTES);
        memcpy(c->line, start + whole, c->partial);
    }
    log_end += whole;
}

static void send_rest(struct client *c)
{
    ssize_t sent = send(c->fd, log_bytes + c->cursor, log_end - c->cursor, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        give_up(c);
        return;
    }
    if (sent > 0) c->cursor += (size_t)sent;
    int blocked = c->cursor < log_end;
    if (blocked != c->blocked)
        watch(poller, EPOLL_CTL_MOD, c->fd, EPOLLIN | (blocked ? EPOLLOUT : 0), (uint64_t)(uintptr_t)c);
    c->blocked = blocked;
}

/* Everyone gets all that came in this turn. When nobody is behind, the log starts again at its beginning: it stays in
 * the processor's cache. */
static void fan_out(void)
{
    size_t behind = 0;
    for (size_t i = client_count; i-- > 0;) {
        struct client *c = clients[i];
        if (c->blocked == 0 && c->cursor < log_end) send_rest(c);
        if (c->blocked < 0)
            close_client(i);
        else
            behind += c->cursor < log_end;
    }
    if (behind || !log_end) return;
    log_end = 0;
    for (size_t i = 0; i < client_count; i++) clients[i]->cursor = 0;
}

static int listen_on(int port)
{
    struct sockaddr_in address = address_of("127.0.0.1", port);
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        die("cannot listen on port %d: %s", port, strerror(errno));
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("ready limit 127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

int main(int count, char **arguments)
{
    if (count != 2) die("usage: limit PORT");
    prepare_process();
    poller = epoll_create1(EPOLL_CLOEXEC);
    log_bytes = allocate(1, LOG_BYTES);
    int listener = listen_on((int)number(arguments[1]));
    watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN, 0);
    struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct client *c = (struct client *)(uintptr_t)events[i].data.u64;
            if (!c) {
                accept_clients(listener);
                continue;
            }
            if (c->blocked >= 0 && (events[i].events & EPOLLOUT)) send_rest(c);
            if (c->blocked >= 0 && (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))) read_lines(c);
        }
        fan_out();
    }
}
