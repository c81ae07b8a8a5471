/* Links that begin and end: handshakes with one node, so many under way at once, for so many seconds.
 *
 *     handshakes HOST PORT full|resumed|plain CONCURRENCY SECONDS
 *
 * full: each is a handshake from nothing. resumed: each takes up the session of the ticket that one before them all
 * was given. plain: connections alone. It says "ready", waits for a line on standard input, and says
 * "result". Whom it meets it does not check: that is not what is measured, and it must not be what holds things up. */
#include "common.h"
#include <openssl/ssl.h>
#include <stdbool.h>

enum { MOST = 1024, TICKET_PATIENCE_S = 5, PATIENCE_MS = 20000 };

struct attempt {
    int fd;
    SSL *tls;
    bool connected;
};

static struct sockaddr_in address;
static SSL_CTX *context;
static SSL_SESSION *ticket;
static int poller;
static bool resuming, plain;
static uint64_t done, resumed;

static int keep(SSL *tls, SSL_SESSION *session)
{
    (void)tls;
    if (ticket) SSL_SESSION_free(ticket);
    ticket = session;
    return 1;
}

static int connected_socket(bool blocking)
{
    int fd = socket(AF_INET, SOCK_STREAM | (blocking ? 0 : SOCK_NONBLOCK), 0), yes = 1;
    if (fd < 0) die("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    return fd;
}

static SSL *new_tls(int fd)
{
    SSL *tls = SSL_new(context);
    if (!tls || !SSL_set_fd(tls, fd)) die("no TLS");
    if (resuming && ticket && !SSL_set_session(tls, ticket)) die("the ticket is not good");
    return tls;
}

static void begin(struct attempt *attempt)
{
    attempt->fd = connected_socket(false);
    attempt->tls = plain ? NULL : new_tls(attempt->fd);
    attempt->connected = false;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = attempt};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, attempt->fd, &event)) die("epoll_ctl: %s", strerror(errno));
}

static void end(struct attempt *attempt)
{
    done++;
    if (attempt->tls) {
        resumed += SSL_session_reused(attempt->tls) == 1;
        SSL_set_shutdown(attempt->tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or its ticket would be void */
        SSL_free(attempt->tls);
    }
    close(attempt->fd);
}

/* True once there is nothing more to be done. */
static bool goes_on(struct attempt *attempt, uint32_t events)
{
    if (!attempt->connected) {
        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return false;
        attempt->connected = true;
    }
    if (!attempt->tls) return true;
    int result = SSL_connect(attempt->tls);
    if (result == 1) return true;
    int error = SSL_get_error(attempt->tls, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) die("a handshake has failed (%d)", error);
    return false;
}

static void get_a_ticket(void)
{
    int fd = connected_socket(true);
    struct timeval patience = {.tv_sec = TICKET_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL *tls = new_tls(fd);
    if (SSL_connect(tls) != 1) die("the first handshake has failed");
    char byte;
    struct timeval little = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
    SSL_read(tls, &byte, 1); /* TLS 1.3 gives tickets after the handshake */
    if (!ticket) die("no ticket was given");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* or OpenSSL would have a ticket used once only */
    SSL_shutdown(tls);
    SSL_free(tls);
    close(fd);
}

int main(int count, char **words)
{
    static struct attempt attempts[MOST];
    if (count != 6) die("usage: handshakes HOST PORT full|resumed|plain CONCURRENCY SECONDS");
    prepare_process();
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))};
    if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1) die("%s is no address", words[1]);
    resuming = !strcmp(words[3], "resumed");
    plain = !strcmp(words[3], "plain");
    int concurrency = atoi(words[4]);
    if (concurrency < 1 || concurrency > MOST) die("1 to %d at once", MOST);
    uint64_t lasts = (uint64_t)(atof(words[5]) * 1e9);
    context = SSL_CTX_new(TLS_client_method());
    if (!context) die("no TLS");
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep);
    if (resuming) get_a_ticket();
    poller = epoll_create1(0);
    printf("{\"event\":\"ready\"}\n");
    fflush(stdout);
    char line[16];
    if (!fgets(line, sizeof line, stdin)) return 0;

    uint64_t began = now_ns();
    double cpu = own_cpu_seconds();
    int under_way = 0;
    for (; under_way < concurrency; under_way++) begin(&attempts[under_way]);
    while (under_way) {
        struct epoll_event events[64];
        int ready = epoll_wait(poller, events, 64, PATIENCE_MS);
        if (ready == 0) die("nothing has happened for %d s", PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++) {
            struct attempt *attempt = events[i].data.ptr;
            if (!goes_on(attempt, events[i].events)) continue;
            end(attempt);
            if (now_ns() - began < lasts) begin(attempt);
            else under_way--;
        }
    }
    double took = (double)(now_ns() - began) / 1e9;
    printf("{\"event\":\"result\",\"handshakes\":%llu,\"resumed\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n",
           (unsigned long long)done, (unsigned long long)resumed, took, own_cpu_seconds() - cpu);
    return 0;
}
