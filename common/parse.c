/* SPDX-License-Identifier: MIT */
/*
 * Readers of numbers, durations, sizes and instants, and the writers that go with them. They read the whole text or
 * refuse it; they know no error texts, because only the caller knows what the value is for.
 */
#include "common/parse.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Digits at *p as a number; false when there are none or it does not fit. Moves *p behind them. */
static bool
read_digits(const char **p, int64_t *ret)
{
    int64_t v = 0;
    const char *s = *p;

    if (*s < '0' || *s > '9') {
        return false;
    }
    for (; *s >= '0' && *s <= '9'; s++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v)) {
            return false;
        }
    }
    *p = s;
    *ret = v;
    return true;
}

/* Exactly n digits (at most 9) at *p, within lo..hi. */
static bool
read_fixed(const char **p, int n, int lo, int hi, int *ret)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9') {
            return false;
        }
        v = v * 10 + (c - '0');
    }
    if (v < lo || v > hi) {
        return false;
    }
    *p += n;
    *ret = v;
    return true;
}

bool
parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = *s == '-';
    int64_t v;

    if (negative) {
        s++;
    }
    /* the smallest number has no positive counterpart */
    if (negative && strcmp(s, "9223372036854775808") == 0) {
        v = INT64_MIN;
    } else if (!read_digits(&s, &v) || *s != '\0') {
        return false;
    } else if (negative) {
        v = -v;
    }
    if (v < min || v > max) {
        return false;
    }
    *ret = v;
    return true;
}

bool
parse_duration(const char *s, usec_t *ret)
{
    static const struct {
        const char *name;
        usec_t usec;
    } units[] = {
        {"w",  7 * USEC_DAY   },
        {"d",  USEC_DAY       },
        {"h",  USEC_HOUR      },
        {"ms", USEC_SEC / 1000}, /* before "m" */
        {"m",  USEC_MIN       },
        {"s",  USEC_SEC       },
    };
    usec_t total = 0;
    usec_t last = INT64_MAX; /* units go down, each at most once: "1h30m" but not "30m1h" */

    if (*s == '\0') {
        return false;
    }
    while (*s) {
        int64_t n;
        size_t i = 0;
        if (!read_digits(&s, &n)) {
            return false;
        }
        while (i < sizeof(units) / sizeof(units[0]) && strncmp(s, units[i].name, strlen(units[i].name)) != 0) {
            i++;
        }
        if (i == sizeof(units) / sizeof(units[0]) || units[i].usec >= last) {
            return false;
        }
        if (__builtin_mul_overflow(n, units[i].usec, &n) || __builtin_add_overflow(total, n, &total)) {
            return false;
        }
        last = units[i].usec;
        s += strlen(units[i].name);
    }
    *ret = total;
    return true;
}

bool
parse_size(const char *s, int64_t *ret_bytes)
{
    int64_t n;
    int64_t unit = 1;

    if (!read_digits(&s, &n)) {
        return false;
    }
    switch (*s) {
    case 'K':
        unit = INT64_C(1) << 10;
        break;
    case 'M':
        unit = INT64_C(1) << 20;
        break;
    case 'G':
        unit = INT64_C(1) << 30;
        break;
    default:
        break;
    }
    if (unit > 1) {
        s++;
    }
    if (*s != '\0' || __builtin_mul_overflow(n, unit, &n)) {
        return false;
    }
    *ret_bytes = n;
    return true;
}

/* ---- instants ----------------------------------------------------------------------------------------------------- */

static int
days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "YYYY-MM-DD" */
static bool
read_date(const char **p, struct tm *tm)
{
    int year, month, day;
    const char *s = *p;

    if (!read_fixed(&s, 4, 1970, 9999, &year) || *s++ != '-' || !read_fixed(&s, 2, 1, 12, &month) || *s++ != '-' ||
        !read_fixed(&s, 2, 1, days_of(year, month), &day)) {
        return false;
    }
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    *p = s;
    return true;
}

/* "HH:MM", "HH:MM:SS", "HH:MM:SS.ffffff" (further digits are cut) */
static bool
read_time(const char **p, struct tm *tm, usec_t *ret_fraction)
{
    const char *s = *p;
    usec_t fraction = 0;

    tm->tm_sec = 0;
    if (!read_fixed(&s, 2, 0, 23, &tm->tm_hour) || *s++ != ':' || !read_fixed(&s, 2, 0, 59, &tm->tm_min)) {
        return false;
    }
    if (*s == ':') {
        s++;
        if (!read_fixed(&s, 2, 0, 59, &tm->tm_sec)) {
            return false;
        }
        if (*s == '.') {
            s++;
            if (*s < '0' || *s > '9') {
                return false;
            }
            for (usec_t digit = USEC_SEC / 10; *s >= '0' && *s <= '9'; s++, digit /= 10) {
                fraction += (*s - '0') * digit;
            }
        }
    }
    *ret_fraction = fraction;
    *p = s;
    return true;
}

