/* SPDX-License-Identifier: MIT */
/*
 * Reads desk.conf: libconfig's tree becomes the structs of deskfile_model.h, by tables that say what each group may
 * hold. Everything wrong is collected with its line; only what libconfig itself stops at (a syntax error, a setting
 * twice in one group) comes alone. deskfile_check.c then judges what the values mean together.
 */
#include "daemon/desk/deskfile.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "common/beside.h"
#include "common/i18n.h"
#include "common/json.h"
#include "common/parse.h"
#include "common/strbuf.h"
#include "common/utf8.h"
#include "daemon/desk/deskfile_model.h"
#include "daemon/desk/digest.h"
#include "daemon/desk/pattern.h"
#include "daemon/os/conffile.h"

#define LIST_MAX  1000  /* departments, queues of one, rules ... */
#define LINES_MAX 30000 /* libconfig counts lines in 16 bits */

/* ---- what a file may hold ------------------------------------------------------------------------------------------ */

enum key_kind {
    KEY_NAME,     /* of a department or queue */
    KEY_TEXT,     /* a line for people, at most 100 bytes */
    KEY_LONG,     /* the same, at most 400 */
    KEY_NAMES,    /* of departments and queues; all lists may be a single text too */
    KEY_LOGINS,   /* Unix users or groups */
    KEY_TEXTS,    /* lines */
    KEY_PATTERNS, /* PCRE2 */
    KEY_TAGS,     /* words */
    KEY_LANGS,    /* "es", "en" */
    KEY_BOOL,
    KEY_TIME,      /* a duration */
    KEY_TIME_NONE, /* a duration or "none" */
    KEY_GROUP,     /* { ... } */
    KEY_LIST,      /* ( { ... }, ... ) */
    KEY_SLOTS,     /* a number from 1 to 100 */
    KEY_PERCENT,   /* a number from 1 to 100 */
};

struct key {
    const char *name;
    enum key_kind kind;
    bool required;
    size_t offset;
    const struct key *sub; /* of KEY_GROUP and KEY_LIST; ends with name NULL */
    size_t size;           /* of a KEY_LIST's struct */
    const char *one;       /* what one of KEY_LIST is called */
};

#define AT(type, member) offsetof(struct type, member)
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, KEY_TEXT, false, 0, NULL, 0, NULL                                                                        \
    }

static const struct key target_keys[] = {
    {"urgent", KEY_TIME, false, AT(f_targets, urgent), NULL, 0, NULL},
    {"high",   KEY_TIME, false, AT(f_targets, high),   NULL, 0, NULL},
    {"normal", KEY_TIME, false, AT(f_targets, normal), NULL, 0, NULL},
    {"low",    KEY_TIME, false, AT(f_targets, low),    NULL, 0, NULL},
    END
};

static const struct key widen_keys[] = {
    {"after",    KEY_PERCENT, true,  AT(f_widen, after),    NULL, 0, NULL},
    {"drop",     KEY_TAGS,    false, AT(f_widen, drop),     NULL, 0, NULL},
    {"overflow", KEY_NAME,    false, AT(f_widen, overflow), NULL, 0, NULL},
    END
};

static const struct key queue_keys[] = {
    {"name",        KEY_NAME,      true,  AT(f_queue, name),        NULL,        0,                      NULL               },
    {"title",       KEY_TEXT,      false, AT(f_queue, title),       NULL,        0,                      NULL               },
    {"private",     KEY_BOOL,      false, AT(f_queue, is_private),  NULL,        0,                      NULL               },
    {"targets",     KEY_GROUP,     false, AT(f_queue, targets),     target_keys, 0,                      NULL               },
    {"age_cap",     KEY_TIME,      false, AT(f_queue, age_cap),     NULL,        0,                      NULL               },
    {"burst",       KEY_TIME_NONE, false, AT(f_queue, burst),       NULL,        0,                      NULL               },
    {"offer_limit", KEY_TIME,      false, AT(f_queue, offer_limit), NULL,        0,                      NULL               },
    {"idle_limit",  KEY_TIME_NONE, false, AT(f_queue, idle_limit),  NULL,        0,                      NULL               },
    {"auto_close",  KEY_TIME,      false, AT(f_queue, auto_close),  NULL,        0,                      NULL               },
    {"take",        KEY_TEXT,      false, AT(f_queue, take),        NULL,        0,                      NULL               },
    {"languages",   KEY_LANGS,     false, AT(f_queue, languages),   NULL,        0,                      NULL               },
    {"sticky",      KEY_TIME_NONE, false, AT(f_queue, sticky),      NULL,        0,                      NULL               },
    {"weight",      KEY_SLOTS,     false, AT(f_queue, weight),      NULL,        0,                      NULL               },
    {"widen",       KEY_LIST,      false, AT(f_queue, widen),       widen_keys,  sizeof(struct f_widen), N_("step of widen")},
    {"calendar",    KEY_NAME,      false, AT(f_queue, calendar),    NULL,        0,                      NULL               },
    END
};

