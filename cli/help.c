/* SPDX-License-Identifier: MIT */
/*
 * Help, usage and completion, all made from the verb table. The bash script carries verbs and options as data; words that
 * only the desk knows (tickets in hand, queues) it asks for by the hidden verb `complete`.
 */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/version.h"

static const char *const hat_names[HAT_COUNT] = {"For everyone", "For agents", "For leads", "For administrators"};

/* The verb's own words: "desk check". */
static const char *
verb_name_of(struct arena *a, const struct cli_verb *v)
{
    size_t n = 0, words = pattern_words(v->pattern);

    for (size_t i = 0; i < words; i++) {
        n += strcspn(v->pattern + n, " ");
        n += i + 1 < words;
    }
    return arena_strndup(a, v->pattern, n);
}

static void
wrapped(struct ctx *c, const char *s, const char *indent)
{
    int width = c->s->tty && c->s->width < 80 ? c->s->width : 80;
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, s, indent, width);
    fputs(sb.p, c->s->out);
    strbuf_release(&sb);
}

/* `left`, and beside it from column `at` on the wrapped text; below it where left is too long. */
static void
two_columns(struct ctx *c, const char *left, int at, const char *right)
{
    const char *margin = arena_printf(c->a, "%*s", at, "");
    int used = text_width(left);
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, right, margin, c->s->tty && c->s->width > at + 24 ? c->s->width : at + 80);
    if (used < at) {
        fprintf(c->s->out, "%s%*s%s", left, at - used, "", sb.p + at);
    } else {
        fprintf(c->s->out, "%s\n%s", left, sb.p);
    }
    strbuf_release(&sb);
}

static void
print_options(struct ctx *c, const struct opt *opts)
{
    for (const struct opt *o = opts; o && o->name; o++) {
        bool choice = o->kind == OPT_CHOICE || o->kind == OPT_CHOICES;
        const char *value = !o->arg  ? ""
                            : choice ? arena_printf(c->a, " {%s}%s", o->arg, o->kind == OPT_CHOICES ? "," : "")
                                     : arena_printf(c->a, o->maybe ? " [%s]" : " %s", o->arg);
        two_columns(c,
                    o->letter ? arena_printf(c->a, "  -%c, --%s%s", o->letter, o->name, value)
                              : arena_printf(c->a, "      --%s%s", o->name, value),
                    28, o->help);
    }
}

void
help_verb(struct ctx *c, const struct cli_verb *v)
{
    FILE *out = c->s->out;

    fprintf(out, "usage: turno %s%s\n\n", v->pattern, v->opts ? " [OPTIONS]" : "");
    wrapped(c,
            arena_printf(c->a, "%c%s.%s%s", v->help[0] - ('a' <= v->help[0] && v->help[0] <= 'z' ? 32 : 0), v->help + 1,
                         v->more ? " " : "", v->more ? v->more : ""),
            "");
    fputs("\nOptions:\n", out);
    print_options(c, v->opts);
    print_options(c, opts_global);
    fputs("\nExamples:\n", out);
    for (const char *p = v->example; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL) {
        fprintf(out, "  %.*s\n", (int)strcspn(p, "\n"), p);
    }
}

static void
help_all(struct ctx *c)
{
    FILE *out = c->s->out;

    fputs("usage: turno [VERB] [ARGUMENTS] [OPTIONS]\n\n", out);
    wrapped(c,
            "turno alone says who you are and what you can do now. N, a ticket number, may be left out for the ticket "
            "in hand. Verbs and options may be abbreviated.",
            "");
    for (int hat = 0; hat < HAT_COUNT; hat++) {
        fprintf(out, "\n%s%s%s\n", screen_style(c->s, STYLE_BOLD), hat_names[hat], screen_plain(c->s));
        for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
            if ((int)v->hat == hat && (v->flags & VERB_HIDDEN) == 0) {
                two_columns(c, arena_printf(c->a, "  %s", v->pattern), 29, v->help);
            }
        }
    }
    fputs("\nturno help VERB tells more about one of them, man turno about all.\n", out);
}

