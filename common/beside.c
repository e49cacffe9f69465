/* SPDX-License-Identifier: MIT */
/* Names are found in the text without understanding it: one too many (in a comment, say) does no harm. */
#include "common/beside.h"

#include <string.h>

#define TAIL ".ics"

bool
beside_is_name(const char *name)
{
    size_t n = strlen(name);

    return n > strlen(TAIL) && n <= BESIDE_NAME_MAX && strcmp(name + n - strlen(TAIL), TAIL) == 0 && name[0] != '.' &&
           name[strcspn(name, "/\\\"\n")] == '\0';
}

bool
beside_next(const char **at, char ret[BESIDE_NAME_MAX + 1])
{
    for (const char *end = strstr(*at, TAIL "\""); end != NULL; end = strstr(end + 1, TAIL "\"")) {
        const char *from = end;
        size_t n;

        while (from > *at && strchr("\"\n", from[-1]) == NULL) {
            from--;
        }
        n = (size_t)(end - from) + strlen(TAIL);
        if (from > *at && from[-1] == '"' && n <= BESIDE_NAME_MAX) {
            memcpy(ret, from, n);
            ret[n] = '\0';
            if (beside_is_name(ret)) {
                *at = end + strlen(TAIL) + 1;
                return true;
            }
        }
    }
    return false;
}

const char *
beside_path(struct arena *a, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? arena_printf(a, "%.*s/%s", (int)(slash - path), path, name) : arena_strdup(a, name);
}
