/* SPDX-License-Identifier: MIT */
/*
 * The format of backups. The head is text, so that `head -n 12 FILE` tells a person what a file is; it has a fixed size, so that
 * what pg_dump wrote can be cut out with ordinary tools on a bad day.
 */
#include "daemon/db/archive.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/parse.h"
#include "common/xalloc.h"

#define MAGIC "turno backup 1\n"
#define HASH  32

struct archive {
    int fd;
    EVP_MD_CTX *hash;
};

/* ---- head ----------------------------------------------------------------------------------------------------------- */

void
archive_head(const struct archive_facts *facts, char ret[ARCHIVE_HEAD])
{
    const struct copy_facts *of = &facts->of;
    char database[sizeof(of->database)];
    int n;

    (void)snprintf(database, sizeof(database), "%s", of->database);
    for (char *p = database; *p != '\0'; p++) {
        *p = (unsigned char)*p < ' ' ? '?' : *p;
    }
    memset(ret, '\n', ARCHIVE_HEAD);
    n = snprintf(ret, ARCHIVE_HEAD,
                 MAGIC "turno %s\nschema %d\npostgresql %d\npg_dump %d\ndatabase %s\ntaken %s\ntickets %lld\n"
                       "messages %lld\nevents %lld\n",
                 facts->turno, of->migrations, of->server, facts->dump, database, of->taken, (long long)of->tickets,
                 (long long)of->messages, (long long)of->events);
    ret[n] = '\n'; /* where the text's NUL was */
}

/* The value of a line `name value`, cut to size. */
static bool
line_of(const char *head, const char *name, char *ret, size_t size)
{
    size_t n = strlen(name);

    for (const char *p = strchr(head, '\n'); p != NULL; p = strchr(p, '\n')) {
        p++;
        if (strncmp(p, name, n) == 0 && p[n] == ' ') {
            (void)snprintf(ret, size, "%.*s", (int)strcspn(p + n + 1, "\n"), p + n + 1);
            return true;
        }
    }
    return false;
}

static bool
number_of(const char *head, const char *name, int64_t max, int64_t *ret)
{
    char text[24];

    return line_of(head, name, text, sizeof(text)) && parse_i64(text, 0, max, ret);
}

bool
archive_read_head(const char head[ARCHIVE_HEAD], struct archive_facts *ret, struct err *e)
{
    char text[ARCHIVE_HEAD + 1];
    int64_t schema, server, dump;

    memcpy(text, head, ARCHIVE_HEAD);
    text[ARCHIVE_HEAD] = '\0';
    *ret = (struct archive_facts){.dump = 0};
    if (strncmp(text, MAGIC, strlen(MAGIC)) != 0) {
        return strncmp(text, MAGIC, strlen("turno backup ")) == 0
                   ? err_set(e, ERR_INVALID, "this backup has a format that a newer turno has made")
                   : err_set(e, ERR_INVALID, "this is no backup of turno");
    }
    if (!line_of(text, "turno", ret->turno, sizeof(ret->turno)) || !number_of(text, "schema", 9999, &schema) ||
        !number_of(text, "postgresql", 999, &server) || !number_of(text, "pg_dump", 999, &dump) ||
        !line_of(text, "database", ret->of.database, sizeof(ret->of.database)) ||
        !line_of(text, "taken", ret->of.taken, sizeof(ret->of.taken)) ||
        !number_of(text, "tickets", INT64_MAX, &ret->of.tickets) ||
        !number_of(text, "messages", INT64_MAX, &ret->of.messages) ||
        !number_of(text, "events", INT64_MAX, &ret->of.events)) {
        return err_set(e, ERR_INVALID, "the head of this backup is damaged");
    }
    ret->of.migrations = (int)schema;
    ret->of.server = (int)server;
    ret->dump = (int)dump;
    return true;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------- */

static EVP_MD_CTX *
hash_new(void)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();

    ensure(hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1);
    return hash;
}

