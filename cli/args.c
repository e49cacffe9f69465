/* SPDX-License-Identifier: MIT */
/*
 * Parsing by pattern. Verb handlers see converted values only and never argv. What goes wrong is said together with what
 * would have been possible, for the reader has just shown that he does not know it by heart.
 */
#include "cli/args.h"

#include <ctype.h>
#include <string.h>

#include "cli/text.h"
#include "common/i18n.h"
#include "common/strbuf.h"

const struct opt opts_global[] = {
    {0,   "json",     OPT_FLAG, false, NULL, N_("print the API's JSON")                    },
    {0,   "table",    OPT_FLAG, false, NULL, N_("print as on a terminal, also into a pipe")},
    {0,   "no-pager", OPT_FLAG, false, NULL, N_("never start $PAGER")                      },
    {'h', "help",     OPT_FLAG, false, NULL, N_("say how the verb is used")                },
    {'V', "version",  OPT_FLAG, false, NULL, N_("print the version")                       },
    {0,   NULL,       OPT_FLAG, false, NULL, NULL                                          },
};

/* ---- patterns ---- */

bool
pattern_word(const char *pattern, size_t n, char ret[32], bool *ret_optional, bool *ret_rest)
{
    const char *p = pattern;
    size_t len;

    for (; n > 0; n--) {
        p += strcspn(p, " ");
        p += strspn(p, " ");
    }
    len = strcspn(p, " ");
    *ret_optional = len > 2 && p[0] == '[' && p[len - 1] == ']';
    if (*ret_optional) {
        p++;
        len -= 2;
    }
    *ret_rest = len > 3 && memcmp(p + len - 3, "...", 3) == 0;
    if (*ret_rest) {
        len -= 3;
    }
    if (len == 0 || len >= 32) {
        return false;
    }
    memcpy(ret, p, len);
    ret[len] = '\0';
    return true;
}

/* The pattern's n-th word, when it is one of those that name the verb: small letters, in front; NULL when it is not. */
static const char *
verb_word(const char *pattern, size_t n, size_t *ret_len)
{
    for (const char *p = pattern; islower((unsigned char)*p); n--) {
        size_t len = strcspn(p, " ");
        if (len >= 32) {
            break;
        }
        if (n == 0) {
            *ret_len = len;
            return p;
        }
        p += len + strspn(p + len, " ");
    }
    return NULL;
}

size_t
pattern_words(const char *pattern)
{
    size_t n = 0, len;

    while (verb_word(pattern, n, &len)) {
        n++;
    }
    return n;
}

/* Whether the pattern's n-th word names the verb and begins with (or, if exact, is) w. */
static bool
word_fits(const char *pattern, size_t n, const char *w, bool exact)
{
    size_t len, k = strlen(w);
    const char *word = verb_word(pattern, n, &len);

    return word && (exact ? k == len : k <= len) && memcmp(word, w, k) == 0;
}

size_t
args_match(const struct cli_verb *verbs, const char *const *words, size_t nwords, const struct cli_verb **ret,
           size_t max)
{
    bool exact[2] = {false, false};
    size_t n = 0;

    /* `ask` is ask, though asked begins with it too: an exact word switches abbreviation off, word by word. */
    for (size_t i = 0; i < 2 && i < nwords; i++) {
        for (const struct cli_verb *v = verbs; v->pattern && !exact[i]; v++) {
            bool before = i == 0 || word_fits(v->pattern, 0, words[0], exact[0]);
            exact[i] = before && word_fits(v->pattern, i, words[i], true);
        }
    }
    for (const struct cli_verb *v = verbs; v->pattern; v++) {
        size_t have = pattern_words(v->pattern);
        bool fits = true;
        for (size_t i = 0; i < 2 && fits && i < nwords && i < have; i++) {
            fits = word_fits(v->pattern, i, words[i], exact[i]);
        }
        if (fits && nwords > 0 && ((v->flags & VERB_HIDDEN) == 0 || exact[0])) {
            if (n < max) {
                ret[n] = v;
            }
            n++;
        }
    }
    return n;
}

/* ---- values ---- */

