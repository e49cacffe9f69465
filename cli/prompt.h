/* SPDX-License-Identifier: MIT */
/* Questions to somebody at a terminal. Never asked where nobody can answer. */
#ifndef TURNO_CLI_PROMPT_H
#define TURNO_CLI_PROMPT_H

#include <stdbool.h>

#include "cli/ctx.h"

/* Standard input, output and error are a terminal. */
bool prompt_can(const struct ctx *c);
/* One line; `def` for an empty one. Blanks at its ends are cut off. NULL: the terminal is gone (Ctrl-D). */
const char *prompt_line(struct ctx *c, const char *question, const char *def);
/* One of the letters of `keys`, marked with N_(): typed so, or as the translation has it at the same place; asked again until
 * it is. An empty line is `def`, where that is not 0. '\0': the terminal is gone. */
char prompt_key(struct ctx *c, const char *question, const char *keys, char def);
/* The same with 'y' and 'n'. */
char prompt_yes_no(struct ctx *c, const char *question, char def);

#endif