bool
run_help(struct ctx *c, struct err *e)
{
    const struct cli_verb *match[16];
    const char *const *words = c->args->rest;
    size_t nwords = 0, n;

    while (words && words[nwords]) {
        nwords++;
    }
    if (nwords == 0) {
        help_all(c);
        return true;
    }
    n = args_match(cli_verbs, words, nwords > 2 ? 2 : nwords, match, 16);
    if (n == 0) {
        return err_set(e, ERR_USAGE, "no verb '%.60s': turno help lists them", args_text(c->args, "VERB"));
    }
    for (size_t i = 0; i < n && i < 16; i++) {
        if (i > 0) {
            fputs("\n\n", c->s->out);
        }
        help_verb(c, match[i]);
    }
    return true;
}

bool
run_version(struct ctx *c, struct err *e)
{
    (void)e;
    if (c->json) {
        fputs("{\"version\":\"" TURNO_VERSION "\"}\n", c->s->out);
    } else {
        fputs("turno " TURNO_VERSION "\n", c->s->out);
    }
    return true;
}

/* ---- completion ---- */

/* What can stand at an argument, by its name in a pattern or option: a KIND of `turno complete`, or "". */
static const char *
kind_of(const char *word)
{
    static const struct {
        const char *word, *kind;
    } kinds[] = {
        {"N",        "tickets"  },
        {"M",        "tickets"  },
        {"DEPT",     "queues"   },
        {"QUEUE",    "queues"   },
        {"CALENDAR", "calendars"},
        {"VERB",     "verbs"    },
        {"FILE",     "files"    },
        {"SHELL",    "bash"     },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(word, kinds[i].word) == 0) {
            return kinds[i].kind;
        }
    }
    return "";
}

/* A line of the script's table: verb, then its options (each with "=KIND" or "=a|b" behind it when it takes a value), then
 * the kinds of its arguments as "@KIND". */
static void
completion_row(struct ctx *c, const struct cli_verb *v)
{
    const struct opt *lists[2] = {v->opts, opts_global};
    size_t nw = pattern_words(v->pattern);
    bool optional, rest;
    char word[32];

    fprintf(c->s->out, "'%s:", verb_name_of(c->a, v));
    for (size_t i = 0; i < 2; i++) {
        for (const struct opt *o = lists[i]; o && o->name; o++) {
            bool choice = o->kind == OPT_CHOICE || o->kind == OPT_CHOICES;
            fprintf(c->s->out, " --%s", o->name);
            if (o->kind != OPT_FLAG) {
                fprintf(c->s->out, "=%s", choice ? o->arg : kind_of(o->arg));
            }
        }
    }
    for (size_t i = nw; pattern_word(v->pattern, i, word, &optional, &rest); i++) {
        const char *kind = kind_of(word);
        fprintf(c->s->out, "%s%s", *kind ? " @" : "", kind);
    }
    fputs("'\n", c->s->out);
}

static const char bash_head[] = "# bash completion of turno(1), printed by `turno completion bash`\n"
                                "_turno_table=(\n";
