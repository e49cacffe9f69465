/* SPDX-License-Identifier: MIT */
/*
 * top: the desk live on the whole screen. One loop: look at the desk when it is time to, draw, wait for keys until then. A desk that
 * does not answer is no reason to end. The terminal is put back whatever ends us.
 */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/brief.h"
#include "cli/text.h"
#include "cli/top.h"
#include "cli/verbs.h"

#define EVERY      (2 * USEC_SEC)
#define EVERY_MIN  (USEC_SEC / 5)
#define EVERY_MAX  (3600 * USEC_SEC)
#define LIST_EVERY (10 * USEC_SEC) /* tickets of a queue: an administrator's look may be recorded each time */
#define ESCAPE     27

/* ---- the terminal ------------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t told_to_stop;
static struct termios cooked;
static const char *leave = ""; /* what ends full screen, for who may not call ncurses any more */

static void
on_stop(int sig)
{
    told_to_stop = sig;
}

/* Nothing but what a signal handler may do; then the signal does what it does. */
static void
on_crash(int sig)
{
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
    (void)!write(STDOUT_FILENO, leave, strlen(leave));
    (void)raise(sig);
}

static void catch (int sig, void (*handler)(int), int flags)
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

    (void)sigemptyset(&sa.sa_mask);
    (void)sigaction(sig, &sa, NULL); /* cannot fail for these */
}

/* A capability as it would be written, the parts one after another. */
static const char *
capabilities(struct ctx *c)
{
    const char *rmcup = tigetstr("rmcup"), *cnorm = tigetstr("cnorm"), *sgr0 = tigetstr("sgr0");
    const char *parts[] = {sgr0, cnorm, rmcup};
    const char *s = "";

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i] && parts[i] != (const char *)-1 && !strstr(parts[i], "$<")) {
            s = arena_printf(c->a, "%s%s", s, parts[i]);
        }
    }
    return s;
}

static bool
can_cursor(void)
{
    const char *cup = tigetstr("cup");

    return cup && cup != (const char *)-1 && *cup;
}

static bool
open_screen(struct ctx *c, SCREEN **ret, struct err *e)
{
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT},
                     crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    const char *term = getenv("TERM");
    int rc;

    term = term && *term ? term : "dumb";
    if (setupterm(term, STDOUT_FILENO, &rc) != OK || !can_cursor()) {
        return err_set(e, ERR_INVALID,
                       "the terminal '%.40s' cannot show a full screen; turno top --once prints it as text", term);
    }
    (void)tcgetattr(STDIN_FILENO, &cooked);
    leave = capabilities(c);
    (void)del_curterm(cur_term); /* newterm reads its own */
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        catch (stops[i], on_stop, 0); /* before ncurses, which leaves alone what is caught */
    }
    use_tioctl(true);
    *ret = newterm(term, stdout, stdin);
    if (!*ret) {
        return err_set(e, ERR_INVALID,
                       "the terminal '%.40s' cannot show a full screen; turno top --once prints it as text", term);
    }
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        catch (crashes[i], on_crash, (int)SA_RESETHAND);
    }
    (void)cbreak();
    (void)noecho();
    (void)keypad(stdscr, true);
    (void)nodelay(stdscr, true);
    (void)curs_set(0);
    (void)set_escdelay(25);
    return true;
}

static void
close_screen(SCREEN *screen)
{
    (void)endwin();
    delscreen(screen);
    catch (SIGINT, SIG_DFL, 0);
    catch (SIGTERM, SIG_DFL, 0);
}

/* ---- keys --------------------------------------------------------------------------------------------------------------------- */

static void
move_by(struct top *t, int by)
{
    if (t->view == VIEW_TICKETS) {
        t->first = by < 0 && t->first < (size_t)-by ? 0 : t->first + (size_t)by;
    } else if (t->view == VIEW_QUEUES) {
        top_choose(t, by);
    }
}

static void
on_key(struct top *t, int key)
{
    switch (key) {
    case 'q':
        t->quit = true;
        break;
    case KEY_UP:
    case 'k':
        move_by(t, -1);
        break;
    case KEY_DOWN:
    case 'j':
        move_by(t, 1);
        break;
    case KEY_PPAGE:
        move_by(t, -10);
        break;
    case KEY_NPAGE:
        move_by(t, 10);
        break;
    case KEY_HOME:
    case 'g':
        move_by(t, -TOP_SAMPLES);
        break;
    case '\n':
    case '\r':
    case KEY_ENTER:
        if (t->view == VIEW_QUEUES && t->nqueues > 0) {
            t->view = VIEW_TICKETS;
            t->first = 0;
            t->list = (struct reply){0}; /* of another queue */
            t->list_wanted = true;
        } else {
            t->view = VIEW_QUEUES;
        }
        break;
    case ESCAPE:
    case KEY_BACKSPACE:
    case KEY_LEFT:
        t->view = VIEW_QUEUES;
        break;
    case 's':
        t->sort = (enum top_sort)((t->sort + 1) % SORT_COUNT);
        top_sort(t);
        break;
    case 'p':
    case ' ':
        t->paused = !t->paused;
        break;
    case '?':
    case 'h':
        if (t->view == VIEW_HELP) {
            t->view = t->before;
        } else {
            t->before = t->view;
            t->view = VIEW_HELP;
        }
        break;
    default: /* KEY_RESIZE: drawn anew as everything */
        break;
    }
}

