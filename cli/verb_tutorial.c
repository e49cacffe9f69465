/* SPDX-License-Identifier: MIT */
/*
 * tutorial: the life of a request, played on a practice desk. A row a step: what is told, what one could type, and how it is
 * known that it was done, which is asked of the desk. What is typed is run by this program on that desk; the customer and
 * the warehouse are played by us.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/filter.h"
#include "cli/practice.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/i18n.h"

struct lesson {
    struct ctx *c;
    struct practice desk;
    const char *name, *frontdesk, *warehouse; /* as one types them, in the reader's language */
    const char *secret;                       /* of the token that is `you` */
    struct client *you, *rosa, *marta;
    int64_t mine, hers; /* your request, and that of Rosa */
    const char *verb;   /* typed last, when it ended well */
};

static const char *
desk_file(const struct lesson *l)
{
    return arena_printf(l->c->a,
                        "departments = (\n"
                        "  { name = \"%s\"; title = \"%s\"; members = [\"%s\"];\n"
                        "    queues = ( { name = \"%s\"; title = \"%s\"; take = \"agent\"; } ); },\n"
                        "  { name = \"%s\"; title = \"%s\"; members = [\"marta\"];\n"
                        "    queues = ( { name = \"%s\"; title = \"%s\"; targets = { normal = \"4h\"; }; } ); }\n"
                        ");\n"
                        "default_queue = \"%s\";\n",
                        l->frontdesk, _("Front desk"), l->name, l->frontdesk, _("Questions of customers"), l->warehouse,
                        _("Warehouse"), l->warehouse, _("Picking"), l->frontdesk);
}

/* ---- the others ---- */

static struct client *
somebody(struct lesson *l, const char *token, struct err *e)
{
    struct endpoint *ep = ARENA_NEW(l->c->a, struct endpoint); /* lives as long as the client */

    if (!endpoint_parse(l->c->a, l->desk.url, ep, e)) {
        return NULL;
    }
    ep->token = token;
    return client_new(l->c->a, ep, l->c->s, e);
}

static const char *
make_token(struct lesson *l, struct client *admin, const char *account, const char *name, const char *scope,
           struct err *e)
{
    json_t *body = api_object(l->c);
    struct reply r;

    jset(body, "account", account);
    jset(body, account ? "name" : "person", name);
    jset(body, "scope", scope);
    jset(body, "label", "tutorial");
    return client_post(admin, "/v1/tokens", body, &r, e) ? jtext(r.doc, "secret") : NULL;
}

static bool
cast(struct lesson *l, struct err *e)
{
    struct client *admin = somebody(l, NULL, e);
    const char *rosa, *marta;

    if (!admin || !(l->secret = make_token(l, admin, NULL, l->name, "agent", e)) ||
        !(marta = make_token(l, admin, NULL, "marta", "agent", e)) ||
        !(rosa = make_token(l, admin, "Café Luna", "Rosa", "submit", e))) {
        return false;
    }
    l->you = somebody(l, l->secret, e);
    l->marta = somebody(l, marta, e);
    l->rosa = somebody(l, rosa, e);
    return l->you && l->marta && l->rosa;
}

/* The warehouse does all that waits for it. */
static bool
marta_works(struct lesson *l, struct err *e)
{
    struct reply r;

    for (;;) {
        json_t *body = api_object(l->c);
        if (!client_post(l->marta, "/v1/next", api_object(l->c), &r, e)) {
            return false;
        }
        if (!r.doc) {
            return true;
        }
        (void)json_object_set_new(body, "epoch", json_integer(jint(r.doc, "epoch", 0)));
        (void)json_object_set_new(body, "seen", json_integer(jint(r.doc, "seen", 0)));
        jset(body, "body", _("Done: it is on the ramp."));
        if (!client_post(l->marta, api_act_path(l->c, jint(r.doc, "ticket", 0), "resolve"), body, &r, e)) {
            return false;
        }
    }
}

