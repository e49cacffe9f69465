/* SPDX-License-Identifier: MIT */
/* Files of texts (draft.h says which), and the editor on them. */
#include "cli/editor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/i18n.h"
#include "common/json.h"
#include "common/strbuf.h"

static bool
write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno != EINTR) {
            return false;
        }
        p += w > 0 ? w : 0;
        n -= w > 0 ? (size_t)w : 0;
    }
    return true;
}

/* The file holds exactly this. */
static bool
holds(const char *path, const char *p, size_t n)
{
    struct arena *a = arena_new();
    struct err ignored;
    const char *has;
    bool ok = access(path, F_OK) == 0 && editor_slurp(a, path, n, &has, &ignored) && strlen(has) == n &&
              memcmp(has, p, n) == 0;

    arena_free(a);
    return ok;
}

/* Beside it, then in its place. */
static bool
replace(const char *path, const char *p, size_t n)
{
    struct arena *a = arena_new();
    char *new = arena_printf(a, "%s.XXXXXX", path);
    int fd = mkostemp(new, O_CLOEXEC), was;
    bool ok = fd >= 0 && write_all(fd, p, n);

    was = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        was = errno;
    }
    if (ok && rename(new, path) != 0) {
        ok = false;
        was = errno;
    }
    if (!ok && fd >= 0) {
        (void)unlink(new);
    }
    arena_free(a);
    errno = was;
    return ok;
}

bool
editor_put(const char *path, const char *text, const char *below, struct err *e)
{
    struct strbuf sb;
    bool ok;

    strbuf_init(&sb);
    strbuf_add(&sb, text);
    if (sb.n > 0 && sb.p[sb.n - 1] != '\n') {
        strbuf_addch(&sb, '\n');
    }
    if (below) {
        strbuf_addf(&sb, "%s\n" EDITOR_SCISSORS "%s" EDITOR_RULE "\n%s", sb.n == 0 ? "\n" : "",
                    _("what stands below this line is not sent"), below);
    }
    ok = holds(path, sb.p, sb.n) || replace(path, sb.p, sb.n);
    strbuf_release(&sb);
    return ok || err_set(e, ERR_INVALID, "could not write %s: %s", path, strerror(errno));
}

bool
editor_run(struct arena *a, const char *path, struct err *e)
{
    const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old_int, old_quit;
    const char *cmd = visual && *visual ? visual : editor && *editor ? editor : NULL;
    int status = -1;
    pid_t pid;

    /* Debian's `editor` is what the machine's owner chose; elsewhere vi is always there. */
    cmd =
        cmd ? arena_printf(a, "%s \"$1\"", cmd) : "command -v editor >/dev/null && exec editor \"$1\"; exec vi \"$1\"";
    /* Ctrl-C belongs to the editor while it runs. */
    (void)sigaction(SIGINT, &ignore, &old_int);
    (void)sigaction(SIGQUIT, &ignore, &old_quit);
    pid = fork();
    if (pid == 0) {
        (void)sigaction(SIGINT, &old_int, NULL);
        (void)sigaction(SIGQUIT, &old_quit, NULL);
        (void)execl("/bin/sh", "sh", "-c", cmd, "sh", path, (char *)NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)sigaction(SIGINT, &old_int, NULL);
    (void)sigaction(SIGQUIT, &old_quit, NULL);
    if (pid < 0) {
        return err_set(e, ERR_INVALID, "could not start the editor: %s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(e, ERR_INVALID, "the editor failed (set VISUAL or EDITOR)");
    }
    return true;
}

bool
editor_slurp(struct arena *a, const char *path, size_t max, const char **ret, struct err *e)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *what = is_stdin ? _("standard input") : path;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct strbuf sb;
    ssize_t n = fd < 0 ? -1 : 1;
    char buf[8192];
    bool ok = false;

    strbuf_init(&sb);
    while (n > 0 && sb.n <= max) {
        n = read(fd, buf, sizeof buf);
        if (n > 0) {
            strbuf_addn(&sb, buf, (size_t)n);
        } else if (n < 0 && errno == EINTR) {
            n = 1;
        }
    }
    if (n < 0) {
        (void)err_set(e, ERR_USAGE, "could not read %s: %s", what, strerror(errno));
    } else if (sb.n > max) {
        (void)err_set(e, ERR_USAGE, "%s is too long (%zu bytes at most)", what, max);
    } else if (!json_utf8_ok(sb.p, sb.n)) {
        (void)err_set(e, ERR_USAGE, "%s is no UTF-8 text", what);
    } else {
        *ret = arena_strndup(a, sb.p, sb.n);
        ok = true;
    }
    if (fd >= 0 && !is_stdin) {
        (void)close(fd); /* only read */
    }
    strbuf_release(&sb);
    return ok;
}

/* Where the line is that ends the text; its end when there is none. */
static size_t
text_end(const char *s)
{
    size_t at = 0;

    while (s[at] != '\0') {
        size_t n = strcspn(s + at, "\n");
        const char *rule = memmem(s + at, n, EDITOR_RULE, strlen(EDITOR_RULE));
        if (rule != NULL && strncmp(s + at, EDITOR_SCISSORS, strlen(EDITOR_SCISSORS)) == 0) {
            break;
        }
        at += n + (s[at + n] == '\n');
    }
    return at;
}

bool
editor_read(struct arena *a, const char *path, const char **ret_text, struct err *e)
{
    const char *s;
    size_t n;

    if (!editor_slurp(a, path, 1024 * 1024, &s, e)) {
        return false;
    }
    n = text_end(s);
    while (n > 0 && strchr(" \t\r\n", s[n - 1])) {
        n--;
    }
    /* blank lines in front, but not the indentation of the first line */
    for (size_t k; n > 0 && (k = strspn(s, " \t\r")) < n && s[k] == '\n'; n -= k + 1) {
        s += k + 1;
    }
    *ret_text = arena_strndup(a, s, n);
    return true;
}
