/* SPDX-License-Identifier: MIT */
/* See filing.h. The daemon gets the text of the file, not its name: it reads nobody's files. */
#include "cli/filing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/editor.h"
#include "cli/text.h"
#include "common/beside.h"
#include "common/i18n.h"

/* One mistake a line, as compilers print them: editors can jump to it. */
static void
print_found(struct ctx *c, FILE *to, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *m = json_array_get(list, i);
        const char *path = text_line(c->a, jtext(m, "path"));
        fprintf(to, "%s:%" PRId64 ": %s%s%s\n", text_line(c->a, jtext(m, "file")), jint(m, "line", 0), path,
                *path ? ": " : "", text_line(c->a, jtext(m, "message")));
    }
}

size_t
filing_changes(struct ctx *c, FILE *to, const struct reply *r)
{
    const json_t *list = jlist(r->doc, "changes");

    for (size_t i = 0; i < json_array_size(list); i++) {
        fprintf(to, "%s\n", text_line(c->a, json_string_value(json_array_get(list, i))));
    }
    return json_array_size(list);
}

bool
filing_beside(struct ctx *c, const char *path, const char *text, json_t **ret_files, struct err *e)
{
    char name[BESIDE_NAME_MAX + 1];

    *ret_files = api_object(c);
    while (beside_next(&text, name)) {
        const char *beside = beside_path(c->a, path, name), *content;
        if (access(beside, F_OK) != 0 || json_object_get(*ret_files, name)) {
            continue;
        }
        if (!editor_slurp(c->a, beside, BESIDE_BYTES_MAX, &content, e)) {
            return false;
        }
        jset(*ret_files, name, content);
    }
    return true;
}

bool
filing_read(struct ctx *c, const char *path, struct filing *ret, struct err *e)
{
    *ret = (struct filing){.name = strcmp(path, "-") == 0 ? "stdin" : path, .version = -1};
    return editor_slurp(c->a, path, FILING_MAX, &ret->text, e) && filing_beside(c, path, ret->text, &ret->files, e);
}

/* A file that is to stay gets another name, which nothing else has. */
static bool
put_by(struct ctx *c, const char *path)
{
    char *old = arena_printf(c->a, "%s.old", path);
    struct stat st;
    bool ok = false;

    for (int i = 1; i < 1000 && !ok; i++) {
        ok = link(path, old) == 0;
        if (!ok && errno != EEXIST) { /* a file system without them */
            ok = lstat(old, &st) != 0 && errno == ENOENT && rename(path, old) == 0;
            if (!ok && lstat(old, &st) != 0) {
                return false;
            }
        }
        if (!ok) {
            old = arena_printf(c->a, "%s.old.%d", path, i);
        }
    }
    if (ok) {
        fprintf(c->s->chat, _("what was there is kept: %s\n"), text_line(c->a, old));
    }
    return ok;
}

bool
filing_write(struct ctx *c, const char *path, const char *text, bool keep, struct err *e)
{
    struct stat st;
    bool is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
    char *real = is_link ? realpath(path, NULL) : NULL; /* NULL for one that leads nowhere */
    const char *to = real ? arena_strdup(c->a, real) : path;
    char *fresh = arena_printf(c->a, "%s.new-XXXXXX", to);
    int fd = is_link && !real ? -1 : mkostemp(fresh, O_CLOEXEC);
    size_t n = strlen(text);
    bool ok = fd >= 0, is_there = stat(to, &st) == 0;

    free(real);
    if (ok && is_there) {
        ok = fchown(fd, st.st_uid, st.st_gid) == 0 || errno == EPERM; /* then it is ours from now on */
    }
    /* the daemon reads it, whatever our umask is */
    ok = ok && fchmod(fd, is_there ? st.st_mode & 0777U : 0644) == 0 && write(fd, text, n) == (ssize_t)n &&
         fsync(fd) == 0;
    ok = (fd < 0 || close(fd) == 0) && ok;
    ok = ok && (!keep || !is_there || put_by(c, to));
    if (ok && rename(fresh, to) == 0) {
        return true;
    }
    (void)err_set(e, ERR_USAGE, "could not write %.180s: %s", path, strerror(errno));
    if (fd >= 0) {
        (void)unlink(fresh);
    }
    return false;
}

bool
filing_send(struct ctx *c, const char *what, const struct filing *f, struct reply *ret, struct err *e)
{
    const json_t *mistakes;
    json_t *body = api_object(c);
    bool ok;

    jset(body, "text", f->text);
    jset(body, "name", f->name);
    (void)json_object_set(body, "files", f->files);
    if (f->version >= 0) {
        (void)json_object_set_new(body, "version", json_integer(f->version));
    }
    ok = client_post(c->client, arena_printf(c->a, "/v1/desk/%s", what), body, ret, e);
    mistakes = jlist(ret->doc, "mistakes");
    if (!ok && !mistakes) {
        return false;
    }
    ok = ok && !json_is_false(json_object_get(ret->doc, "ok"));
    if (c->json) {
        (void)api_json(c, ret);
    } else if (!ok) {
        print_found(c, c->s->out, mistakes);
    } else {
        print_found(c, c->s->chat, jlist(ret->doc, "warnings")); /* it is said, and does not stop anything */
    }
    if (!ok) {
        size_t n = json_array_size(mistakes);
        return err_set(e, ERR_DESK, P_("%.120s has %zu mistake", "%.120s has %zu mistakes", n), f->name, n);
    }
    return true;
}
