/* The load generator: any number of subscribers and publishers in one epoll loop, for any protocol over TCP that
 * carries a payload as it is (see marks.h).
 *
 * It opens every connection, goes through the given opening on each (bytes to send, bytes to wait for), prints "ready",
 * warms up, prints "warm" and waits for "go" on stdin. Then the publishers send a fixed number of messages, or for a
 * fixed time, unpaced within a window of unfinished messages or paced at a rate, and every receiver's messages are
 * counted and checked to come once and in each publisher's order. Ends with one line of JSON: what was delivered, what
 * was not, how long it took, and its own CPU seconds.
 *
 * Bounded: ends with what it has when a connection closes or no message arrives for --patience seconds. It must not
 * know any server or protocol; those are in the opening and in the message that it is given, as hex. */
#include "options.h"
#include <stdbool.h>
#include <sys/timerfd.h>

enum { READ_BYTES = 256 << 10, EVENTS = 1024 };
enum state { CONNECTING, OPENING, READY, GONE };
enum { STDIN_EVENT = -1, TIMER_EVENT = -2 };

/* With --opening-window 1, and for a fixed time, the window opens from 1 on, twice as wide whenever it has been finished
 * within this time: so a slow server has at most about half a second's work under way when the time is over. Only for
 * servers that send each message by itself: what the others cost depends on how much is under way. */
#define WIDEN_NS 250000000u

struct connection {
    int fd, publisher; /* which publisher it is, or -1 */
    enum state state;
    size_t step;
    struct stream stream;
    uint32_t *next; /* for each publisher: the sequence number that should come next */
};

struct publisher {
    struct connection *connection;
    unsigned char *out; /* messages on their way into the socket: out[start, end) */
    size_t start, end;
    uint32_t goal, sent, echoed, complete;
    uint32_t first; /* the first sequence number of this phase */
    uint32_t *holders; /* ring: how many receivers have message number i; complete counts those that all have */
    bool blocked;
};

static struct {
    uint64_t deliveries, duplicates, disordered, foreign, bytes, reads, closed;
    uint64_t expected; /* deliveries, in total, when all is well */
} totals;

static struct options o;
static struct connection *connections;
static struct publisher *publishers;
static size_t connection_count, ready_count, started_count, receivers;
static uint32_t ring_mask;
static int poller, timer;
static uint64_t phase_start, read_time, last_arrival;
static uint64_t width; /* of the window, so far */
static struct histogram latencies, lateness; /* of deliveries; of this program with what was due */
static unsigned char buffer[READ_BYTES + MARK_BYTES];

/* --- what came in ------------------------------------------------------------------------------------------------ */

static void count_holder(struct publisher *p, uint32_t sequence)
{
    p->holders[sequence & ring_mask]++;
    while (p->complete < p->sent && p->holders[p->complete & ring_mask] == receivers)
        p->holders[p->complete++ & ring_mask] = 0;
}

static void on_mark(void *context, const unsigned char *mark)
{
    struct connection *c = context;
    mark += TAG_BYTES;
    uint32_t from = (uint32_t)read_hex(mark, PUBLISHER_DIGITS);
    uint32_t sequence = (uint32_t)read_hex(mark + PUBLISHER_DIGITS, SEQUENCE_DIGITS);
    if (from >= o.publishers || sequence >= publishers[from].sent) {
        totals.foreign++;
        return;
    }
    if (sequence < c->next[from]) {
        totals.duplicates++;
        return;
    }
    totals.disordered += sequence > c->next[from];
    c->next[from] = sequence + 1;
    totals.deliveries++;
    if (c->publisher == (int)from) publishers[from].echoed = sequence + 1;
    if (!o.window_at_echo) count_holder(&publishers[from], sequence);
    if (o.latency) {
        uint64_t sent_at = read_hex(mark + PUBLISHER_DIGITS + SEQUENCE_DIGITS, TIME_DIGITS);
        record(&latencies, read_time > sent_at ? read_time - sent_at : 0);
    }
}

static void lost_connection(struct connection *c, const char *why)
{
    if (c->state != READY)
        die("connection %zu was not accepted: %s; the last bytes were: %.*s", (size_t)(c - connections), why,
            (int)c->stream.carried, (const char *)c->stream.carry);
    totals.closed++;
    c->state = GONE;
    watch(poller, EPOLL_CTL_DEL, c->fd, 0, 0);
    close(c->fd);
}