/* "Z", "+01:00", "-0330" as seconds east of UTC */
static bool
read_zone(const char **p, int *ret_offset)
{
    const char *s = *p;
    int hours, minutes;

    if (*s == 'Z') {
        *ret_offset = 0;
        *p = s + 1;
        return true;
    }
    if (*s != '+' && *s != '-') {
        return false;
    }
    int sign = *s++ == '-' ? -1 : 1;
    if (!read_fixed(&s, 2, 0, 15, &hours)) {
        return false;
    }
    if (*s == ':') {
        s++;
    }
    if (!read_fixed(&s, 2, 0, 59, &minutes)) {
        return false;
    }
    *ret_offset = sign * (hours * 3600 + minutes * 60);
    *p = s;
    return true;
}

static bool
local_usec(struct tm *tm, usec_t *ret)
{
    tm->tm_isdst = -1; /* let the zone's rules say */
    time_t t = mktime(tm);

    if (t == (time_t)-1) {
        return false; /* 1970-01-01 minus one second is no date anybody waits for */
    }
    *ret = (usec_t)t * USEC_SEC;
    return true;
}

/* A date, perhaps with a time, perhaps with a zone. */
static bool
parse_date_time(const char *s, usec_t *ret)
{
    struct tm tm = {0};
    usec_t fraction = 0;
    usec_t t;

    if (!read_date(&s, &tm)) {
        return false;
    }
    if (*s == 'T' || *s == ' ') {
        s++;
        if (!read_time(&s, &tm, &fraction)) {
            return false;
        }
        int offset;
        if (read_zone(&s, &offset)) {
            t = ((usec_t)timegm(&tm) - offset) * USEC_SEC;
            if (*s != '\0') {
                return false;
            }
            *ret = t + fraction;
            return true;
        }
    }
    if (*s != '\0' || !local_usec(&tm, &t)) {
        return false;
    }
    *ret = t + fraction;
    return true;
}

/* Local midnight of the day of `now`, `days` later. */
static bool
local_day(usec_t now, int days, struct tm *ret)
{
    time_t sec = (time_t)(now / USEC_SEC);

    if (!localtime_r(&sec, ret)) {
        return false;
    }
    ret->tm_mday += days; /* mktime normalises; a day may have 23 or 25 hours */
    ret->tm_hour = ret->tm_min = ret->tm_sec = 0;
    return true;
}

/* "HH:MM": today if that is still to come, else tomorrow. */
static bool
parse_clock(const char *s, usec_t now, usec_t *ret)
{
    struct tm want = {0};
    usec_t fraction;

    if (!read_time(&s, &want, &fraction) || *s != '\0' || fraction != 0) {
        return false;
    }
    for (int days = 0; days <= 1; days++) {
        struct tm tm;
        usec_t t;
        if (!local_day(now, days, &tm)) {
            return false;
        }
        tm.tm_hour = want.tm_hour;
        tm.tm_min = want.tm_min;
        tm.tm_sec = want.tm_sec;
        if (!local_usec(&tm, &t)) {
            return false;
        }
        if (t > now) {
            *ret = t;
            return true;
        }
    }
    return false;
}

bool
parse_when(const char *s, usec_t now, usec_t *ret)
{
    usec_t d;

    if (strcmp(s, "tomorrow") == 0) {
        struct tm tm;
        return local_day(now, 1, &tm) && local_usec(&tm, ret);
    }
    if (parse_duration(s, &d)) {
        usec_t t;
        if (__builtin_add_overflow(now, d, &t)) {
            return false;
        }
        *ret = t;
        return true;
    }
    return parse_date_time(s, ret) || parse_clock(s, now, ret);
}

void
format_iso(usec_t t, char out[32])
{
    struct tm tm;
    time_t sec = (time_t)(t / USEC_SEC - (t % USEC_SEC < 0 ? 1 : 0));

    if (t == USEC_NONE || !gmtime_r(&sec, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        out[0] = '\0';
    }
}

void
format_duration(usec_t d, char out[32])
{
    if (d == USEC_NONE) {
        out[0] = '\0';
        return;
    }
    const char *sign = d <= -USEC_SEC ? "-" : "";
    int64_t sec = (d < 0 ? -d : d) / USEC_SEC;
    int64_t days = sec / 86400, hours = sec / 3600 % 24, minutes = sec / 60 % 60;

    if (days > 0 && hours > 0) {
        (void)snprintf(out, 32, "%s%lld d %lld h", sign, (long long)days, (long long)hours);
    } else if (days > 0) {
        (void)snprintf(out, 32, "%s%lld d", sign, (long long)days);
    } else if (hours > 0 && minutes > 0) {
        (void)snprintf(out, 32, "%s%lld h %lld min", sign, (long long)hours, (long long)minutes);
    } else if (hours > 0) {
        (void)snprintf(out, 32, "%s%lld h", sign, (long long)hours);
    } else if (minutes > 0) {
        (void)snprintf(out, 32, "%s%lld min", sign, (long long)minutes);
    } else {
        (void)snprintf(out, 32, "%s%lld s", sign, (long long)sec);
    }
}
