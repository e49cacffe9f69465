/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the desk, and what to do about it: what the database says (sql/stmts/doctor.sql) and what this daemon
 * knows beside it. `turno doctor` adds what only the machine in front of it can tell (cli/doctor.c).
 */
#ifndef TURNO_DOCTOR_H
#define TURNO_DOCTOR_H

#include <stdint.h>

#include "daemon/http/op.h"

enum op_next step_doctor(struct op *op);

/* How bad it is that so many bytes of so many are left: "error", "warning", or NULL. Exposed for its test. */
const char *doctor_disk(uint64_t free_bytes, uint64_t all_bytes);

#endif
