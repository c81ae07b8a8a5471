/* The storm: clients that are logged in at several servers, one of which is killed. Its clients come back as the
 * library does, with session string, ticket and cursor; every one is timed, and all are checked to get whatever is
 * posted exactly once. Knows of the protocol what a client must: LOGIN, REDIRECT, ACTIVITY_BROADCAST, GAP and few more.
 *
 *     storm HOST PORT VICTIM WAY RATE CONCURRENCY USERS_FILE
 *
 * HOST PORT is the central, VICTIM the id of the server that will be killed. WAY: alternates (straight to the other
 * server that the central named at the login, with its lasting ticket), ticket or secret (by way of the central).
 * USERS_FILE has a line "username secret ..." for each client. All log in by secret, CONCURRENCY at a time ("ready");
 * one of another server posts some, RATE a second, and all get them ("warm"). From the line "killed NS" on, NS being
 * CLOCK_MONOTONIC at the signal, it posts on. Once all clients of the victim are logged in elsewhere: "returned". Then
 * it posts some more, and when everybody has everything, or 20 s went by without anything: "result", one line of JSON.
 *
 * A try that fails is followed by another after the library's pause: 0.1 s, doubling up to 5 s, less up to a half. The
 * first try has none. Unlike the library, which begins a round at the central, it uses only the way that it is told,
 * and the central where the ticket of an alternate is refused. */
#include "answers.h"
#include "latency.h"
#include "marks.h"

enum { LINE_BYTES = 8 << 10, READ_BYTES = 256 << 10, EVENTS = 1024, NAMES = 16, RESUME_BYTES = 1024 };
enum { PATIENCE_S = 20, SOME_POSTS = 5, REASON_BYTES = 200, POST_BYTES = 200 };
enum way { BY_ALTERNATES, BY_TICKET, BY_SECRET };
enum place { AT_CENTRAL, AT_SERVER };
enum state { WAITING, CONNECTING, ASKING, LIVE };

struct client {
    int fd;
    enum state state;
    enum place place;
    bool counted, alternate_tried; /* among the victim's; the ticket that was sent last is the alternate's */
    char name[NAME_BYTES], secret[NAME_BYTES];
    char ticket[TICKET_BYTES];                                /* for the centrals */
    char permit[TICKET_BYTES];                                /* for the server that is dialed */
    char alternate[TICKET_BYTES];                             /* for the one below; "": none */
    struct sockaddr_in alternate_address, there;              /* there: who is dialed */
    int server, origin;                                       /* of the session: see names */
    int64_t positions[NAMES];                                 /* the cursor, by origin; -1: none */
    uint64_t lost, back, retry_at;                            /* in nanoseconds */
    uint32_t tries, next;                                     /* next: the post that should come next */
    uint32_t length;                                          /* of the unfinished line */
    char *line;
};

static struct {
    uint64_t deliveries, duplicates, missed, foreign, gaps, refused, failed, moved;
    char first_failure[REASON_BYTES];
} totals;

static struct client *clients, *poster;
static size_t client_count, live_count, started_count, up_to_date; /* up to date: who have all that was posted */
static struct client **waiting; /* who try again later */
static size_t waiting_count;
static size_t victims, returned;
static char names[NAMES][NAME_BYTES], network[NAME_BYTES]; /* of servers and origins, by index */
static int name_count, victim, poller;
static enum way way;
static struct sockaddr_in central;
static double rate;
static uint32_t posted, post_goal;
static uint64_t posts_since, posts_before, killed_at, last_progress;
static char buffer[LINE_BYTES + READ_BYTES];

/* --- names ------------------------------------------------------------------------------------------------------- */

static int index_of(const char *name, size_t length)
{
    for (int i = 0; i < name_count; i++)
        if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) return i;
    if (name_count == NAMES || length >= NAME_BYTES) die("too many names, or too long: %.*s", (int)length, name);
    memcpy(names[name_count], name, length);
    return name_count++;
}

/* --- links ------------------------------------------------------------------------------------------------------- */

static void progress(void)
{
    last_progress = now_ns();
}

static void end_link(struct client *c)
{
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->length = 0;
    if (c->state == LIVE) live_count--;
}

static void dial(struct client *c, const struct sockaddr_in *address, enum place place)
{
    c->fd = start_connecting(address);
    c->there = *address;
    c->place = place;
    c->state = CONNECTING;
    watch(poller, EPOLL_CTL_ADD, c->fd, EPOLLIN | EPOLLOUT, (uint64_t)(c - clients));
}