static const struct key calendar_keys[] = {
    {"name",       KEY_NAME,  true,  AT(f_calendar, name),       NULL, 0, NULL},
    {"zone",       KEY_TEXT,  true,  AT(f_calendar, zone),       NULL, 0, NULL},
    {"week",       KEY_TEXTS, true,  AT(f_calendar, week),       NULL, 0, NULL},
    {"holidays",   KEY_TEXTS, false, AT(f_calendar, holidays),   NULL, 0, NULL},
    {"exceptions", KEY_TEXTS, false, AT(f_calendar, exceptions), NULL, 0, NULL},
    END
};

static const struct key department_keys[] = {
    {"name",        KEY_NAME,   true,  AT(f_department, name),        NULL,       0,                      NULL       },
    {"title",       KEY_TEXT,   false, AT(f_department, title),       NULL,       0,                      NULL       },
    {"groups",      KEY_LOGINS, false, AT(f_department, groups),      NULL,       0,                      NULL       },
    {"lead_groups", KEY_LOGINS, false, AT(f_department, lead_groups), NULL,       0,                      NULL       },
    {"members",     KEY_LOGINS, false, AT(f_department, members),     NULL,       0,                      NULL       },
    {"leads",       KEY_LOGINS, false, AT(f_department, leads),       NULL,       0,                      NULL       },
    {"calendar",    KEY_NAME,   false, AT(f_department, calendar),    NULL,       0,                      NULL       },
    {"queues",      KEY_LIST,   false, AT(f_department, queues),      queue_keys, sizeof(struct f_queue), N_("queue")},
    END
};

static const struct key rule_keys[] = {
    {"name",             KEY_TEXT,     true,  AT(f_rule, name),             NULL, 0, NULL},
    {"class",            KEY_TEXTS,    false, AT(f_rule, class_of),         NULL, 0, NULL},
    {"channel",          KEY_TEXTS,    false, AT(f_rule, channel),          NULL, 0, NULL},
    {"to",               KEY_NAMES,    false, AT(f_rule, to),               NULL, 0, NULL},
    {"account",          KEY_TEXTS,    false, AT(f_rule, account),          NULL, 0, NULL},
    {"kind",             KEY_TEXTS,    false, AT(f_rule, kind),             NULL, 0, NULL},
    {"segment",          KEY_TEXTS,    false, AT(f_rule, segment),          NULL, 0, NULL},
    {"lang",             KEY_TEXTS,    false, AT(f_rule, lang),             NULL, 0, NULL},
    {"department",       KEY_NAMES,    false, AT(f_rule, department),       NULL, 0, NULL},
    {"subject",          KEY_PATTERNS, false, AT(f_rule, subject),          NULL, 0, NULL},
    {"body",             KEY_PATTERNS, false, AT(f_rule, body),             NULL, 0, NULL},
    {"queue",            KEY_NAME,     false, AT(f_rule, queue),            NULL, 0, NULL},
    {"priority",         KEY_TEXT,     false, AT(f_rule, priority),         NULL, 0, NULL},
    {"tags",             KEY_TAGS,     false, AT(f_rule, tags),             NULL, 0, NULL},
    {"skills",           KEY_TAGS,     false, AT(f_rule, skills),           NULL, 0, NULL},
    {"parity_exception", KEY_LONG,     false, AT(f_rule, parity_exception), NULL, 0, NULL},
    END
};

