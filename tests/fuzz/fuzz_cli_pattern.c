/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a command line against the verb table and against a pattern that is part of the input, and the same bytes
 * as somebody's text on its way to a terminal. Input: lines; the first is a pattern, all of them are the arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW (INT64_C(1795341600) * USEC_SEC)

static void
check_parse(struct arena *a, const struct cli_verb *verbs, int argc, char *const *argv)
{
    struct args args;
    struct err e = {0};

    if (!args_parse(a, verbs, argc, argv, NOW, &args, &e)) {
        ensure(e.code == ERR_USAGE && e.msg[0]);
        return;
    }
    ensure(args.n >= 0 && args.narg <= ARGS_MAX && args.ngiven <= OPTS_MAX);
    ensure(args.verb || args.help || args.version || argc == 1 || args.narg == 0);
    for (size_t i = 0; i < args.narg; i++) {
        ensure(args.arg[i].name && args.arg[i].text && args_text(&args, args.arg[i].name));
    }
    for (size_t i = 0; i < args.ngiven; i++) {
        ensure(args.verb && args_has(&args, args.given[i].opt->name));
        (void)args_number(&args, args.given[i].opt->name, -1);
    }
}

static void
check_text(struct arena *a, const char *s)
{
    const char *clean = text_clean(a, s), *line = text_line(a, s), *field = text_field(a, s);
    struct strbuf sb;

    ensure(json_utf8_ok(clean, strlen(clean)) && json_utf8_ok(line, strlen(line)) &&
           json_utf8_ok(field, strlen(field)));
    ensure(strcmp(text_clean(a, clean), clean) == 0 && strcmp(text_line(a, line), line) == 0);
    ensure(!strpbrk(line, "\n\t\r\x1b\x7f") && !strpbrk(field, "\n\t\r\x1b\x7f") && !strpbrk(clean, "\r\x1b\x7f"));
    for (int width = 1; width < 20; width += 3) {
        ensure(text_width(text_fit(a, line, width, true)) <= width || width < 2);
        ensure(text_width(text_fit(a, text_ascii(a, line), width, false)) <= width);
    }
    strbuf_init(&sb);
    text_wrap(&sb, clean, "> ", 20);
    ensure(sb.n > 2 && sb.p[sb.n - 1] == '\n');
    strbuf_clear(&sb);
    text_json_safe(&sb, s, strlen(s));
    ensure(json_utf8_ok(sb.p, sb.n) && !strstr(sb.p, "\xc2\x9b"));
    strbuf_release(&sb);
}

static size_t
count_words(const char *pattern)
{
    bool optional, rest;
    char word[32];
    size_t n = 0;

    while (pattern_word(pattern, n, word, &optional, &rest)) {
        n++;
    }
    return n;
}

static bool
on_event(void *arg, const char *event, const char *id, json_t *data)
{
    (void)arg;
    ensure(event && *event && id && json_is_object(data));
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    char *text = arena_strndup(a, (const char *)data, size), *argv[300];
    struct cli_verb own[2] = {{.pattern = "x"}, {.pattern = NULL}};
    struct sse *sse = sse_new(a, on_event, NULL);
    int argc = 1;
    bool bad;

    check_text(a, text);
    (void)sse_feed(sse, (const char *)data, size, &bad);
    argv[0] = text;
    for (char *p = text; argc < 300 && p; argc++) {
        char *end = strchr(p, '\n');
        if (end) {
            *end++ = '\0';
        }
        argv[argc] = p;
        p = end;
    }
    check_parse(a, cli_verbs, argc, argv);
    own[0].pattern = argv[1];
    if (count_words(argv[1]) <= ARGS_MAX) { /* a longer one is a fault of the table, and stops the program */
        check_parse(a, own, argc - 1, argv + 1);
    }
    arena_free(a);
    return 0;
}
