/* SPDX-License-Identifier: MIT */
/*
 * Names of the shared enumerations, both ways. The tables are short, so a look-up walks them; a number is never used
 * as an index, because roles are bits and numbers may get gaps.
 */
#include "common/names.h"

#include <stddef.h>
#include <string.h>

struct name {
    int number;
    const char *name;
};

static const char *
find_name(const struct name *table, size_t n, int number)
{
    for (size_t i = 0; i < n; i++) {
        if (table[i].number == number) {
            return table[i].name;
        }
    }
    return "?";
}

static int
find_number(const struct name *table, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return table[i].number;
        }
    }
    return 0;
}

#define COUNT(table)        (sizeof(table) / sizeof((table)[0]))
#define X(id, number, name) {number, name},

static const struct name states[] = {STATE_TABLE(X)};
static const struct name parks[] = {PARK_TABLE(X)};
static const struct name outcomes[] = {OUTCOME_TABLE(X)};
static const struct name priorities[] = {PRIORITY_TABLE(X)};
static const struct name classes[] = {CLASS_TABLE(X)};
static const struct name channels[] = {CHANNEL_TABLE(X)};
static const struct name messages[] = {MESSAGE_TABLE(X)};
static const struct name labels[] = {LABEL_TABLE(X)};
static const struct name roles[] = {ROLE_TABLE(X)};
#undef X

static const struct name verbs[] = {
#define VERB(id, number, name, event, help) {number, name},
#include "common/transition.def"
};

static const struct name verb_helps[] = {
#define VERB(id, number, name, event, help) {number, help},
#include "common/transition.def"
};

const char *
verb_help(int n)
{
    return find_name(verb_helps, COUNT(verb_helps), n);
}

#define NAME_OF(noun, table)                                                                                           \
    const char *noun##_name(int n)                                                                                     \
    {                                                                                                                  \
        return find_name(table, COUNT(table), n);                                                                      \
    }
#define NUMBER_OF(noun, table)                                                                                         \
    int noun##_from(const char *s)                                                                                     \
    {                                                                                                                  \
        return find_number(table, COUNT(table), s);                                                                    \
    }

/* clang-format off */
NAME_OF(state, states)          NUMBER_OF(state, states)
NAME_OF(park, parks)            NUMBER_OF(park, parks)
NAME_OF(outcome, outcomes)      NUMBER_OF(outcome, outcomes)
NAME_OF(priority, priorities)   NUMBER_OF(priority, priorities)
NAME_OF(class, classes)         NUMBER_OF(class, classes)
NAME_OF(channel, channels)      NUMBER_OF(channel, channels)
NAME_OF(message, messages)
NAME_OF(label, labels)          NUMBER_OF(label, labels)
NAME_OF(role, roles)
NAME_OF(verb, verbs)            NUMBER_OF(verb, verbs)
    /* clang-format on */
