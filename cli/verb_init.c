/* SPDX-License-Identifier: MIT */
/*
 * desk init: a desk file for this machine, from a few questions or from options. What it writes is a beginning to be
 * edited, with comments, that works as it is. Nothing is asked where nobody can answer, nothing is overwritten unasked.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/editor.h"
#include "cli/filing.h"
#include "cli/machine.h"
#include "cli/prompt.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"
#include "common/strbuf.h"

#define DEFAULT_FILE  "/etc/turno/desk.conf"
#define DEFAULT_HOURS "mon-fri 09:00-17:00"
#define OTHERS        "everybody"
#define ADMINS        "turno-admin"
#define NONE          "none" /* the option's word */
#define DEPTS_MAX     60
#define NAME_MAX_     31

struct plan {
    struct dept {
        struct machine_group group;
        const char *name, *title, *leads; /* leads: a group, or NULL */
    } dept[DEPTS_MAX];
    size_t n;
    const char *queue, *zone, *hours; /* hours "none": round the clock */
    const char *admin;                /* a group, or NULL */
    bool others;                      /* everybody on this machine may ask */
};

/* ---- departments ---- */

/* A group's name as a department's: a letter, then letters, digits, - and _. */
static const char *
name_of(struct ctx *c, const char *group)
{
    char name[NAME_MAX_ + 1];
    size_t n = 0;

    for (; *group && n < NAME_MAX_ - 5; group++) {
        int ch = tolower((unsigned char)*group);
        if (n == 0 && !(ch >= 'a' && ch <= 'z')) {
            name[n++] = 'g';
        }
        name[n++] = (char)((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '_' ? ch : '-');
    }
    name[n] = '\0';
    /* names of people are taken */
    return arena_printf(c->a, "%s%s", name, machine_has_user(name) || strcmp(name, OTHERS) == 0 ? "-desk" : "");
}

static const char *
title_of(struct ctx *c, const char *group)
{
    char *title = arena_strdup(c->a, group);

    title[0] = (char)toupper((unsigned char)title[0]);
    for (char *p = title; *p; p++) {
        *p = *p == '-' || *p == '_' ? ' ' : *p;
    }
    return title;
}

static bool
has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);

    return n > k && strcmp(s + n - k, suffix) == 0;
}

/* Of leads, or of those who administer: no department of its own, unless it is named. */
static bool
is_hat(const char *group)
{
    return has_suffix(group, "-leads") || has_suffix(group, "-lead") || strcmp(group, ADMINS) == 0;
}

static bool
add_dept(struct ctx *c, struct plan *p, const char *group, struct err *e)
{
    static const char *const suffixes[] = {"leads", "lead"};
    struct machine_group leads;
    struct dept *d;

    if (p->n == DEPTS_MAX) {
        return err_field(e, ERR_USAGE, "group", "more than %d departments: name the most important with --group",
                         DEPTS_MAX);
    }
    d = &p->dept[p->n];
    if (!machine_group(c->a, group, &d->group) || strpbrk(group, "\"\\")) {
        return err_field(e, ERR_USAGE, "group", "this machine has no Unix group '%.60s': getent group lists them",
                         group);
    }
    d->name = name_of(c, group);
    d->title = title_of(c, group);
    d->leads = NULL;
    for (size_t i = 0; i < 2 && !d->leads; i++) {
        d->leads = machine_group(c->a, arena_printf(c->a, "%s-%s", group, suffixes[i]), &leads) ? leads.name : NULL;
    }
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->dept[i].name, d->name) == 0) {
            return strcmp(p->dept[i].group.name, group) == 0 ||
                   err_field(e, ERR_USAGE, "group", "groups '%.60s' and '%.60s' would be one department",
                             p->dept[i].group.name, group);
        }
    }
    p->n++;
    return true;
}

/* "1 3 warehouse", "all": numbers of the list, or names. */
static bool
add_depts(struct ctx *c, struct plan *p, const char *words, const struct machine_group *list, size_t n, struct err *e)
{
    char *copy = arena_strdup(c->a, words), *save = NULL;
    int64_t i;

    p->n = 0;
    for (char *w = strtok_r(copy, " ,", &save); w; w = strtok_r(NULL, " ,", &save)) {
        if (list && (strcmp(w, "all") == 0 || strcmp(w, _("all")) == 0)) {
            for (size_t k = 0; k < n; k++) {
                if (!is_hat(list[k].name) && !add_dept(c, p, list[k].name, e)) {
                    return false;
                }
            }
        } else if (!add_dept(c, p, list && parse_i64(w, 1, (int64_t)n, &i) ? list[i - 1].name : w, e)) {
            return false;
        }
    }
    return p->n > 0 || err_field(e, ERR_USAGE, "group", "a desk needs a department: name a Unix group");
}