static void set_out(struct client *c)
{
    bool by_alternate = way == BY_ALTERNATES && killed_at && c->alternate[0];
    c->alternate_tried = by_alternate;
    if (by_alternate) {
        strcpy(c->permit, c->alternate);
        dial(c, &c->alternate_address, AT_SERVER);
    } else {
        dial(c, &central, AT_CENTRAL);
    }
}

static void wait_and_retry(struct client *c)
{
    double pause = 0.1 * (double)(1u << (c->tries < 6 ? c->tries : 6));
    if (pause > 5) pause = 5;
    c->tries++;
    c->retry_at = now_ns() + (uint64_t)(pause * (0.5 + 0.5 * drand48()) * 1e9);
    c->state = WAITING;
    waiting[waiting_count++] = c;
}

static void fail(struct client *c, uint64_t *counter, const char *what, size_t length)
{
    if (!totals.first_failure[0]) {
        size_t kept = 0;
        for (size_t i = 0; i < length && kept < REASON_BYTES - 1; i++)
            if (what[i] != '"' && what[i] != '\\' && what[i] >= ' ') totals.first_failure[kept++] = what[i];
    }
    ++*counter;
    end_link(c);
    wait_and_retry(c);
}

/* A connection that waited to be accepted when the server was killed is reset, later ones are refused. */
static bool nobody_there(const struct client *c, const char *why)
{
    return c->state == CONNECTING || (killed_at && c->place == AT_SERVER && !strcmp(why, strerror(ECONNRESET)));
}

static void lost(struct client *c, const char *why)
{
    if (c->state != LIVE) {
        fail(c, nobody_there(c, why) ? &totals.refused : &totals.failed, why, strlen(why));
        return;
    }
    if (!killed_at && c->server != victim) die("%s lost its link: %s", c->name, why);
    end_link(c);
    c->lost = now_ns();
    c->tries = 0;
    /* Not before it is known when the server was killed: the line that says so may be on its way. */
    if (killed_at) {
        set_out(c);
    } else {
        c->state = WAITING;
        c->retry_at = 0;
        waiting[waiting_count++] = c;
    }
}

/* --- what goes out ----------------------------------------------------------------------------------------------- */

static int write_resume(const struct client *c, char *into, size_t room)
{
    if (!network[0] || c->origin < 0) return snprintf(into, room, "{}");
    int length = snprintf(into, room, "{\"network\":\"%s\",\"origins\":{", network), first = 1;
    for (int i = 0; i < name_count; i++) {
        if (c->positions[i] < 0) continue; /* no origin, or not one that it has heard of */
        length += snprintf(into + length, room - (size_t)length, "%s\"%s\":%lld", first ? "" : ",", names[i],
                           (long long)c->positions[i]);
        first = 0;
    }
    return length + snprintf(into + length, room - (size_t)length, "},\"last\":[\"%s\"]}", names[c->origin]);
}

static void speak(struct client *c)
{
    static char line[NAME_BYTES * 3 + TICKET_BYTES + RESUME_BYTES + 128], resume[RESUME_BYTES];
    int length;
    c->state = ASKING;
    if (c->place == AT_SERVER) {
        write_resume(c, resume, sizeof resume);
        length = snprintf(line, sizeof line,
                          "{\"command\":\"LOGIN\",\"username\":\"%s\",\"ticket\":\"%s\","
                          "\"session\":\"a session of %s\",\"resume\":%s}\n",
                          c->name, c->permit, c->name, resume);
    } else {
        bool by_ticket = c->ticket[0] && killed_at && way != BY_SECRET;
        length = snprintf(line, sizeof line, "{\"command\":\"LOGIN\",\"username\":\"%s\",\"%s\":\"%s\"}\n", c->name,
                          by_ticket ? "ticket" : "secret", by_ticket ? c->ticket : c->secret);
    }
    if (send(c->fd, line, (size_t)length, MSG_NOSIGNAL) != length) lost(c, "could not send");
}

