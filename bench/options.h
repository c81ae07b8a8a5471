/* The command line of the load generator: numbers, and bytes as hex. Every option has a value; see parse_options(). */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "latency.h"
#include "marks.h"
#include <getopt.h>

enum { MOST_STEPS = 16, MOST_ADDRESSES = 64, NUMBER_BYTES = 8 };

/* In bytes that an opening sends, this stands for the connection's number, as many digits long. */
#define NUMBER_PLACE "@@@@@@@@"

struct step {
    int sends; /* or waits for these bytes */
    size_t length;
    unsigned char *bytes;
};

struct opening {
    size_t count;
    struct step steps[MOST_STEPS];
};

struct options {
    size_t addresses;           /* connections take turns through them */
    struct sockaddr_in address[MOST_ADDRESSES];
    uint64_t subscribers, publishers, messages, warmup, rate, patience, connecting;
    uint64_t milliseconds;      /* of publishing, in place of a number of messages; 0: by number */
    uint64_t window;            /* unfinished messages per publisher */
    uint64_t batch;             /* most messages in a publisher's buffer */
    uint64_t window_at_echo;    /* finished: the publisher has it back; otherwise: everyone has it */
    uint64_t publishers_receive;
    uint64_t opening_window;    /* see WIDEN_NS */
    uint64_t latency;           /* 1: record it */
    struct opening opening[2];  /* of subscribers, of publishers */
    unsigned char *message;
    size_t message_bytes, mark_at;
};

static inline const struct opening *opening_of(const struct options *o, int publisher)
{
    return &o->opening[publisher != 0];
}

static unsigned char *from_hex(const char *text, size_t *length)
{
    *length = strlen(text) / 2;
    unsigned char *bytes = allocate(*length, 1);
    for (size_t i = 0; i < *length; i++) bytes[i] = (unsigned char)read_hex((const unsigned char *)text + 2 * i, 2);
    return bytes;
}

/* A copy of the step's bytes with the connection's number in its place, if they have one; to be freed. */
static unsigned char *numbered(const struct step *step, uint64_t connection)
{
    unsigned char *bytes = allocate(step->length + 1, 1);
    memcpy(bytes, step->bytes, step->length);
    unsigned char *place = memmem(bytes, step->length, NUMBER_PLACE, NUMBER_BYTES);
    for (int i = NUMBER_BYTES - 1; place && i >= 0; i--, connection /= 10)
        place[i] = (unsigned char)('0' + connection % 10);
    return bytes;
}

static void add_step(struct opening *opening, int sends, const char *hex)
{
    if (opening->count == MOST_STEPS) die("an opening has at most %d steps", MOST_STEPS);
    struct step *step = &opening->steps[opening->count++];
    step->sends = sends;
    step->bytes = from_hex(hex, &step->length);
    if (!sends && step->length > 32) die("an opening can wait for at most 32 bytes");
}

static void set_message(struct options *o, const char *hex)
{
    o->message = from_hex(hex, &o->message_bytes);
    unsigned char *tag = memmem(o->message, o->message_bytes, TAG, TAG_BYTES);
    if (!tag || tag + MARK_BYTES > o->message + o->message_bytes) die("the message has no mark");
    o->mark_at = (size_t)(tag - o->message);
}

/* HOST:PORT */
static void add_address(struct options *o, char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon) die("not HOST:PORT: %s", text);
    if (o->addresses == MOST_ADDRESSES) die("there are at most %d addresses", MOST_ADDRESSES);
    *colon = 0;
    o->address[o->addresses++] = address_of(text, (int)number(colon + 1));
}

static void check_options(struct options *o)
{
    if (!o->addresses) die("--address is needed");
    if (o->milliseconds && (o->messages || o->warmup || o->rate)) die("--milliseconds goes with no number and no rate");
    if ((o->messages || o->warmup || o->milliseconds) && (!o->message || !o->publishers))
        die("messages need publishers and --message");
    if (o->publishers >= 1u << 16 || o->messages + o->warmup > UINT32_MAX) die("more than a mark has room for");
    if (o->window_at_echo && !o->publishers_receive) die("without an echo the window can't be counted at the echo");
    if (o->rate) o->window = o->messages + o->warmup;
    if (!o->window) o->window = 1;
    o->batch = o->window < 4096 ? o->window : 4096;
}

static struct options parse_options(int count, char **arguments)
{
    static struct options o = {.publishers_receive = 1, .patience = 20, .connecting = 64};
    static const struct option names[] = {
        {"address", 1, 0, 'A'},      {"milliseconds", 1, 0, 't'}, {"subscribers", 1, 0, 's'}, {"publishers", 1, 0, 'P'},
        {"messages", 1, 0, 'm'},     {"warmup", 1, 0, 'u'},   {"window", 1, 0, 'w'},      {"window-at-echo", 1, 0, 'e'},
        {"rate", 1, 0, 'r'},         {"latency", 1, 0, 'l'},  {"patience", 1, 0, 'a'},    {"connecting", 1, 0, 'c'},
        {"publishers-receive", 1, 0, 'R'}, {"opening-window", 1, 0, 'W'}, {"message", 1, 0, 'M'},
        {"subscriber-send", 1, 0, '1'},
        {"subscriber-wait", 1, 0, '2'}, {"publisher-send", 1, 0, '3'}, {"publisher-wait", 1, 0, '4'}, {0, 0, 0, 0}};
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        switch (name) {
        case 'A': add_address(&o, optarg); break;
        case 't': o.milliseconds = (uint64_t)number(optarg); break;
        case 's': o.subscribers = (uint64_t)number(optarg); break;
        case 'P': o.publishers = (uint64_t)number(optarg); break;
        case 'm': o.messages = (uint64_t)number(optarg); break;
        case 'u': o.warmup = (uint64_t)number(optarg); break;
        case 'w': o.window = (uint64_t)number(optarg); break;
        case 'e': o.window_at_echo = (uint64_t)number(optarg); break;
        case 'r': o.rate = (uint64_t)number(optarg); break;
        case 'l': o.latency = (uint64_t)number(optarg); break;
        case 'a': o.patience = (uint64_t)number(optarg); break;
        case 'c': o.connecting = (uint64_t)number(optarg); break;
        case 'R': o.publishers_receive = (uint64_t)number(optarg); break;
        case 'W': o.opening_window = (uint64_t)number(optarg); break;
        case 'M': set_message(&o, optarg); break;
        case '1': add_step(&o.opening[0], 1, optarg); break;
        case '2': add_step(&o.opening[0], 0, optarg); break;
        case '3': add_step(&o.opening[1], 1, optarg); break;
        case '4': add_step(&o.opening[1], 0, optarg); break;
        default: exit(2);
        }
    }
    check_options(&o);
    return o;
}

#endif
