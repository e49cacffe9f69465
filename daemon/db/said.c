/* SPDX-License-Identifier: MIT */
/* A text of the database taken apart: the format comes last, so that an argument may hold anything. */
#include "daemon/db/said.h"

#include <string.h>

#include "common/i18n.h"

#define FORMAT_BEGINS '\x1f'
#define LONGER        2 /* than English a translation may be */

struct said
said_split(struct arena *a, const char *text)
{
    char *msg = arena_strdup(a, text);
    char *fmt = msg != NULL ? strrchr(msg, FORMAT_BEGINS) : NULL;

    if (fmt != NULL) {
        *fmt++ = '\0';
    }
    return (struct said){msg, fmt};
}

const char *
said_now(struct arena *a, const char *text)
{
    struct said s = said_split(a, text);
    size_t room = text != NULL ? LONGER * strlen(text) + 1 : 0;

    return text != NULL ? i18n_again(s.fmt, s.msg, arena_alloc(a, room), room) : NULL;
}
