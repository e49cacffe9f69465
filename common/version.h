/* SPDX-License-Identifier: MIT */
/* The version of both programs. */
#ifndef TURNO_VERSION_H
#define TURNO_VERSION_H

#define TURNO_VERSION "0.1"

#endif