static void go_on_opening(struct connection *c);

/* Looks for the bytes that this step of the opening waits for; what follows them belongs to the next step. */
static void match_opening(struct connection *c, const unsigned char *data, size_t length)
{
    while (c->state == OPENING) {
        const struct step *step = &opening_of(&o, c->publisher >= 0)->steps[c->step];
        const unsigned char *hit = memmem(data, length, step->bytes, step->length);
        if (!hit) break;
        length -= (size_t)(hit + step->length - data);
        data = hit + step->length;
        c->step++;
        go_on_opening(c);
    }
    size_t keep = length < sizeof c->stream.carry ? length : sizeof c->stream.carry;
    memcpy(c->stream.carry, data + length - keep, keep);
    c->stream.carried = (uint32_t)keep;
}

static void receive(struct connection *c)
{
    memcpy(buffer, c->stream.carry, c->stream.carried);
    ssize_t got = recv(c->fd, buffer + c->stream.carried, READ_BYTES - sizeof c->stream.carry, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        lost_connection(c, got == 0 ? "closed by the server" : strerror(errno));
        return;
    }
    size_t length = c->stream.carried + (size_t)got;
    if (c->state == OPENING) {
        match_opening(c, buffer, length);
        return;
    }
    if (o.latency) read_time = now_ns();
    totals.bytes += (size_t)got;
    totals.reads++;
    scan(&c->stream, buffer, length, on_mark, c);
}

/* --- what goes out ----------------------------------------------------------------------------------------------- */

static void append_message(struct publisher *p, uint64_t when)
{
    unsigned char *message = p->out + p->end, *mark = message + o.mark_at + TAG_BYTES;
    memcpy(message, o.message, o.message_bytes);
    write_hex(mark, PUBLISHER_DIGITS, (uint64_t)(p - publishers));
    write_hex(mark + PUBLISHER_DIGITS, SEQUENCE_DIGITS, p->sent++);
    write_hex(mark + PUBLISHER_DIGITS + SEQUENCE_DIGITS, TIME_DIGITS, when);
    p->end += o.message_bytes;
}

static void flush(struct publisher *p)
{
    struct connection *c = p->connection;
    ssize_t sent = send(c->fd, p->out + p->start, p->end - p->start, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) {
        lost_connection(c, strerror(errno));
        return;
    }
    if (sent > 0) p->start += (size_t)sent;
    if (p->start == p->end) p->start = p->end = 0;
    bool blocked = p->end > 0;
    if (blocked != p->blocked)
        watch(poller, EPOLL_CTL_MOD, c->fd, EPOLLIN | (blocked ? EPOLLOUT : 0), (uint64_t)(c - connections));
    p->blocked = blocked;
}

/* Paced: message i of publisher p is due at a fixed time, and that time goes into its mark, so that a generator or a
 * server that falls behind shows in the latency. */
static uint64_t due_time(const struct publisher *p)
{
    uint64_t order = (uint64_t)(p->sent - p->first) * o.publishers + (uint64_t)(p - publishers);
    return phase_start + (uint64_t)((double)order * 1e9 / (double)o.rate);
}

