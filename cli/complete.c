/* SPDX-License-Identifier: MIT */
/* See complete.h. A line is read as args.c reads it, but forgiving: what cannot be understood is passed over. */
#include "cli/complete.h"

#include <ctype.h>
#include <string.h>

#define MATCH_MAX 64

struct line {
    struct arena *a;
    const struct cli_verb *verbs, *verb;
    const char **words; /* those that are no options, before the one being typed */
    size_t nwords;
    const struct opt *waiting; /* the option whose value comes next */
    bool ended;                /* by -- */
};

static bool
is_number(const char *s)
{
    s += *s == '#';
    return *s != '\0' && strspn(s, "0123456789") == strlen(s);
}

/* The row that is meant by the words so far; NULL: none, or several. Two words are asked for where a verb has two. */
static const struct cli_verb *
verb_of(const struct line *l)
{
    const struct cli_verb *match[MATCH_MAX];
    size_t n = l->nwords > 0 ? args_match(l->verbs, l->words, l->nwords < 2 ? 1 : 2, match, MATCH_MAX) : 0;

    return n == 1 && pattern_words(match[0]->pattern) <= l->nwords ? match[0] : NULL;
}

/* An option by its whole name or an abbreviation (len bytes), or by its letter. */
static const struct opt *
option_named(const struct line *l, const char *name, size_t len, char letter)
{
    const struct opt *lists[2] = {l->verb != NULL ? l->verb->opts : NULL, opts_global};
    const struct opt *found = NULL;

    for (size_t i = 0; i < 2; i++) {
        for (const struct opt *o = lists[i]; o != NULL && o->name != NULL; o++) {
            if (name == NULL ? o->letter == letter : strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
                return o;
            }
            if (name != NULL && strncmp(o->name, name, len) == 0) {
                found = o;
            }
        }
    }
    return found;
}

/* The option that word w leaves waiting for its value, if any. One whose value may be left out waits for none. */
static const struct opt *
waits_after(const struct line *l, const char *w)
{
    const struct opt *o;

    if (w[1] == '-') {
        o = strchr(w, '=') == NULL ? option_named(l, w + 2, strlen(w + 2), 0) : NULL;
    } else {
        o = NULL;
        for (w++; *w != '\0'; w++) {
            o = option_named(l, NULL, 0, *w);
            if (o == NULL || o->kind != OPT_FLAG) {
                return w[1] == '\0' && o != NULL && !o->maybe ? o : NULL; /* the rest is its value */
            }
        }
    }
    return o != NULL && o->kind != OPT_FLAG && !o->maybe ? o : NULL;
}

static void
take(struct line *l, const char *w)
{
    if (l->waiting != NULL) {
        l->waiting = NULL;
    } else if (!l->ended && strcmp(w, "--") == 0) {
        l->ended = true;
    } else if (!l->ended && w[0] == '-' && w[1] != '\0') {
        l->waiting = waits_after(l, w);
    } else {
        l->words[l->nwords++] = w;
        l->verb = l->verb != NULL ? l->verb : verb_of(l);
    }
}

/* The value's part that is being typed: behind the last comma where several are possible. */
static struct spot
value_spot(struct arena *a, const struct opt *o, const char *prefix, const char *typed)
{
    const char *comma = o->kind == OPT_CHOICES ? strrchr(typed, ',') : NULL;
    size_t n = comma != NULL ? (size_t)(comma + 1 - typed) : 0;

    return (struct spot){
        .kind = SPOT_VALUE, .opt = o, .prefix = arena_printf(a, "%s%.*s", prefix, (int)n, typed), .cur = typed + n};
}

/* Which words of the pattern may stand where the cursor is. */
static void
find_names(const struct line *l, struct spot *s)
{
    size_t at = pattern_words(l->verb->pattern), given = at;
    bool optional, rest;
    char word[32];

    while (pattern_word(l->verb->pattern, at, word, &optional, &rest)) {
        bool is_n = strcmp(word, "N") == 0 && optional;

        if (given < l->nwords) {
            if (is_n && !is_number(l->words[given])) {
                at++; /* left out */
                continue;
            }
            given++;
            at += !rest;
            continue;
        }
        if (s->nnames < SPOT_NAMES_MAX) {
            s->names[s->nnames++] = arena_strdup(l->a, word);
        }
        if (!is_n) {
            return;
        }
        at++;
    }
}

struct spot
complete_spot(struct arena *a, const struct cli_verb *verbs, const char *const *words, size_t n)
{
    struct line l = {.a = a, .verbs = verbs, .words = ARENA_ARRAY(a, n, const char *)};
    const char *cur = words[n - 1], *is;
    struct spot s = {.kind = SPOT_NOTHING, .prefix = "", .cur = cur};

    for (size_t i = 0; i + 1 < n; i++) {
        take(&l, words[i]);
    }
    if (l.waiting != NULL) {
        s = value_spot(a, l.waiting, "", cur);
    } else if (!l.ended && cur[0] == '-' && (is = strchr(cur, '=')) != NULL && cur[1] == '-') {
        const struct opt *o = option_named(&l, cur + 2, (size_t)(is - cur) - 2, 0);
        if (o != NULL && o->kind != OPT_FLAG) {
            s = value_spot(a, o, arena_strndup(a, cur, (size_t)(is + 1 - cur)), is + 1);
        }
    } else if (!l.ended && cur[0] == '-') {
        s.kind = SPOT_OPTION;
    } else if (l.verb == NULL) {
        s.kind = l.nwords < 2 ? SPOT_VERB : SPOT_NOTHING;
        s.first = l.nwords == 1 ? l.words[0] : NULL;
    } else {
        find_names(&l, &s);
        s.kind = s.nnames > 0 ? SPOT_ARG : SPOT_NOTHING;
    }
    s.verb = l.verb;
    return s;
}
