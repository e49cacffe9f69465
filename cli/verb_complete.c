/* SPDX-License-Identifier: MIT */
/*
 * Completion. The scripts for the shells know nothing: they hand the half-typed line to the hidden verb `complete`, which
 * answers a line a word, its description behind a tab; `@files` means names of files. Words that only the desk knows are
 * asked for there, and are missing where it cannot be reached.
 */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/complete.h"
#include "cli/draft.h"
#include "cli/endpoint.h"
#include "cli/filter.h"
#include "cli/machine.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

#define WORDS_MAX 200

struct words {
    struct ctx *c;
    const struct spot *spot;
    const char *seen[WORDS_MAX];
    size_t n;
};

/* A word, if it goes on from what is typed and was not said before. description: NULL or "" for none. One that means
 * something to a shell is left out: bash puts it into the line as it is. */
static void
word(struct words *w, const char *text, const char *description)
{
    const char *clean = text_field(w->c->a, text);

    if (strpbrk(clean, " \t\n\\'\"`$&|;<>()*?[]{}~!^") != NULL) {
        return;
    }
    if (strncmp(clean, w->spot->cur, strlen(w->spot->cur)) != 0 || *clean == '\0' || w->n == WORDS_MAX) {
        return;
    }
    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->seen[i], clean) == 0) {
            return;
        }
    }
    w->seen[w->n++] = clean;
    fprintf(w->c->s->out, "%s%s%s%s\n", w->spot->prefix, clean, description != NULL && *description ? "\t" : "",
            description != NULL ? text_field(w->c->a, description) : "");
}

static void
choices(struct words *w, const char *list, const char *before)
{
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, "|");
        word(w, arena_printf(w->c->a, "%s%.*s", before, (int)n, p), NULL);
        p += n + (p[n] == '|');
    }
}

/* ---- what the desk knows ---- */

/* The whole question goes to the other host, where the desk is; nothing has been said here yet. */
static void
go_there(struct ctx *c, const struct endpoint *ep)
{
    size_t n = 0;
    char **argv;
    struct err e;

    while (c->args->rest != NULL && c->args->rest[n] != NULL) {
        n++;
    }
    argv = ARENA_ARRAY(c->a, n + 4, char *);
    argv[0] = arena_strdup(c->a, "turno");
    argv[1] = arena_strdup(c->a, "complete");
    argv[2] = arena_strdup(c->a, "--");
    for (size_t i = 0; i < n; i++) {
        argv[3 + i] = arena_strdup(c->a, c->args->rest[i]);
    }
    (void)endpoint_exec_ssh(c->a, ep, (int)n + 3, argv, false, &e);
}

static bool
ask(struct words *w, const char *path, struct reply *r)
{
    struct ctx *c = w->c;
    struct endpoint *ep = ARENA_NEW(c->a, struct endpoint); /* lives as long as the client */
    struct err e;

    if (c->client == NULL && endpoint_find(c->a, ep, &e)) {
        if (ep->kind == ENDPOINT_SSH) {
            go_there(c, ep);
            return false;
        }
        c->client = client_new(c->a, ep, c->s, &e);
    }
    return c->client != NULL && client_get(c->client, path, r, &e);
}

static void
members(struct words *w, const json_t *list, const char *name, const char *description)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i), *v = json_object_get(o, name);
        if (json_is_integer(v)) {
            word(w, arena_printf(w->c->a, "%lld", (long long)json_integer_value(v)), jtext(o, description));
        } else if (json_is_string(v)) {
            word(w, json_string_value(v), jtext(o, description));
        }
    }
}

static void
tickets(struct words *w)
{
    struct reply r;

    if (ask(w, "/v1/whoami", &r)) {
        members(w, jlist(r.doc, "holding"), "ticket", "subject");
    }
    if (ask(w, "/v1/tickets?asked=1&limit=50", &r)) {
        members(w, jlist(r.doc, "tickets"), "ticket", "subject");
    }
    if (ask(w, "/v1/tickets?limit=50", &r)) {
        members(w, jlist(r.doc, "tickets"), "ticket", "subject");
    }
}

static void
queues(struct words *w)
{
    struct reply r;

    if (ask(w, "/v1/queues", &r)) {
        members(w, jlist(r.doc, "queues"), "queue", "title");
        members(w, jlist(r.doc, "queues"), "department", NULL);
    }
}

static void
names(struct words *w, const json_t *list, const char *description)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        word(w, json_string_value(json_array_get(list, i)), description);
    }
}

