/* What the login programs read out of a node's answers: values by their keys, from one line of JSON as nodes write it
 * (no key that stands elsewhere, no escapes in what is looked for). Guarantees nothing for other JSON. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include "common.h"
#include <stdbool.h>

enum { NAME_BYTES = 64, TICKET_BYTES = 512 };

/* Where the value of a key begins, or NULL. The key comes with its quotes. */
static inline const char *value_of(const char *line, size_t length, const char *key)
{
    const char *at = memmem(line, length, key, strlen(key)), *end = line + length;
    if (!at) return NULL;
    for (at += strlen(key); at < end && (*at == ' ' || *at == ':'); at++) continue;
    return at < end ? at : NULL;
}

/* The string behind a key; false, and nothing copied, when there is none or no room for it. */
static inline bool copy_string(const char *line, size_t length, const char *key, char *into, size_t room)
{
    const char *value = value_of(line, length, key);
    if (!value || *value != '"') return false;
    const char *end = memchr(value + 1, '"', (size_t)(line + length - value - 1));
    if (!end || (size_t)(end - value) > room) return false;
    memcpy(into, value + 1, (size_t)(end - value - 1));
    into[end - value - 1] = 0;
    return true;
}

/* The object behind a key, braces and all, which has no object in it; likewise. */
static inline bool copy_object(const char *line, size_t length, const char *key, char *into, size_t room)
{
    const char *value = value_of(line, length, key);
    if (!value || *value != '{') return false;
    const char *end = memchr(value, '}', (size_t)(line + length - value));
    if (!end || (size_t)(end + 2 - value) > room) return false;
    memcpy(into, value, (size_t)(end + 1 - value));
    into[end + 1 - value] = 0;
    return true;
}

#endif