static const struct key person_keys[] = {
    {"name",      KEY_TEXT,  true,  AT(f_person, name),      NULL, 0, NULL},
    {"skills",    KEY_TAGS,  false, AT(f_person, skills),    NULL, 0, NULL},
    {"languages", KEY_LANGS, false, AT(f_person, languages), NULL, 0, NULL},
    {"capacity",  KEY_SLOTS, false, AT(f_person, capacity),  NULL, 0, NULL},
    END
};

static const struct key moved_keys[] = {
    {"queue", KEY_NAME, true, AT(f_moved, queue), NULL, 0, NULL},
    {"to",    KEY_NAME, true, AT(f_moved, to),    NULL, 0, NULL},
    END
};

static const struct key defaults_keys[] = {
    {"targets",     KEY_GROUP,     false, AT(f_defaults, targets),     target_keys, 0, NULL},
    {"burst",       KEY_TIME_NONE, false, AT(f_defaults, burst),       NULL,        0, NULL},
    {"offer_limit", KEY_TIME,      false, AT(f_defaults, offer_limit), NULL,        0, NULL},
    {"idle_limit",  KEY_TIME_NONE, false, AT(f_defaults, idle_limit),  NULL,        0, NULL},
    {"auto_close",  KEY_TIME,      false, AT(f_defaults, auto_close),  NULL,        0, NULL},
    {"take",        KEY_TEXT,      false, AT(f_defaults, take),        NULL,        0, NULL},
    {"calendar",    KEY_NAME,      false, AT(f_defaults, calendar),    NULL,        0, NULL},
    {"sticky",      KEY_TIME_NONE, false, AT(f_defaults, sticky),      NULL,        0, NULL},
    END
};

static const struct key desk_keys[] = {
    {"departments",        KEY_LIST,   true,  AT(f_desk, departments),        department_keys, sizeof(struct f_department),
     N_("department")                                                                                                                           },
    {"default_department", KEY_NAME,   false, AT(f_desk, default_department), NULL,            0,                           NULL                },
    {"default_queue",      KEY_NAME,   true,  AT(f_desk, default_queue),      NULL,            0,                           NULL                },
    {"admin_groups",       KEY_LOGINS, false, AT(f_desk, admin_groups),       NULL,            0,                           NULL                },
    {"rules",              KEY_LIST,   false, AT(f_desk, rules),              rule_keys,       sizeof(struct f_rule),       N_("rule")          },
    {"moved",              KEY_LIST,   false, AT(f_desk, moved),              moved_keys,      sizeof(struct f_moved),      N_("entry of moved")},
    {"calendars",          KEY_LIST,   false, AT(f_desk, calendars),          calendar_keys,   sizeof(struct f_calendar),   N_("calendar")      },
    {"people",             KEY_LIST,   false, AT(f_desk, people),             person_keys,     sizeof(struct f_person),     N_("person")        },
    {"defaults",           KEY_GROUP,  false, AT(f_desk, defaults),           defaults_keys,   0,                           NULL                },
    END
};

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void read_group(struct findings *f, const config_setting_t *g, const struct key *keys, const struct place *at,
                       void *out);

/* A place inside out, which the caller's table says is there. */
static void *
member(void *out, size_t offset)
{
    return (char *)out + offset;
}

static const char *
kind_text(int type)
{
    switch (type) {
    case CONFIG_TYPE_GROUP:
        return _("a group { }");
    case CONFIG_TYPE_LIST:
        return _("a list ( )");
    case CONFIG_TYPE_ARRAY:
        return _("an array [ ]");
    case CONFIG_TYPE_STRING:
        return _("a text");
    case CONFIG_TYPE_BOOL:
        return _("true or false");
    default:
        return _("a number");
    }
}

static bool
is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return n <= 32 && s[n] == '\0' && s[0] >= 'a' && s[0] <= 'z';
}

/* The first part of a language tag: "es", not "es-MX". */
static bool
is_lang(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

    return s[n] == '\0' && (n == 2 || n == 3);
}

/* No blanks or signs that commands and lists need for themselves. */
static bool
is_word(const char *s, size_t max)
{
    return s[strcspn(s, " ,:;\"'\\/")] == '\0' && strlen(s) <= max;
}

