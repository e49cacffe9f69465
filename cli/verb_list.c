/* SPDX-License-Identifier: MIT */
/* Lists of tickets: by words and filters, saved ones too, and what one has in hand. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/filter.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/ticket.h"
#include "cli/verbs.h"
#include "common/i18n.h"

#define PAGE_MAX 500 /* tickets the API gives at once */

/* ---- pages ---- */

/* The filters of `list` as a query, without limit and cursor. */
static const char *
list_query(struct ctx *c)
{
    static const char *const names[] = {"queue", "department", "state", "agent", "class", "priority", "tag"};
    const char *q = args_text(c->args, "WORDS"), *query = "";

    if (q) {
        query = arena_printf(c->a, "&q=%s", client_escape(c->a, q));
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *v = args_opt(c->args, names[i]);
        if (v) {
            query = arena_printf(c->a, "%s&%s=%s", query, names[i], client_escape(c->a, v));
        }
    }
    return query;
}

/* Fetch page after page until `limit` tickets are there; one document as the API would give it. */
static bool
fetch_list(struct ctx *c, const char *query, int64_t limit, const char *after, struct reply *ret, struct err *e)
{
    json_t *all = NULL;

    for (;;) {
        int64_t page = limit < PAGE_MAX ? limit : PAGE_MAX;
        struct reply r;
        const char *path = arena_printf(c->a, "/v1/tickets?limit=%" PRId64 "%s%s%s", page, query,
                                        after ? "&after=" : "", after ? client_escape(c->a, after) : "");
        if (!client_get(c->client, path, &r, e)) {
            return false;
        }
        limit -= (int64_t)json_array_size(jlist(r.doc, "tickets"));
        after = jtext(r.doc, "next");
        if (!all) {
            *ret = r;
            all = jlist(r.doc, "tickets");
        } else {
            (void)json_array_extend(all, jlist(r.doc, "tickets"));
            (void)json_object_set(ret->doc, "next", json_object_get(r.doc, "next"));
            ret->text = NULL; /* no longer what came over the wire */
        }
        if (!after || limit <= 0 || !all) {
            return true;
        }
    }
}

static bool
show_list(struct ctx *c, const char *query, const char *none, struct err *e)
{
    struct reply r;

    if (!fetch_list(c, query, args_number(c->args, "limit", 100), args_opt(c->args, "after"), &r, e)) {
        return false;
    }
    if (c->json && !r.text) {
        api_print_json(c, r.doc);
        return true;
    }
    if (!api_json(c, &r)) {
        ticket_table(c, jlist(r.doc, "tickets"), none);
        if (jtext(r.doc, "next")) {
            fprintf(c->s->after, _("there are more: --limit N, or --after %s\n"),
                    text_line(c->a, jtext(r.doc, "next")));
        }
    }
    return true;
}

/* ---- saved filters ---- */

/* What was typed behind `list`, as words, options first, added to the n that are there. */
static size_t
typed_words(struct ctx *c, const char **words, size_t n)
{
    static const char *const ours[] = {"save", "saved", "forget", "after"};
    const struct args *args = c->args;
    bool dashes = false;

    for (size_t i = 0; i < args->ngiven && n < FILTER_WORDS_MAX; i++) {
        const struct given *g = &args->given[i];
        bool skip = false;
        for (size_t k = 0; k < sizeof ours / sizeof *ours; k++) {
            skip = skip || strcmp(g->opt->name, ours[k]) == 0;
        }
        if (!skip) {
            words[n++] = arena_printf(c->a, "--%s%s%s", g->opt->name, g->text ? "=" : "", g->text ? g->text : "");
        }
    }
    for (const char *const *w = args->rest; w && *w && n < FILTER_WORDS_MAX - 1; w++) {
        if ((*w)[0] == '-' && !dashes) {
            words[n++] = "--";
            dashes = true;
        }
        words[n++] = *w;
    }
    return n;
}

static bool
find_filter(struct ctx *c, const char *name, const char **ret_line, struct err *e)
{
    const char *text, *is;

    if (!filters_read(c->a, &text, e)) {
        return false;
    }
    for (size_t i = 0; (*ret_line = filters_nth(c->a, text, i, &is)) != NULL; i++) {
        if (strcmp(is, name) == 0) {
            return true;
        }
    }
    return err_set(e, ERR_NOT_FOUND, "there is no filter '@%.40s': turno list --saved", name);
}

