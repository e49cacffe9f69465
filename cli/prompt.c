/* SPDX-License-Identifier: MIT */
/* See prompt.h. Questions go to standard error, where they are seen also when the output goes elsewhere. */
#include "cli/prompt.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/i18n.h"

bool
prompt_can(const struct ctx *c)
{
    return c->s->width > 0 && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

const char *
prompt_line(struct ctx *c, const char *question, const char *def)
{
    char line[1000];
    const char *answer;

    fprintf(c->s->chat, def && *def ? "%s [%s] " : "%s ", question, def);
    (void)fflush(c->s->chat);
    if (!fgets(line, sizeof line, stdin)) {
        fputc('\n', c->s->chat);
        return NULL;
    }
    answer = text_line(c->a, line);
    return *answer || !def ? answer : def;
}

char
prompt_key(struct ctx *c, const char *question, const char *keys, char def)
{
    const char *own = i18n(keys);

    for (;;) {
        const char *answer = prompt_line(c, question, NULL), *at;
        char key = '\0';
        if (!answer) {
            return '\0';
        }
        if (!*answer && def) {
            return def;
        }
        key = *answer >= 'A' && *answer <= 'Z' ? (char)(*answer + ('a' - 'A')) : *answer;
        if (key && (at = strchr(own, key)) != NULL && (size_t)(at - own) < strlen(keys)) {
            return keys[at - own];
        }
        if (key && strchr(keys, key)) {
            return key;
        }
    }
}

char
prompt_yes_no(struct ctx *c, const char *question, char def)
{
    /* TRANSLATORS: the letters typed for yes and for no, in ASCII */
    return prompt_key(c, question, N_("yn"), def);
}
