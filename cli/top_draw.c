/* SPDX-License-Identifier: MIT */
/*
 * The screen of `turno top`: ncurses cells from what top.c knows. Above all the totals, then the queues, who works on what, what is
 * late; below all one line that says how it stands with the desk. What does not fit is counted.
 */
#include <curses.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/api.h"
#include "cli/brief.h"
#include "cli/text.h"
#include "cli/top.h"
#include "common/i18n.h"

#define NARROWEST 40
#define LOWEST    8

/* A row that is being drawn, from the left. */
struct line {
    struct top *t;
    struct arena *a;
    int y, x;
    bool selected; /* shown so over the whole width */
};

/* ---- text --------------------------------------------------------------------------------------------------------------------- */

static attr_t bad, warn, good, dim, name_attr;

void
top_draw_start(struct top *t)
{
    bad = A_BOLD;
    warn = name_attr = A_NORMAL;
    good = A_NORMAL;
    dim = A_DIM;
    if (t->c->s->colour && has_colors() && start_color() == OK && use_default_colors() == OK) {
        (void)init_pair(1, COLOR_RED, -1);
        (void)init_pair(2, COLOR_YELLOW, -1);
        (void)init_pair(3, COLOR_GREEN, -1);
        (void)init_pair(4, COLOR_CYAN, -1);
        bad = (attr_t)COLOR_PAIR(1) | A_BOLD;
        warn = (attr_t)COLOR_PAIR(2);
        good = (attr_t)COLOR_PAIR(3);
        name_attr = (attr_t)COLOR_PAIR(4);
    }
}

/* As it may stand in `width` columns. */
static const char *
fit(struct top *t, struct arena *a, const char *s, int width)
{
    return width < 1 ? "" : text_fit(a, t->c->s->utf8 ? s : text_ascii(a, s), width, t->c->s->utf8);
}

/* s: clean. */
static void
put(struct top *t, struct arena *a, int y, int x, int width, attr_t attr, const char *s)
{
    if (y < 0 || y >= LINES || x >= COLS) {
        return;
    }
    (void)attrset(attr);
    (void)mvaddstr(y, x, fit(t, a, s, width < COLS - x ? width : COLS - x));
    (void)attrset(A_NORMAL);
}

static struct line
line(struct top *t, struct arena *a, int y, bool selected)
{
    if (selected) {
        (void)mvhline(y, 0, ' ' | A_REVERSE, COLS);
    }
    return (struct line){t, a, y, 0, selected};
}

/* The next cell: anybody's text, at the left. None when it is 0 wide. */
static void
add(struct line *l, int width, attr_t attr, const char *s)
{
    if (width > 0) {
        put(l->t, l->a, l->y, l->x, width, l->selected ? A_REVERSE : attr, text_line(l->a, s));
        l->x += width + 1;
    }
}

/* The same, at the right. */
static void
add_right(struct line *l, int width, attr_t attr, const char *s)
{
    int pad = width - text_width(text_line(l->a, s));

    if (pad > 0) {
        l->x += pad;
        width -= pad;
    }
    add(l, width, attr, s);
    l->x += width <= 0; /* an empty one */
}

static void
put_title(struct top *t, struct arena *a, int y, const char *s)
{
    (void)mvhline(y, 0, ' ' | A_REVERSE, COLS);
    put(t, a, y, 0, COLS, A_REVERSE, s);
}

static const char *
number(struct arena *a, const json_t *o, const char *name)
{
    int64_t n = jint(o, name, 0);

    return n == 0 ? "-" : arena_printf(a, "%lld", (long long)n);
}

static const char *
ago(struct arena *a, usec_t at, usec_t now)
{
    return at == USEC_NONE ? "" : at > now ? _("now") : text_short(a, now - at);
}

/* ---- the past as a line --------------------------------------------------------------------------------------------------------- */