/* ---- the other answers ---- */

static bool
set_queue(struct ctx *c, struct plan *p, const char *s, struct err *e)
{
    (void)c;
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->dept[i].name, s) == 0 || strcmp(p->dept[i].group.name, s) == 0) {
            p->queue = p->dept[i].name;
            return true;
        }
    }
    return err_field(e, ERR_USAGE, "queue", "'%.60s' is none of the departments", s);
}

static bool
set_zone(struct ctx *c, struct plan *p, const char *s, struct err *e)
{
    if (strpbrk(s, "\"\\ ") || !machine_has_zone(c->a, s)) {
        return err_field(e, ERR_USAGE, "zone", "'%.60s' is no time zone: they are called like Europe/Madrid", s);
    }
    p->zone = s;
    return true;
}

/* "09:30" as minutes; -1: it is no such thing. */
static int
minutes_of(const char *s)
{
    int h, m;

    if (strspn(s, "0123456789") != 2 || s[2] != ':' || strspn(s + 3, "0123456789") != 2) {
        return -1;
    }
    h = (s[0] - '0') * 10 + s[1] - '0';
    m = (s[3] - '0') * 10 + s[4] - '0';
    return m > 59 ? -1 : h * 60 + m;
}

/* "mon-fri 09:00-14:00 15:30-18:00"; what it means in full the daemon checks. */
static bool
is_hours(const char *s)
{
    size_t days = strspn(s, "abcdefghijklmnopqrstuvwxyz,-");

    if (days < 3 || s[days] != ' ') {
        return false;
    }
    for (s += days; *s; s += strlen(" 09:00-14:00")) {
        int from = *s == ' ' ? minutes_of(s + 1) : -1, to = from >= 0 && s[6] == '-' ? minutes_of(s + 7) : -1;
        if (to <= from || to > 24 * 60) {
            return false;
        }
    }
    return true;
}

/* In the reader's language, too. */
static bool
is_none(const char *s)
{
    return strcmp(s, NONE) == 0 || strcmp(s, _("none")) == 0;
}

static bool
set_hours(struct ctx *c, struct plan *p, const char *s, struct err *e)
{
    (void)c;
    if (!is_none(s) && !is_hours(s)) {
        return err_field(e, ERR_USAGE, "hours", "'%.60s' are no hours: %s, or none for round the clock", s,
                         DEFAULT_HOURS);
    }
    p->hours = is_none(s) ? NONE : s;
    return true;
}

static bool
set_admin(struct ctx *c, struct plan *p, const char *s, struct err *e)
{
    struct machine_group g;

    p->admin = NULL;
    if (is_none(s)) {
        return true;
    }
    if (!machine_group(c->a, s, &g) || strpbrk(s, "\"\\")) {
        return err_field(e, ERR_USAGE, "admin", "this machine has no Unix group '%.60s' (none: root alone administers)",
                         s);
    }
    p->admin = g.name;
    return true;
}

/* Who may become root by sudo anyway. */
static const char *
default_admin(struct ctx *c)
{
    static const char *const groups[] = {ADMINS, "sudo", "wheel"};
    struct machine_group g;

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (machine_group(c->a, groups[i], &g) && g.npeople > 0) {
            return g.name;
        }
    }
    return NONE;
}

/* ---- asking ---- */

struct question {
    const char *option, *text;
    bool (*set)(struct ctx *c, struct plan *p, const char *s, struct err *e);
};

/* From the option, else by asking until the answer is good, else the default. */
static bool
settle(struct ctx *c, struct plan *p, bool ask, const struct question *q, const char *def, struct err *e)
{
    const char *given = args_opt(c->args, q->option);

    if (given || !ask) {
        return q->set(c, p, given ? given : def, e);
    }
    for (;;) {
        const char *answer = prompt_line(c, i18n(q->text), strcmp(def, NONE) == 0 ? _("none") : def);
        if (!answer) {
            return err_set(e, ERR_USAGE, "no answer: nothing was written");
        }
        if (q->set(c, p, answer, e)) {
            return true;
        }
        fprintf(c->s->chat, "%s\n", text_line(c->a, e->msg));
    }
}

