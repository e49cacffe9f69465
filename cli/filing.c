/* SPDX-License-Identifier: MIT */
/* See filing.h. The daemon gets the text of the file, not its name: it reads nobody's files. */
#include "cli/filing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/editor.h"
#include "cli/text.h"
#include "common/beside.h"

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

bool
filing_write(struct ctx *c, const char *path, const char *text, bool keep, struct err *e)
{
    const char *fresh = arena_printf(c->a, "%s.new", path);
    int fd = unlink(fresh) == 0 || errno == ENOENT ? open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    size_t n = strlen(text);
    struct stat st;
    bool ok = fd >= 0, is_there = stat(path, &st) == 0;

    if (ok && is_there) {
        ok = fchown(fd, st.st_uid, st.st_gid) == 0 || errno == EPERM; /* then it is ours from now on */
    }
    /* the daemon reads it, whatever our umask is */
    ok = ok && fchmod(fd, is_there ? st.st_mode & 0777U : 0644) == 0 && write(fd, text, n) == (ssize_t)n &&
         fsync(fd) == 0;
    ok = (fd < 0 || close(fd) == 0) && ok;
    if (ok && keep && is_there) {
        const char *old = arena_printf(c->a, "%s.old", path);
        (void)unlink(old); /* the one before */
        ok = link(path, old) == 0 || rename(path, old) == 0;
    }
    if (ok && rename(fresh, path) == 0) {
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
        return err_set(e, ERR_DESK, "%.120s has %zu mistake%s", f->name, n, n == 1 ? "" : "s");
    }
    return true;
}