static bool
rosa_asks(struct lesson *l, struct err *e)
{
    json_t *body = api_object(l->c);
    struct reply r;

    jset(body, "subject", _("Two chairs for the terrace"));
    jset(body, "body", _("Have you got two of them left? We open on Saturday."));
    if (!client_post(l->rosa, "/v1/tickets", body, &r, e)) {
        return false;
    }
    l->hers = jint(r.doc, "ticket", 0);
    return true;
}

static bool
rosa_says(struct lesson *l, const char *verb, const char *text, int score, struct err *e)
{
    json_t *body = api_object(l->c);
    struct reply r;

    jset(body, score > 0 ? "comment" : "body", text);
    if (score > 0) {
        (void)json_object_set_new(body, "score", json_integer(score));
    }
    return client_post(l->rosa, api_act_path(l->c, l->hers, verb), body, &r, e);
}

static bool
rosa_answers(struct lesson *l, struct err *e)
{
    return rosa_says(l, "message", _("The red ones, please."), 0, e);
}

static bool
rosa_rates(struct lesson *l, struct err *e)
{
    return rosa_says(l, "rate", _("That was quick."), 5, e);
}

/* ---- what was done ---- */

/* Ticket n is in this state, parked for this reason (NULL: any). */
static bool
stands(struct lesson *l, int64_t n, const char *state, const char *park)
{
    struct reply r;
    struct err e;

    return client_get(l->you, arena_printf(l->c->a, "/v1/tickets/%lld", (long long)n), &r, &e) &&
           jtext(r.doc, "state") && strcmp(jtext(r.doc, "state"), state) == 0 &&
           (!park || (jtext(r.doc, "park") && strcmp(jtext(r.doc, "park"), park) == 0));
}

static bool
has_asked(struct lesson *l)
{
    struct reply r;
    struct err e;

    if (!client_get(l->you, arena_printf(l->c->a, "/v1/tickets?asked=1&queue=%s&limit=1", l->warehouse), &r, &e)) {
        return false;
    }
    l->mine = jint(json_array_get(jlist(r.doc, "tickets"), 0), "ticket", 0);
    return l->mine > 0;
}

static bool
has_rated(struct lesson *l)
{
    struct reply r;
    struct err e;

    return client_get(l->you, arena_printf(l->c->a, "/v1/tickets/%lld", (long long)l->mine), &r, &e) &&
           json_is_object(json_object_get(r.doc, "rating"));
}

static bool
is_held(struct lesson *l)
{
    return stands(l, l->hers, "held", NULL);
}

static bool
waits_for_rosa(struct lesson *l)
{
    return stands(l, l->hers, "parked", "customer");
}

static bool
waits_for_marta(struct lesson *l)
{
    return stands(l, l->hers, "parked", "child");
}

static bool
waits_for_a_date(struct lesson *l)
{
    return stands(l, l->hers, "parked", "until");
}

static bool
is_resolved(struct lesson *l)
{
    return stands(l, l->hers, "resolved", NULL) || stands(l, l->hers, "closed", NULL);
}

/* ---- the lesson ---- */

