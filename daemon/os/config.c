/* SPDX-License-Identifier: MIT */
/*
 * turnod.conf. One row of the table is one key: everything about it is said there once and used for defaults, reading,
 * overrides, range errors, reload, the sample file and the man page (tests/unit/test_config.c holds both against it).
 * libconfig gives the tree; a value is turned into text and set by one function, whether it came from the table, the
 * file or the command line. libconfig 1.5 stops at the first syntax error, which is then the only one told.
 */
#include "daemon/os/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>

#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"
#include "common/xalloc.h"
#include "daemon/os/conffile.h"
#include "daemon/os/listen.h"

#define UNIX_PATH_MAX 107 /* sun_path without its NUL */

enum type { TEXT, PATH, TEXTS, NUMBER, DURATION, SIZE, MODE, LEVEL, SWITCH, TYPES };

static const char *const type_names[TYPES] = {
    [TEXT] = "text", [PATH] = "path",       [TEXTS] = "list of texts", [NUMBER] = "number",    [DURATION] = "duration",
    [SIZE] = "size", [MODE] = "octal mode", [LEVEL] = "level",         [SWITCH] = "on or off",
};

struct key {
    const char *name;
    enum type type;
    size_t offset;
    int64_t min, max; /* of numbers; of PATH and TEXT: min 1 when it may not be empty */
    const char *def;
    bool reloadable;
    const char *help;
};

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct key keys[] = {
    {"state_dir",   PATH,  AT(state_dir),   1, 0, "/var/lib/turno", false, "folder of the embedded database and of everything turnod keeps"},
    {"socket",      PATH,  AT(socket),      0, 0, "/run/turno/turno.sock", false, "Unix socket to listen on; empty: none"},
    {"socket_mode", MODE,  AT(socket_mode), 0, 0777, "0666", false, "who may connect to it; who may do what is decided by credentials, not by this"},
    {"listen",      TEXTS, AT(listen),      0, 0, "", false, "TCP addresses to listen on, loopback only"},
    {"desk",        PATH,  AT(desk),        1, 0, "/etc/turno/desk.conf", false, "desk file: applied by itself to an empty database only"},
    {"log_level",   LEVEL, AT(log_level),   0, 0, "info", true, "what is logged: err, warn, notice, info or debug"},

    {"database.conninfo",         TEXT,     AT(database.conninfo),         0, 0, "", false, "your PostgreSQL, as libpq takes it; empty: the embedded one"},
    {"database.owner_conninfo",   TEXT,     AT(database.owner_conninfo),   0, 0, "", false, "the same for the owner of the schema, who migrates it; empty: the role of conninfo does"},
    {"database.role",             TEXT,     AT(database.role),             1, 0, "turnod", false, "role the daemon works as, which is given its rights by the owner"},
    {"database.bin_dir",          PATH,     AT(database.bin_dir),          0, 0, "", false, "folder of PostgreSQL's programs, embedded; empty: found"},
    {"database.write_connections", NUMBER, AT(database.write_connections), 1, 4, "2", false, "connections for writing; the first does nearly all of it"},
    {"database.read_connections", NUMBER,   AT(database.read_connections), 1, 8, "2", false, "connections for reading"},
    {"database.flush_connections", NUMBER, AT(database.flush_connections), 1, 4, "3", false, "connections that make durable what was written; a disk keeps one busy, a distant standby more"},
    {"database.queue_max",        NUMBER,   AT(database.queue_max),        1, 1000000, "20000", false, "statements that may wait for the database before requests get 503"},
    {"database.batch_max",        NUMBER,   AT(database.batch_max),        1, 500, "128", false, "requests written in one transaction at most"},
    {"database.statement_timeout", DURATION, AT(database.statement_timeout), 100 * 1000, USEC_HOUR, "10s", false, "time a statement may take; at most limits.deadline"},

    {"web.form",        SWITCH, AT(web.form),        0, 1, "off", false, "offer the form for new requests to everybody who can reach `listen`: on or off"},
    {"web.title",       TEXT,   AT(web.title),       0, 0, "", false, "what stands above every page: the company's name"},
    {"web.url",         TEXT,   AT(web.url),         0, 0, "", false, "where customers find the pages: https://help.example.com"},
    {"web.per_address", NUMBER, AT(web.per_address), 1, 100000, "30", false, "what one address may send by the pages in an hour; more is refused"},
    {"web.proxies",     TEXTS,  AT(web.proxies),     0, 0, "", false, "proxies whose X-Forwarded-For is believed: addresses, or unix for those at the socket"},

    {"limits.body",            SIZE,     AT(limits.body),            1024, 64 * 1024 * 1024, "1M", false, "size of a request's body"},
    {"limits.headers",         SIZE,     AT(limits.headers),         1024, 1024 * 1024, "16K", false, "size of a request's headers"},
    {"limits.connections",     NUMBER,   AT(limits.connections),     1, 1000000, "12000", false, "open connections; more wait to be accepted"},
    {"limits.requests",        NUMBER,   AT(limits.requests),        1, 1000000, "20000", false, "requests being worked on; more get 503"},
    {"limits.request_timeout", DURATION, AT(limits.request_timeout), USEC_SEC, USEC_HOUR, "30s", false, "time for a request to arrive whole"},
    {"limits.idle_timeout",    DURATION, AT(limits.idle_timeout),    USEC_SEC, USEC_DAY, "10m", false, "time a silent connection is kept"},
    {"limits.deadline",        DURATION, AT(limits.deadline),        USEC_SEC, USEC_HOUR, "15s", false, "time until a request is answered with 504"},
    {"limits.stop_timeout",    DURATION, AT(limits.stop_timeout),    0, USEC_HOUR, "10s", true, "time open requests are given when the daemon stops"},
};
/* clang-format on */

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