static bool
is_line(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

/* One text of a kind; NULL when it is not acceptable. */
static const char *
check_text(struct findings *f, enum key_kind kind, const char *s, const struct place *at)
{
    struct err e;

    if (!json_utf8_ok(s, strlen(s))) {
        found_mistake(f, at, "the text is not valid UTF-8");
    } else if (s[0] == '\0') {
        found_mistake(f, at, "the text is empty");
    } else if (kind == KEY_PATTERNS) {
        if (pattern_ok(s, &e)) {
            return s;
        }
        found_mistake(f, at, "the pattern '%s' cannot be used: %s", s, e.msg);
    } else if (!is_line(s)) {
        found_mistake(f, at, "the text has control characters");
    } else if (strlen(s) > (kind == KEY_LONG ? 400 : 100)) {
        found_mistake(f, at, "the text is longer than %d bytes", kind == KEY_LONG ? 400 : 100);
    } else if ((kind == KEY_NAME || kind == KEY_NAMES) && !is_name(s)) {
        found_mistake(f, at, "'%s' is no name: a letter a-z, then up to 31 of a-z, 0-9, - and _", s);
    } else if ((kind == KEY_LOGINS && !is_word(s, 64)) || (kind == KEY_TAGS && !is_word(s, 40))) {
        found_mistake(f, at, "'%s' is too long or has a blank, a comma, a quote, a colon or a slash", s);
    } else if (kind == KEY_LANGS && !is_lang(s)) {
        found_mistake(f, at, "'%s' is no language: two or three letters a-z, like \"es\"", s);
    } else {
        return s;
    }
    return NULL;
}

static void
read_text(struct findings *f, const struct key *k, const config_setting_t *s, struct f_text *ret)
{
    if (config_setting_type(s) != CONFIG_TYPE_STRING) {
        found_mistake(f, &ret->at, "'%s' must be a text in quotes, not %s", k->name, kind_text(config_setting_type(s)));
        return;
    }
    ret->s = arena_strdup(f->a, check_text(f, k->kind, config_setting_get_string(s), &ret->at));
}

/* A list of texts, or one text without brackets. */
static void
read_texts(struct findings *f, const struct key *k, const config_setting_t *s, struct f_texts *ret)
{
    int type = config_setting_type(s);
    int n = type == CONFIG_TYPE_STRING ? 1 : config_setting_length(s);

    if (type != CONFIG_TYPE_STRING && type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST) {
        found_mistake(f, &ret->at, "'%s' must be a text in quotes or a list of texts, not %s", k->name,
                      kind_text(type));
        return;
    }
    if (n > LIST_MAX) {
        found_mistake(f, &ret->at, "'%s' has more than %d entries", k->name, LIST_MAX);
        n = LIST_MAX;
    }
    ret->v = ARENA_ARRAY(f->a, n + 1, struct f_text);
    for (int i = 0; i < n; i++) {
        const config_setting_t *one = type == CONFIG_TYPE_STRING ? s : config_setting_get_elem(s, (unsigned)i);
        struct f_text *t = &ret->v[ret->n];
        t->at = ret->at;
        if (one != s) {
            t->at.line = (int)config_setting_source_line(one);
            t->at.path = arena_printf(f->a, "%s[%d]", ret->at.path, i);
        }
        if (config_setting_type(one) != CONFIG_TYPE_STRING) {
            found_mistake(f, &t->at, "'%s' may hold texts only, not %s", k->name, kind_text(config_setting_type(one)));
            continue;
        }
        t->s = arena_strdup(f->a, check_text(f, k->kind, config_setting_get_string(one), &t->at));
        ret->n += t->s != NULL;
    }
}

static void
read_time(struct findings *f, const struct key *k, const config_setting_t *s, struct f_time *ret)
{
    const char *text = config_setting_type(s) == CONFIG_TYPE_STRING ? config_setting_get_string(s) : NULL;

    if (text != NULL && k->kind == KEY_TIME_NONE && strcmp(text, "none") == 0) {
        ret->is_none = ret->ok = true;
    } else if (text == NULL || !parse_duration(text, &ret->usec)) {
        found_mistake(f, &ret->at,
                      k->kind == KEY_TIME_NONE
                          ? N_("'%s' must be a duration in quotes like \"30s\", \"4h\" or \"1d12h\", or \"none\"")
                          : N_("'%s' must be a duration in quotes like \"30s\", \"4h\" or \"1d12h\""),
                      k->name);
    } else if (ret->usec < USEC_SEC || ret->usec > 3660 * USEC_DAY) {
        found_mistake(f, &ret->at, "'%s' must lie between one second and ten years", k->name);
    } else {
        ret->ok = true;
    }
}

static void
read_int(struct findings *f, const struct key *k, const config_setting_t *s, struct f_int *ret)
{
    long long v = config_setting_type(s) == CONFIG_TYPE_INT || config_setting_type(s) == CONFIG_TYPE_INT64
                      ? config_setting_get_int64(s)
                      : 0;

    if (v < 1 || v > 100) {
        found_mistake(f, &ret->at, "'%s' must be a number from 1 to 100", k->name);
        return;
    }
    ret->v = v;
    ret->ok = true;
}

static void
read_list(struct findings *f, const struct key *k, const config_setting_t *s, struct f_list *ret)
{
    int n = config_setting_length(s);
    int type = config_setting_type(s);

    if (type != CONFIG_TYPE_LIST && !(type == CONFIG_TYPE_ARRAY && n == 0)) {
        found_mistake(f, &ret->at, "'%s' must be a list ( { ... }, { ... } ), not %s", k->name, kind_text(type));
        return;
    }
    if (n > LIST_MAX) {
        found_mistake(f, &ret->at, "'%s' has more than %d entries", k->name, LIST_MAX);
        n = LIST_MAX;
    }
    ret->v = arena_alloc(f->a, (size_t)(n + 1) * k->size);
    for (int i = 0; i < n; i++) {
        const config_setting_t *one = config_setting_get_elem(s, (unsigned)i);
        struct place at = {(int)config_setting_source_line(one), arena_printf(f->a, "%s[%d]", ret->at.path, i)};
        if (config_setting_type(one) != CONFIG_TYPE_GROUP) {
            found_mistake(f, &at, "each %s must be a group { }, not %s", i18n(k->one),
                          kind_text(config_setting_type(one)));
            continue;
        }
        read_group(f, one, k->sub, &at, member(ret->v, (size_t)ret->n * k->size));
        ret->n++;
    }
}

static void
read_value(struct findings *f, const struct key *k, const config_setting_t *s, void *out)
{
    /* each f_ struct begins with its place */
    struct place *at = member(out, k->offset);

    switch (k->kind) {
    case KEY_NAME:
    case KEY_TEXT:
    case KEY_LONG:
        read_text(f, k, s, member(out, k->offset));
        break;
    case KEY_NAMES:
    case KEY_LOGINS:
    case KEY_TEXTS:
    case KEY_PATTERNS:
    case KEY_TAGS:
    case KEY_LANGS:
        read_texts(f, k, s, member(out, k->offset));
        break;
    case KEY_BOOL:
        if (config_setting_type(s) == CONFIG_TYPE_BOOL) {
            ((struct f_bool *)member(out, k->offset))->v = config_setting_get_bool(s) != 0;
        } else {
            found_mistake(f, at, "'%s' must be true or false, not %s", k->name, kind_text(config_setting_type(s)));
        }
        break;
    case KEY_TIME:
    case KEY_TIME_NONE:
        read_time(f, k, s, member(out, k->offset));
        break;
    case KEY_GROUP:
        if (config_setting_type(s) == CONFIG_TYPE_GROUP) {
            read_group(f, s, k->sub, at, member(out, k->offset));
        } else {
            found_mistake(f, at, "'%s' must be a group { }, not %s", k->name, kind_text(config_setting_type(s)));
        }
        break;
    case KEY_LIST:
        read_list(f, k, s, member(out, k->offset));
        break;
    case KEY_SLOTS:
    case KEY_PERCENT:
        read_int(f, k, s, member(out, k->offset));
        break;
    }
}

/* Changes that make b of a, at most 3 (short words: the table is small). */
static int
distance(const char *a, const char *b)
{
    int row[34];
    size_t na = strlen(a);
    size_t nb = strlen(b);

    if (na > 32 || nb > 32) {
        return 3;
    }
    for (size_t j = 0; j <= nb; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= na; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int swap = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            row[j] = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = swap < row[j] ? swap : row[j];
        }
    }
    return row[nb];
}

