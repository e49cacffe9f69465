/* SPDX-License-Identifier: MIT */
/*
 * Build-time program: prints common/transition.def for those who cannot read C.
 *
 *   transition_print sql    replaces the rows of the tables `verb` and `transition` (part of the embedded schema)
 *   transition_print md     the table of states and verbs for README.md
 *   transition_print mdoc   the same for turno(1)
 *
 * In the documents, rows of one verb that differ only in the state they start from are one line.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

/* A row of the table as it is written. Words stay words here: `CUSTOMER` is a role in one column and a park reason in
 * another, and masks are spelled `HOLDER|LEAD`. */
struct row {
    const char *from, *why, *verb, *to, *who, *epoch, *key, *agent, *park, *blocked, *text, *outcome, *check;
};

static const struct row rows[] = {
#define ROW(from, why, verb, to, who, epoch, key, agent, park, blocked, text, outcome, check)                          \
    {#from, #why, #verb, #to, #who, #epoch, #key, #agent, #park, #blocked, #text, #outcome, #check},
#include "common/transition.def"
};

struct word {
    const char *id;
    int number;
    const char *name;
};

/* clang-format off */
#define X(id, number, name) {#id, number, name},
static const struct word states[]   = {STATE_TABLE(X) {"SAME", 0, "same"}, {0}};
static const struct word parks[]    = {PARK_TABLE(X) {"NONE", 0, "-"}, {"ANY", 0, "any"}, {0}};
static const struct word outcomes[] = {OUTCOME_TABLE(X) {"NONE", 0, "-"}, {0}};
static const struct word roles[]    = {ROLE_TABLE(X) {0}};
#undef X
static const struct word checks[]   = {{"NONE", 0, ""}, {"NEWS", 1, "news"}, {"ASKED", 2, "asked"}, {"FREE", 4, "free"}, {0}};
/* clang-format on */

struct verb_word {
    const char *id;
    int number;
    const char *name;
    const char *help;
};
static const struct verb_word verbs[] = {
#define VERB(id, number, name, event, help) {#id, number, name, help},
#include "common/transition.def"
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
die(const char *what, const char *word)
{
    fprintf(stderr, "common/transition.def: %s '%s' is unknown\n", what, word);
    exit(1);
}

static const struct word *
find(const struct word *table, const char *what, const char *id, size_t len)
{
    for (const struct word *w = table; w->id; w++) {
        if (strlen(w->id) == len && strncmp(w->id, id, len) == 0) {
            return w;
        }
    }
    die(what, id);
    return NULL;
}

static int
number_of(const struct word *table, const char *what, const char *id)
{
    return find(table, what, id, strlen(id))->number;
}

static const char *
name_of(const struct word *table, const char *what, const char *id)
{
    return find(table, what, id, strlen(id))->name;
}

/* "HOLDER|LEAD" (blanks allowed) as a mask; when `names` is given, their names are printed to it, with commas. */
static int
mask_of(const struct word *table, const char *what, const char *ids, FILE *names)
{
    int mask = 0;

    for (const char *p = ids; *p;) {
        size_t len = strcspn(p, " |");
        if (len > 0) {
            const struct word *w = find(table, what, p, len);
            if (names && w->number) {
                fprintf(names, "%s%s", mask ? ", " : "", w->name);
            }
            mask |= w->number;
        }
        p += len;
        p += strspn(p, " |");
    }
    return mask;
}

static const struct verb_word *
verb_of(const char *id)
{
    for (size_t i = 0; i < COUNT(verbs); i++) {
        if (strcmp(verbs[i].id, id) == 0) {
            return &verbs[i];
        }
    }
    die("verb", id);
    return NULL;
}

static void
one_of(const char *what, const char *word, const char *allowed)
{
    size_t len = strlen(word);
    for (const char *p = allowed; *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && strncmp(p, word, n) == 0) {
            return;
        }
        p += n;
        p += strspn(p, " ");
    }
    die(what, word);
}

static void
check_words(const struct row *r)
{
    one_of("epoch", r->epoch, "EPOCH NO_EPOCH");
    one_of("key rule", r->key, "KEEP SAVE RESUME TRANSFER REOPEN PRIORITY DUE PLACE");
    one_of("agent rule", r->agent, "KEEP CLEAR ACTOR NAMED");
    one_of("effect on blocked", r->blocked, "NONE ENDS BEGINS");
    one_of("text rule", r->text, "NONE NOTE PUBLIC NOTE_MAY PUBLIC_MAY");
}

static void
print_sql(void)
{
    printf("-- The life of a ticket: printed from common/transition.def, not written by hand.\n");
    printf("delete from transition;\ndelete from verb;\n");
    printf("insert into verb (verb, name, help) values\n");
    for (size_t i = 0; i < COUNT(verbs); i++) {
        printf("    (%d, '%s', '", verbs[i].number, verbs[i].name);
        for (const char *p = verbs[i].help; *p; p++) {
            printf(*p == '\'' ? "''" : "%c", *p);
        }
        printf("')%s\n", i + 1 < COUNT(verbs) ? "," : ";");
    }
    printf("insert into transition (from_state, why, verb, to_state, who, needs_epoch, key_rule, agent_rule, park,\n"
           "    blocked, message, outcome, check_news, check_asked, check_free) values\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        int checked = mask_of(checks, "check", r->check, NULL);
        printf("    (%d, %d, %d, %d, %d, %s, '%s', '%s', %d, '%s', '%s', %d, %s, %s, %s)%s\n",
               number_of(states, "state", r->from), number_of(parks, "park reason", r->why), verb_of(r->verb)->number,
               number_of(states, "state", r->to), mask_of(roles, "role", r->who, NULL),
               strcmp(r->epoch, "EPOCH") == 0 ? "true" : "false", r->key, r->agent,
               number_of(parks, "park reason", r->park), r->blocked, r->text,
               number_of(outcomes, "outcome", r->outcome), checked & 1 ? "true" : "false",
               checked & 2 ? "true" : "false", checked & 4 ? "true" : "false", i + 1 < COUNT(rows) ? "," : ";");
    }
}

/* ---- documents ---------------------------------------------------------------------------------------------------- */

static bool
same_but_from(const struct row *a, const struct row *b)
{
    return !strcmp(a->verb, b->verb) && !strcmp(a->to, b->to) && !strcmp(a->who, b->who) &&
           !strcmp(a->epoch, b->epoch) && !strcmp(a->park, b->park) && !strcmp(a->text, b->text) &&
           !strcmp(a->outcome, b->outcome) && !strcmp(a->check, b->check);
}

static void
print_from(const struct row *r)
{
    fputs(name_of(states, "state", r->from), stdout);
    if (strcmp(r->why, "ANY") != 0) {
        printf(" (%s)", name_of(parks, "park reason", r->why));
    }
}

static void
print_to(const struct row *r)
{
    fputs(name_of(states, "state", r->to), stdout);
    if (strcmp(r->park, "NONE") != 0) {
        printf(" (%s)", name_of(parks, "park reason", r->park));
    }
    if (strcmp(r->outcome, "NONE") != 0) {
        printf(" (%s)", name_of(outcomes, "outcome", r->outcome));
    }
}

static const char *
text_of(const struct row *r)
{
    return !strcmp(r->text, "NOTE")         ? "note"
           : !strcmp(r->text, "PUBLIC")     ? "public"
           : !strcmp(r->text, "NOTE_MAY")   ? "note, may"
           : !strcmp(r->text, "PUBLIC_MAY") ? "public, may"
                                            : "-";
}

/* What is looked at before: the epoch of the hold and the checks. */
static void
print_needs(const struct row *r)
{
    bool epoch = strcmp(r->epoch, "EPOCH") == 0;
    bool more = strcmp(r->check, "NONE") != 0;

    fputs(epoch ? (more ? "epoch, " : "epoch") : (more ? "" : "-"), stdout);
    (void)mask_of(checks, "check", r->check, stdout);
}

struct style {
    const char *head, *row, *verb_end, *cell, *end, *tail;
};

static void
print_document(const struct style *st)
{
    bool done[COUNT(rows)] = {false};

    fputs(st->head, stdout);
    for (size_t v = 0; v < COUNT(verbs); v++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            const struct row *r = &rows[i];
            if (done[i] || strcmp(r->verb, verbs[v].id) != 0) {
                continue;
            }
            printf("%s%s%s%s", st->row, verbs[v].name, st->verb_end, st->cell);
            print_from(r);
            for (size_t j = i + 1; j < COUNT(rows); j++) {
                if (!done[j] && same_but_from(r, &rows[j])) {
                    done[j] = true;
                    fputs(", ", stdout);
                    print_from(&rows[j]);
                }
            }
            fputs(st->cell, stdout);
            print_to(r);
            fputs(st->cell, stdout);
            (void)mask_of(roles, "role", r->who, stdout);
            printf("%s%s%s", st->cell, text_of(r), st->cell);
            print_needs(r);
            fputs(st->end, stdout);
        }
    }
    fputs(st->tail, stdout);
}

int
main(int argc, char **argv)
{
    /* clang-format off */
    static const struct style md = {
        "| verb | from | to | who | text | needs |\n|---|---|---|---|---|---|\n", "| `", "`", " | ", " |\n", ""};
    static const struct style mdoc = {
        ".Bl -column \"park-customer\" \"queued, parked\" \"closed (duplicate)\" \"holder, lead\" \"public, may\" "
        "\"epoch, news\" -compact\n.It Sy verb Ta Sy from Ta Sy to Ta Sy who Ta Sy text Ta Sy needs\n",
        ".It Cm ", "", " Ta ", "\n", ".El\n"};
    /* clang-format on */

    for (size_t i = 0; i < COUNT(rows); i++) {
        check_words(&rows[i]);
    }
    if (argc == 2 && strcmp(argv[1], "sql") == 0) {
        print_sql();
    } else if (argc == 2 && strcmp(argv[1], "md") == 0) {
        print_document(&md);
    } else if (argc == 2 && strcmp(argv[1], "mdoc") == 0) {
        print_document(&mdoc);
    } else {
        fprintf(stderr, "usage: transition_print sql | md | mdoc\n");
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("transition_print");
        return 1;
    }
    return 0;
}
