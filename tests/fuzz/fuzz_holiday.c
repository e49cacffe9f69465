/* SPDX-License-Identifier: MIT */
/* Any bytes as an iCalendar file: days in order, each once, or a reason; and always the same. */
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "daemon/desk/holiday.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct count {
    int wrong, odd;
};

static void
on_wrong(void *arg, int line, const char *message)
{
    ensure(line >= 0 && message[0] != '\0');
    ((struct count *)arg)->wrong++;
}

static void
on_odd(void *arg, int line, const char *message)
{
    ensure(line >= 0 && message[0] != '\0');
    ((struct count *)arg)->odd++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    struct count n[2] = {
        {0, 0},
        {0, 0}
    };
    struct holiday_reader r[2];

    for (int i = 0; i < 2; i++) {
        r[i] = (struct holiday_reader){.a = a, .wrong = on_wrong, .odd = on_odd, .arg = &n[i]};
        ensure(holiday_read(&r[i], (const char *)data, size) == (n[i].wrong == 0));
    }
    ensure(r[0].n == r[1].n && r[0].n <= HOLIDAY_MAX && n[0].wrong == n[1].wrong && n[0].odd == n[1].odd);
    for (int i = 0; i < r[0].n; i++) {
        const struct holiday *h = &r[0].v[i];
        ensure(h->day >= HOLIDAY_FIRST && h->day <= HOLIDAY_LAST && (i == 0 || h[-1].day < h->day));
        ensure(h->day == r[1].v[i].day && strcmp(h->name, r[1].v[i].name) == 0);
        ensure(h->name[0] != '\0' && strlen(h->name) <= 100 && strchr(h->name, '\n') == NULL);
    }
    arena_free(a);
    return 0;
}
