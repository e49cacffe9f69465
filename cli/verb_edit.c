/* SPDX-License-Identifier: MIT */
/*
 * desk edit, as visudo does it: a draft in the editor, checked, compared, applied. Nothing of it is lost: the draft is
 * removed only when it is in force or its author says so, and a desk that somebody else has applied meanwhile stands.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/editor.h"
#include "cli/filing.h"
#include "cli/prompt.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "common/beside.h"
#include "common/i18n.h"

struct editing {
    struct ctx *c;
    const char *path;  /* the draft */
    const char *file;  /* to be written in the end, or NULL: the desk in force was taken */
    const char *begun; /* the text it began with */
    struct filing f;
};

/* TRANSLATORS: the letters in brackets are those of "eqx" */
static const char *const mistaken = N_("(e)dit again, (q)uit and keep the draft, (x) discard it? [e]");
/* TRANSLATORS: the letters typed for: edit again, quit and keep the draft, discard it; in ASCII */
static const char *const mistaken_keys = N_("eqx");

enum verdict { AGAIN, APPLY, KEEP, DISCARD };

/* The desk in force, and its version (0: there is none). */
static bool
load_desk(struct editing *ed, struct err *e)
{
    struct ctx *c = ed->c;
    const char *text;
    struct reply r;

    if (client_get(c->client, "/v1/desk", &r, e)) {
        ed->f.version = jint(r.doc, "version", -1);
        text = jtext(r.doc, "file");
        ed->begun = text ? text : "";
        if (json_is_object(json_object_get(r.doc, "files"))) {
            ed->f.files = json_object_get(r.doc, "files");
        }
        return true;
    }
    if (e->code != ERR_NOT_FOUND) {
        return false;
    }
    ed->f.version = 0;
    return ed->file || err_set(e, ERR_NOT_FOUND, "no desk is applied yet: turno desk init writes one");
}

/* What to edit: FILE, with what lies beside it, or the desk in force with what lay beside it. */
/* A file in a folder that only we may enter: neither its content nor its name can be touched by others in a shared /tmp. */
static bool
create(struct editing *ed, struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = arena_printf(ed->c->a, "%s/turno-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");

    if (!mkdtemp(dir)) {
        (void)err_set(e, ERR_INVALID, "could not make a directory %s: %s", dir, strerror(errno));
        return false;
    }
    ed->path = arena_printf(ed->c->a, "%s/desk.txt", dir);
    if (!editor_put(ed->path, ed->begun, NULL, e)) {
        (void)rmdir(dir); /* an empty one left behind is no harm */
        return false;
    }
    return true;
}

static void
discard(struct editing *ed)
{
    char *dir = arena_strndup(ed->c->a, ed->path, (size_t)(strrchr(ed->path, '/') - ed->path));

    (void)unlink(ed->path);
    (void)rmdir(dir); /* the editor may have left something beside it */
}

static bool
load(struct editing *ed, struct err *e)
{
    struct filing file;

    ed->f = (struct filing){.files = api_object(ed->c)};
    if (!load_desk(ed, e)) {
        return false;
    }
    if (ed->file) {
        if (!filing_read(ed->c, ed->file, &file, e)) {
            return false;
        }
        ed->begun = file.text;
        ed->f.files = file.files;
    }
    return create(ed, e);
}

static enum verdict
ask_verdict(struct editing *ed, const char *question, const char *keys, char def)
{
    switch (prompt_key(ed->c, question, keys, def)) {
    case 'e':
        return AGAIN;
    case 'a':
        return APPLY;
    case 'x':
        return DISCARD;
    default: /* q, or nobody is there any more */
        return KEEP;
    }
}

/* Read the draft, say what it would change or what is wrong with it, and ask. False: e, and the draft is kept. */
static bool
look(struct editing *ed, enum verdict *ret, struct err *e)
{
    struct ctx *c = ed->c;
    struct reply r;

    if (!editor_slurp(c->a, ed->path, FILING_MAX, &ed->f.text, e)) {
        return false;
    }
    ed->f.name = ed->file ? ed->file : "desk.conf";
    if (ed->file) { /* what it names may have changed: look beside it again */
        if (!filing_beside(c, ed->file, ed->f.text, &ed->f.files, e)) {
            return false;
        }
    } else if (strcmp(ed->f.text, ed->begun) == 0) {
        *ret = DISCARD;
        return true;
    }
    if (filing_send(c, "diff", &ed->f, &r, e)) {
        if (filing_changes(c, c->s->chat, &r) == 0) {
            fprintf(c->s->chat, _("it is what is in force, but for its comments and layout\n"));
        }
        *ret =
            /* TRANSLATORS: the letters in brackets are those of "aeqx" */
            ask_verdict(ed, _("(a)pply, (e)dit again, (q)uit and keep the draft, (x) discard it?"),
                        /* TRANSLATORS: the letters typed for: apply, edit again, quit and keep the draft, discard it */
                        N_("aeqx"), 0);
    } else if (e->code == ERR_DESK) {
        fprintf(c->s->chat, "%s\n", text_line(c->a, e->msg));
        *ret = ask_verdict(ed, i18n(mistaken), mistaken_keys, 'e');
    } else {
        return false;
    }
    return true;
}

