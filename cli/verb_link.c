/* SPDX-License-Identifier: MIT */
/* A private link for a customer outside who telephoned or wrote. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/verbs.h"
#include "common/i18n.h"

static bool
end_links(struct ctx *c, const char *path, struct err *e)
{
    struct reply r;
    int64_t n;

    if (!client_delete(c->client, path, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    n = jint(r.doc, "revoked", 0);
    if (!c->s->tty) {
        fprintf(c->s->out, "%lld\t%lld\n", (long long)c->args->n, (long long)n);
    } else if (n == 0) {
        fprintf(c->s->out, _("ticket %lld has no private link\n"), (long long)c->args->n);
    } else {
        fprintf(c->s->out,
                P_("one private link no longer opens anything\n", "%lld private links no longer open anything\n", n),
                (long long)n);
    }
    return true;
}

bool
run_link(struct ctx *c, struct err *e)
{
    const char *path = arena_printf(c->a, "/v1/tickets/%lld/link", (long long)c->args->n);
    const char *link;
    struct reply r;

    if (args_has(c->args, "revoke")) {
        return end_links(c, path, e);
    }
    if (!client_post(c->client, path, NULL, &r, e)) {
        return false;
    }
    if (api_json(c, &r)) {
        return true;
    }
    link = jtext(r.doc, "link");
    fprintf(c->s->out, "%s\n", link ? link : jtext(r.doc, "path"));
    fputs(_("it is shown only now; whoever has it reads the messages and answers as the customer\n"), c->s->after);
    if (!link) {
        fputs(_("the address of the pages goes before it; with web.url in turnod.conf it would stand there\n"),
              c->s->after);
    }
    return true;
}