/* The newest `width` looks, the last one at the right; a blank is a look at which nothing was heard, or none at all. */
static const char *
spark(struct top *t, struct arena *a, const char *queue, int width)
{
    static const char *const blocks[] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                         "\u2585", "\u2586", "\u2587", "\u2588"};
    static const char *const ascii[] = {"_", ".", ":", "-", "=", "+", "*", "#"};
    const struct top_past *p = top_past(t, queue);
    int n = p && width > 0 ? p->n < width ? p->n : width : 0;
    int64_t most = 1;
    struct strbuf sb;
    const char *ret;

    strbuf_init(&sb);
    for (int i = 0; i < n; i++) {
        int64_t v = p->waiting[p->n - n + i];
        most = v > most ? v : most;
    }
    for (int i = n; i < width; i++) {
        strbuf_addch(&sb, ' ');
    }
    for (int i = 0; i < n; i++) {
        int64_t v = p->waiting[p->n - n + i];
        int64_t level = v <= 0 ? 0 : 1 + (v * 7 - 1) / most;
        strbuf_add(&sb, v < 0 ? " " : (t->c->s->utf8 ? blocks : ascii)[level > 7 ? 7 : level]);
    }
    ret = arena_strdup(a, sb.p);
    strbuf_release(&sb);
    return ret;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------------------ */

static int64_t
sum(const json_t *rows, const char *name)
{
    int64_t n = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        n += jint(json_array_get(rows, i), name, 0);
    }
    return n;
}

