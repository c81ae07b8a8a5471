/* The mark inside each benchmark message, and how it is found again in a stream of bytes.
 *
 * A mark is 36 printable bytes: a tag, the publisher (4 hex digits), the sequence number (8) and the time of sending in
 * nanoseconds (16). Receivers look for marks and for nothing else, so one load generator serves every protocol that
 * carries a payload as it is. Guarantees that no mark in the stream is passed over: the guess where the next one stands
 * only saves the search. */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#include "common.h"

#define TAG "BenchTag"
enum { TAG_BYTES = 8, PUBLISHER_DIGITS = 4, SEQUENCE_DIGITS = 8, TIME_DIGITS = 16, MARK_BYTES = 36 };

struct stream {
    uint64_t seen;     /* bytes before the carried ones */
    uint64_t last;     /* where the last mark began */
    uint64_t expected; /* where the next one should begin; 0: no idea */
    uint32_t carried;
    unsigned char carry[64];
};

static inline uint64_t read_hex(const unsigned char *digits, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++) value = value << 4 | (uint64_t)((digits[i] & 15) + (digits[i] >> 6) * 9);
    return value;
}

static inline void write_hex(unsigned char *digits, int count, uint64_t value)
{
    for (int i = count - 1; i >= 0; i--, value >>= 4) digits[i] = (unsigned char)"0123456789abcdef"[value & 15];
}

static inline int is_tag(const unsigned char *bytes)
{
    return memcmp(bytes, TAG, TAG_BYTES) == 0;
}

/* Finds the next mark in data[from, length), or NULL. A guess never jumps as far as two messages (see scan). */
static inline const unsigned char *next_mark(struct stream *s, const unsigned char *data, size_t from, size_t length)
{
    uint64_t guess = s->expected - s->seen;
    if (s->expected && guess >= from && guess + MARK_BYTES <= length && is_tag(data + guess)) return data + guess;
    const unsigned char *hit = memmem(data + from, length - from, TAG, TAG_BYTES);
    return hit && hit + MARK_BYTES <= data + length ? hit : NULL;
}

/* Calls found(context, mark) for every mark in data, which begins with the s->carried bytes of the last time; keeps
 * what may be the beginning of another one. */
static inline void scan(struct stream *s, const unsigned char *data, size_t length,
                        void (*found)(void *, const unsigned char *), void *context)
{
    static uint64_t smallest_gap = UINT64_MAX;
    size_t from = 0;
    while (length - from >= MARK_BYTES) {
        const unsigned char *mark = next_mark(s, data, from, length);
        if (!mark) break;
        uint64_t at = s->seen + (uint64_t)(mark - data), gap = at - s->last;
        if (s->last && gap < smallest_gap) smallest_gap = gap;
        /* Two marks are at least the smallest gap apart, so a jump shorter than two of them skips none. */
        s->expected = s->last && gap < 2 * smallest_gap ? at + gap : 0;
        s->last = at;
        from = (size_t)(mark - data) + MARK_BYTES;
        found(context, mark);
    }
    size_t keep = length - from < MARK_BYTES - 1 ? length - from : MARK_BYTES - 1;
    memcpy(s->carry, data + length - keep, keep);
    s->carried = (uint32_t)keep;
    s->seen += length - keep;
}

#endif