static void post(void)
{
    static char activity[POST_BYTES + 1], line[POST_BYTES + NAME_BYTES + 128];
    static const char head[] = "{\"type\":\"Note\",\"mark\":\"", middle[] = "\",\"content\":\"";
    unsigned char mark[MARK_BYTES];
    memset(activity, '.', POST_BYTES);
    memcpy(mark, TAG, TAG_BYTES);
    write_hex(mark + TAG_BYTES, PUBLISHER_DIGITS, 0);
    write_hex(mark + TAG_BYTES + PUBLISHER_DIGITS, SEQUENCE_DIGITS, posted++);
    write_hex(mark + MARK_BYTES - TIME_DIGITS, TIME_DIGITS, now_ns());
    memcpy(activity, head, sizeof head - 1);
    memcpy(activity + sizeof head - 1, mark, MARK_BYTES);
    memcpy(activity + sizeof head - 1 + MARK_BYTES, middle, sizeof middle - 1);
    memcpy(activity + POST_BYTES - 2, "\"}", 2);
    int length = snprintf(line, sizeof line, "{\"command\":\"ACTIVITY_MESSAGE\",\"username\":\"%s\",\"activity\":%s}\n",
                          poster->name, activity);
    up_to_date = 0;
    if (poster->state != LIVE || send(poster->fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        die("the poster, %s, could not post", poster->name);
}

/* Milliseconds until the next post is due; those that are due go out. */
static int post_what_is_due(void)
{
    while (posted < post_goal) {
        uint64_t due = posts_since + (uint64_t)((double)(posted - posts_before) * 1e9 / rate), now = now_ns();
        if (due > now) return (int)((due - now) / 1000000u) + 1;
        post();
    }
    return 100;
}

static void begin_posts(uint32_t count)
{
    posts_since = now_ns();
    posts_before = posted;
    post_goal = count == UINT32_MAX ? UINT32_MAX : posted + count;
}

/* --- what came in ------------------------------------------------------------------------------------------------ */

static void on_activity(struct client *c, const char *line, size_t length)
{
    static const char key[] = "\"id\":\"";
    const char *id = memmem(line, length, key, sizeof key - 1), *end, *dash;
    if (!id || !(end = memchr(id + sizeof key - 1, '"', length - (size_t)(id - line) - sizeof key + 1)) ||
        !(dash = memrchr(id, '-', (size_t)(end - id))))
        die("an activity without id: %.*s", (int)length, line);
    id += sizeof key - 1;
    c->positions[index_of(id, (size_t)(dash - id))] = atoll(dash + 1);
    const unsigned char *mark = memmem(line, length, TAG, TAG_BYTES);
    if (!mark || (const char *)mark + MARK_BYTES > line + length) {
        totals.foreign++;
        return;
    }
    uint32_t sequence = (uint32_t)read_hex(mark + TAG_BYTES + PUBLISHER_DIGITS, SEQUENCE_DIGITS);
    if (sequence < c->next) {
        totals.duplicates++;
        return;
    }
    totals.missed += sequence - c->next;
    totals.deliveries++;
    c->next = sequence + 1;
    up_to_date += c->next == posted;
    progress();
}

static void on_admitted(struct client *c, const char *line, size_t length)
{
    copy_string(line, length, "\"ticket\"", c->ticket, sizeof c->ticket);
    const char *alternates = value_of(line, length, "\"alternates\"");
    char host[NAME_BYTES];
    if (!alternates) return;
    size_t rest = (size_t)(line + length - alternates);
    const char *port = value_of(alternates, rest, "\"port\"");
    if (port && copy_string(alternates, rest, "\"hostname\"", host, sizeof host) &&
        copy_string(alternates, rest, "\"ticket\"", c->alternate, sizeof c->alternate))
        c->alternate_address = address_of(host, atoi(port));
}

static void read_first_cursor(struct client *c, const char *origins, const char *end)
{
    for (const char *at = origins + 1; at < end && *at == '"';) {
        const char *quote = memchr(at + 1, '"', (size_t)(end - at - 1));
        if (!quote) die("a cursor that can't be read");
        char *after;
        c->positions[index_of(at + 1, (size_t)(quote - at - 1))] = strtoll(quote + 2, &after, 10);
        at = after + (*after == ',');
    }
}

static void on_session(struct client *c, const char *line, size_t length)
{
    char server[NAME_BYTES], origin[NAME_BYTES];
    if (!copy_string(line, length, "\"server\"", server, sizeof server) ||
        !copy_string(line, length, "\"origin\"", origin, sizeof origin) ||
        !copy_string(line, length, "\"network\"", network, sizeof network))
        die("a server's LOGIN_SUCCESS without cursor: %.*s", (int)length, line);
    c->server = index_of(server, strlen(server));
    c->origin = index_of(origin, strlen(origin));
    const char *origins = value_of(line, length, "\"origins\"");
    if (origins) read_first_cursor(c, origins, line + length);
    c->state = LIVE;
    live_count++;
    c->back = now_ns();
    progress();
    if (!c->lost || c->counted) return;
    c->counted = true;
    returned++;
}

static void on_redirect(struct client *c, const char *line, size_t length)
{
    char host[NAME_BYTES];
    const char *port = value_of(line, length, "\"port\"");
    if (!port || !copy_string(line, length, "\"hostname\"", host, sizeof host) ||
        !copy_string(line, length, "\"ticket\"", c->permit, sizeof c->permit)) {
        fail(c, &totals.failed, line, length);
        return;
    }
    struct sockaddr_in server = address_of(host, atoi(port));
    totals.moved += c->state == LIVE;
    end_link(c);
    c->alternate_tried = false;
    dial(c, &server, AT_SERVER);
}

static void on_refusal(struct client *c, const char *line, size_t length)
{
    if (c->state == LIVE) die("%s was refused in its session: %.*s", c->name, (int)length, line);
    if (c->alternate_tried && memmem(line, length, "\"ticket_", 8)) c->alternate[0] = 0;
    fail(c, &totals.failed, line, length);
}

/* False when the link that it came on has gone. */
static bool on_line(struct client *c, const char *line, size_t length)
{
    static const char broadcast[] = "{\"command\":\"ACTIVITY_BROADCAST\"";
    char command[NAME_BYTES] = "";
    if (length >= sizeof broadcast && memcmp(line, broadcast, sizeof broadcast - 1) == 0) {
        on_activity(c, line, length);
        return true;
    }
    copy_string(line, length, "\"command\"", command, sizeof command);
    if (strcmp(command, "HEARTBEAT") == 0) return true;
    if (strcmp(command, "GAP") == 0) {
        totals.gaps++;
        return true;
    }
    if (strcmp(command, "LOGIN_SUCCESS") == 0) {
        (c->place == AT_CENTRAL ? on_admitted : on_session)(c, line, length);
        return true;
    }
    (strcmp(command, "REDIRECT") == 0 ? on_redirect : on_refusal)(c, line, length);
    return false;
}

static void receive(struct client *c)
{
    memcpy(buffer, c->line, c->length);
    ssize_t got = recv(c->fd, buffer + c->length, READ_BYTES, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        lost(c, got == 0 ? "closed" : strerror(errno));
        return;
    }
    const char *start = buffer, *end = buffer + c->length + got, *newline;
    c->length = 0;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        if (!on_line(c, start, (size_t)(newline - start))) return;
        start = newline + 1;
    }
    if (end - start > LINE_BYTES) die("a line that is too long");
    c->length = (uint32_t)(end - start);
    memcpy(c->line, start, c->length);
}

static void on_event(struct client *c, uint32_t events)
{
    if (c->fd < 0) return;
    if (c->state == CONNECTING) {
        int error = connect_error(c->fd);
        if (error) {
            lost(c, strerror(error));
            return;
        }
        watch(poller, EPOLL_CTL_MOD, c->fd, EPOLLIN, (uint64_t)(c - clients));
        speak(c);
    } else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        receive(c);
    }
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static void read_order(void)
{
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) exit(0);
    line[got] = 0;
    if (sscanf(line, "killed %lu", &killed_at) != 1) die("expected \"killed NS\" on stdin");
}

