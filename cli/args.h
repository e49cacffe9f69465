/* SPDX-License-Identifier: MIT */
/*
 * The command line by the verb table. A row's pattern is parse rule, usage line and completion source at once:
 *
 *   words in lower case   the verb, and its second word where it has one ("desk check"); may be abbreviated
 *   N                     a ticket number ("42" or "#42")
 *   NAME                  one argument
 *   [X]                   may be left out; [N] is taken only when a number stands there
 *   X...                  all that is left, joined by blanks (last in the pattern)
 *
 * Options may stand anywhere after the verb; `--` ends them.
 */
#ifndef TURNO_CLI_ARGS_H
#define TURNO_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/parse.h"

struct ctx;

enum opt_kind {
    OPT_FLAG,
    OPT_TEXT,
    OPT_TICKET,   /* a ticket number */
    OPT_COUNT,    /* 1..100000 */
    OPT_WHEN,     /* parse_when; kept as ISO text */
    OPT_PAST,     /* the same, but looking back: durations count backwards; also today, yesterday */
    OPT_DURATION, /* parse_duration; number: microseconds */
    OPT_CHOICE,   /* one of the words in `arg` */
    OPT_CHOICES,  /* some of them, separated by commas */
};

struct opt {
    char letter;      /* 0: none */
    const char *name; /* NULL ends a list */
    enum opt_kind kind;
    bool maybe;       /* the value may be left out: taken only when what follows is one */
    const char *arg;  /* word for the value in the usage; the choices, separated by | */
    const char *help; /* here and below: marked with N_() */
};

enum hat { HAT_EVERYONE, HAT_AGENT, HAT_LEAD, HAT_ADMIN, HAT_COUNT };

enum verb_flag {
    VERB_LOCAL = 1,  /* needs no daemon */
    VERB_HIDDEN = 2, /* for the shell, not for people */
    VERB_PROSE = 4,  /* its answer holds sentences of the desk: for scripts they are English */
};

struct cli_verb {
    const char *pattern; /* NULL ends a table */
    const struct opt *opts;
    unsigned flags;
    bool (*run)(struct ctx *c, struct err *e);
    const char *help; /* half a sentence */
    enum hat hat;
    const char *example; /* one command a line */
    const char *more;    /* paragraphs for `turno help VERB`, or NULL */
};

#define ARGS_MAX 8
#define OPTS_MAX 24

struct args {
    const struct cli_verb *verb; /* NULL: no verb was given */
    int64_t n;                   /* the ticket number, 0 when left out */
    struct arg {
        const char *name, *text;
    } arg[ARGS_MAX];
    size_t narg;
    const char **rest; /* the parts of X..., NULL-terminated; NULL when there is no X... */
    struct given {
        const struct opt *opt;
        const char *text; /* NULL: flag, or value left out */
        int64_t number;
    } given[OPTS_MAX];
    size_t ngiven;
    bool json, table, help, version, no_pager;
    const char *possible; /* on failure */
};

/* Options that every verb has. */
extern const struct opt opts_global[];

/* Parse argv[1..argc-1]; the texts are borrowed from argv or live in a. On failure ret->possible says what would have been
 * possible (or is NULL), and ret->json, ret->verb are set as far as it got. */
bool args_parse(struct arena *a, const struct cli_verb *verbs, int argc, char *const *argv, usec_t now,
                struct args *ret, struct err *e);
/* The rows that `words` (possibly abbreviated) may mean, at most max; an exact verb beats longer ones. */
size_t args_match(const struct cli_verb *verbs, const char *const *words, size_t nwords, const struct cli_verb **ret,
                  size_t max);
/* The n-th element of a pattern as a word without brackets and dots; *ret_optional, *ret_rest tell what it was.
 * False behind the last. */
bool pattern_word(const char *pattern, size_t n, char ret[32], bool *ret_optional, bool *ret_rest);
/* Words of the pattern that name the verb: "desk check FILE" has 2. */
size_t pattern_words(const char *pattern);

/* Positional argument by its name in the pattern; NULL when left out. */
const char *args_text(const struct args *args, const char *name);
/* Options by name. The name must exist in the verb's list (a bug otherwise). */
bool args_has(const struct args *args, const char *name);
const char *args_opt(const struct args *args, const char *name);
int64_t args_number(const struct args *args, const char *name, int64_t def);
/* All values of an option that may be repeated: the i-th, or NULL. */
const char *args_nth(const struct args *args, const char *name, size_t i);

#endif