/* scene: played before it is told. done: NULL: it is enough that `verb` was run. $M and $R are your and Rosa's ticket. */
static const struct step {
    bool (*scene)(struct lesson *l, struct err *e);
    const char *tell, *example;
    bool (*done)(struct lesson *l);
    const char *verb;
} steps[] = {
  /* clang-format off */
    {NULL, N_("You work at the front desk of a shop for furniture. Any department may be asked for work; try the warehouse."),
     /* TRANSLATORS: here and below only what stands in quotes is translated, and the name `warehouse` */
     N_("ask warehouse \"12 boxes to Lugo\" -m \"By Friday, please.\""), has_asked, NULL},
    {NULL, N_("Its target is what was promised. What you and your department wait for is listed by"),
     "asked", NULL, "asked"},
    {marta_works, N_("Marta of the warehouse has done it meanwhile: look, and then say how it was, from 1 to 5."),
     N_("rate $M 5 \"quick\""), has_rated, NULL},
    {rosa_asks, N_("Now you are an agent. Rosa of Café Luna, a customer, has written. `next` deals you whose turn it is, nobody "
                   "chooses."),
     "next", is_held, NULL},
    {NULL, N_("It is in your hand, so no verb needs its number. Ask her which chairs: it waits for her answer then."),
     N_("reply \"Which ones, the red or the blue?\""), waits_for_rosa, NULL},
    {rosa_answers, N_("She has answered, which brought it back into the queue, its place kept."),
     "next", is_held, NULL},
    {NULL, N_("Whether there are two the warehouse knows. Ask it in a way that Rosa's request waits for that."),
     N_("ask warehouse \"Are two red chairs left?\" --blocks $R"), waits_for_marta, NULL},
    {NULL, N_("Why is it where it is, and whose turn comes when? The desk can always say."),
     "why $R", NULL, "why"},
    {marta_works, N_("Marta has found them, and Rosa's request has come back by itself."),
     "next", is_held, NULL},
    {NULL, N_("The lorry goes tomorrow. Let it wait until then; a reason is needed."),
     N_("park --until tomorrow \"the lorry goes then\""), waits_for_a_date, NULL},
    {NULL, N_("It would come back by itself tomorrow. You had it last, so you may take it before."),
     "take $R", is_held, NULL},
    {NULL, N_("Tell Rosa, and be done with it."),
     N_("resolve \"Two red chairs are on their way.\""), is_resolved, NULL},
    {rosa_rates, N_("She gave you five of five. Who waited for whom, second by second?"),
     "show $R --waits", NULL, "show"},
  /* clang-format on */
};
#define STEPS (sizeof steps / sizeof *steps)

/* An example with the numbers in it. */
static const char *
numbered(struct lesson *l, const char *s)
{
    const char *out = "";

    for (const char *p = s; *p; p++) {
        out = *p == '$' ? arena_printf(l->c->a, "%s%lld", out, (long long)(*++p == 'M' ? l->mine : l->hers))
                        : arena_printf(l->c->a, "%s%c", out, *p);
    }
    return out;
}

static void
tell(struct lesson *l, enum style st, const char *text)
{
    FILE *out = l->c->s->out;
    struct strbuf sb;

    strbuf_init(&sb);
    text_wrap(&sb, l->c->s->utf8 ? text : text_ascii(l->c->a, text), "", l->c->s->width < 80 ? l->c->s->width : 80);
    fprintf(out, "%s%.*s%s\n", screen_style(l->c->s, st), (int)sb.n - 1, sb.p, screen_plain(l->c->s));
    strbuf_release(&sb);
    (void)fflush(out);
}