/* Those the desk names, and those who have something in hand (they may come from a group of the machine). */
static void
people(struct words *w)
{
    struct reply r;

    if (ask(w, "/v1/desk", &r)) {
        const json_t *departments = jlist(json_object_get(r.doc, "document"), "departments");
        for (size_t i = 0; i < json_array_size(departments); i++) {
            const json_t *d = json_array_get(departments, i);
            names(w, jlist(d, "members"), jtext(d, "title"));
            names(w, jlist(d, "leads"), jtext(d, "title"));
        }
    }
    if (ask(w, "/v1/tickets?state=offered,held&limit=100", &r)) {
        members(w, jlist(r.doc, "tickets"), "agent", "department");
    }
}

static void
calendars(struct words *w)
{
    struct reply r;

    if (ask(w, "/v1/desk/calendars", &r)) {
        members(w, jlist(r.doc, "calendars"), "calendar", NULL);
    }
}

/* Unix groups of this machine, who is in them. */
static void
groups(struct words *w)
{
    size_t n;
    const struct machine_group *list = machine_groups(w->c->a, &n);

    for (size_t i = 0; i < n; i++) {
        word(w, list[i].name, list[i].people);
    }
}

static void
tokens(struct words *w)
{
    struct reply r;

    if (ask(w, "/v1/tokens", &r)) {
        members(w, jlist(r.doc, "tokens"), "token", "label");
    }
}

/* ---- what the table knows ---- */

/* "desk check FILE": its i-th word, or NULL. */
static const char *
verb_word(struct arena *a, const struct cli_verb *v, size_t i)
{
    bool optional, rest;
    char ret[32];

    return i < pattern_words(v->pattern) && pattern_word(v->pattern, i, ret, &optional, &rest) ? arena_strdup(a, ret)
                                                                                               : NULL;
}

/* "desk": "check, diff, apply" */
static const char *
seconds(struct arena *a, const char *first)
{
    const char *list = "";

    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        if (strcmp(verb_word(a, v, 0), first) == 0) {
            list = arena_printf(a, "%s%s%s", list, *list ? ", " : "", verb_word(a, v, 1));
        }
    }
    return list;
}

static void
verbs(struct words *w)
{
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        const char *first = verb_word(w->c->a, v, 0), *second = verb_word(w->c->a, v, 1);
        if (v->flags & VERB_HIDDEN) {
            continue;
        }
        if (w->spot->first == NULL) {
            word(w, first, second == NULL ? i18n(v->help) : seconds(w->c->a, first));
        } else if (second != NULL && strcmp(w->spot->first, first) == 0) {
            word(w, second, i18n(v->help));
        }
    }
}

static void
options(struct words *w)
{
    const struct opt *lists[2] = {w->spot->verb != NULL ? w->spot->verb->opts : NULL, opts_global};

    for (size_t i = 0; i < 2; i++) {
        for (const struct opt *o = lists[i]; o != NULL && o->name != NULL; o++) {
            word(w, arena_printf(w->c->a, "--%s", o->name), i18n(o->help));
        }
    }
}

static void
files(struct words *w)
{
    fputs("@files\n", w->c->s->out);
}

static void
shells(struct words *w)
{
    choices(w, "bash|zsh|fish", "");
}

static void
settings(struct words *w)
{
    choices(w, "urgent|high|normal|low", "priority=");
    choices(w, "due=|requester=|tags=", "");
}

static void
saved(struct words *w, const char *before)
{
    const char *text, *name, *line;
    struct err e;

    if (filters_read(w->c->a, &text, &e)) {
        for (size_t i = 0; (line = filters_nth(w->c->a, text, i, &name)) != NULL; i++) {
            word(w, arena_printf(w->c->a, "%s%s", before, name), line);
        }
    }
}

static void
filters(struct words *w)
{
    saved(w, "");
}

static void
list_words(struct words *w)
{
    saved(w, "@");
}

static void
drafts(struct words *w)
{
    const char *const *names;
    size_t n = draft_names(w->c->a, &names);

    for (size_t i = 0; i < n; i++) {
        word(w, names[i], NULL);
    }
}