static void
unknown_key(struct findings *f, const struct key *keys, const char *name, const struct place *at)
{
    const char *near = NULL;
    int best = 3;

    for (const struct key *k = keys; k->name != NULL; k++) {
        int d = distance(name, k->name);
        if (d < best) {
            best = d;
            near = k->name;
        }
    }
    if (near != NULL) {
        found_mistake(f, at, "there is no setting '%.80s' here; did you mean '%s'?", name, near);
    } else {
        found_mistake(f, at, "there is no setting '%.80s' here", name);
    }
}

/* at: the group's own place, which out's first member becomes. */
static void
read_group(struct findings *f, const config_setting_t *g, const struct key *keys, const struct place *at, void *out)
{
    *(struct place *)out = *at;
    for (int i = 0; i < config_setting_length(g); i++) {
        const config_setting_t *s = config_setting_get_elem(g, (unsigned)i);
        const char *name = config_setting_name(s);
        struct place here = {(int)config_setting_source_line(s), NULL};
        const struct key *k = keys;

        here.path = at->path[0] != '\0' ? arena_printf(f->a, "%s.%s", at->path, name) : arena_strdup(f->a, name);
        while (k->name != NULL && strcmp(k->name, name) != 0) {
            k++;
        }
        if (k->name == NULL) {
            unknown_key(f, keys, name, &here);
            continue;
        }
        *(struct place *)member(out, k->offset) = here;
        read_value(f, k, s, out);
    }
    for (const struct key *k = keys; k->name != NULL; k++) {
        if (k->required && ((struct place *)member(out, k->offset))->path == NULL) {
            found_mistake(f, at, "'%s' is missing", k->name);
        }
    }
}