static void retry_who_may(void)
{
    uint64_t now = now_ns();
    for (size_t i = waiting_count; i-- > 0;) {
        struct client *c = waiting[i];
        if (c->retry_at > now || (c->lost && !killed_at)) continue;
        waiting[i] = waiting[--waiting_count];
        set_out(c);
    }
}

static void turn(void)
{
    static uint64_t last_report, last_retry;
    struct epoll_event events[EVENTS];
    int patience = post_what_is_due();
    int count = epoll_wait(poller, events, EVENTS, waiting_count && patience > 2 ? 2 : patience);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == UINT64_MAX)
            read_order();
        else
            on_event(&clients[events[i].data.u64], events[i].events);
    }
    uint64_t now = now_ns();
    if (waiting_count && now - last_retry > 1000000u) {
        last_retry = now;
        retry_who_may();
    }
    if (now - last_report > 200000000u) {
        last_report = now;
        printf("{\"event\":\"progress\",\"live\":%zu,\"returned\":%zu,\"clients\":%zu}\n", live_count, returned,
               client_count);
    }
}

static bool out_of_patience(void)
{
    return now_ns() - last_progress > PATIENCE_S * 1000000000ull;
}

static void log_all_in(size_t concurrency)
{
    while (live_count < client_count) {
        while (started_count < client_count && started_count - live_count < concurrency)
            set_out(&clients[started_count++]);
        turn();
        if (out_of_patience())
            die("only %zu of %zu clients are logged in; the first failure: %s", live_count, client_count,
                totals.first_failure);
    }
    for (struct client *c = clients; c < clients + client_count; c++) {
        victims += c->server == victim;
        if (c->server != victim && !poster) poster = c;
    }
    if (!victims || !poster) die("%zu of %zu clients are at %s", victims, client_count, names[victim]);
    memset(&totals, 0, sizeof totals);
    printf("{\"event\":\"ready\",\"victims\":%zu,\"others\":%zu}\n", victims, client_count - victims);
}