static bool
parse_ticket(const char *s, int64_t *ret)
{
    return parse_i64(*s == '#' ? s + 1 : s, 1, INT64_MAX, ret);
}

/* Whether `word` (n bytes) is one of the choices "a|b|c". */
static bool
is_choice(const char *choices, const char *word, size_t n)
{
    for (const char *p = choices;; p++) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, word, n) == 0) {
            return true;
        }
        p += len;
        if (!*p) {
            return false;
        }
    }
}

static bool
all_choices(const char *choices, const char *list)
{
    for (const char *p = list;; p++) {
        size_t n = strcspn(p, ",");
        if (!is_choice(choices, p, n)) {
            return false;
        }
        p += n;
        if (!*p) {
            return true;
        }
    }
}

/* parse_when for one who looks back. */
static bool
parse_past(const char *s, usec_t now, usec_t *ret)
{
    usec_t d;

    /* the midnight after a day ago is today's */
    if (strcmp(s, "today") == 0 || strcmp(s, "yesterday") == 0) {
        return parse_when("tomorrow", now - (*s == 't' ? 1 : 2) * USEC_DAY, ret);
    }
    if (parse_duration(s, &d)) {
        *ret = now - (d < now ? d : now);
        return true;
    }
    if (!parse_when(s, now, ret)) {
        return false;
    }
    if (*ret > now && strlen(s) <= 8 && strchr(s, ':')) {
        *ret -= USEC_DAY; /* a bare clock time was the last one, not the next */
    }
    return true;
}

/* Convert the value of an option. */
static bool
convert(struct arena *a, const struct opt *o, const char *s, usec_t now, struct given *ret, const char **ret_possible,
        struct err *e)
{
    const char *wanted = NULL;
    char iso[32];
    usec_t t;

    ret->opt = o;
    ret->text = s;
    ret->number = 0;
    switch (o->kind) {
    case OPT_FLAG:
    case OPT_TEXT:
        break;
    case OPT_TICKET:
        wanted = parse_ticket(s, &ret->number) ? NULL : _("a ticket number");
        break;
    case OPT_COUNT:
        wanted = parse_i64(s, 1, 100000, &ret->number) ? NULL : _("a number from 1 to 100000");
        break;
    case OPT_DURATION:
        wanted = parse_duration(s, &ret->number) ? NULL : _("a duration: 30s, 10m, 4h, 2d, 1w");
        break;
    case OPT_WHEN:
        if (parse_when(s, now, &t)) {
            format_iso(t, iso);
            ret->text = arena_strdup(a, iso);
            ret->number = t;
        } else {
            wanted = _("a time: 14:30, tomorrow, 2026-12-24, 2026-12-24T10:00, 4h (from now)");
        }
        break;
    case OPT_PAST:
        if (parse_past(s, now, &t)) {
            format_iso(t, iso);
            ret->text = arena_strdup(a, iso);
            ret->number = t;
        } else {
            wanted = _("a time: today, yesterday, 2026-12-24, 2026-12-24T10:00, 7d (ago)");
        }
        break;
    case OPT_CHOICE:
    case OPT_CHOICES:
        if (!(o->kind == OPT_CHOICE ? is_choice(o->arg, s, strlen(s)) : all_choices(o->arg, s))) {
            wanted = o->kind == OPT_CHOICES ? arena_printf(a, _("%s (several with commas)"), o->arg) : o->arg;
        }
        break;
    }
    if (!wanted) {
        return true;
    }
    *ret_possible = arena_printf(a, "--%s %s", o->name, wanted);
    return err_field(e, ERR_USAGE, o->name, "'%.80s' is no value for --%s", s, o->name);
}

/* ---- options ---- */

/* Where parsing stands. */
struct parser {
    struct arena *a;
    const struct cli_verb *verbs;
    usec_t now;
    char *const *argv;
    int argc, at;
    bool only_words; /* after -- */
    const char *words[256];
    size_t nwords;
    struct args *ret;
    struct err *e;
};

static const char *
list_options(struct arena *a, const struct cli_verb *v)
{
    const struct opt *lists[2] = {v ? v->opts : NULL, opts_global};
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    for (size_t i = 0; i < 2; i++) {
        for (const struct opt *o = lists[i]; o && o->name; o++) {
            strbuf_addf(&sb, "%s--%s", sb.n > 0 ? " " : "", o->name);
        }
    }
    s = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return s;
}