static const char bash_tail[] =
    ")\n"
    "_turno_words() { # KIND\n"
    "    case $1 in\n"
    "    '') ;;\n"
    "    files) COMPREPLY+=($(compgen -f -- \"$cur\")) ;;\n"
    "    verbs) local r; for r in \"${_turno_table[@]}\"; do COMPREPLY+=($(compgen -W \"${r%%:*}\" -- \"$cur\")); done "
    ";;\n"
    "    tickets|queues|calendars) COMPREPLY+=($(compgen -W \"$(turno complete \"$1\" 2>/dev/null </dev/null)\" -- "
    "\"$cur\")) "
    ";;\n"
    "    *) COMPREPLY+=($(compgen -W \"${1//|/ }\" -- \"$cur\")) ;;\n"
    "    esac\n"
    "}\n"
    "_turno() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= row= r w i\n"
    "    local -a words=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        w=${COMP_WORDS[i]}\n"
    "        [[ $w == -* ]] || words+=(\"$w\")\n"
    "    done\n"
    "    for r in \"${_turno_table[@]}\"; do\n"
    "        verb=${r%%:*}\n"
    "        if [[ $verb == \"${words[0]}\" || $verb == \"${words[0]} ${words[1]}\" ]]; then row=$r; break; fi\n"
    "    done\n"
    "    if [[ -z $row ]]; then\n"
    "        for r in \"${_turno_table[@]}\"; do\n"
    "            verb=${r%%:*}\n"
    "            if ((${#words[@]} == 0)); then w=${verb%% *}\n"
    "            elif [[ $verb == \"${words[0]} \"* ]]; then w=${verb#* }\n"
    "            else continue; fi\n"
    "            [[ \" ${COMPREPLY[*]} \" == *\" $w \"* ]] || COMPREPLY+=($(compgen -W \"$w\" -- \"$cur\"))\n"
    "        done\n"
    "        return\n"
    "    fi\n"
    "    for w in ${row#*:}; do\n"
    "        if [[ $w == \"$prev=\"* ]]; then _turno_words \"${w#*=}\"; return; fi\n"
    "    done\n"
    "    for w in ${row#*:}; do\n"
    "        case $w in\n"
    "        --*) [[ $cur == -* ]] && COMPREPLY+=($(compgen -W \"${w%%=*}\" -- \"$cur\")) ;;\n"
    "        @*) [[ $cur == -* ]] || _turno_words \"${w#@}\" ;;\n"
    "        esac\n"
    "    done\n"
    "}\n"
    "complete -F _turno turno\n";

bool
run_completion(struct ctx *c, struct err *e)
{
    if (strcmp(args_text(c->args, "SHELL"), "bash") != 0) {
        return err_set(e, ERR_USAGE, "completion is made for bash only: turno completion bash");
    }
    fputs(bash_head, c->s->out);
    for (const struct cli_verb *v = cli_verbs; v->pattern; v++) {
        if ((v->flags & VERB_HIDDEN) == 0) {
            completion_row(c, v);
        }
    }
    fputs(bash_tail, c->s->out);
    return true;
}

static void
print_members(struct ctx *c, const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_object_get(json_array_get(list, i), name);
        if (json_is_integer(v)) {
            fprintf(c->s->out, "%lld\n", (long long)json_integer_value(v));
        } else if (json_is_string(v)) {
            fprintf(c->s->out, "%s\n", text_field(c->a, json_string_value(v)));
        }
    }
}

bool
run_complete(struct ctx *c, struct err *e)
{
    const char *kind = args_text(c->args, "KIND");
    struct reply r;

    if (strcmp(kind, "tickets") == 0) {
        if (!client_get(c->client, "/v1/whoami", &r, e)) {
            return false;
        }
        print_members(c, jlist(r.doc, "holding"), "ticket");
        if (!client_get(c->client, "/v1/tickets?asked=1&limit=50", &r, e)) {
            return false;
        }
        print_members(c, jlist(r.doc, "tickets"), "ticket");
        return true;
    }
    if (strcmp(kind, "queues") == 0) {
        if (!client_get(c->client, "/v1/queues", &r, e)) {
            return false;
        }
        print_members(c, jlist(r.doc, "queues"), "queue");
        return true;
    }
    if (strcmp(kind, "calendars") == 0) {
        if (!client_get(c->client, "/v1/desk/calendars", &r, e)) {
            return false;
        }
        print_members(c, jlist(r.doc, "calendars"), "calendar");
        return true;
    }
    return err_set(e, ERR_USAGE, "tickets, queues or calendars");
}