static bool all_have_all(void)
{
    return up_to_date == client_count && posted == post_goal;
}

/* Some posts, until everybody has them; false when that does not happen. */
static bool settle(void)
{
    begin_posts(SOME_POSTS);
    progress();
    while (!all_have_all() && !out_of_patience()) turn();
    return all_have_all();
}

static void ride_it_out(void)
{
    printf("{\"event\":\"warm\"}\n");
    watch(poller, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, UINT64_MAX);
    while (!killed_at) turn();
    double cpu = own_cpu_seconds();
    begin_posts(UINT32_MAX);
    progress();
    while (returned < victims && !out_of_patience()) turn();
    post_goal = posted;
    printf("{\"event\":\"returned\",\"cpu_seconds\":%.6f,\"posts\":%u}\n", own_cpu_seconds() - cpu,
           (unsigned)(posted - posts_before));
}

static void report(void)
{
    static struct histogram away;
    uint64_t late = 0;
    size_t behind = 0;
    for (struct client *c = clients; c < clients + client_count; c++) {
        behind += c->next != posted;
        late += posted - c->next;
        if (!c->counted) continue;
        record(&away, c->back - killed_at);
    }
    printf("{\"event\":\"result\",\"victims\":%zu,\"returned\":%zu,\"posted\":%u,\"deliveries\":%llu,\"missing\":%llu,"
           "\"duplicates\":%llu,\"foreign\":%llu,\"gaps\":%llu,\"behind\":%zu,\"moved\":%llu,\"refused\":%llu,"
           "\"failed\":%llu,\"first_failure\":\"%s\",\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
           victims, returned, posted, (unsigned long long)totals.deliveries,
           (unsigned long long)(totals.missed + late), (unsigned long long)totals.duplicates,
           (unsigned long long)totals.foreign, (unsigned long long)totals.gaps, behind,
           (unsigned long long)totals.moved, (unsigned long long)totals.refused, (unsigned long long)totals.failed,
           totals.first_failure, percentile_ms(&away, 0.5), percentile_ms(&away, 0.99), (double)away.max / 1e6);
}

static void read_users(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[4096], name[NAME_BYTES], secret[NAME_BYTES];
    size_t room = 0;
    if (!file) die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "%63s %63s", name, secret) != 2) die("%s: not a user: %s", path, line);
        if (client_count == room) clients = realloc(clients, (room = room ? room * 2 : 256) * sizeof *clients);
        if (!clients) die("out of memory");
        struct client *c = &clients[client_count++];
        *c = (struct client){.fd = -1, .server = -1, .origin = -1};
        strcpy(c->name, name);
        strcpy(c->secret, secret);
        memset(c->positions, -1, sizeof c->positions);
        c->line = allocate(1, LINE_BYTES);
    }
    fclose(file);
    waiting = allocate(client_count, sizeof *waiting);
}

static enum way way_named(const char *name)
{
    if (strcmp(name, "alternates") == 0) return BY_ALTERNATES;
    if (strcmp(name, "ticket") == 0) return BY_TICKET;
    if (strcmp(name, "secret") == 0) return BY_SECRET;
    die("WAY is alternates, ticket or secret");
}

int main(int count, char **arguments)
{
    if (count != 8) die("usage: storm HOST PORT VICTIM WAY RATE CONCURRENCY USERS_FILE");
    prepare_process();
    srand48((long)now_ns());
    central = address_of(arguments[1], (int)number(arguments[2]));
    victim = index_of(arguments[3], strlen(arguments[3]));
    way = way_named(arguments[4]);
    rate = (double)number(arguments[5]);
    read_users(arguments[7]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    progress();
    log_all_in((size_t)number(arguments[6]));
    if (!settle()) die("before anything happened, not everybody got everything");
    ride_it_out();
    settle();
    report();
    return 0;
}
