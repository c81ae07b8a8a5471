/* The login generator: registers or logs in users through a central, so many at a time, and may follow the REDIRECT to
 * the server; or goes straight to a server with what that gave before. It speaks the clients' JSON lines (REGISTER,
 * LOGIN, LOGIN_SUCCESS, REDIRECT) and nothing else of them.
 *
 *     login HOST PORT MODE COUNT CONCURRENCY FOLLOW USERS_FILE
 *
 * MODE is register, secret or ticket, at the central HOST PORT; or return, at the server HOST PORT. FOLLOW 0 ends with
 * the REDIRECT; 1 goes on to the server that it names, as a program that keeps no cursor; 2 does so as the library:
 * with a session string and `resume`. USERS_FILE has one "username secret ticket lasting resume" a line ("-": none
 * yet, and may be left out) and is written again with what the central (ticket) and the server (lasting ticket, cursor)
 * gave, so that the next run can use it. COUNT attempts go round the users in turn, never two of one user at a time,
 * as a lasting ticket is good once. An attempt begins with the connect and ends with the last awaited answer; then its
 * link is closed, and with it its session. Prints "warm", waits for "go", ends with one line of JSON. Bounded: ends
 * when nothing was answered for 30 seconds. */
#include "answers.h"
#include "latency.h"

enum { LINE_BYTES = 16 << 10, RESUME_BYTES = 1024, EVENTS = 256, PATIENCE_S = 30, REASON_BYTES = 200 };
enum { USER_LINE_BYTES = NAME_BYTES * 2 + TICKET_BYTES * 2 + RESUME_BYTES + 8 };
enum mode { REGISTER, SECRET, TICKET, RETURN };
enum follow { TO_REDIRECT, PLAINLY, AS_LIBRARY };
enum place { AT_CENTRAL, AT_SERVER };

struct user {
    char name[NAME_BYTES], secret[NAME_BYTES], ticket[TICKET_BYTES];
    char lasting[TICKET_BYTES], resume[RESUME_BYTES]; /* of the server: its ticket, and the cursor that it gave */
};

struct attempt {
    int fd; /* -1: none */
    enum place place;
    bool connected;
    struct user *user;
    uint64_t start;
    size_t length;
    char line[LINE_BYTES];
    char server_ticket[TICKET_BYTES];
};

static struct sockaddr_in target;
static enum mode mode;
static enum follow follow;
static struct user *users;
static size_t user_count;
static struct user **idle_users; /* a ring: idle_users[idle_first, idle_first + idle_count) */
static size_t idle_first, idle_count;
static uint64_t wanted, started, succeeded, failed, last_answer;
static char first_failure[REASON_BYTES];
static struct histogram durations;
static int poller;

/* --- users ------------------------------------------------------------------------------------------------------- */

static void read_users(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[USER_LINE_BYTES];
    size_t room = 0;
    if (!file) die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        struct user user = {.lasting = "-", .resume = "-"};
        if (sscanf(line, "%63s %63s %511s %511s %1023s", user.name, user.secret, user.ticket, user.lasting,
                   user.resume) < 3)
            die("%s: not a user: %s", path, line);
        if (user_count == room) users = realloc(users, (room = room ? room * 2 : 256) * sizeof *users);
        if (!users) die("out of memory");
        users[user_count++] = user;
    }
    fclose(file);
    if (!user_count) die("no users in %s", path);
    idle_users = allocate(user_count, sizeof *idle_users);
    for (; idle_count < user_count; idle_count++) idle_users[idle_count] = &users[idle_count];
}

static void write_users(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) die("%s: %s", path, strerror(errno));
    for (struct user *u = users; u < users + user_count; u++)
        fprintf(file, "%s %s %s %s %s\n", u->name, u->secret, u->ticket, u->lasting, u->resume);
    if (fclose(file)) die("%s: %s", path, strerror(errno));
}

static struct user *take_user(void)
{
    struct user *user = idle_users[idle_first];
    idle_first = (idle_first + 1) % user_count;
    idle_count--;
    return user;
}

static void give_back(struct user *user)
{
    idle_users[(idle_first + idle_count++) % user_count] = user;
}

/* --- one attempt ------------------------------------------------------------------------------------------------- */

static void end_connection(struct attempt *a)
{
    if (a->fd >= 0) close(a->fd); /* which also takes it out of epoll */
    a->fd = -1;
}

static void begin_connection(struct attempt *a, const struct sockaddr_in *address, enum place place)
{
    a->fd = start_connecting(address);
    a->place = place;
    a->connected = false;
    a->length = 0;
    watch(poller, EPOLL_CTL_ADD, a->fd, EPOLLIN | EPOLLOUT, (uint64_t)(uintptr_t)a);
}