struct load {
    struct config *c;
    const char *file; /* as messages name it */
    config_complain_fn *complain;
    void *arg;
    int mistakes;
};

static void mistake(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
mistake(struct load *l, const char *fmt, ...)
{
    struct strbuf sb;
    va_list ap;

    strbuf_init(&sb);
    va_start(ap, fmt);
    strbuf_vaddf(&sb, fmt, ap);
    va_end(ap);
    l->complain(l->arg, sb.p);
    strbuf_release(&sb);
    l->mistakes++;
}

static const struct key *
find_key(const char *name)
{
    for (size_t i = 0; i < NKEYS; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Some key lies in this group ("database"). */
static bool
is_group(const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < NKEYS; i++) {
        if (strncmp(keys[i].name, name, n) == 0 && keys[i].name[n] == '.') {
            return true;
        }
    }
    return false;
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static void *
field_of(const struct key *k, struct config *c)
{
    return (char *)c + k->offset;
}

static const void *
value_of(const struct key *k, const struct config *c)
{
    return (const char *)c + k->offset;
}

static bool
parse_level(const char *s, int64_t *ret)
{
    static const char *const names[] = {"err", "warn", "notice", "info", "debug"};

    for (int i = 0; i < 5; i++) {
        if (strcmp(s, names[i]) == 0) {
            *ret = LOG_LEVEL_ERR + i;
            return true;
        }
    }
    return false;
}

static bool
parse_mode(const char *s, int64_t *ret)
{
    char *end;
    long v = strtol(s, &end, 8);

    if (s[0] < '0' || s[0] > '7' || *end != '\0' || v > 0777) {
        return false;
    }
    *ret = v;
    return true;
}

static bool
set_text(const struct key *k, struct config *c, const char *s, struct err *e)
{
    if (s[0] == '\0' && k->min > 0) {
        return err_set(e, ERR_INVALID, "may not be empty");
    }
    if (k->type == PATH && s[0] != '\0' && s[0] != '/') {
        return err_set(e, ERR_INVALID, "must be an absolute path, not '%s'", s);
    }
    *(const char **)field_of(k, c) = arena_strdup(c->a, s);
    return true;
}

/* What is wanted is told when it is not that. */
static bool
read_number(enum type type, const char *s, int64_t *ret, const char **ret_wanted)
{
    switch (type) {
    case NUMBER:
        *ret_wanted = "a whole number";
        return parse_i64(s, INT64_MIN, INT64_MAX, ret);
    case DURATION:
        *ret_wanted = "a duration with its unit (\"30s\", \"5m\", \"1h\")";
        return parse_duration(s, ret);
    case SIZE:
        *ret_wanted = "a size (\"64K\", \"1M\")";
        return parse_size(s, ret);
    case MODE:
        *ret_wanted = "an octal mode (\"0660\")";
        return parse_mode(s, ret);
    case LEVEL:
        *ret_wanted = "one of err, warn, notice, info, debug";
        return parse_level(s, ret);
    case SWITCH:
        *ret_wanted = "on or off";
        *ret = strcmp(s, "on") == 0;
        return *ret || strcmp(s, "off") == 0;
    case TEXT:
    case PATH:
    case TEXTS:
    case TYPES:
        break;
    }
    ensure(false); /* not a type of numbers */
    return false;
}

static bool
set_number(const struct key *k, struct config *c, const char *s, struct err *e)
{
    const char *wanted;
    int64_t v;

    if (!read_number(k->type, s, &v, &wanted)) {
        return err_set(e, ERR_INVALID, "must be %s, not '%s'", wanted, s);
    }
    if (k->max > k->min && (v < k->min || v > k->max)) {
        if (k->type == DURATION) {
            char min[32], max[32];

            format_duration(k->min, min);
            format_duration(k->max, max);
            return err_set(e, ERR_INVALID, "must be %s to %s, not '%s'", k->min < USEC_SEC ? "0" : min, max, s);
        }
        return err_set(e, ERR_INVALID, "must be %lld to %lld, not '%s'", (long long)k->min, (long long)k->max, s);
    }
    *(int64_t *)field_of(k, c) = v;
    return true;
}

/* A list from one text, entries separated by commas: of a default or an override. */
static void
set_list(const struct key *k, struct config *c, const char *s)
{
    size_t n = 2;
    const char **list;

    for (const char *p = s; *p != '\0'; p++) {
        n += *p == ',';
    }
    list = ARENA_ARRAY(c->a, n, const char *);
    n = 0;
    while (*s != '\0') {
        size_t len = strcspn(s, ",");

        if (len > 0) {
            list[n++] = arena_strndup(c->a, s, len);
        }
        s += len + (s[len] == ',');
    }
    *(const char ***)field_of(k, c) = list;
}

static bool
set_value(const struct key *k, struct config *c, const char *s, struct err *e)
{
    switch (k->type) {
    case TEXT:
    case PATH:
        return set_text(k, c, s, e);
    case TEXTS:
        set_list(k, c, s);
        return true;
    case NUMBER:
    case DURATION:
    case SIZE:
    case MODE:
    case LEVEL:
    case SWITCH:
    case TYPES:
        break;
    }
    return set_number(k, c, s, e);
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

static void
take_list(struct load *l, const struct key *k, const config_setting_t *s)
{
    int n = config_setting_length(s);
    const char **list = ARENA_ARRAY(l->c->a, n + 1, const char *);

    for (int i = 0; i < n; i++) {
        const config_setting_t *el = config_setting_get_elem(s, (unsigned)i);

        if (config_setting_type(el) != CONFIG_TYPE_STRING) {
            mistake(l, "%s:%u: %s: every entry must be a text in quotes", l->file, config_setting_source_line(s),
                    k->name);
            return;
        }
        list[i] = arena_strdup(l->c->a, config_setting_get_string(el));
    }
    *(const char ***)field_of(k, l->c) = list;
}

static void
take_value(struct load *l, const struct key *k, const config_setting_t *s)
{
    int type = config_setting_type(s);
    bool is_number = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    char number[24];
    const char *text = NULL;
    struct err e;

    if (k->type == TEXTS) {
        if (type == CONFIG_TYPE_ARRAY || type == CONFIG_TYPE_LIST) {
            take_list(l, k, s);
        } else {
            mistake(l, "%s:%u: %s: a list of texts is wanted: [\"…\", \"…\"]", l->file, config_setting_source_line(s),
                    k->name);
        }
        return;
    }
    if (type == CONFIG_TYPE_STRING && k->type != NUMBER) {
        text = config_setting_get_string(s);
    } else if (is_number && (k->type == NUMBER || k->type == SIZE)) {
        (void)snprintf(number, sizeof(number), "%lld",
                       type == CONFIG_TYPE_INT ? (long long)config_setting_get_int(s) : config_setting_get_int64(s));
        text = number;
    } else {
        mistake(l, "%s:%u: %s: %s is wanted", l->file, config_setting_source_line(s), k->name,
                k->type == NUMBER ? "a whole number without quotes" : "a text in quotes");
        return;
    }
    if (!set_value(k, l->c, text, &e)) {
        mistake(l, "%s:%u: %s: %s", l->file, config_setting_source_line(s), k->name, e.msg);
    }
}

/* All settings of a group. prefix: "" or "database.". */
static void
take_group(struct load *l, const char *prefix, const config_setting_t *group)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
        char *name = xasprintf("%s%s", prefix, config_setting_name(s));
        const struct key *k = find_key(name);

        if (k != NULL) {
            take_value(l, k, s);
        } else if (!is_group(name)) {
            mistake(l, "%s:%u: there is no key '%s'", l->file, config_setting_source_line(s), name);
        } else if (!config_setting_is_group(s)) {
            mistake(l, "%s:%u: %s: a group is wanted: %s: { … }", l->file, config_setting_source_line(s), name, name);
        } else {
            char *sub = xasprintf("%s.", name);

            take_group(l, sub, s);
            free(sub);
        }
        free(name);
    }
}

static void
take_file(struct load *l, const char *file, bool must_exist)
{
    struct err e;
    config_t tree;
    char *text;
    int line;

    if (!conffile_read(file, &text, NULL, &e)) {
        if (must_exist || e.code != ERR_NOT_FOUND) {
            mistake(l, "%s", e.msg);
        }
        return;
    }
    l->c->file = arena_strdup(l->c->a, file);
    line = conffile_include_line(text);
    if (line != 0) {
        mistake(l, "%s:%d: @include is not allowed: the configuration is one file", file, line);
        free(text);
        return;
    }
    config_init(&tree);
    if (config_read_string(&tree, text) == CONFIG_TRUE) {
        take_group(l, "", config_root_setting(&tree));
    } else {
        line = conffile_open_line(text);
        if (line != 0) {
            mistake(l, "%s:%d: %s: the bracket in line %d is not closed", file, config_error_line(&tree),
                    config_error_text(&tree), line);
        } else {
            mistake(l, "%s:%d: %s", file, config_error_line(&tree), config_error_text(&tree));
        }
    }
    config_destroy(&tree);
    free(text);
}

/* ---- overrides and checks ------------------------------------------------------------------------------------------- */

/* A path given on the command line may be relative to where that was typed. */
static const char *
absolute(struct arena *a, const char *path)
{
    char *cwd = path[0] != '\0' && path[0] != '/' ? getcwd(NULL, 0) : NULL;
    const char *abs = cwd != NULL ? arena_printf(a, "%s/%s", cwd, path) : path;

    free(cwd);
    return abs;
}

static void
take_override(struct load *l, const char *text)
{
    const char *eq = strchr(text, '=');
    char *name = eq != NULL ? xstrndup(text, (size_t)(eq - text)) : xstrdup(text);
    const struct key *k = find_key(name);
    const char *value = eq == NULL ? NULL : k != NULL && k->type == PATH ? absolute(l->c->a, eq + 1) : eq + 1;
    struct err e;

    if (value == NULL) {
        mistake(l, "-o %s: the form is key=value", text);
    } else if (k == NULL) {
        mistake(l, "-o %s: there is no such key", name);
    } else if (!set_value(k, l->c, value, &e)) {
        mistake(l, "-o %s: %s", name, e.msg);
    }
    free(name);
}

static bool
is_role_name(const char *s)
{
    size_t n = strlen(s);

    return n >= 1 && n <= 63 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n && (s[0] < '0' || s[0] > '9');
}

/* https://host or http://host, perhaps with a port: the pages lie at its root. */
static bool
is_url(const char *s)
{
    const char *host = strncmp(s, "https://", 8) == 0 ? s + 8 : strncmp(s, "http://", 7) == 0 ? s + 7 : "";
    size_t n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.");
    size_t digits = host[n] == ':' ? strspn(host + n + 1, "0123456789") : 0;

    return n > 0 && host[n + (digits > 0 ? digits + 1 : 0)] == '\0';
}

/* What no row can say alone. */
static void
check(struct load *l)
{
    const struct config *c = l->c;
    bool is_embedded = c->database.conninfo[0] == '\0';
    size_t cluster_socket = strlen(c->state_dir) + strlen("/run/.s.PGSQL.5432");
    struct err e;

    if (strlen(c->socket) > UNIX_PATH_MAX) {
        mistake(l, "socket: a socket's path may have %d bytes, this one has %zu", UNIX_PATH_MAX, strlen(c->socket));
    }
    if (is_embedded && cluster_socket > UNIX_PATH_MAX) {
        mistake(l,
                "state_dir: the database's socket in it would have %zu bytes, %d are possible: choose a shorter path",
                cluster_socket, UNIX_PATH_MAX);
    }
    for (size_t i = 0; c->listen[i] != NULL; i++) {
        if (!listen_check(c->listen[i], &e)) {
            mistake(l, "listen: %s", e.msg);
        }
    }
    if (c->web.url[0] != '\0' && !is_url(c->web.url)) {
        mistake(l, "web.url: an address like https://help.example.com, with nothing behind the host, not '%s'",
                c->web.url);
    }
    for (size_t i = 0; c->web.proxies[i] != NULL; i++) {
        unsigned char room[sizeof(struct in6_addr)];
        const char *p = c->web.proxies[i];

        if (strcmp(p, "unix") != 0 && inet_pton(AF_INET, p, room) != 1 && inet_pton(AF_INET6, p, room) != 1) {
            mistake(l, "web.proxies: '%s' is no address, nor unix", p);
        }
    }
    if (is_embedded && c->database.owner_conninfo[0] != '\0') {
        mistake(l, "database.owner_conninfo: only together with database.conninfo");
    }
    if (!is_role_name(c->database.role)) {
        mistake(l, "database.role: small letters, digits and _ only, not '%s'", c->database.role);
    } else if (is_embedded && strncmp(c->database.role, "turno_", 6) == 0) {
        mistake(l, "database.role: 'turno_…' is taken by the embedded database's own roles");
    }
    if (c->database.statement_timeout > c->limits.deadline) {
        mistake(l, "database.statement_timeout: may not be longer than limits.deadline");
    }
}

struct config *
config_load(const char *file, bool must_exist, const char *const *overrides, size_t n, config_complain_fn *complain,
            void *arg)
{
    struct arena *a = arena_new();
    struct config *c = ARENA_NEW(a, struct config);
    struct load l = {.c = c, .file = file, .complain = complain, .arg = arg};

    c->a = a;
    for (size_t i = 0; i < NKEYS; i++) {
        ensure(set_value(&keys[i], c, keys[i].def, NULL));
    }
    if (file != NULL) {
        take_file(&l, file, must_exist);
    }
    for (size_t i = 0; i < n; i++) {
        take_override(&l, overrides[i]);
    }
    check(&l);
    if (l.mistakes > 0) {
        config_free(c);
        return NULL;
    }
    return c;
}

void
config_free(struct config *c)
{
    if (c != NULL) {
        arena_free(c->a); /* c lies in it */
    }
}

/* ---- reload ------------------------------------------------------------------------------------------------------- */

static bool
is_same_list(const char *const *x, const char *const *y)
{
    size_t i = 0;

    while (x[i] != NULL && y[i] != NULL && strcmp(x[i], y[i]) == 0) {
        i++;
    }
    return x[i] == NULL && y[i] == NULL;
}

static bool
is_same(const struct key *k, const struct config *x, const struct config *y)
{
    if (k->type == TEXTS) {
        return is_same_list(*(const char *const *const *)value_of(k, x), *(const char *const *const *)value_of(k, y));
    }
    if (k->type == TEXT || k->type == PATH) {
        return strcmp(*(const char *const *)value_of(k, x), *(const char *const *)value_of(k, y)) == 0;
    }
    return *(const int64_t *)value_of(k, x) == *(const int64_t *)value_of(k, y);
}

static void
copy_value(const struct key *k, struct config *to, const struct config *from)
{
    if (k->type == TEXTS) {
        const char *const *list = *(const char *const *const *)value_of(k, from);
        const char **copy;
        size_t n = 0;

        while (list[n] != NULL) {
            n++;
        }
        copy = ARENA_ARRAY(to->a, n + 1, const char *);
        for (size_t i = 0; i < n; i++) {
            copy[i] = arena_strdup(to->a, list[i]);
        }
        *(const char ***)field_of(k, to) = copy;
    } else if (k->type == TEXT || k->type == PATH) {
        *(const char **)field_of(k, to) = arena_strdup(to->a, *(const char *const *)value_of(k, from));
    } else {
        *(int64_t *)field_of(k, to) = *(const int64_t *)value_of(k, from);
    }
}

int
config_adopt(struct config *next, const struct config *old, void (*tell)(void *arg, const char *key), void *arg)
{
    int n = 0;

    for (size_t i = 0; i < NKEYS; i++) {
        if (!keys[i].reloadable && !is_same(&keys[i], next, old)) {
            copy_value(&keys[i], next, old);
            tell(arg, keys[i].name);
            n++;
        }
    }
    return n;
}

bool
config_key(size_t i, struct config_key *ret)
{
    if (i >= NKEYS) {
        return false;
    }
    *ret = (struct config_key){keys[i].name, type_names[keys[i].type], keys[i].def, keys[i].help, keys[i].reloadable};
    return true;
}
