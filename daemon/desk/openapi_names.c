/* SPDX-License-Identifier: MIT */
/* The document's words: enumerations from the tables of names, problems from the table of errors. */
#include <stdio.h>
#include <string.h>

#include "common/names.h"
#include "daemon/desk/health.h"
#include "daemon/desk/openapi_parts.h"
#include "daemon/desk/reads.h"
#include "daemon/desk/token.h"
#include "daemon/desk/verbs.h"

/* ---- enumerations ------------------------------------------------------------------------------------------------------ */

#define X(id, number, name) name,
static const char *const states[] = {STATE_TABLE(X) NULL};
static const char *const parks[] = {PARK_TABLE(X) NULL};
static const char *const outcomes[] = {OUTCOME_TABLE(X) NULL};
static const char *const priorities[] = {PRIORITY_TABLE(X) NULL};
static const char *const classes[] = {CLASS_TABLE(X) NULL};
static const char *const channels[] = {CHANNEL_TABLE(X) NULL};
static const char *const messages[] = {MESSAGE_TABLE(X) NULL};
static const char *const labels[] = {LABEL_TABLE(X) NULL};
#undef X
static const char *const verbs[] = {
#define VERB(id, number, name, event, help) name,
#include "common/transition.def"
    NULL};

static const struct {
    const char *schema;
    const char *const *words;
} enums[] = {
    {"State",      states          },
    {"Park",       parks           },
    {"Outcome",    outcomes        },
    {"Priority",   priorities      },
    {"Class",      classes         },
    {"Channel",    channels        },
    {"Message",    messages        },
    {"Label",      labels          },
    {"Verb",       verbs           },
    {"Scope",      token_scopes    },
    {"Kind",       account_kinds   },
    {"Segment",    account_segments},
    {"StatsBy",    stats_by        },
    {"Durability", durability_names},
};

void
openapi_enums(struct maker *m)
{
    for (size_t i = 0; i < sizeof enums / sizeof enums[0]; i++) {
        json_t *schema = json_object_get(m->schemas, enums[i].schema);
        json_t *words = json_array();
        for (const char *const *w = enums[i].words; *w != NULL; w++) {
            append(words, json_string(*w));
        }
        if (schema == NULL || json_object_get(schema, "enum") != NULL) {
            openapi_fault(m, "schema %s: a description, without its words, is expected", enums[i].schema);
            schema = child(m->schemas, enums[i].schema, json_object);
        }
        put(schema, "type", json_string("string"));
        put(schema, "enum", words);
    }
}

/* ---- errors ------------------------------------------------------------------------------------------------------------- */

/* A response for each status that errors have, "Error409", with the codes it can carry. The last rows of the table are
 * never sent. */
void
openapi_errors(struct maker *m)
{
    json_t *all = json_array();
    char name[16];

    for (int code = ERR_SYNTAX; code <= ERR_UNKNOWN; code++) {
        const char *word = err_name((enum err_code)code);
        int status = err_http((enum err_code)code);
        json_t *response, *codes;

        (void)snprintf(name, sizeof name, "Error%d", status);
        append(all, json_string(word));
        response = json_object_get(m->responses, name);
        if (response == NULL) {
            response = json_pack("{s:s, s:{s:{s:{s:[o, {s:s, s:[s, s], s:{s:{s:i}, s:{s:[]}}}]}}}}", "description", "",
                                 "content", "application/problem+json", "schema", "allOf", ref("schemas", "Problem"),
                                 "type", "object", "required", "status", "code", "properties", "status", "const",
                                 status, "code", "enum");
            ensure(response != NULL);
            if (status == 503) {
                put(response, "headers", json_pack("{s:o}", "Retry-After", ref("headers", "retry")));
            }
            put(m->responses, name, response);
        }
        const char *so_far = json_string_value(json_object_get(response, "description"));
        put(response, "description",
            json_sprintf("%s%s`%s`: %s", so_far, *so_far != '\0' ? "; " : "", word, err_title((enum err_code)code)));
        json_t *content = json_object_get(json_object_get(response, "content"), "application/problem+json");
        json_t *second = json_array_get(json_object_get(json_object_get(content, "schema"), "allOf"), 1);
        codes = json_object_get(json_object_get(json_object_get(second, "properties"), "code"), "enum");
        append(codes, json_string(word));
    }
    json_t *schema = child(m->schemas, "ErrorCode", json_object);
    put(schema, "type", json_string("string"));
    put(schema, "enum", all);
}

/* What can go wrong follows from what a route takes. What openapi.json says about a status stays. */
void
openapi_error_replies(json_t *responses, const struct route *r)
{
    const bool known = r->perm != PERM_NONE, body = (r->flags & (ROUTE_BODY | ROUTE_MAYBE)) != 0;
    const struct {
        int status;
        bool possible;
    } could[] = {
        {400, true          },
        {401, known         },
        {403, known         },
        {404, strchr(r->path, '{') != NULL},
        {408,   body              },
        {409,   r->step == step_verb},
        {413,   body              },
        {415,   body},
        {422,   true              },
        {431,   true},
        {500,   true              },
        {503,   true},
        {504,   known              },
    };
    char status[8], name[16];

    for (size_t i = 0; i < sizeof could / sizeof could[0]; i++) {
        (void)snprintf(status, sizeof status, "%d", could[i].status);
        (void)snprintf(name, sizeof name, "Error%d", could[i].status);
        if (could[i].possible && json_object_get(responses, status) == NULL) {
            put(responses, status, ref("responses", name));
        }
    }
}
