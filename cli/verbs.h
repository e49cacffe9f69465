/* SPDX-License-Identifier: MIT */
/*
 * The verbs of turno: one table, a row each. From it come parsing, help, usage, completion and the man page's check; the
 * functions lie in the verb_*.c files, by family.
 */
#ifndef TURNO_CLI_VERBS_H
#define TURNO_CLI_VERBS_H

#include "cli/args.h"
#include "cli/ctx.h"

extern const struct cli_verb cli_verbs[];

typedef bool verb_fn(struct ctx *c, struct err *e);

/* verb_ask.c: hand in, look what became of it */
verb_fn run_ask, run_asked, run_queues;
/* verb_read.c */
verb_fn run_show, run_why, run_stats_waits, run_stats_fairness;
/* verb_list.c */
verb_fn run_list, run_mine;
/* verb_log.c */
verb_fn run_feed, run_log;
/* verb_drafts.c */
verb_fn run_drafts;
/* verb_person.c */
verb_fn run_person;
/* verb_brief.c, verb_top.c: what a lead looks at */
verb_fn run_brief, run_agents, run_top;
/* verb_write.c: those with a text */
verb_fn run_reply, run_note, run_resolve;
/* verb_act.c */
verb_fn run_accept, run_pass, run_park, run_release, run_reopen, run_cancel, run_take, run_give, run_set, run_rate,
    run_thank, run_contest;
/* verb_link.c */
verb_fn run_link;
/* verb_next.c */
verb_fn run_next;
/* verb_me.c */
verb_fn run_overview, run_whoami, run_away, run_back;
/* verb_desk.c, verb_calendar.c: for administrators */
verb_fn run_desk_check, run_desk_diff, run_desk_apply, run_desk_show, run_desk_calendar, run_route_test, run_token_add,
    run_token_list, run_token_revoke;
/* verb_backup.c */
verb_fn run_backup, run_restore;
/* verb_doctor.c, verb_init.c, verb_edit.c */
verb_fn run_doctor, run_desk_init, run_desk_edit;
/* verb_tutorial.c */
verb_fn run_tutorial;
/* help.c */
verb_fn run_help, run_version;
/* verb_complete.c */
verb_fn run_completion, run_complete;

/* Usage, options and example of one verb. */
void help_verb(struct ctx *c, const struct cli_verb *v);

#endif