static void begin(struct attempt *a)
{
    if (started == wanted) return;
    started++;
    a->user = take_user();
    a->start = now_ns();
    begin_connection(a, &target, mode == RETURN ? AT_SERVER : AT_CENTRAL);
}

static void end_attempt(struct attempt *a)
{
    end_connection(a);
    give_back(a->user);
    begin(a);
}

static void succeed(struct attempt *a)
{
    record(&durations, now_ns() - a->start);
    succeeded++;
    end_attempt(a);
}

static void fail(struct attempt *a, const char *what, size_t length)
{
    if (!failed++) {
        size_t kept = 0;
        for (size_t i = 0; i < length && kept < REASON_BYTES - 1; i++)
            if (what[i] != '"' && what[i] != '\\' && what[i] >= ' ') first_failure[kept++] = what[i];
    }
    end_attempt(a);
}

/* LOGIN at the server: plainly by ticket; as the library also with a session string (of 16 characters at least), and a
 * cursor, or the question for one. */
static int login_at_server(const struct attempt *a, char *line, size_t room)
{
    const struct user *u = a->user;
    const char *ticket = mode == RETURN ? u->lasting : a->server_ticket;
    if (mode != RETURN && follow == PLAINLY)
        return snprintf(line, room, "{\"command\":\"LOGIN\",\"username\":\"%s\",\"ticket\":\"%s\"}\n", u->name, ticket);
    return snprintf(line, room,
                    "{\"command\":\"LOGIN\",\"username\":\"%s\",\"ticket\":\"%s\","
                    "\"session\":\"a session of %s\",\"resume\":%s}\n",
                    u->name, ticket, u->name, mode == RETURN && u->resume[0] == '{' ? u->resume : "{}");
}

static void speak(struct attempt *a)
{
    static char line[USER_LINE_BYTES + 256];
    const char *name = a->user->name;
    int length;
    if (a->place == AT_SERVER)
        length = login_at_server(a, line, sizeof line);
    else if (mode == TICKET)
        length = snprintf(line, sizeof line, "{\"command\":\"LOGIN\",\"username\":\"%s\",\"ticket\":\"%s\"}\n", name,
                          a->user->ticket);
    else
        length = snprintf(line, sizeof line, "{\"command\":\"%s\",\"username\":\"%s\",\"secret\":\"%s\"}\n",
                          mode == REGISTER ? "REGISTER" : "LOGIN", name, a->user->secret);
    if (send(a->fd, line, (size_t)length, MSG_NOSIGNAL) != length) fail(a, "could not send", 14);
}

/* --- what came back ---------------------------------------------------------------------------------------------- */

static void on_redirect(struct attempt *a, const char *line, size_t length)
{
    char host[NAME_BYTES];
    const char *port = value_of(line, length, "\"port\"");
    bool ticket = copy_string(line, length, "\"ticket\"", a->server_ticket, sizeof a->server_ticket);
    if (!port || !copy_string(line, length, "\"hostname\"", host, sizeof host) || (follow && !ticket)) {
        fail(a, line, length);
    } else if (follow == TO_REDIRECT) {
        succeed(a);
    } else {
        struct sockaddr_in server = address_of(host, atoi(port));
        end_connection(a);
        begin_connection(a, &server, AT_SERVER);
    }
}

/* Logged in at the server. What it gives to come back with is kept; a cursor that it was given stays the user's. */
static void on_session(struct attempt *a, const char *line, size_t length)
{
    struct user *u = a->user;
    char network[NAME_BYTES], origin[NAME_BYTES], origins[RESUME_BYTES / 2];
    bool lasting = copy_string(line, length, "\"ticket\"", u->lasting, sizeof u->lasting);
    if (!lasting && (mode == RETURN || follow == AS_LIBRARY)) {
        fail(a, line, length);
        return;
    }
    if (copy_string(line, length, "\"network\"", network, sizeof network) &&
        copy_string(line, length, "\"origin\"", origin, sizeof origin) &&
        copy_object(line, length, "\"origins\"", origins, sizeof origins))
        snprintf(u->resume, sizeof u->resume, "{\"network\":\"%s\",\"origins\":%s,\"last\":[\"%s\"]}", network, origins,
                 origin);
    succeed(a);
}

