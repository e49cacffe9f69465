/* SPDX-License-Identifier: MIT */
/*
 * Counters, gauges and collectors, and the page made of them. The counters are file-static: they are one of the few
 * things in the daemon that belong to nobody. What the page says of the process itself is read from /proc/self.
 */
#include "daemon/os/stats.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/err.h"
#include "daemon/os/clock.h"

#define COLLECTORS_MAX 16
#define FDS_SPAN       USEC_SEC /* open files are counted once in that time */

struct stats_page {
    struct strbuf *out;
    const char *family;
};

struct collector {
    void (*collect)(struct stats_page *p, void *arg);
    void *arg;
};

static const struct {
    const char *name;
    enum stats_type type;
    const char *help;
} table[STATS_COUNT] = {
#define X(id, name, type, help) {name, STATS_##type, help},
    STATS_TABLE(X)
#undef X
};

static uint64_t values[STATS_COUNT];
static struct collector collectors[COLLECTORS_MAX];
static size_t ncollectors;
static double started; /* seconds since 1970 */

void
stats_start(void)
{
    started = (double)clock_wall() / USEC_SEC;
}

void
stats_add(enum stats_id id, uint64_t n)
{
    values[id] += n;
}

void
stats_set(enum stats_id id, uint64_t v)
{
    values[id] = v;
}

uint64_t
stats_get(enum stats_id id)
{
    return values[id];
}

void
stats_register(void (*collect)(struct stats_page *p, void *arg), void *arg)
{
    ensure(ncollectors < COLLECTORS_MAX);
    collectors[ncollectors++] = (struct collector){collect, arg};
}

void
stats_unregister(void (*collect)(struct stats_page *p, void *arg), void *arg)
{
    for (size_t i = 0; i < ncollectors; i++) {
        if (collectors[i].collect == collect && collectors[i].arg == arg) {
            memmove(&collectors[i], &collectors[i + 1], (ncollectors - i - 1) * sizeof(collectors[0]));
            ncollectors--;
            return;
        }
    }
}

void
stats_family(struct stats_page *p, const char *name, enum stats_type type, const char *help)
{
    p->family = name;
    strbuf_addf(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type == STATS_COUNTER ? "counter" : "gauge");
}

static void
add_label_value(struct strbuf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (*s == '\\' || *s == '"') {
            strbuf_addch(out, '\\');
        }
        if (*s == '\n') {
            strbuf_add(out, "\\n");
        } else {
            strbuf_addch(out, *s);
        }
    }
}

void
stats_sample(struct stats_page *p, double v, ...)
{
    const char *label;
    char sep = '{';
    bool is_whole;
    va_list ap;

    strbuf_add(p->out, p->family);
    va_start(ap, v);
    while ((label = va_arg(ap, const char *)) != NULL) {
        strbuf_addf(p->out, "%c%s=\"", sep, label);
        add_label_value(p->out, va_arg(ap, const char *));
        strbuf_addch(p->out, '"');
        sep = ',';
    }
    va_end(ap);
    /* Whole numbers in full, so that counters stay readable; others with all their digits. */
    is_whole = v > -1e15 && v < 1e15 && (double)(int64_t)v >= v && (double)(int64_t)v <= v;
    strbuf_addf(p->out, is_whole ? "%s %.0f\n" : "%s %.17g\n", sep == ',' ? "}" : "", v);
}

/* ---- the process ---------------------------------------------------------------------------------------------------- */

/* Of /proc/self/statm: resident pages are the second number. */
static double
resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long pages = 0;

    if (f != NULL) {
        if (fscanf(f, "%*d %lld", &pages) != 1) { /* NOLINT(cert-err34-c): the kernel's own text */
            pages = 0;
        }
        (void)fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static int
count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    if (d == NULL) {
        return 0;
    }
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n - 3; /* ".", ".." and the directory itself */
}

/* With ten thousand connections counting takes milliseconds, and anybody may ask for this page as often as they like. */
static double
open_fds(void)
{
    static usec_t counted;
    static int n;

    if (counted == 0 || clock_mono() - counted > FDS_SPAN) {
        counted = clock_mono();
        n = count_fds();
    }
    return n;
}

static double
seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void
render_process(struct stats_page *p)
{
    struct rusage ru = {0};
    struct rlimit rl = {0};

    (void)getrusage(RUSAGE_SELF, &ru);
    (void)getrlimit(RLIMIT_NOFILE, &rl);
    stats_family(p, "process_start_time_seconds", STATS_GAUGE, "When the daemon was started, since 1970.");
    stats_sample(p, started, NULL);
    stats_family(p, "process_cpu_seconds_total", STATS_COUNTER, "Processor time of the daemon, user and system.");
    stats_sample(p, seconds(ru.ru_utime) + seconds(ru.ru_stime), NULL);
    stats_family(p, "process_resident_memory_bytes", STATS_GAUGE, "Resident memory of the daemon.");
    stats_sample(p, resident_bytes(), NULL);
    stats_family(p, "process_open_fds", STATS_GAUGE, "Open file descriptors of the daemon.");
    stats_sample(p, open_fds(), NULL);
    stats_family(p, "process_max_fds", STATS_GAUGE, "File descriptors the daemon may have open.");
    stats_sample(p, (double)rl.rlim_cur, NULL);
}

void
stats_render(struct strbuf *out)
{
    struct stats_page p = {.out = out};

    for (int i = 0; i < STATS_COUNT; i++) {
        stats_family(&p, table[i].name, table[i].type, table[i].help);
        stats_sample(&p, (double)values[i], NULL);
    }
    render_process(&p);
    for (size_t i = 0; i < ncollectors; i++) {
        collectors[i].collect(&p, collectors[i].arg);
    }
}