static void set_timer(uint64_t when)
{
    struct itimerspec at = {{0, 0}, {(time_t)(when / 1000000000u), (long)(when % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static uint32_t finished_of(const struct publisher *p)
{
    return o.window_at_echo ? p->echoed : p->complete;
}

static void widen(uint64_t now)
{
    static uint64_t began, until; /* when it was as wide as now; what has to be finished before it is wider */
    uint32_t finished = finished_of(publishers);
    if (width == o.window || finished < until) return;
    if (!until) width = 1;
    else if (now - began < WIDEN_NS) width = width * 2 < o.window ? width * 2 : o.window;
    began = now;
    until = finished + width;
}

static void publish(void)
{
    uint64_t now = now_ns(), next_due = UINT64_MAX;
    if (o.milliseconds) widen(now);
    for (struct publisher *p = publishers; p < publishers + o.publishers; p++) {
        if (p->connection->state != READY || p->blocked) continue;
        uint32_t finished = finished_of(p);
        while (p->sent < p->goal && p->sent - finished < width && p->end < o.batch * o.message_bytes) {
            uint64_t due = o.rate ? due_time(p) : now;
            if (due > now) {
                if (due < next_due) next_due = due;
                break;
            }
            if (o.rate) record(&lateness, now - due);
            append_message(p, due);
        }
        if (p->end) flush(p);
    }
    if (next_due != UINT64_MAX) set_timer(next_due);
}

/* --- connections ------------------------------------------------------------------------------------------------- */

static void go_on_opening(struct connection *c)
{
    const struct opening *opening = opening_of(&o, c->publisher >= 0);
    for (; c->step < opening->count; c->step++) {
        const struct step *step = &opening->steps[c->step];
        if (!step->sends) return;
        unsigned char *bytes = numbered(step, (uint64_t)(c - connections));
        if (send(c->fd, bytes, step->length, MSG_NOSIGNAL) != (ssize_t)step->length)
            lost_connection(c, "the opening could not be sent");
        free(bytes);
    }
    c->state = READY;
    ready_count++;
}

static void start_connection(void)
{
    struct connection *c = &connections[started_count];
    c->fd = start_connecting(&o.address[started_count % o.addresses]);
    c->publisher = started_count < o.subscribers ? -1 : (int)(started_count - o.subscribers);
    c->next = allocate(o.publishers, sizeof *c->next);
    if (c->publisher >= 0) publishers[c->publisher].connection = c;
    watch(poller, EPOLL_CTL_ADD, c->fd, EPOLLIN | EPOLLOUT, started_count++);
}

static void on_event(struct connection *c, uint32_t events)
{
    if (c->state == CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int error = connect_error(c->fd);
        if (error) lost_connection(c, strerror(error));
        c->state = OPENING;
        watch(poller, EPOLL_CTL_MOD, c->fd, EPOLLIN, (uint64_t)(c - connections));
        go_on_opening(c);
        return;
    }
    if ((events & EPOLLOUT) && c->state == READY && c->publisher >= 0) flush(&publishers[c->publisher]);
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && c->state != GONE) receive(c);
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

/* One turn; true when "go" came. */
static bool turn(void)
{
    static uint64_t last_report, last_progress;
    bool go = false;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, 100);
    for (int i = 0; i < count; i++) {
        int64_t which = (int64_t)events[i].data.u64;
        uint64_t expirations;
        if (which == STDIN_EVENT) {
            read_go();
            go = true;
        } else if (which == TIMER_EVENT) {
            if (read(timer, &expirations, sizeof expirations) < 0 && errno != EAGAIN) die("timer: %s", strerror(errno));
        } else {
            on_event(&connections[which], events[i].events);
        }
    }
    uint64_t now = now_ns();
    if (last_progress != ready_count + totals.deliveries) last_arrival = now;
    last_progress = ready_count + totals.deliveries;
    if (now - last_report > 200000000u) {
        printf("{\"event\":\"progress\",\"connected\":%zu,\"deliveries\":%llu,\"expected\":%llu,\"elapsed\":%.3f}\n",
               ready_count, (unsigned long long)totals.deliveries, (unsigned long long)totals.expected,
               phase_start ? (double)(now - phase_start) / 1e9 : 0.0);
        last_report = now;
    }
    return go;
}

static bool out_of_patience(void)
{
    return now_ns() - last_arrival > o.patience * 1000000000u;
}

static void open_all(void)
{
    uint64_t start = now_ns();
    double cpu = own_cpu_seconds();
    last_arrival = start;
    while (ready_count < connection_count) {
        while (started_count < connection_count && started_count - ready_count < o.connecting) start_connection();
        turn();
        if (out_of_patience())
            die("only %zu of %zu connections were accepted; then nothing came for %lu s", ready_count,
                connection_count, (unsigned long)o.patience);
    }
    printf("{\"event\":\"ready\",\"connections\":%zu,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n", ready_count,
           (double)(now_ns() - start) / 1e9, own_cpu_seconds() - cpu);
}

/* Nothing more is sent; what is under way is still waited for. */
static void stop_publishing(uint64_t expected_before)
{
    totals.expected = expected_before;
    for (struct publisher *p = publishers; p < publishers + o.publishers; p++) {
        p->goal = p->sent;
        totals.expected += (uint64_t)(p->sent - p->first) * receivers;
    }
}

/* Publishes this many more messages per publisher, or for so long if that is not 0, and waits for their deliveries. */
static void run_phase(uint32_t messages, uint64_t milliseconds)
{
    uint64_t before = totals.expected, end;
    phase_start = last_arrival = now_ns();
    end = phase_start + milliseconds * 1000000u;
    if (milliseconds) messages = UINT32_MAX / 4;
    for (struct publisher *p = publishers; p < publishers + o.publishers; p++) {
        p->first = p->sent;
        p->goal = p->sent + messages;
    }
    totals.expected += (uint64_t)messages * o.publishers * receivers;
    while (totals.deliveries < totals.expected && !totals.closed && !out_of_patience()) {
        publish();
        turn();
        if (milliseconds && now_ns() >= end) {
            stop_publishing(before);
            milliseconds = 0;
        }
    }
}

static void wait_for_go(void)
{
    while (!turn()) continue;
}

static void report(uint64_t start, double cpu)
{
    uint64_t sent = 0;
    for (size_t i = 0; i < o.publishers; i++) sent += publishers[i].sent - publishers[i].first;
    printf("{\"event\":\"result\",\"sent\":%llu,\"deliveries\":%llu,\"expected\":%llu,\"missing\":%llu,"
           "\"duplicates\":%llu,\"disordered\":%llu,\"foreign\":%llu,\"closed\":%llu,",
           (unsigned long long)sent, (unsigned long long)totals.deliveries, (unsigned long long)totals.expected,
           (unsigned long long)(totals.expected - totals.deliveries), (unsigned long long)totals.duplicates,
           (unsigned long long)totals.disordered, (unsigned long long)totals.foreign,
           (unsigned long long)totals.closed);
    if (o.latency)
        printf("\"latency_ms\":{\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f},", percentile_ms(&latencies, 0.5),
               percentile_ms(&latencies, 0.99), percentile_ms(&latencies, 0.999), (double)latencies.max / 1e6);
    if (o.rate)
        printf("\"late_ms\":{\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f},", percentile_ms(&lateness, 0.5),
               percentile_ms(&lateness, 0.99), (double)lateness.max / 1e6);
    printf("\"window\":%llu,", (unsigned long long)width);
    printf("\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"bytes\":%llu,\"reads\":%llu}\n", (double)(now_ns() - start) / 1e9,
           own_cpu_seconds() - cpu, (unsigned long long)totals.bytes, (unsigned long long)totals.reads);
}

static void make_room(void)
{
    width = o.opening_window && o.milliseconds && o.window > 1 ? 0 : o.window;
    connection_count = o.subscribers + o.publishers;
    receivers = o.subscribers + (o.publishers_receive ? o.publishers : 0);
    connections = allocate(connection_count, sizeof *connections);
    publishers = allocate(o.publishers, sizeof *publishers);
    uint32_t ring = 1;
    while (ring < o.window) ring *= 2;
    ring_mask = ring - 1;
    for (size_t i = 0; i < o.publishers; i++) {
        publishers[i].out = allocate(o.batch, o.message_bytes);
        if (!o.window_at_echo) publishers[i].holders = allocate(ring, sizeof(uint32_t));
    }
}

int main(int count, char **arguments)
{
    prepare_process();
    o = parse_options(count, arguments);
    make_room();
    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(poller, EPOLL_CTL_ADD, timer, EPOLLIN, (uint64_t)TIMER_EVENT);
    watch(poller, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, (uint64_t)STDIN_EVENT);
    open_all();
    run_phase((uint32_t)o.warmup, o.milliseconds / 4);
    memset(&latencies, 0, sizeof latencies);
    memset(&lateness, 0, sizeof lateness);
    uint64_t warm = totals.deliveries;
    if (warm < totals.expected) die("lost in the warm-up: %llu", (unsigned long long)(totals.expected - warm));
    memset(&totals, 0, sizeof totals);
    printf("{\"event\":\"warm\"}\n");
    wait_for_go();
    uint64_t start = now_ns();
    double cpu = own_cpu_seconds();
    run_phase((uint32_t)o.messages, o.milliseconds);
    report(start, cpu);
    return 0;
}
