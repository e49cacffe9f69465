/* SPDX-License-Identifier: MIT */
/*
 * The terminal: what it is, what it can show, and the pager. A verb writes to screen->out and need not know which of the
 * three it is: memory that is shown at the end, the terminal itself, or a pipe.
 */
#include "cli/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Columns or rows as the environment gives them; 0 when it does not. */
static int
env_size(const char *name)
{
    const char *s = getenv(name);
    int64_t n;

    return s && parse_i64(s, 1, 10000, &n) ? (int)n : 0;
}

/* Without a locale (a bare ssh, cron) the terminal is still nearly always a UTF-8 one, and the desk's text is UTF-8. */
static bool
start_locale(void)
{
    const char *name = setlocale(LC_CTYPE, "");

    if (!name || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

void
screen_clock(struct screen *s)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
    s->now = (usec_t)ts.tv_sec * USEC_SEC + ts.tv_nsec / 1000;
}

void
screen_start(struct screen *s)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    struct winsize ws = {0};

    *s = (struct screen){.out = stdout, .chat = stderr, .pager = true};
    s->after = open_memstream(&s->later, &s->later_n);
    s->after = s->after ? s->after : stderr;
    screen_clock(s);
    s->utf8 = start_locale();
    s->tty = isatty(STDOUT_FILENO) == 1;
    if (!s->tty) {
        return;
    }
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws); /* zero where it does not know */
    s->width = env_size("COLUMNS");
    s->rows = env_size("LINES");
    s->width = s->width ? s->width : ws.ws_col ? ws.ws_col : 80;
    s->rows = s->rows ? s->rows : ws.ws_row ? ws.ws_row : 24;
    s->colour = term && *term && strcmp(term, "dumb") != 0 && !(no_color && *no_color);
    s->out = open_memstream(&s->held, &s->held_n);
    if (!s->out) {
        s->out = stdout;
    }
}

void
screen_force(struct screen *s)
{
    if (!s->tty) {
        s->tty = true;
        s->width = env_size("COLUMNS") ? env_size("COLUMNS") : 80;
    }
    s->pager = false;
}

void
screen_direct(struct screen *s)
{
    if (s->out != stdout) {
        (void)fclose(s->out);                        /* memory: closing it completes held */
        (void)fwrite(s->held, 1, s->held_n, stdout); /* errors stay in the stream for screen_stop */
        free(s->held);
        s->held = NULL;
        s->out = stdout;
    }
    (void)fflush(stdout);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static size_t
count_lines(const char *s, size_t n)
{
    size_t lines = 0;

    for (size_t i = 0; i < n; i++) {
        lines += s[i] == '\n';
    }
    return lines;
}

/* False when there is no pager to run; leaving it early is no mistake. */
static bool
page(const struct screen *s)
{
    static const char any[] =
        "command -v less >/dev/null && exec less; command -v more >/dev/null && exec more; exec cat";
    const char *pager = getenv("PAGER");
    sigset_t none;
    FILE *p;
    int rc;

    if (pager && strcmp(pager, "cat") == 0) {
        return false;
    }
    /* F: leave at once when it fits; R: colours; X: leave the text on the screen */
    (void)setenv("LESS", "FRX", 0);
    (void)setenv("MORE", "-e", 0); /* leave at the end: what is typed next is for the shell */
    if (s->utf8) {
        (void)setenv("LESSCHARSET", "utf-8", 0);
    }
    /* A pager left early must not kill us; Ctrl-C belongs to the pager. We end after it anyway. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)sigemptyset(&none); /* `next --wait` holds signals back; its pager shall not */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    p = popen(pager && *pager ? pager : any, "w");
    if (!p) {
        return false;
    }
    (void)fwrite(s->held, 1, s->held_n, p);
    rc = pclose(p);
    return !(WIFEXITED(rc) && WEXITSTATUS(rc) == 127); /* 127: the shell did not find it */
}

static void
print_later(struct screen *s)
{
    if (s->after != stderr) {
        (void)fclose(s->after);                        /* memory: closing it completes later */
        (void)fwrite(s->later, 1, s->later_n, stderr); /* nothing can be said about a stderr that fails */
        free(s->later);
        s->after = stderr;
    }
}

/* Everything written to stdout has arrived; failures of any earlier write are remembered by the stream. */
static bool
flush_stdout(bool ok, struct err *e)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout) && ok) {
        return true;
    }
    if (errno == EPIPE) {
        return true; /* `turno list | head` has seen enough */
    }
    return err_set(e, ERR_INVALID, "could not write the output: %s", strerror(errno ? errno : EIO));
}

bool
screen_stop(struct screen *s, struct err *e)
{
    bool ok = true;

    if (s->out != stdout) {
        ok = fclose(s->out) == 0;
        s->out = stdout;
        if (!s->pager || count_lines(s->held, s->held_n) < (size_t)s->rows || !page(s)) {
            ok = fwrite(s->held, 1, s->held_n, stdout) == s->held_n && ok;
        }
        free(s->held);
        s->held = NULL;
    }
    ok = flush_stdout(ok, e);
    print_later(s);
    return ok;
}

const char *
screen_style(const struct screen *s, enum style st)
{
    static const char *const seq[] = {
        [STYLE_PLAIN] = "",        [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",   [STYLE_GOOD] = "\033[32m",
        [STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m", [STYLE_NAME] = "\033[36m",
    };

    return s->colour ? seq[st] : "";
}

const char *
screen_plain(const struct screen *s)
{
    return s->colour ? "\033[0m" : "";
}