/* Does the file say what it said when it was read? */
static bool
is_as_begun(struct editing *ed)
{
    const char *text;
    struct err e;

    return !ed->file || (editor_slurp(ed->c->a, ed->file, FILING_MAX, &text, &e) && strcmp(text, ed->begun) == 0);
}

/* *ret_again: the database has something against it, which was printed. */
static bool
apply(struct editing *ed, bool *ret_again, struct err *e)
{
    struct ctx *c = ed->c;
    struct reply r;

    *ret_again = false;
    if (!is_as_begun(ed)) {
        fprintf(c->s->after, _("yours is in %s: put together what belongs together, then turno desk apply FILE\n"),
                ed->path);
        return err_set(e, ERR_STALE, "somebody has written another %.120s meanwhile, and nothing of yours was applied",
                       ed->file);
    }
    if (!filing_send(c, "apply", &ed->f, &r, e)) {
        *ret_again = e->code == ERR_DESK;
        if (e->code == ERR_STALE) {
            (void)err_set(e, ERR_STALE, "somebody has applied another desk meanwhile, and nothing of yours was");
            fprintf(c->s->after, _("what yours would change in it: turno desk diff %s; to go on: turno desk edit %s\n"),
                    ed->path, ed->path);
        }
        return false;
    }
    fprintf(c->s->chat, _("version %lld of the desk is in force\n"), (long long)jint(r.doc, "version", 0));
    if (ed->file) {
        return filing_write(c, ed->file, ed->f.text, !is_as_begun(ed), e);
    }
    fprintf(c->s->after, _("a desk file on disk is older now: turno desk show --output /etc/turno/desk.conf\n"));
    return true;
}

/* What the draft names of files beside it comes to lie there, so that it can be edited, compared and applied as a FILE. */
static void
keep_beside(const struct editing *ed)
{
    const char *name, *at = strrchr(ed->path, '/');
    const char *dir = arena_strndup(ed->c->a, ed->path, (size_t)(at - ed->path));
    json_t *text;
    struct err e;

    json_object_foreach(ed->f.files, name, text) {
        if (!beside_is_name(name) ||
            !filing_write(ed->c, arena_printf(ed->c->a, "%s/%s", dir, name), json_string_value(text), false, &e)) {
            fprintf(ed->c->s->after, _("%s is not beside the draft\n"), text_line(ed->c->a, name));
        }
    }
}

/* *ret_gone: the draft is not needed any more. */
static bool
edit(struct editing *ed, bool *ret_gone, struct err *e)
{
    enum verdict verdict = AGAIN;
    bool again = true;

    while (again) {
        if (verdict == AGAIN && (!editor_run(ed->c->a, ed->path, e) || !look(ed, &verdict, e))) {
            return false;
        }
        switch (verdict) {
        case AGAIN:
            break;
        case KEEP:
            fprintf(ed->c->s->after, _("nothing was applied; the draft is kept: turno desk edit %s\n"), ed->path);
            return true;
        case DISCARD:
            *ret_gone = true;
            fprintf(ed->c->s->chat, _("nothing was applied\n"));
            return true;
        case APPLY:
            *ret_gone = apply(ed, &again, e);
            if (again) {
                verdict = ask_verdict(ed, i18n(mistaken), mistaken_keys, 'e');
            } else if (!*ret_gone) {
                return false;
            }
            break;
        }
    }
    return true;
}

bool
run_desk_edit(struct ctx *c, struct err *e)
{
    struct editing ed = {.c = c, .file = args_text(c->args, "FILE")};
    bool gone = false, ok;

    if (!prompt_can(c)) {
        return err_set(
            e, ERR_USAGE,
            "the editor needs a terminal; without one: turno desk show --output FILE, turno desk check FILE, turno "
            "desk apply FILE");
    }
    screen_direct(c->s);
    if (!load(&ed, e)) {
        return false;
    }
    ok = edit(&ed, &gone, e);
    if (gone) {
        discard(&ed);
        return ok;
    }
    keep_beside(&ed);
    if (!ok && !strstr(e->msg, ed.path)) {
        fprintf(c->s->after, _("the draft is kept: %s\n"), ed.path);
    }
    return ok;
}