/* Run a line as a command of this program on the practice desk. True: it ended well; l->verb is what it was. */
static bool
run_line(struct lesson *l, const char *line, struct err *e)
{
    const char *words[FILTER_WORDS_MAX + 2], **typed = words + 1;
    char *argv[FILTER_WORDS_MAX + 2] = {NULL};
    int status = -1;
    size_t n;
    pid_t pid;

    words[0] = "turno";
    if (!filter_split(l->c->a, line, typed, &n, e)) {
        return false;
    }
    if (n > 0 && strcmp(typed[0], "turno") == 0) {
        typed++;
        n--;
    }
    argv[0] = arena_strdup(l->c->a, "turno");
    for (size_t i = 0; i < n; i++) {
        argv[i + 1] = arena_strdup(l->c->a, typed[i]);
    }
    pid = fork();
    if (pid == 0) {
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGQUIT, SIG_DFL);
        (void)setenv("TURNO_URL", l->desk.url, 1);
        (void)setenv("TURNO_TOKEN", l->secret, 1);
        (void)setenv("PAGER", "cat", 1);                   /* the lesson goes on below */
        (void)setenv("XDG_STATE_HOME", l->desk.folder, 1); /* its drafts go with it */
        (void)execv("/proc/self/exe", argv);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    l->verb = n > 0 ? argv[1] : "";
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
is_done(struct lesson *l, const struct step *s)
{
    return s->done ? s->done(l) : strncmp(s->verb, l->verb, strlen(l->verb)) == 0 && *l->verb;
}

/* A line from the terminal without blanks around it; NULL: it is over (Ctrl-D, Ctrl-C). */
static char *
read_line(struct lesson *l)
{
    char buf[2048], *end;

    fprintf(l->c->s->out, "%s%s$%s turno ", screen_style(l->c->s, STYLE_NAME), l->name, screen_plain(l->c->s));
    (void)fflush(l->c->s->out);
    if (!fgets(buf, sizeof buf, stdin)) {
        fputc('\n', l->c->s->out);
        return NULL;
    }
    end = buf + strlen(buf);
    while (end > buf && strchr(" \t\r\n", end[-1])) {
        *--end = '\0';
    }
    return arena_strdup(l->c->a, buf + strspn(buf, " \t"));
}

/* One step until it is done. False: they have left, or e is filled. */
static bool
play(struct lesson *l, size_t i, struct err *e)
{
    const struct step *s = &steps[i];
    const char *example;

    if (s->scene && !s->scene(l, e)) {
        return false;
    }
    /* verbs alone are the same in all languages */
    example = numbered(l, strchr(s->example, '"') ? i18n(s->example) : s->example);
    fputc('\n', l->c->s->out);
    tell(l, STYLE_PLAIN, arena_printf(l->c->a, "%zu/%zu  %s", i + 1, STEPS, i18n(s->tell)));
    tell(l, STYLE_BOLD, arena_printf(l->c->a, "     turno %s", example));
    for (;;) {
        char *line = read_line(l);
        struct err mistake = {0};
        bool ok;
        if (!line || strcmp(line, "quit") == 0 || strcmp(line, "exit") == 0) {
            return false;
        }
        if (strcmp(line, "skip") == 0) {
            fprintf(l->c->s->out, "     turno %s\n", example);
            (void)fflush(l->c->s->out);
        }
        ok = run_line(l, strcmp(line, "skip") == 0 ? example : line, &mistake);
        if (mistake.code != ERR_NONE) {
            tell(l, STYLE_WARN, mistake.msg);
        } else if (ok && is_done(l, s)) {
            return true;
        } else {
            tell(l, STYLE_DIM,
                 arena_printf(l->c->a, _("Not there yet: turno %s   (skip does it for you, quit leaves)"), example));
        }
    }
}

static void
on_signal(int sig)
{
    (void)sig; /* it ends the read: we tidy up and leave */
}

bool
run_tutorial(struct ctx *c, struct err *e)
{
    struct sigaction leave = {.sa_handler = on_signal};
    /* TRANSLATORS: names of a person and of departments, as they are typed: a-z and - */
    struct lesson l = {.c = c, .verb = "", .name = _("you"), .frontdesk = _("frontdesk"), .warehouse = _("warehouse")};
    size_t i = 0;
    bool ok;

    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) {
        return err_set(e, ERR_USAGE, "the tutorial needs a terminal");
    }
    if (geteuid() == 0) {
        return err_set(
            e, ERR_USAGE,
            "the practice desk has a PostgreSQL of its own, which refuses root: run it as an ordinary user, for "
            "instance  runuser -u nobody -- turno tutorial");
    }
    screen_direct(c->s);
    tell(&l, STYLE_PLAIN,
         _("A request's life on a practice desk of your own; your real desk is not touched. Type what stands indented, "
           "or any other turno command. `quit` leaves, `skip` does a step for you. The desk is being set up …"));
    (void)sigaction(SIGINT, &leave, NULL); /* no SA_RESTART */
    (void)sigaction(SIGQUIT, &leave, NULL);
    (void)sigaction(SIGTERM, &leave, NULL);
    (void)sigaction(SIGHUP, &leave, NULL);
    if (!practice_start(c->a, desk_file(&l), &l.desk, e)) {
        return false;
    }
    ok = cast(&l, e);
    while (ok && i < STEPS && play(&l, i, e)) {
        i++;
    }
    ok = ok && e->code == ERR_NONE;
    if (ok) {
        fputc('\n', c->s->out);
        tell(&l, STYLE_PLAIN,
             i == STEPS ? _("That was all of it. turno help lists every verb, turno help VERB tells more of one, turno "
                            "alone says what you can do now.")
                        : _("You left; turno tutorial begins anew."));
    }
    practice_stop(&l.desk);
    return ok;
}