/* c with each @NAME among its words replaced by what was saved; what was typed now goes before it. */
static bool
expand(struct ctx *c, struct err *e)
{
    const char *words[FILTER_WORDS_MAX * 2 + 4], *line;
    struct args *args = ARENA_NEW(c->a, struct args);
    struct ctx typed = *c;
    size_t n = 0, more, left = 0;
    char **argv;
    bool any = false;

    words[n++] = "turno";
    words[n++] = "list";
    for (const char **w = c->args->rest; w && *w; w++) {
        if ((*w)[0] != '@' || !(*w)[1]) {
            c->args->rest[left++] = *w;
            continue;
        }
        any = true;
        if (!find_filter(c, *w + 1, &line, e) || !filter_split(c->a, line, words + n, &more, e)) {
            err_wrap(e, "%.40s", *w);
            return false;
        }
        n += more;
        if (n > FILTER_WORDS_MAX) {
            return err_set(e, ERR_USAGE, "that is too much at once");
        }
    }
    if (!any) {
        return true;
    }
    c->args->rest[left] = NULL;
    n = typed_words(&typed, words, n);
    argv = ARENA_ARRAY(c->a, n + 1, char *);
    for (size_t i = 0; i < n; i++) {
        argv[i] = arena_strdup(c->a, words[i]);
    }
    if (!args_parse(c->a, cli_verbs, (int)n, argv, c->s->now, args, e)) {
        err_wrap(e, "a saved filter");
        return false;
    }
    c->args = args;
    return true;
}

static bool
show_saved(struct ctx *c, struct err *e)
{
    static const struct col cols[] = {
        {N_("FILTER"), COL_TEXT, 0,  0},
        {N_("MEANS"),  COL_TEXT, 30, 0},
    };
    struct table *tb = table_new(c->a, c->s, cols, sizeof cols / sizeof *cols);
    const char *text, *name, *line;
    json_t *all = api_object(c);

    if (!filters_read(c->a, &text, e)) {
        return false;
    }
    for (size_t i = 0; (line = filters_nth(c->a, text, i, &name)) != NULL; i++) {
        table_row(tb);
        table_text(tb, arena_printf(c->a, "@%s", name));
        table_text(tb, line);
        jset(all, name, line);
    }
    if (c->json) {
        api_print_json(c, all);
        return true;
    }
    if (table_rows(tb) == 0) {
        fputs(_("no filter is saved: turno list --save NAME FILTERS\n"), c->s->chat);
    }
    table_print(tb);
    return true;
}

static bool
save(struct ctx *c, const char *name, struct err *e)
{
    const char *words[FILTER_WORDS_MAX];
    size_t n = typed_words(c, words, 0);

    if (!filter_is_name(name)) {
        return err_field(e, ERR_USAGE, "save", "'%.60s' is no name for a filter: letters, digits, - _ .", name);
    }
    if (n == 0) {
        return err_set(e, ERR_USAGE, "nothing to save: turno list --save %.40s --queue it printer", name);
    }
    if (!filters_set(c->a, name, filter_join(c->a, words, n), e)) {
        return false;
    }
    fprintf(c->s->out, c->s->tty ? _("saved: turno list @%s\n") : "@%s\n", name);
    return true;
}

bool
run_list(struct ctx *c, struct err *e)
{
    const char *name = args_opt(c->args, "save"), *forget = args_opt(c->args, "forget");
    struct ctx all = *c;

    if ((name != NULL) + (forget != NULL) + args_has(c->args, "saved") > 1) {
        return err_set(e, ERR_USAGE, "only one of --save, --saved and --forget");
    }
    if (args_has(c->args, "saved")) {
        return show_saved(c, e);
    }
    if (forget) {
        return filters_set(c->a, forget + (*forget == '@'), NULL, e);
    }
    if (!expand(&all, e)) {
        return false;
    }
    return name ? save(&all, name + (*name == '@'), e) : show_list(&all, list_query(&all), _("no ticket fits"), e);
}

bool
run_mine(struct ctx *c, struct err *e)
{
    return show_list(c, "&mine=1", _("you have nothing in hand: turno next"), e);
}