/* The option a long name (n bytes, possibly abbreviated) or a letter means; NULL and e. */
static const struct opt *
find_option(const struct parser *p, const char *name, size_t n, char letter)
{
    const struct opt *lists[2] = {p->ret->verb ? p->ret->verb->opts : NULL, opts_global};
    const struct opt *found = NULL;

    for (size_t i = 0; i < 2; i++) {
        for (const struct opt *o = lists[i]; o && o->name; o++) {
            if (letter ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0) {
                return o;
            }
            if (!letter && n > 0 && strncmp(o->name, name, n) == 0) {
                if (found) {
                    (void)err_set(p->e, ERR_USAGE, "'--%.*s' may mean --%s or --%s", (int)n, name, found->name,
                                  o->name);
                    return NULL;
                }
                found = o;
            }
        }
    }
    if (!found) {
        p->ret->possible = list_options(p->a, p->ret->verb);
        if (letter) {
            (void)err_set(p->e, ERR_USAGE, "no option '-%c' here (before text that begins with '-' write --)", letter);
        } else {
            (void)err_set(p->e, ERR_USAGE, "no option '--%.*s' here", n > 60 ? 60 : (int)n, name);
        }
    }
    return found;
}

static bool
take_global(struct args *ret, const struct opt *o)
{
    bool *const flags[] = {&ret->json, &ret->table, &ret->no_pager, &ret->help, &ret->version}; /* as in opts_global */

    if (o >= opts_global && o < opts_global + sizeof flags / sizeof *flags) {
        *flags[o - opts_global] = true;
        return true;
    }
    return false;
}

/* o was found; `value` stands with it ("--x=value", "-xvalue") or is NULL. */
static bool
take_option(struct parser *p, const struct opt *o, const char *value)
{
    struct given g = {.opt = o};
    const char *unused = NULL;
    struct err quiet;

    if (o->kind == OPT_FLAG) {
        if (value) {
            return err_field(p->e, ERR_USAGE, o->name, "--%s takes no value", o->name);
        }
        if (take_global(p->ret, o)) {
            return true;
        }
    } else if (!value && o->maybe) {
        const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
        if (next && convert(p->a, o, next, p->now, &g, &unused, &quiet)) {
            p->at++;
        } else {
            g = (struct given){.opt = o};
        }
    } else {
        if (!value && p->at >= p->argc) {
            return err_field(p->e, ERR_USAGE, o->name, "--%s needs a value", o->name);
        }
        value = value ? value : p->argv[p->at++];
        if (!convert(p->a, o, value, p->now, &g, &p->ret->possible, p->e)) {
            return false;
        }
    }
    if (p->ret->ngiven == OPTS_MAX) {
        return err_set(p->e, ERR_USAGE, "too many options");
    }
    p->ret->given[p->ret->ngiven++] = g;
    return true;
}