/* ---- the file as a whole ------------------------------------------------------------------------------------------- */

/* What libconfig must not get to see; false: said. */
static bool
check_bytes(struct findings *f, const char *text, size_t n)
{
    struct place at = {0, NULL};
    int lines = 1;

    if (n > DESKFILE_MAX) {
        found_mistake(f, &at, "the file is larger than %d KiB", DESKFILE_MAX / 1024);
        return false;
    }
    for (size_t i = 0; i < n;) {
        size_t k = text[i] != '\0' ? utf8_len(text + i, n - i) : 0;
        if (k == 0) {
            at.line = lines;
            found_mistake(f, &at, text[i] == '\0' ? N_("there is a NUL byte") : N_("this is not valid UTF-8"));
            return false;
        }
        lines += text[i] == '\n';
        i += k;
    }
    if (lines > LINES_MAX) {
        found_mistake(f, &at, "the file has more than %d lines", LINES_MAX);
        return false;
    }
    return true;
}

/* What libconfig says, which has no translations of its own. */
static const char *
syntax_text(const char *text)
{
    return strcmp(text, "syntax error") == 0             ? _("syntax error")
           : strcmp(text, "duplicate setting name") == 0 ? _("duplicate setting name")
                                                         : text;
}

/* Into the model; false: a syntax error, said. */
static bool
read_text_of(struct findings *f, const char *text, struct f_desk *ret)
{
    struct place at = {conffile_include_line(text), ""};
    config_t conf;
    bool ok;

    if (at.line > 0) {
        found_mistake(f, &at, "@include is not offered: a desk is one file");
        return false;
    }
    config_init(&conf);
    ok = config_read_string(&conf, text) == CONFIG_TRUE;
    if (ok) {
        read_group(f, config_root_setting(&conf), desk_keys, &at, ret);
    } else {
        int open = conffile_open_line(text);
        at.line = config_error_line(&conf);
        if (open > 0) {
            found_mistake(f, &at, "%s (reading stops here): the bracket in line %d is not closed",
                          syntax_text(config_error_text(&conf)), open);
        } else {
            found_mistake(f, &at, "%s (reading stops here)", syntax_text(config_error_text(&conf)));
        }
    }
    config_destroy(&conf);
    return ok;
}