/* False when the attempt's connection has gone, with whatever else came on it. */
static bool on_line(struct attempt *a, const char *line, size_t length)
{
    char command[NAME_BYTES];
    last_answer = now_ns();
    if (!copy_string(line, length, "\"command\"", command, sizeof command)) command[0] = 0;
    if (strcmp(command, "LOGIN_SUCCESS") == 0 && a->place == AT_CENTRAL && mode != REGISTER) {
        copy_string(line, length, "\"ticket\"", a->user->ticket, TICKET_BYTES);
        return true;
    }
    if (strcmp(command, "REGISTER_SUCCESS") == 0 && mode == REGISTER)
        succeed(a);
    else if (strcmp(command, "LOGIN_SUCCESS") == 0 && a->place == AT_SERVER)
        on_session(a, line, length);
    else if (strcmp(command, "REDIRECT") == 0 && a->place == AT_CENTRAL)
        on_redirect(a, line, length);
    else
        fail(a, line, length);
    return false;
}

static void receive(struct attempt *a)
{
    ssize_t got = recv(a->fd, a->line + a->length, LINE_BYTES - a->length, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        fail(a, "closed before the answer", 24);
        return;
    }
    a->length += (size_t)got;
    char *start = a->line, *newline;
    while ((newline = memchr(start, '\n', a->length - (size_t)(start - a->line)))) {
        if (!on_line(a, start, (size_t)(newline - start))) return;
        start = newline + 1;
    }
    a->length -= (size_t)(start - a->line);
    memmove(a->line, start, a->length);
    if (a->length == LINE_BYTES) fail(a, "a line that is too long", 23);
}

static void on_event(struct attempt *a, uint32_t events)
{
    if (a->fd < 0) return;
    if (!a->connected && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        int error = connect_error(a->fd);
        if (error) {
            fail(a, strerror(error), strlen(strerror(error)));
            return;
        }
        a->connected = true;
        watch(poller, EPOLL_CTL_MOD, a->fd, EPOLLIN, (uint64_t)(uintptr_t)a);
        speak(a);
    } else if (a->connected && (events & (EPOLLIN | EPOLLERR | EPOLLHUP))) {
        receive(a);
    }
}

/* --- the run ----------------------------------------------------------------------------------------------------- */

static void run(struct attempt *attempts, size_t concurrency)
{
    struct epoll_event events[EVENTS];
    uint64_t last_report = last_answer = now_ns();
    for (size_t i = 0; i < concurrency; i++) begin(&attempts[i]);
    while (succeeded + failed < wanted && now_ns() - last_answer < PATIENCE_S * 1000000000ull) {
        int ready = epoll_wait(poller, events, EVENTS, 100);
        for (int i = 0; i < ready; i++) on_event((struct attempt *)(uintptr_t)events[i].data.u64, events[i].events);
        if (now_ns() - last_report > 200000000u) {
            last_report = now_ns();
            printf("{\"event\":\"progress\",\"done\":%llu,\"expected\":%llu}\n",
                   (unsigned long long)(succeeded + failed), (unsigned long long)wanted);
        }
    }
}

static enum mode mode_named(const char *name)
{
    if (strcmp(name, "register") == 0) return REGISTER;
    if (strcmp(name, "secret") == 0) return SECRET;
    if (strcmp(name, "ticket") == 0) return TICKET;
    if (strcmp(name, "return") == 0) return RETURN;
    die("MODE is register, secret, ticket or return");
}

int main(int count, char **arguments)
{
    if (count != 8) die("usage: login HOST PORT MODE COUNT CONCURRENCY FOLLOW USERS_FILE");
    prepare_process();
    target = address_of(arguments[1], (int)number(arguments[2]));
    mode = mode_named(arguments[3]);
    wanted = (uint64_t)number(arguments[4]);
    size_t concurrency = (size_t)number(arguments[5]);
    follow = (enum follow)number(arguments[6]);
    read_users(arguments[7]);
    if (concurrency > user_count) die("%zu at a time need as many users", concurrency);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct attempt *attempts = allocate(concurrency, sizeof *attempts);
    for (size_t i = 0; i < concurrency; i++) attempts[i].fd = -1;
    printf("{\"event\":\"warm\"}\n");
    read_go();
    uint64_t start = now_ns();
    double cpu = own_cpu_seconds();
    run(attempts, concurrency);
    printf("{\"event\":\"result\",\"succeeded\":%llu,\"failed\":%llu,\"unanswered\":%llu,\"first_failure\":\"%s\","
           "\"seconds\":%.6f,\"cpu_seconds\":%.6f,"
           "\"latency_ms\":{\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f}}\n",
           (unsigned long long)succeeded, (unsigned long long)failed,
           (unsigned long long)(wanted - succeeded - failed), first_failure, (double)(now_ns() - start) / 1e9,
           own_cpu_seconds() - cpu, percentile_ms(&durations, 0.5), percentile_ms(&durations, 0.99),
           (double)durations.max / 1e6);
    write_users(arguments[7]);
    return 0;
}
