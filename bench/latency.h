/* A histogram of durations in nanoseconds: 128 buckets for each power of two, so percentiles are within 1 %. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include "common.h"

enum { STEPS_LOG2 = 8, STEPS = 1 << STEPS_LOG2, BUCKETS = (64 - STEPS_LOG2 + 1) * STEPS };

struct histogram {
    uint64_t bucket[BUCKETS];
    uint64_t count, max;
};

static inline void record(struct histogram *h, uint64_t ns)
{
    int shift = ns < STEPS ? 0 : 63 - __builtin_clzll(ns) - STEPS_LOG2 + 1;
    /* Above STEPS the leading bit is implied: shifted values lie in [STEPS / 2, STEPS). */
    h->bucket[shift * STEPS + (int)(ns >> shift)]++;
    h->count++;
    if (ns > h->max) h->max = ns;
}

/* The upper edge of the bucket that holds the given share (0..1) of all durations, in milliseconds. */
static inline double percentile_ms(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->count + 0.5), sum = 0;
    for (int i = 0; i < BUCKETS; i++) {
        sum += h->bucket[i];
        if (h->bucket[i] && sum >= wanted) {
            uint64_t edge = ((uint64_t)(i % STEPS) + 1) << (i / STEPS);
            return (double)(edge < h->max ? edge : h->max) / 1e6;
        }
    }
    return (double)h->max / 1e6;
}

#endif
