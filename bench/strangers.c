/* Strangers: any number of links, from addresses of one's own, that come, say something, and go or stay. Attacks are made
 * of them, and so are the newcomers who are timed meanwhile. It knows no protocol: what is said, and what is waited for,
 * is given as hex.
 *
 *     strangers --address HOST:PORT [options], then "go" on stdin; ends after --milliseconds with one line of JSON
 *
 * --links      how many at once; a link that is over is followed by another
 * --most       how many in all; 0: any number
 * --pace       links a second: each is timed from when it was due to its answer; 0: as many as there is room for
 * --source     the first address that they come from; --sources: how many addresses take turns, that one and the next
 * --say        said once the link is there; "@@@@@@@@" becomes the link's number
 * --until      what is waited for then: only then does the flood begin; without it, at once
 * --flood      said again and again, as fast as it is taken; --drip: one byte of it in so many milliseconds instead
 * --leave      1: when it was let in (see --until) or has said what it says; 2: when it was answered; 0: never
 * --deaf       reads nothing
 * --slow       reads this many bytes in 100 ms
 *
 * Counts what became of them, and the answers by their "reason". Links are ended by a reset, so that no port stays taken.
 * Bounded by --links and --milliseconds. Guarantees that its own delay shows: a paced link is timed from when it was due. */
#include "latency.h"
#include <getopt.h>
#include <stdbool.h>

enum { EVENTS = 512, TAIL_BYTES = 4096, READ_BYTES = 256 << 10, REASONS = 24, REASON_BYTES = 40, STDIN_EVENT = -1 };
enum state { FREE, CONNECTING, ASKING, FLOODING, QUIET };
enum leave { NEVER, WHEN_SAID, WHEN_ANSWERED };

struct link {
    int fd;
    enum state state;
    uint32_t events, at; /* watched; how far the flood has got */
    bool timed;
    uint64_t due, next_drip;
    uint32_t kept;
    char tail[64]; /* of what came last: an answer may come in two pieces */
};

static struct sockaddr_in target;
static struct options {
    uint64_t links, most, pace, sources, drip, leave, deaf, slow, milliseconds;
    uint32_t source;
    unsigned char *say, *until, *flood;
    size_t say_bytes, until_bytes, flood_bytes;
} o = {.links = 1, .sources = 1, .milliseconds = 1000};

static struct {
    uint64_t begun, connected, answered, refused, closed, failed, sent, received;
} totals;
static struct { char name[REASON_BYTES]; uint64_t count; } reasons[REASONS];
static struct link *links;
static uint32_t *free_links;
static size_t free_count;
static int poller;
static uint64_t started, read_time;
static struct histogram delays;
static char buffer[READ_BYTES + 64];

static unsigned char *from_hex(const char *text, size_t *length)
{
    *length = strlen(text) / 2;
    unsigned char *bytes = allocate(*length + 1, 1);
    for (size_t i = 0; i < *length; i++)
        if (sscanf(text + 2 * i, "%2hhx", &bytes[i]) != 1) die("not hex: %s", text);
    return bytes;
}

static void want(struct link *k, uint32_t events)
{
    if (events == k->events) return;
    watch(poller, EPOLL_CTL_MOD, k->fd, events, (uint64_t)(k - links));
    k->events = events;
}

static void end_link(struct link *k)
{
    close(k->fd);
    k->fd = -1;
    k->state = FREE;
    free_links[free_count++] = (uint32_t)(k - links);
}

static void count_reason(const char *data, size_t length)
{
    static const char key[] = "\"reason\":\"";
    const char *at = memmem(data, length, key, sizeof key - 1);
    if (!at) return;
    at += sizeof key - 1;
    const char *end = memchr(at, '"', (size_t)(data + length - at));
    if (!end || end - at >= REASON_BYTES) return;
    totals.refused++;
    for (int i = 0; i < REASONS; i++) {
        if (!reasons[i].count) memcpy(reasons[i].name, at, (size_t)(end - at));
        if (strlen(reasons[i].name) == (size_t)(end - at) && memcmp(reasons[i].name, at, (size_t)(end - at)) == 0) {
            reasons[i].count++;
            return;
        }
    }
}

static void begin_link(uint64_t due)
{
    struct link *k = &links[free_links[--free_count]];
    static const struct linger reset = {1, 0};
    int one = 1;
    memset(k, 0, sizeof *k);
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0) die("socket: %s", strerror(errno));
    setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (o.source) {
        struct sockaddr_in from = {.sin_family = AF_INET};
        from.sin_addr.s_addr = htonl(o.source + (uint32_t)(totals.begun % o.sources));
        setsockopt(k->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(k->fd, (struct sockaddr *)&from, sizeof from) < 0) die("bind: %s", strerror(errno));
    }
    totals.begun++;
    k->state = CONNECTING;
    k->due = due;
    k->timed = o.pace > 0;
    if (connect(k->fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS) {
        totals.failed++;
        end_link(k);
        return;
    }
    k->events = EPOLLIN | EPOLLOUT;
    watch(poller, EPOLL_CTL_ADD, k->fd, k->events, (uint64_t)(k - links));
}