static void
show_groups(struct ctx *c, const struct machine_group *list, size_t n)
{
    fprintf(c->s->chat,
            n > 0 ? _("Unix groups of this machine with people in them:\n")
                  : _("No Unix group with people in it was found. One is made by: groupadd sales; usermod -aG "
                      "sales ana\n"));
    for (size_t i = 0; i < n; i++) {
        fprintf(c->s->chat, "%4zu  %-16s %s%s\n", i + 1, text_line(c->a, list[i].name), text_line(c->a, list[i].people),
                is_hat(list[i].name) ? _("  (not with \"all\")") : "");
    }
}

static bool
settle_depts(struct ctx *c, struct plan *p, bool ask, struct err *e)
{
    size_t n;
    const struct machine_group *list = machine_groups(c->a, &n);
    const char *words = "";

    for (size_t i = 0; args_nth(c->args, "group", i); i++) {
        words = arena_printf(c->a, "%s %s", words, args_nth(c->args, "group", i));
    }
    if (*words) {
        return add_depts(c, p, words, NULL, 0, e);
    }
    if (!ask && n == 0) {
        return err_field(e, ERR_USAGE, "group",
                         "no Unix group with people in it was found: name one with --group NAME");
    }
    if (!ask) {
        return add_depts(c, p, "all", list, n, e);
    }
    show_groups(c, list, n);
    for (;;) {
        const char *answer =
            prompt_line(c, _("Departments that serve requests, by number or name?"), n > 0 ? _("all") : NULL);
        if (!answer) {
            return err_set(e, ERR_USAGE, "no answer: nothing was written");
        }
        if (add_depts(c, p, answer, list, n, e)) {
            return true;
        }
        fprintf(c->s->chat, "%s\n", text_line(c->a, e->msg));
    }
}

static bool
settle_all(struct ctx *c, struct plan *p, bool ask, struct err *e)
{
    static const struct question questions[] = {
        {"queue", N_("Who gets requests that name no department?"),         set_queue},
        {"zone",  N_("Time zone?"),                                         set_zone },
        {"hours", N_("Working hours, or none?"),                            set_hours},
        {"admin", N_("Administrators beside root: a Unix group, or none?"), set_admin},
    };
    char key = args_has(c->args, "members-only") ? 'n' : 'y';

    if (!settle_depts(c, p, ask, e) || !settle(c, p, ask, &questions[0], p->dept[0].name, e) ||
        !settle(c, p, ask, &questions[1], machine_zone(c->a), e) ||
        !settle(c, p, ask, &questions[2], DEFAULT_HOURS, e) || !settle(c, p, ask, &questions[3], default_admin(c), e)) {
        return false;
    }
    if (ask && key == 'y') {
        key = prompt_yes_no(c, _("May everybody else on this machine ask, too (y/n)? [y]"), 'y');
    }
    p->others = key == 'y';
    return key != '\0' || err_set(e, ERR_USAGE, "no answer: nothing was written");
}

/* ---- the file ---- */

static void
write_head(struct strbuf *sb, const char *file)
{
    strbuf_addf(sb,
                "# The desk of this machine: who works where, what is promised, and where requests go. Begun by "
                "\"turno desk init\".\n"
                "# desk.conf(5) says everything about the settings.\n#\n"
                "#   turno desk check %s     all mistakes at once, with their lines\n"
                "#   turno desk diff  %s     what would change\n"
                "#   turno desk apply %s     put it in force; the former version is kept\n"
                "#   turno desk edit  %s     the three in one\n\n",
                file, file, file, file);
}

static void
write_calendar(struct strbuf *sb, const struct plan *p)
{
    if (strcmp(p->hours, NONE) == 0) {
        return;
    }
    strbuf_addf(
        sb,
        "# Working hours: what is promised is counted in them. \"turno desk calendar\" shows what was understood.\n"
        "calendars = (\n  {\n    name = \"office\";\n    zone = \"%s\";\n    week = [\"%s\"];\n"
        "    # Dates, or iCalendar files that lie beside this one.\n"
        "    #holidays = [\"2027-01-01 New Year\", \"es.ics\"];\n"
        "    #exceptions = [\"2026-12-24 09:00-12:00\", \"2026-12-31 closed\"];\n  }\n);\n\n",
        p->zone, p->hours);
}

