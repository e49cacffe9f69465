/* SPDX-License-Identifier: MIT */
/* What a half-typed command line could go on with; from the verb table alone, without a daemon. */
#ifndef TURNO_CLI_COMPLETE_H
#define TURNO_CLI_COMPLETE_H

#include "cli/args.h"

enum spot_kind {
    SPOT_VERB,    /* a verb, or the second word of one: `first` is typed */
    SPOT_OPTION,  /* an option of `verb` */
    SPOT_VALUE,   /* the value of option `opt` */
    SPOT_ARG,     /* an argument: one of `names` */
    SPOT_NOTHING, /* words we know nothing about */
};

#define SPOT_NAMES_MAX 3

struct spot {
    enum spot_kind kind;
    const struct cli_verb *verb;       /* NULL: none yet */
    const char *first;                 /* SPOT_VERB: first word of the verb, or NULL */
    const struct opt *opt;             /* SPOT_VALUE */
    const char *names[SPOT_NAMES_MAX]; /* SPOT_ARG: words of the pattern that may stand here */
    size_t nnames;
    const char *prefix; /* typed before what is completed, in the same word: "--state=queued," */
    const char *cur;    /* the rest of it */
};

/* words: what stands behind `turno`, the last one being typed (may be ""); n >= 1. Texts are borrowed or live in a. */
struct spot complete_spot(struct arena *a, const struct cli_verb *verbs, const char *const *words, size_t n);

#endif
