/* SPDX-License-Identifier: MIT */
/*
 * The live screen: what it knows (top.c), how it is drawn (top_draw.c), and the loop with its keys (verb_top.c).
 */
#ifndef TURNO_CLI_TOP_H
#define TURNO_CLI_TOP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/ctx.h"
#include "common/err.h"
#include "common/parse.h"

#define TOP_SAMPLES 240

enum top_sort { SORT_LATE, SORT_WAITING, SORT_OLDEST, SORT_NAME, SORT_COUNT };
enum top_view { VIEW_QUEUES, VIEW_TICKETS, VIEW_HELP };

/* What waited in a queue at the last looks, as far as this run has seen; -1: nothing was heard. */
struct top_past {
    struct top_past *next;
    char *queue;
    int n;
    int64_t waiting[TOP_SAMPLES]; /* the newest last */
};

struct top {
    struct ctx *c;
    const char *department;
    usec_t every;
    /* what was heard last: arenas of their own, so that nothing grows while it runs */
    struct arena *a, *list_a;
    struct reply data, list;
    const json_t **queues; /* in the order they are shown in */
    size_t nqueues;
    struct top_past *past;
    usec_t heard;   /* when; USEC_NONE: never */
    struct err err; /* why not now; code ERR_OK: it was */
    /* what the user wants to see */
    enum top_view view, before; /* before: help was asked for */
    enum top_sort sort;
    char *chosen; /* queue */
    size_t first; /* ticket at the top of VIEW_TICKETS */
    bool list_wanted, paused, quit, drawn;
};

void top_init(struct top *t, struct ctx *c, const char *department, usec_t every);
void top_release(struct top *t);
/* Look at the desk; go_on as of client_get_while. False: t->err says why, what was known stays. */
bool top_look(struct top *t, bool (*go_on)(void *arg));
/* … at what waits in the chosen queue. An answer that comes when another one has been chosen is none. */
bool top_look_list(struct top *t, bool (*go_on)(void *arg));
/* Queues in another order. */
void top_sort(struct top *t);
/* Place of the chosen queue among them; 0 when it has gone. */
size_t top_chosen(const struct top *t);
/* Choose the one so many places further down (or up). */
void top_choose(struct top *t, int by);
const struct top_past *top_past(const struct top *t, const char *queue);
/* "sorted by late" */
const char *top_sorted(enum top_sort sort);

/* Draw all of it; ncurses must be started. */
void top_draw(struct top *t);
/* Colours, where the terminal has them and they are wanted. */
void top_draw_start(struct top *t);

#endif