/* The time of day. */
static const char *
clock_of(struct arena *a, usec_t at)
{
    time_t s = (time_t)(at / USEC_SEC);
    struct tm tm;

    if (at == USEC_NONE || !localtime_r(&s, &tm)) {
        return "";
    }
    return arena_printf(a, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void
draw_totals(struct top *t, struct arena *a)
{
    const json_t *queues = jlist(json_object_get(t->data.doc, "queues"), "rows");
    const json_t *late = json_object_get(t->data.doc, "late"), *agents = json_object_get(t->data.doc, "agents");
    const char *when = clock_of(a, t->heard);

    put(t, a, 0, 0, COLS, A_BOLD,
        t->department ? arena_printf(a, _("turno top of %s"), text_line(a, t->department)) : "turno top");
    put(t, a, 0, COLS - text_width(when) > 0 ? COLS - text_width(when) : 0, COLS, A_NORMAL, when);
    if (t->heard == USEC_NONE) {
        return;
    }
    put(t, a, 1, 0, COLS, A_NORMAL,
        arena_printf(a, _("%lld waiting, %lld in hand, %lld offered; %lld late, %lld within the hour"),
                     (long long)sum(queues, "waiting"), (long long)sum(queues, "held"),
                     (long long)sum(queues, "offered"), (long long)jint(late, "late", 0),
                     (long long)jint(late, "near", 0)));
    put(t, a, 2, 0, COLS, A_NORMAL,
        arena_printf(a, _("agents: %lld working, %lld waiting for work, %lld there, %lld away"),
                     (long long)jint(agents, "working", 0), (long long)jint(agents, "waiting", 0),
                     (long long)jint(agents, "there", 0), (long long)jint(agents, "away", 0)));
}

/* Columns of queues; where there is no room for all, those go first whose `drop` is highest. */
enum { COLUMNS = 8, DROPS = 4 };
static const struct {
    const char *name;
    int least, drop; /* as wide at least, and as its name */
} columns[COLUMNS] = {
    {N_("WAITING"), 7, 0},
    {N_("OLDEST"),  8, 0},
    {N_("LATE"),    4, 0},
    {N_("SOON"),    5, 2},
    {N_("HAND"),    4, 1},
    {N_("OFFERED"), 7, 4},
    {N_("THERE"),   5, 0},
    {N_("AWAY"),    4, 3},
};

static int
column_width(int i)
{
    int w = text_width(i18n(columns[i].name));

    return w > columns[i].least ? w : columns[i].least;
}

/* What those take that are not dropped above `most`. */
static int
columns_width(int most)
{
    int n = 0;

    for (int i = 0; i < COLUMNS; i++) {
        n += columns[i].drop <= most ? column_width(i) + 1 : 0;
    }
    return n;
}

static void
draw_queue(struct line *l, const json_t *q, int wide, int most)
{
    struct arena *a = l->a;
    bool waits = jint(q, "waiting", 0) > 0;
    double oldest = jnum(q, "oldest_seconds");
    const char *cells[COLUMNS] = {"-",
                                  "-",
                                  number(a, q, "late"),
                                  number(a, q, "near"),
                                  number(a, q, "held"),
                                  number(a, q, "offered"),
                                  number(a, q, "there"),
                                  number(a, q, "away")};
    attr_t attrs[COLUMNS] = {0};

    if (waits) {
        cells[0] = brief_count(a, jint(q, "waiting", 0), jbool(q, "more"));
        cells[1] = isnan(oldest) ? "-" : text_short(a, (usec_t)(oldest * 1e6));
    }
    attrs[2] = jint(q, "late", 0) > 0 ? bad : A_NORMAL;
    attrs[3] = jint(q, "near", 0) > 0 ? warn : A_NORMAL;
    attrs[6] = waits && jint(q, "there", 0) == 0 ? bad : A_NORMAL;
    add(l, wide, name_attr, jtext(q, "queue"));
    for (int i = 0; i < COLUMNS; i++) {
        if (columns[i].drop <= most) {
            add_right(l, column_width(i), attrs[i], cells[i]);
        }
    }
}

static void
draw_queues(struct top *t, struct arena *a, int y, int rows)
{
    int wide = COLS >= 120 ? 24 : COLS >= 70 ? 14 : 10, most = DROPS, rest;
    size_t at = top_chosen(t), first = at >= (size_t)rows ? at - (size_t)rows + 1 : 0;
    struct line l = line(t, a, y, true);

    while (most > 0 && wide + 1 + columns_width(most) > COLS) {
        most--;
    }
    rest = COLS - wide - 1 - columns_width(most);
    add(&l, wide, 0, _("QUEUE"));
    for (int i = 0; i < COLUMNS; i++) {
        if (columns[i].drop <= most) {
            add_right(&l, column_width(i), 0, i18n(columns[i].name));
        }
    }
    if (rest > text_width(_("WAITED"))) {
        add_right(&l, rest, 0, _("WAITED"));
    }
    for (int i = 0; i < rows && first + (size_t)i < t->nqueues; i++) {
        const json_t *q = t->queues[first + (size_t)i];
        bool chosen = first + (size_t)i == at;
        l = line(t, a, y + 1 + i, chosen);
        draw_queue(&l, q, wide, most);
        put(t, a, y + 1 + i, COLS - rest, rest, chosen ? A_REVERSE : A_NORMAL, spark(t, a, jtext(q, "queue"), rest));
    }
}

static void
draw_agent(struct line *l, const json_t *g, int state_width)
{
    struct arena *a = l->a;
    const json_t *tickets = jlist(g, "tickets");
    const char *state = jtext(g, "state");
    const char *subject = jtext(json_array_get(tickets, 0), "subject");
    int64_t n = jint(g, "held", 0) + jint(g, "offered", 0), capacity = jint(g, "capacity", 0);
    bool wide = COLS >= 120, away = state && strcmp(state, "away") == 0;
    const char *numbers = brief_numbers(a, tickets, n, true);

    add(l, wide ? 24 : 14, name_attr, jtext(g, "agent"));
    add(l, state_width,
        away                                     ? dim
        : state && strcmp(state, "working") == 0 ? good
                                                 : A_NORMAL,
        brief_agent_state(a, g, wide));
    add_right(l, 5, A_NORMAL,
              capacity > 0 ? arena_printf(a, "%lld/%lld", (long long)jint(g, "used", 0), (long long)capacity)
              : n > 0      ? arena_printf(a, "%lld", (long long)n)
                           : "-");
    add_right(l, 8, A_NORMAL, ago(a, jtime(g, "oldest"), l->t->heard));
    add(l, COLS - l->x, A_NORMAL, n == 1 && subject ? arena_printf(a, "%s: %s", numbers, subject) : numbers);
}

static void
draw_agents(struct top *t, struct arena *a, int y, int rows)
{
    const json_t *part = json_object_get(t->data.doc, "agents"), *list = jlist(part, "rows");
    int64_t more = jint(part, "n", 0) - rows;
    int state_width = COLS >= 120 ? 20 : 9;

    for (int i = 0; COLS < 120 && i < rows; i++) {
        int w = text_width(text_line(a, brief_agent_state(a, json_array_get(list, (size_t)i), false)));
        state_width = w > state_width ? w : state_width;
    }
    put_title(t, a, y, more > 0 ? arena_printf(a, _("AGENTS (%lld more)"), (long long)more) : _("AGENTS"));
    for (int i = 0; i < rows; i++) {
        struct line l = line(t, a, y + 1 + i, false);
        draw_agent(&l, json_array_get(list, (size_t)i), state_width);
    }
}

static const char *
due(struct arena *a, usec_t at, usec_t now)
{
    if (at == USEC_NONE) {
        return "";
    }
    return at > now ? arena_printf(a, _("in %s"), text_short(a, at - now))
                    : arena_printf(a, _("%s late"), text_short(a, now - at));
}

/* A ticket a row: what is late, and what waits in a queue. */
static void
draw_ticket(struct top *t, struct arena *a, int y, const json_t *k, bool in_queue)
{
    bool wide = COLS >= 120;
    const char *agent = jtext(k, "agent"), *priority = jtext(k, "priority");
    struct line l = line(t, a, y, false);

    add_right(&l, 7, A_NORMAL, arena_printf(a, "%lld", (long long)jint(k, "ticket", 0)));
    add_right(&l, 12, jbool(k, "late") ? bad : warn, due(a, jtime(k, "target"), t->heard));
    add(&l, 6, priority && strcmp(priority, "urgent") == 0 ? bad : A_NORMAL, priority);
    add(&l, in_queue ? 0 : wide ? 20 : 12, name_attr, jtext(k, "queue"));
    add(&l, wide ? 20 : 10, A_NORMAL, in_queue ? jtext(k, "requester") : agent ? agent : _("(waits)"));
    add(&l, COLS - l.x, A_NORMAL, jtext(k, "subject"));
}

static void
draw_late(struct top *t, struct arena *a, int y, int rows)
{
    const json_t *part = json_object_get(t->data.doc, "late"), *list = jlist(part, "rows");
    int64_t n = jint(part, "late", 0) + jint(part, "near", 0), more = n - rows;

    put_title(t, a, y,
              n == 0 ? _("LATE: nothing, and nothing will be within the hour")
              : more > 0
                  ? arena_printf(a, _("LATE, OR WITHIN THE HOUR (%s more)"), brief_count(a, more, jbool(part, "more")))
                  : _("LATE, OR WITHIN THE HOUR"));
    for (int i = 0; i < rows; i++) {
        draw_ticket(t, a, y + 1 + i, json_array_get(list, (size_t)i), false);
    }
}

static int
least(int a, int b)
{
    return a < b ? a : b;
}

/* Queues may have half of the screen, agents and late tickets share the rest; what one does not need the others get. */
static void
draw_main(struct top *t, struct arena *a)
{
    int nq = (int)t->nqueues, na = (int)json_array_size(jlist(json_object_get(t->data.doc, "agents"), "rows"));
    int nl = (int)json_array_size(jlist(json_object_get(t->data.doc, "late"), "rows"));
    int room = LINES - 3 - 1 - 3; /* totals, status, three titles */
    int q, g, l;

    room = room < 0 ? 0 : room;
    q = least(nq, room / 2 > 1 ? room / 2 : room);
    l = least(nl, (room - q + 1) / 2);
    g = least(na, room - q - l);
    l = least(nl, room - q - g);
    q = least(nq, room - g - l);
    draw_queues(t, a, 3, q);
    draw_agents(t, a, 4 + q, g);
    draw_late(t, a, 5 + q + g, l);
}

static void
draw_tickets(struct top *t, struct arena *a)
{
    const json_t *list = jlist(t->list.doc, "tickets");
    size_t n = json_array_size(list), rows = LINES > 5 ? (size_t)LINES - 5 : 0;
    const json_t *q = t->nqueues > 0 ? t->queues[top_chosen(t)] : NULL;
    const char *queue = text_line(a, t->chosen ? t->chosen : "");
    const char *waiting = brief_count(a, jint(q, "waiting", 0), jbool(q, "more"));

    t->first = n > rows ? t->first < n - rows ? t->first : n - rows : 0;
    put_title(t, a, 3,
              n > rows ? arena_printf(a, _("%s: %s waiting, first in turn first (%zu to %zu)"), queue, waiting,
                                      t->first + 1, t->first + rows)
                       : arena_printf(a, _("%s: %s waiting, first in turn first"), queue, waiting));
    for (size_t i = 0; i < rows && t->first + i < n; i++) {
        draw_ticket(t, a, 4 + (int)i, json_array_get(list, t->first + i), true);
    }
}

/* The widest of every `step`th text from the first on. */
static int
widest(const char *const *texts, size_t n, size_t step)
{
    int most = 0;

    for (size_t i = 0; i < n; i += step) {
        int w = text_width(i18n(texts[i]));
        most = w > most ? w : most;
    }
    return most;
}

static void
draw_help(struct top *t, struct arena *a)
{
    static const char *const keys[] = {
        N_("up, down, j, k"),
        N_("choose a queue; scroll its tickets"),
        N_("Enter"),
        N_("what waits in the chosen queue; again: back"),
        "s",
        N_("sort queues: late, waiting, oldest, name"),
        "p",
        N_("pause, and go on"),
        "?",
        N_("this help, and back"),
        "q",
        N_("end (also Ctrl-C)"),
    };
    static const char *const words[] = {
        N_("LATE"),  N_("past the target"),         N_("SOON"),    N_("within the hour"),
        N_("HAND"),  N_("in the hands of agents"),  N_("OFFERED"), N_("not accepted yet"),
        N_("THERE"), N_("agents who are not away"), N_("WAITED"),  N_("at each look since this runs"),
    };
    static const char *const notes[] = {
        N_("An agent waits who has turno next --wait running at this daemon."),
        N_("A figure with + is at least so much."),
    };
    enum { NKEYS = sizeof keys / sizeof *keys, NWORDS = sizeof words / sizeof *words };
    int x[4] = {2}, y = 4, wide = widest(keys, NKEYS, 2) + 3;

    for (size_t i = 0; i < NKEYS; i += 2, y++) {
        put(t, a, y, 2, COLS - 2, A_NORMAL, i18n(keys[i]));
        put(t, a, y, 2 + wide, COLS, A_NORMAL, i18n(keys[i + 1]));
    }
    for (size_t i = 1; i < 4; i++) {
        x[i] = x[i - 1] + widest(words + i - 1, NWORDS + 1 - i, 4) + 2;
    }
    for (size_t i = 0; i < NWORDS; i++) {
        y += i % 4 == 0;
        put(t, a, y, x[i % 4], COLS, A_NORMAL, i18n(words[i]));
    }
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        put(t, a, ++y, 2, COLS - 2, A_NORMAL, i18n(notes[i]));
    }
}

static void
draw_status(struct top *t, struct arena *a)
{
    int y = LINES - 1;

    if (t->err.code != 0) {
        const char *why = text_line(a, t->err.msg);
        put(t, a, y, 0, COLS, bad | A_REVERSE,
            t->heard == USEC_NONE
                ? arena_printf(a, _("TRYING AGAIN: %s"), why)
                : arena_printf(a, _("TRYING AGAIN as of %s ago: %s"), text_short(a, t->c->s->now - t->heard), why));
    } else {
        const char *every =
            t->every < USEC_SEC ? arena_printf(a, "%d ms", (int)(t->every / 1000)) : text_short(a, t->every);
        const char *sorted = top_sorted(t->sort);
        put(t, a, y, 0, COLS, A_NORMAL,
            t->paused
                ? arena_printf(a, _("PAUSED  every %s  %s   Enter tickets  s sort  p pause  ? help  q end"), every,
                               sorted)
                : arena_printf(a, _("every %s  %s   Enter tickets  s sort  p pause  ? help  q end"), every, sorted));
    }
}

void
top_draw(struct top *t)
{
    struct arena *a = arena_new();

    (void)erase();
    if (COLS < NARROWEST || LINES < LOWEST) {
        put(t, a, 0, 0, COLS, A_NORMAL, arena_printf(a, _("needs %d x %d"), NARROWEST, LOWEST));
    } else {
        draw_totals(t, a);
        if (t->view == VIEW_HELP) {
            draw_help(t, a);
        } else if (t->view == VIEW_TICKETS) {
            draw_tickets(t, a);
        } else {
            draw_main(t, a);
        }
        draw_status(t, a);
    }
    (void)refresh();
    arena_free(a);
}