static void
write_depts(struct strbuf *sb, const struct plan *p)
{
    strbuf_add(sb, "# Each serves requests in its queues. Who works there follows from Unix groups, or from login "
                   "names.\ndepartments = (\n");
    for (size_t i = 0; i < p->n; i++) {
        const struct dept *d = &p->dept[i];
        strbuf_addf(sb, "  {\n    name = \"%s\";\n    title = \"%s\";\n    groups = [\"%s\"];%s%s\n", d->name, d->title,
                    d->group.name, d->group.npeople > 0 ? "    # now: " : "", d->group.people);
        if (d->leads) {
            strbuf_addf(sb, "    lead_groups = [\"%s\"];\n", d->leads);
        } else if (i == 0) {
            strbuf_add(sb, "    # Leads may give, take, pass and set priorities.\n    #leads = [\"a-login-name\"];\n");
        }
        strbuf_addf(sb, "    queues = (\n      { name = \"%s\"; title = \"%s\"; }\n    );\n  }%s\n", d->name, d->title,
                    i + 1 < p->n || p->others ? "," : "");
    }
    if (p->others) {
        strbuf_addf(sb,
                    "  {\n    # Without queues it only asks.\n    name = \"" OTHERS "\";\n    title = \"%s\";\n  }\n",
                    _("Everybody else"));
    }
    strbuf_add(sb, ");\n\n");
}

static const char *
file_text(struct ctx *c, const struct plan *p, const char *file)
{
    bool clock = strcmp(p->hours, NONE) == 0; /* else a day is one of working hours */
    struct strbuf sb;
    const char *text;

    strbuf_init(&sb);
    write_head(&sb, file);
    write_calendar(&sb, p);
    write_depts(&sb, p);
    if (p->others) {
        strbuf_add(&sb,
                   "# Users in no group above. Without it they are refused.\ndefault_department = \"" OTHERS "\";\n\n");
    } else {
        strbuf_add(&sb, "# Users in no group above are refused. With a department without queues here they may ask:\n"
                        "#default_department = \"" OTHERS "\";\n\n");
    }
    strbuf_addf(&sb,
                "# Where a request goes that asks for nothing in particular and that no rule sends "
                "anywhere.\ndefault_queue = \"%s\";\n\n",
                p->queue);
    strbuf_addf(&sb, "# Unix groups that administer the desk. Root always does.\n%sadmin_groups = [\"%s\"];\n\n",
                p->admin ? "" : "#", p->admin ? p->admin : "sudo");
    strbuf_addf(&sb,
                "# What queues do not say themselves. targets is the promise: how long a request may wait for its "
                "turn.\ndefaults = {\n%s"
                "  targets = { urgent = \"1h\"; high = \"4h\"; normal = \"%s\"; low = \"%s\"; };\n"
                "  idle_limit = \"4h\";          # who holds a request and does nothing gives it back\n"
                "  auto_close = \"7d\";          # what is resolved closes\n};\n\n",
                clock ? "" : "  calendar = \"office\";\n", clock ? "1d" : "8h", clock ? "3d" : "24h");
    strbuf_addf(
        &sb,
        "# The first rule whose conditions all hold decides where a request goes. \"turno route test\" tries them.\n"
        "#rules = (\n#  { name = \"outage\"; subject = \"\\boutage\\b\"; queue = \"%s\"; priority = \"urgent\"; "
        "}\n#);\n",
        p->queue);
    text = arena_strdup(c->a, sb.p);
    strbuf_release(&sb);
    return text;
}

/* ---- what becomes of it ---- */