static void
json_drop(void *json)
{
    json_decref(json);
}

const struct deskfile_beside *
deskfile_beside(const struct deskfile_input *in, const char *name)
{
    for (int i = 0; i < in->nfiles; i++) {
        if (strcmp(in->files[i].name, name) == 0) {
            return &in->files[i];
        }
    }
    return NULL;
}

/* The files that the text names and that are there, each once, in the order of the text: calls fn for each. */
static void
each_beside(const struct deskfile_input *in, void (*fn)(void *arg, const struct deskfile_beside *file), void *arg)
{
    const struct deskfile_beside *seen[BESIDE_FILES_MAX];
    char name[BESIDE_NAME_MAX + 1];
    int n = 0;

    for (const char *at = in->text; n < BESIDE_FILES_MAX && beside_next(&at, name);) {
        const struct deskfile_beside *file = deskfile_beside(in, name);
        int i = 0;
        while (i < n && seen[i] != file) {
            i++;
        }
        if (file != NULL && i == n) {
            seen[n++] = file;
            fn(arg, file);
        }
    }
}

static void
hash_beside(void *arg, const struct deskfile_beside *file)
{
    struct strbuf *all = arg;

    strbuf_addn(all, "", 1);
    strbuf_addf(all, "%s %zu\n", file->name, file->n);
    strbuf_addn(all, file->text, file->n);
}

void
deskfile_hash(const struct deskfile_input *in, char ret[65])
{
    uint8_t hash[DIGEST_SIZE];
    struct strbuf all;

    strbuf_init(&all);
    strbuf_addn(&all, in->text, in->n);
    each_beside(in, hash_beside, &all);
    digest_sha256(all.p, all.n, hash);
    strbuf_release(&all);
    for (size_t i = 0; i < sizeof(hash); i++) {
        ret[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    ret[2 * sizeof(hash)] = '\0';
}

static void
keep_beside(void *arg, const struct deskfile_beside *file)
{
    struct strbuf *json = arg;

    strbuf_add(json, json->n > 1 ? "," : "");
    strbuf_add_json(json, file->name);
    strbuf_addch(json, ':');
    strbuf_add_json_n(json, file->text, file->n);
}

/* What is kept of the files, so that a former desk can be had again. */
static const char *
files_json(struct arena *a, const struct deskfile_input *in)
{
    struct strbuf json;
    const char *text;

    strbuf_init(&json);
    strbuf_addch(&json, '{');
    each_beside(in, keep_beside, &json);
    strbuf_addch(&json, '}');
    text = arena_strdup(a, json.p);
    strbuf_release(&json);
    return text;
}

void
deskfile_read(struct arena *a, const struct deskfile_input *in, struct deskfile *ret)
{
    struct findings f = {.a = a};
    struct f_desk *d = ARENA_NEW(a, struct f_desk);
    char *hex = arena_alloc(a, 65);

    *ret = (struct deskfile){.name = arena_strdup(a, in->name), .sha256 = hex};
    deskfile_hash(in, hex);
    /* libconfig takes a comment in an unfinished last line for a syntax error */
    if (check_bytes(&f, in->text, in->n) && read_text_of(&f, arena_printf(a, "%.*s\n", (int)in->n, in->text), d)) {
        deskfile_judge(d, in, &f);
    }
    found_end(&f);
    if (f.nmistakes == 0) {
        ret->document = deskfile_render(d);
        ret->files = files_json(a, in);
        arena_defer(a, json_drop, ret->document);
    }
    ret->found = f.v;
    ret->nfound = f.n;
    ret->nmistakes = f.nmistakes;
}

void
deskfile_check(struct arena *a, const char *name, const char *text, size_t n, struct deskfile *ret)
{
    char *copy = arena_alloc(a, n + 1); /* the names of files are looked for up to the NUL at its end */
    const struct deskfile_input in = {.name = name, .text = copy, .n = n};

    memcpy(copy, text, n);
    copy[n] = '\0';
    deskfile_read(a, &in, ret);
}

char *
deskfile_dump(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT);

    ensure(text != NULL);
    return text;
}