/* Wait for keys, at most so long, and do what they say. False: it is over. */
static bool
keys(struct top *t, int ms)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int key;

    if (poll(&in, 1, ms) < 0 && errno != EINTR) {
        return false;
    }
    if ((in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (in.revents & POLLIN) == 0) {
        return false; /* the terminal has gone */
    }
    while (!told_to_stop && !t->quit && (key = getch()) != ERR) {
        on_key(t, key);
        t->drawn = false;
    }
    return !told_to_stop && !t->quit;
}

/* While the desk has not answered yet. */
static bool
go_on(void *arg)
{
    struct top *t = arg;
    bool ok = keys(t, 0);

    if (ok && !t->drawn) {
        screen_clock(t->c->s);
        top_draw(t);
        t->drawn = true;
    }
    return ok;
}

/* ---- the loop ------------------------------------------------------------------------------------------------------------------ */

static usec_t
monotonic(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (usec_t)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000;
}

/* True: what was refused will be refused again. */
static bool
is_final(const struct err *e)
{
    return e->code == ERR_FORBIDDEN || e->code == ERR_UNAUTHORIZED || e->code == ERR_INVALID;
}

/* The list is asked for, maybe while something else was looked at: now, also when all else stands still. */
static bool
list_is_wanted(const struct top *t)
{
    return t->view == VIEW_TICKETS && t->list_wanted;
}

static bool
live(struct top *t)
{
    usec_t look_at = 0, list_at = 0;

    for (;;) {
        usec_t now = monotonic();
        if (!t->paused && now >= look_at) {
            if (!top_look(t, go_on) && t->heard == USEC_NONE && is_final(&t->err)) {
                return false;
            }
            look_at = now + t->every;
        }
        if (list_is_wanted(t) || (t->view == VIEW_TICKETS && !t->paused && now >= list_at)) {
            t->list_wanted = false;
            list_at = now + (top_look_list(t, go_on) && t->every < LIST_EVERY ? LIST_EVERY : t->every);
        }
        if (told_to_stop || t->quit) {
            return true;
        }
        screen_clock(t->c->s);
        top_draw(t);
        t->drawn = true;
        now = monotonic();
        if (!keys(t, list_is_wanted(t) ? 0
                     : t->paused       ? 1000
                     : look_at > now   ? (int)((look_at - now) / 1000 + 1)
                                       : 0)) {
            return true;
        }
    }
}

/* As text. */
static bool
once(struct ctx *c, const char *department, struct err *e)
{
    struct reply r;

    if (!client_get(c->client, brief_path(c->a, "brief", 100, department, NULL, "queues,late,agents"), &r, e)) {
        return false;
    }
    if (!api_json(c, &r)) {
        brief_queues(c, json_object_get(r.doc, "queues"));
        if (c->s->tty) {
            fputc('\n', c->s->out);
        }
        brief_agents(c, json_object_get(r.doc, "agents"));
        if (c->s->tty && json_array_size(jlist(json_object_get(r.doc, "late"), "rows")) > 0) {
            fputc('\n', c->s->out);
        }
        brief_late(c, json_object_get(r.doc, "late"));
    }
    return true;
}

bool
run_top(struct ctx *c, struct err *e)
{
    const char *department = args_opt(c->args, "department");
    usec_t every = args_number(c->args, "every", EVERY);
    SCREEN *screen = NULL;
    struct top t;
    bool ok;

    if (every < EVERY_MIN || every > EVERY_MAX) {
        return err_set(e, ERR_USAGE, "--every: from 200ms to 1h");
    }
    if (c->json || args_has(c->args, "once") || isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1) {
        return once(c, department, e);
    }
    if (!open_screen(c, &screen, e)) {
        return false;
    }
    top_init(&t, c, department, every);
    top_draw_start(&t);
    ok = live(&t);
    close_screen(screen);
    if (!ok) {
        *e = t.err;
    }
    top_release(&t);
    return ok;
}