static void
tail_of(EVP_MD_CTX *hash, char ret[ARCHIVE_TAIL + 1])
{
    unsigned char sum[HASH];
    int n = snprintf(ret, ARCHIVE_TAIL + 1, "\nsha256 ");

    ensure(EVP_DigestFinal_ex(hash, sum, NULL) == 1);
    for (size_t i = 0; i < HASH; i++) {
        n += snprintf(ret + n, ARCHIVE_TAIL + 1 - (size_t)n, "%02x", sum[i]);
    }
    ret[n] = '\n';
    ret[n + 1] = '\0';
}

struct archive *
archive_new(int fd)
{
    struct archive *a = xcalloc(1, sizeof(*a));

    a->fd = fd;
    a->hash = hash_new();
    return a;
}

void
archive_free(struct archive *a)
{
    if (a != NULL) {
        EVP_MD_CTX_free(a->hash);
        free(a);
    }
}

static bool
write_all(int fd, const char *p, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno != EINTR) {
            return err_set(e, errno == EPIPE ? ERR_STOPPING : ERR_INTERNAL, "could not write: %s", strerror(errno));
        }
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

bool
archive_write(struct archive *a, const void *p, size_t n, struct err *e)
{
    ensure(EVP_DigestUpdate(a->hash, p, n) == 1);
    return write_all(a->fd, p, n, e);
}

bool
archive_end(struct archive *a, struct err *e)
{
    char tail[ARCHIVE_TAIL + 1];

    tail_of(a->hash, tail);
    return write_all(a->fd, tail, ARCHIVE_TAIL, e);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static bool
read_all(int fd, char *p, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t done = read(fd, p, n);

        if (done == 0 || (done < 0 && errno != EINTR)) {
            return err_set(e, ERR_INVALID, "could not read it: %s", done == 0 ? "it ends too early" : strerror(errno));
        }
        if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
    return true;
}

static bool
hash_rest(int fd, EVP_MD_CTX *hash, int64_t left, bool (*progress)(int64_t done, int64_t all), struct err *e)
{
    char *buf = xmalloc(1 << 20);
    int64_t all = left;
    bool ok = true;

    while (ok && left > 0) {
        size_t n = left < (1 << 20) ? (size_t)left : 1 << 20;

        ok = read_all(fd, buf, n, e);
        if (ok) {
            ensure(EVP_DigestUpdate(hash, buf, n) == 1);
            left -= (int64_t)n;
        }
        if (ok && progress != NULL && !progress(all - left, all)) {
            ok = err_set(e, ERR_STOPPING, "stopped");
        }
    }
    free(buf);
    return ok;
}

bool
archive_verify(int fd, struct archive_facts *ret, int64_t *ret_data, bool (*progress)(int64_t done, int64_t all),
               struct err *e)
{
    char head[ARCHIVE_HEAD], tail[ARCHIVE_TAIL], right[ARCHIVE_TAIL + 1];
    EVP_MD_CTX *hash;
    struct stat st;
    bool ok;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_SET) != 0) {
        return err_set(e, ERR_INVALID, "this is no file that can be read twice");
    }
    if (st.st_size < ARCHIVE_HEAD) {
        return err_set(e, ERR_INVALID, "this is no backup of turno");
    }
    if (!read_all(fd, head, sizeof(head), e) || !archive_read_head(head, ret, e)) {
        return false;
    }
    *ret_data = (int64_t)st.st_size - ARCHIVE_HEAD - ARCHIVE_TAIL;
    if (*ret_data < 0) {
        return err_set(e, ERR_INVALID, "the backup is cut short");
    }
    hash = hash_new();
    ensure(EVP_DigestUpdate(hash, head, sizeof(head)) == 1);
    ok = hash_rest(fd, hash, *ret_data, progress, e) && read_all(fd, tail, sizeof(tail), e);
    tail_of(hash, right);
    EVP_MD_CTX_free(hash);
    if (!ok || memcmp(tail, right, ARCHIVE_TAIL) == 0) {
        return ok;
    }
    if (memcmp(tail, right, strlen("\nsha256 ")) != 0) {
        return err_set(e, ERR_INVALID, "the backup is cut short or damaged: it has no checksum at its end");
    }
    return err_set(e, ERR_INVALID, "the backup is damaged: its checksum is not that of its bytes");
}