/* What can stand at an argument or as an option's value, by its name in the pattern or the option. */
static void
named(struct words *w, const char *name)
{
    static const struct {
        const char *name;
        void (*words)(struct words *w);
    } kinds[] = {
        {"N",         tickets   },
        {"M",         tickets   },
        {"DEPT",      queues    },
        {"QUEUE",     queues    },
        {"AGENT",     people    },
        {"NAME",      people    },
        {"PERSON",    people    },
        {"CALENDAR",  calendars },
        {"GROUP",     groups    },
        {"TOKEN",     tokens    },
        {"VERB",      verbs     },
        {"FILE",      files     },
        {"SHELL",     shells    },
        {"DRAFT",     drafts    },
        {"FILTER",    filters   },
        {"WORDS",     list_words},
        {"KEY=VALUE", settings  },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            kinds[i].words(w);
        }
    }
}

bool
run_complete(struct ctx *c, struct err *e)
{
    const char *const *given = c->args->rest;
    static const char *const nothing[] = {""};
    size_t n = 0;
    struct spot spot;
    struct words w = {.c = c, .spot = &spot};

    (void)e;
    while (given != NULL && given[n] != NULL) {
        n++;
    }
    spot = complete_spot(c->a, cli_verbs, n > 0 ? given : nothing, n > 0 ? n : 1);
    switch (spot.kind) {
    case SPOT_VERB:
        verbs(&w);
        break;
    case SPOT_OPTION:
        options(&w);
        break;
    case SPOT_VALUE:
        if (spot.opt->kind == OPT_CHOICE || spot.opt->kind == OPT_CHOICES) {
            choices(&w, spot.opt->arg, "");
        } else {
            named(&w, spot.opt->arg);
        }
        break;
    case SPOT_ARG:
        for (size_t i = 0; i < spot.nnames; i++) {
            named(&w, spot.names[i]);
        }
        break;
    case SPOT_NOTHING:
        break;
    }
    return true;
}

/* ---- the scripts ---- */

static const struct {
    const char *shell, *script;
} scripts[] = {
    {"bash",
     "# bash completion of turno(1), printed by `turno completion bash`\n"
     "_turno() {\n"
     "    local word cut='' w\n"
     "    local -a words=()\n"
     "    for w in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do # bash cuts words at `=` and behind `@`\n"
     "        if [[ ${#words[@]} -gt 0 && ($w == = || ${words[-1]} == ?*= || ${words[-1]} == @) ]]; then "
     "words[-1]+=$w; else "
     "words+=(\"$w\"); fi\n"
     "    done\n"
     "    [[ ${words[-1]} != *=* ]] || cut=${words[-1]%%=*}=\n"
     "    COMPREPLY=()\n"
     "    while IFS=$'\\t' read -r word _; do\n"
     "        case $word in\n"
     "        @files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"${words[-1]#\"$cut\"}\") ;;\n"
     "        *=) compopt -o nospace; COMPREPLY+=(\"$word\") ;;\n"
     "        *) COMPREPLY+=(\"${word#\"$cut\"}\") ;;\n"
     "        esac\n"
     "    done < <(turno complete -- \"${words[@]}\" 2>/dev/null </dev/null)\n"
     "}\n"
     "complete -F _turno turno\n"                                           },
    {"zsh",  "#compdef turno\n"
            "# zsh completion of turno(1), printed by `turno completion zsh`\n"
            "_turno() {\n"
            "    local line word\n"
            "    local -a said open\n"
            "    while IFS= read -r line; do\n"
            "        word=${line%%$'\\t'*}\n"
            "        case $word in\n"
            "        @files) _files; return ;;\n"
            "        *=) open+=($word) ;;\n"
            "        *) said+=(\"${word//:/\\\\:}${${line#$word}/#$'\\t'/:}\") ;;\n"
            "        esac\n"
            "    done < <(turno complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null </dev/null)\n"
            "    _describe turno said\n"
            "    (( ! $#open )) || compadd -S '' -- $open\n"
            "}\n"
            "compdef _turno turno\n"                             },
    {"fish", "# fish completion of turno(1), printed by `turno completion fish`\n"
             "function __turno_complete\n"
             "    set -l words (commandline -opc) (commandline -ct)\n"
             "    for line in (turno complete -- $words[2..-1] 2>/dev/null </dev/null)\n"
             "        if test \"$line\" = @files\n"
             "            __fish_complete_path (commandline -ct)\n"
             "        else\n"
             "            echo $line\n"
             "        end\n"
             "    end\n"
             "end\n"
             "complete -c turno -f -k -a '(__turno_complete)'\n"},
};

bool
run_completion(struct ctx *c, struct err *e)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        if (strcmp(args_text(c->args, "SHELL"), scripts[i].shell) == 0) {
            fputs(scripts[i].script, c->s->out);
            return true;
        }
    }
    return err_set(e, ERR_USAGE, "completion is made for bash, zsh and fish");
}