static void begin_flood(struct link *k)
{
    k->state = o.flood_bytes ? FLOODING : QUIET;
    if (o.leave == WHEN_SAID) {
        end_link(k);
        return;
    }
    bool writes = k->state == FLOODING && !o.drip;
    want(k, (o.deaf || o.slow ? 0 : EPOLLIN) | (writes ? EPOLLOUT : 0));
}

static void say(struct link *k)
{
    static unsigned char line[1 << 20];
    static const char place[] = "@@@@@@@@";
    totals.connected++;
    if (o.say_bytes > sizeof line) die("too much to say");
    memcpy(line, o.say, o.say_bytes);
    unsigned char *at = memmem(line, o.say_bytes, place, 8);
    if (at) {
        char digits[16];
        snprintf(digits, sizeof digits, "%08u", (unsigned)(totals.begun % 100000000u));
        memcpy(at, digits, 8);
    }
    if (o.say_bytes) {
        ssize_t sent = send(k->fd, line, o.say_bytes, MSG_NOSIGNAL);
        if (sent > 0) totals.sent += (uint64_t)sent;
    }
    k->state = ASKING;
    if (o.until_bytes || o.leave == WHEN_ANSWERED) want(k, EPOLLIN);
    else begin_flood(k);
}

static void lost(struct link *k, bool refused)
{
    if (refused) totals.failed++;
    else totals.closed++;
    end_link(k);
}

static void receive(struct link *k)
{
    size_t kept = k->kept, room = o.slow ? (o.slow < READ_BYTES ? o.slow : READ_BYTES) : READ_BYTES;
    memcpy(buffer, k->tail, kept);
    ssize_t got = recv(k->fd, buffer + kept, room, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        lost(k, false);
        return;
    }
    totals.received += (uint64_t)got;
    if (k->state == FLOODING || k->state == QUIET) {
        if (k->kept == 0 || got < 4096) count_reason(buffer + kept, (size_t)got);
        k->kept = 0;
        return;
    }
    size_t length = kept + (size_t)got;
    count_reason(buffer, length);
    if (!o.until_bytes || memmem(buffer, length, o.until, o.until_bytes)) {
        totals.answered++;
        if (k->timed) record(&delays, read_time > k->due ? read_time - k->due : 0);
        if (o.leave == WHEN_ANSWERED) end_link(k);
        else {
            k->kept = 0;
            begin_flood(k);
        }
        return;
    }
    k->kept = (uint32_t)(length < sizeof k->tail ? length : sizeof k->tail);
    memcpy(k->tail, buffer + length - k->kept, k->kept);
}

static void flood(struct link *k, size_t most)
{
    for (int i = 0; i < 4; i++) {
        size_t length = o.flood_bytes - k->at;
        ssize_t sent = send(k->fd, o.flood + k->at, length < most ? length : most, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) lost(k, false);
            return;
        }
        totals.sent += (uint64_t)sent;
        k->at = (uint32_t)((k->at + (size_t)sent) % o.flood_bytes);
        if ((size_t)sent < length) return;
    }
}

static void on_event(struct link *k, uint32_t events)
{
    if (k->state == FREE) return;
    if (k->state == CONNECTING) {
        if (connect_error(k->fd)) lost(k, true);
        else say(k);
        return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        if ((o.deaf || o.slow) && (events & (EPOLLERR | EPOLLHUP))) lost(k, false);
        else receive(k);
    }
    if (k->state == FLOODING && (events & EPOLLOUT)) flood(k, READ_BYTES);
}

/* What is due by time: dripped bytes, slow reads. Looks at all links, at most once a millisecond. */
static void by_time(uint64_t now)
{
    static uint64_t looked;
    if ((!o.drip && !o.slow) || now - looked < 1000000u) return;
    looked = now;
    for (size_t i = 0; i < o.links; i++) {
        struct link *k = &links[i];
        if ((k->state != FLOODING && k->state != QUIET) || now < k->next_drip) continue;
        k->next_drip = now + (o.slow ? 100 : o.drip) * 1000000u;
        if (o.slow) receive(k);
        if (o.drip && k->state == FLOODING) flood(k, 1);
    }
}

static void begin_links(uint64_t now)
{
    int at_once = 64;
    while (free_count && at_once-- && !(o.most && totals.begun >= o.most)) {
        uint64_t due = o.pace ? started + (uint64_t)((double)totals.begun * 1e9 / (double)o.pace) : now;
        if (due > now) return;
        begin_link(due);
    }
}

