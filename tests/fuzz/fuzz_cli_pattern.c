/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a command line against the verb table and against a pattern that is part of the input. Input: lines; the
 * first is a pattern, all of them are the arguments.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"
#include "common/xalloc.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    char *text = arena_strndup(a, (const char *)data, size), *argv[300];
    struct cli_verb own[2] = {{.pattern = "x"}, {.pattern = NULL}};
    int argc = 1;

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
