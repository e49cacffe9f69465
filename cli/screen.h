/* SPDX-License-Identifier: MIT */
/*
 * Where a run's output goes. On a terminal it is held back until the end, so that long output can go through the pager;
 * otherwise it goes straight to stdout.
 */
#ifndef TURNO_CLI_SCREEN_H
#define TURNO_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/err.h"
#include "common/parse.h"

enum style {
    STYLE_PLAIN,
    STYLE_BOLD,
    STYLE_DIM,
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_NAME,
};

struct screen {
    FILE *out;   /* results; never write to stdout directly */
    FILE *chat;  /* stderr: progress, and what must be read before the results */
    FILE *after; /* what goes to stderr behind the results: hints */
    bool tty;    /* stdout is a terminal: aligned tables, relative times */
    bool colour;
    bool utf8;
    bool prose; /* what the desk says may come in the reader's language: no script reads it. Set by main */
    int width;  /* columns, 0 when stdout is no terminal */
    int rows;
    usec_t now; /* of this run; relative times count from it */
    bool pager; /* may be used */
    char *held; /* output held back for it */
    size_t held_n;
    char *later; /* output of `after` */
    size_t later_n;
};

/* Sets the locale's character set too. Environment: NO_COLOR, TERM, COLUMNS, LINES. */
void screen_start(struct screen *s);
/* Read the clock again, for what is shown after a wait. */
void screen_clock(struct screen *s);
/* Show as on a terminal (without colour and pager) though stdout is none. */
void screen_force(struct screen *s);
/* From now on straight to stdout, line by line: for what is shown while it happens. */
void screen_direct(struct screen *s);
/* Write what is held back, through the pager when it is longer than the screen. False (e filled) when anything that was
 * written has not arrived: a full disk must not look like success. */
bool screen_stop(struct screen *s, struct err *e);

/* Escape sequence that starts a style, and the one that ends any; "" without colour. */
const char *screen_style(const struct screen *s, enum style st);
const char *screen_plain(const struct screen *s);

#endif