static int pause_ms(uint64_t now)
{
    if (o.drip || o.slow) return 1;
    if (!o.pace) return free_count && !(o.most && totals.begun >= o.most) ? 0 : 10;
    uint64_t due = started + (uint64_t)((double)totals.begun * 1e9 / (double)o.pace);
    return due <= now ? 0 : (int)((due - now) / 1000000u); /* then it spins: less than a millisecond */
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    uint64_t end = started + o.milliseconds * 1000000u, now;
    while ((now = now_ns()) < end && !(o.most && totals.begun >= o.most && free_count == o.links)) {
        begin_links(now);
        by_time(now);
        int count = epoll_wait(poller, events, EVENTS, pause_ms(now));
        read_time = now_ns();
        for (int i = 0; i < count; i++) {
            if ((int64_t)events[i].data.u64 == STDIN_EVENT) return;
            on_event(&links[events[i].data.u64], events[i].events);
        }
    }
}

static void parse(int count, char **arguments)
{
    static const struct option names[] = {
        {"address", 1, 0, 'A'}, {"links", 1, 0, 'l'}, {"most", 1, 0, 'm'}, {"pace", 1, 0, 'p'}, {"source", 1, 0, 's'},
        {"sources", 1, 0, 'S'}, {"say", 1, 0, 'y'}, {"until", 1, 0, 'u'}, {"flood", 1, 0, 'f'}, {"drip", 1, 0, 'd'},
        {"leave", 1, 0, 'L'}, {"deaf", 1, 0, 'D'}, {"slow", 1, 0, 'w'}, {"milliseconds", 1, 0, 't'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        char *colon;
        switch (name) {
        case 'A':
            colon = strrchr(optarg, ':');
            if (!colon) die("not HOST:PORT: %s", optarg);
            *colon = 0;
            target = address_of(optarg, (int)number(colon + 1));
            break;
        case 'l': o.links = (uint64_t)number(optarg); break;
        case 'm': o.most = (uint64_t)number(optarg); break;
        case 'p': o.pace = (uint64_t)number(optarg); break;
        case 's': o.source = ntohl(address_of(optarg, 0).sin_addr.s_addr); break;
        case 'S': o.sources = (uint64_t)number(optarg); break;
        case 'y': o.say = from_hex(optarg, &o.say_bytes); break;
        case 'u': o.until = from_hex(optarg, &o.until_bytes); break;
        case 'f': o.flood = from_hex(optarg, &o.flood_bytes); break;
        case 'd': o.drip = (uint64_t)number(optarg); break;
        case 'L': o.leave = (uint64_t)number(optarg); break;
        case 'D': o.deaf = (uint64_t)number(optarg); break;
        case 'w': o.slow = (uint64_t)number(optarg); break;
        case 't': o.milliseconds = (uint64_t)number(optarg); break;
        default: exit(2);
        }
    }
    if (!target.sin_port || !o.links || !o.sources) die("--address is needed, and links, and sources");
    if (o.until_bytes > sizeof ((struct link *)0)->tail) die("too much to wait for");
}

int main(int count, char **arguments)
{
    prepare_process();
    parse(count, arguments);
    links = allocate(o.links, sizeof *links);
    free_links = allocate(o.links, sizeof *free_links);
    for (size_t i = 0; i < o.links; i++) free_links[free_count++] = (uint32_t)(o.links - 1 - i);
    poller = epoll_create1(EPOLL_CLOEXEC);
    printf("{\"event\":\"ready\"}\n");
    read_go();
    watch(poller, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, (uint64_t)(int64_t)STDIN_EVENT);
    started = now_ns();
    double cpu = own_cpu_seconds();
    run();
    double seconds = (double)(now_ns() - started) / 1e9;
    printf("{\"event\":\"result\",\"begun\":%llu,\"connected\":%llu,\"answered\":%llu,\"refused\":%llu,\"closed\":%llu,"
           "\"failed\":%llu,\"sent\":%llu,\"received\":%llu,\"seconds\":%.3f,\"cpu_seconds\":%.3f,",
           (unsigned long long)totals.begun, (unsigned long long)totals.connected, (unsigned long long)totals.answered,
           (unsigned long long)totals.refused, (unsigned long long)totals.closed, (unsigned long long)totals.failed,
           (unsigned long long)totals.sent, (unsigned long long)totals.received, seconds, own_cpu_seconds() - cpu);
    printf("\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,\"reasons\":{", percentile_ms(&delays, 0.5),
           percentile_ms(&delays, 0.99), (double)delays.max / 1e6);
    for (int i = 0; i < REASONS && reasons[i].count; i++)
        printf("%s\"%s\":%llu", i ? "," : "", reasons[i].name, (unsigned long long)reasons[i].count);
    printf("}}\n");
    return 0;
}