/* "-w", "-wk" (flags together), "-m text", "-mtext" */
static bool
parse_letters(struct parser *p, const char *s)
{
    for (; *s; s++) {
        const struct opt *o = find_option(p, NULL, 0, *s);
        bool ok;
        if (!o) {
            return false;
        }
        if (o->kind != OPT_FLAG) {
            return take_option(p, o, s[1] ? s + 1 : NULL);
        }
        ok = take_option(p, o, NULL);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* ---- verbs ---- */

static const char *
list_verbs(struct parser *p, const char *const *words, size_t nwords)
{
    const struct cli_verb *match[64];
    size_t n = args_match(p->verbs, words, nwords, match, 64);
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    for (const struct cli_verb *v = p->verbs; v->pattern; v++) {
        size_t len = 0, nw = pattern_words(v->pattern);
        bool in = n == 0 && nwords < 2;
        for (size_t i = 0; i < n && i < 64; i++) {
            in = in || match[i] == v;
        }
        for (size_t i = 0; i < nw; i++) {
            len += strcspn(v->pattern + len, " ");
            len += i + 1 < nw;
        }
        if (in && (v->flags & VERB_HIDDEN) == 0) {
            strbuf_addf(&sb, "%s%.*s", sb.n > 0 ? ", " : "", (int)len, v->pattern);
        }
    }
    s = arena_strdup(p->a, sb.p);
    strbuf_release(&sb);
    return s;
}

/* The verb that is a slip of the finger away from w, or NULL. */
static const char *
near_verb(struct parser *p, const char *w)
{
    int best = strlen(w) > 3 ? 3 : 2; /* fewer changes than this */
    const char *found = NULL;
    char word[32];
    bool optional, rest;

    for (const struct cli_verb *v = p->verbs; v->pattern; v++) {
        if ((v->flags & VERB_HIDDEN) == 0 && pattern_word(v->pattern, 0, word, &optional, &rest)) {
            int d = text_distance(w, word);
            if (d < best) {
                best = d;
                found = arena_strdup(p->a, word);
            }
        }
    }
    return found;
}

static bool
no_verb(struct parser *p)
{
    const char *w = p->words[p->nwords - 1], *near;

    p->ret->possible = list_verbs(p, p->words, p->nwords > 1 ? p->nwords - 1 : p->nwords);
    if (p->nwords > 1) {
        return err_set(p->e, ERR_USAGE, "'%.40s' has no '%.60s'", p->words[0], w);
    }
    near = near_verb(p, w);
    if (near) {
        p->ret->possible = arena_printf(p->a, _("turno %s (turno help lists all verbs)"), near);
    }
    return err_set(p->e, ERR_USAGE, "no verb '%.60s'", w);
}

/* Called with each word until the verb is settled. Sets ret->verb as soon as it is the only one left. */
static bool
settle_verb(struct parser *p, bool last)
{
    const struct cli_verb *match[2];
    size_t n = args_match(p->verbs, p->words, p->nwords, match, 2);

    if (n == 0) {
        return no_verb(p);
    }
    if (n == 1 && pattern_words(match[0]->pattern) <= p->nwords) {
        p->ret->verb = match[0];
        return true;
    }
    /* More may come: a second word that decides. */
    if (last || (n > 1 && pattern_words(match[0]->pattern) < 2)) {
        if (p->ret->help && last) {
            return true;
        }
        p->ret->possible = list_verbs(p, p->words, p->nwords);
        if (pattern_words(match[0]->pattern) > p->nwords) {
            return err_set(p->e, ERR_USAGE, "'%.60s' is half a verb", p->words[p->nwords - 1]);
        }
        return err_set(p->e, ERR_USAGE, "'%.60s' may be several verbs", p->words[p->nwords - 1]);
    }
    return true;
}

/* ---- positional arguments ---- */

static const char *
join(struct arena *a, const char *const *parts, size_t n)
{
    struct strbuf sb;
    const char *s;

    strbuf_init(&sb);
    for (size_t i = 0; i < n; i++) {
        strbuf_addf(&sb, "%s%s", i > 0 ? " " : "", parts[i]);
    }
    s = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return s;
}

/* For errors in what stands behind the verb: show its usage too. */
static bool
with_usage(struct parser *p, bool ok)
{
    p->ret->possible = arena_printf(p->a, "turno %s", p->ret->verb->pattern);
    return ok;
}

/* Deal the words behind the verb out to the pattern. */
static bool
deal(struct parser *p)
{
    const char *pattern = p->ret->verb->pattern, **w = p->words;
    size_t nw = pattern_words(pattern), n = p->nwords - nw;
    bool optional, rest;
    char word[32];

    ensure(p->nwords >= nw && p->nwords > 0); /* the verb was settled by them */
    w += nw;
    for (size_t i = nw; pattern_word(pattern, i, word, &optional, &rest); i++) {
        struct arg *arg = &p->ret->arg[p->ret->narg];
        if (strcmp(word, "N") == 0) {
            if (n > 0 && parse_ticket(*w, &p->ret->n)) {
                w++;
                n--;
            } else if (!optional) {
                return with_usage(p, n > 0 ? err_set(p->e, ERR_USAGE, "'%.80s' is no ticket number", *w)
                                           : err_set(p->e, ERR_USAGE, "a ticket number is missing"));
            }
            continue;
        }
        if (n == 0 && !optional) {
            return with_usage(p, err_set(p->e, ERR_USAGE, "%s is missing", word));
        }
        if (rest) {
            p->ret->rest = ARENA_ARRAY(p->a, n + 1, const char *);
            memcpy(p->ret->rest, w, n * sizeof *w);
        }
        if (n > 0) {
            ensure(p->ret->narg < ARGS_MAX);
            arg->name = arena_strdup(p->a, word);
            arg->text = rest ? join(p->a, w, n) : *w;
            p->ret->narg++;
            w += rest ? n : 1;
            n -= rest ? n : 1;
        }
    }
    return n == 0 || with_usage(p, err_set(p->e, ERR_USAGE, "'%.80s' is too much", *w));
}

static bool
parse_one(struct parser *p, const char *s)
{
    if (!p->only_words && strcmp(s, "--") == 0) {
        p->only_words = true;
        return true;
    }
    if (!p->only_words && s[0] == '-' && s[1] == '-') {
        size_t n = strcspn(s + 2, "=");
        const struct opt *o = find_option(p, s + 2, n, 0);
        return o && take_option(p, o, s[2 + n] ? s + 2 + n + 1 : NULL);
    }
    if (!p->only_words && s[0] == '-' && s[1]) {
        return parse_letters(p, s + 1);
    }
    if (p->nwords == sizeof p->words / sizeof *p->words) {
        return err_set(p->e, ERR_USAGE, "too many arguments (quote the text)");
    }
    p->words[p->nwords++] = s;
    return p->ret->verb || settle_verb(p, false);
}

bool
args_parse(struct arena *a, const struct cli_verb *verbs, int argc, char *const *argv, usec_t now, struct args *ret,
           struct err *e)
{
    struct parser p = {.a = a, .verbs = verbs, .now = now, .argv = argv, .argc = argc, .at = 1};

    *ret = (struct args){0};
    p.ret = ret;
    p.e = e;
    while (p.at < p.argc) {
        if (!parse_one(&p, argv[p.at++])) {
            return false;
        }
    }
    if (!ret->verb && p.nwords > 0 && !settle_verb(&p, true)) {
        return false;
    }
    if (ret->help || ret->version || !ret->verb) {
        ret->rest = ARENA_ARRAY(a, p.nwords + 1, const char *);
        memcpy(ret->rest, p.words, p.nwords * sizeof *p.words);
        return true; /* what is missing does not matter now */
    }
    return deal(&p);
}

/* ---- access ---- */

const char *
args_text(const struct args *args, const char *name)
{
    for (size_t i = 0; i < args->narg; i++) {
        if (strcmp(args->arg[i].name, name) == 0) {
            return args->arg[i].text;
        }
    }
    return NULL;
}

/* How often option `name` was given; *ret is its i-th use, or the last one for i = SIZE_MAX. */
static size_t
find_given(const struct args *args, const char *name, size_t i, const struct given **ret)
{
    const struct opt *o = args->verb->opts;
    size_t n = 0;

    while (o && o->name && strcmp(o->name, name) != 0) {
        o++;
    }
    ensure(o && o->name);
    *ret = NULL;
    for (size_t k = 0; k < args->ngiven; k++) {
        if (args->given[k].opt == o) {
            if (i == SIZE_MAX || n == i) {
                *ret = &args->given[k];
            }
            n++;
        }
    }
    return n;
}

bool
args_has(const struct args *args, const char *name)
{
    const struct given *g;

    return find_given(args, name, SIZE_MAX, &g) > 0;
}

const char *
args_opt(const struct args *args, const char *name)
{
    return args_nth(args, name, SIZE_MAX);
}

int64_t
args_number(const struct args *args, const char *name, int64_t def)
{
    const struct given *g;

    (void)find_given(args, name, SIZE_MAX, &g);
    return g && g->text ? g->number : def;
}

const char *
args_nth(const struct args *args, const char *name, size_t i)
{
    const struct given *g;

    (void)find_given(args, name, i, &g);
    return g ? g->text : NULL;
}