static bool
check_and_apply(struct ctx *c, const char *path, bool ask, struct err *e)
{
    bool apply = args_has(c->args, "apply");
    struct filing f;
    struct reply r;

    /* on a machine that is only being set up nobody answers, and nobody is waited for */
    if (!endpoint_answers(client_endpoint(c->client))) {
        fprintf(c->s->after,
                _("no daemon runs that would check it. systemctl start turnod: an empty database\n"
                  "takes %s by itself. Then: turno doctor\n"),
                DEFAULT_FILE);
        return !apply || err_set(e, ERR_UNREACHABLE, "%s was not applied: no daemon answers", path);
    }
    if (!filing_read(c, path, &f, e) || !filing_send(c, "diff", &f, &r, e)) {
        return false;
    }
    if (filing_changes(c, c->s->chat, &r) == 0) {
        fprintf(c->s->chat, _("that is what is in force already\n"));
        return true;
    }
    if (!apply && ask) {
        apply = prompt_yes_no(c, _("Apply it now (y/n)? [y]"), 'y') == 'y';
    }
    if (!apply) {
        fprintf(c->s->after, _("it is not in force yet: turno desk apply %s\n"), path);
        return true;
    }
    f.version = jint(r.doc, "version", -1);
    if (!filing_send(c, "apply", &f, &r, e)) {
        return false;
    }
    fprintf(c->s->after, _("version %lld of the desk is in force; turno doctor says whether all is well\n"),
            (long long)jint(r.doc, "version", 0));
    return true;
}

/* Told before the questions, not after them. */
static bool
can_write(struct ctx *c, const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    const char *dir = !slash ? "." : slash == path ? "/" : arena_strndup(c->a, path, (size_t)(slash - path));

    return strcmp(path, "-") == 0 || access(dir, W_OK) == 0 ||
           err_set(e, ERR_USAGE, "could not write to %.120s: %s; as root, or elsewhere: turno desk init FILE", dir,
                   strerror(errno));
}

/* What make install puts there, of which a copy lies with the documentation; or that of the source tree. */
static bool
is_sample(struct ctx *c, const char *path)
{
    static const char *const places[] = {"../share/doc/turno/desk.conf", "../../conf/desk.conf"};
    const char *text, *sample, *place;
    struct err ignored;

    if (!editor_slurp(c->a, path, FILING_MAX, &text, &ignored)) {
        return false;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        place = machine_beside(c->a, places[i]);
        if (place && editor_slurp(c->a, place, FILING_MAX, &sample, &ignored) && strcmp(text, sample) == 0) {
            return true;
        }
    }
    return false;
}

/* May what is there go? */
static bool
may_overwrite(struct ctx *c, const char *path)
{
    bool sample = is_sample(c, path);

    fprintf(c->s->chat,
            sample ? _("%s is the sample that came with turno, nobody has changed it.\n") : _("%s is there already.\n"),
            path);
    return prompt_yes_no(c,
                         sample ? _("Overwrite it, and keep it as .old (y/n)? [y]")
                                : _("Overwrite it, and keep it as .old (y/n)? [n]"),
                         sample ? 'y' : 'n') == 'y';
}

bool
run_desk_init(struct ctx *c, struct err *e)
{
    const char *path = args_text(c->args, "FILE"), *text;
    bool ask = !args_has(c->args, "yes"), is_there;
    struct plan *p = ARENA_NEW(c->a, struct plan);

    path = path ? path : DEFAULT_FILE;
    if (ask && !prompt_can(c)) {
        return err_field(
            e, ERR_USAGE, "yes",
            "no terminal to ask at: --yes takes the defaults, --group, --queue, --zone, --hours, --admin and "
            "--members-only say what else; --force overwrites");
    }
    if (!can_write(c, path, e)) {
        return false;
    }
    screen_direct(c->s);
    is_there = strcmp(path, "-") != 0 && access(path, F_OK) == 0;
    if (is_there && !args_has(c->args, "force")) {
        if (!ask) {
            return err_field(e, ERR_USAGE, "force",
                             "%.150s is there already: --force overwrites it (and keeps it as .old)", path);
        }
        if (!may_overwrite(c, path)) {
            return err_set(e, ERR_INVALID, "nothing was written; another place: turno desk init FILE");
        }
    }
    if (!settle_all(c, p, ask, e)) {
        return false;
    }
    text = file_text(c, p, strcmp(path, "-") == 0 ? DEFAULT_FILE : path);
    if (strcmp(path, "-") == 0) {
        fputs(text, c->s->out);
        return true;
    }
    if (!filing_write(c, path, text, true, e)) {
        return false;
    }
    fprintf(c->s->chat, _("%s is written\n"), path);
    return check_and_apply(c, path, ask, e);
}
