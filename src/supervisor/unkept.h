/* SPDX-License-Identifier: Apache-2.0 */
/* A run without keeper, supervisor and thread: see unkept.c. */
#ifndef CORDON_SUPERVISOR_UNKEPT_H
#define CORDON_SUPERVISOR_UNKEPT_H

#include "supervisor/run.h"

/* Whether the policy can be run so, and makes what the run is watched by. Return: 0 or -errno with *err. */
int unkept_new(struct sandbox *s, struct cordon_error *err);
/* Starts the program on the caller's thread. Return: 0; -errno with s->error, and nothing is left. */
int unkept_start(struct sandbox *s);
/* Looks whether the program has ended; then the run ends, on the caller's thread. */
void unkept_look(struct sandbox *s);
/* To the program alone. Return: 0 or -errno; 0 after the end. */
int unkept_signal(struct sandbox *s, int signal, bool kill);
/* Ends the program if it runs, and reaps it. */
void unkept_free(struct sandbox *s);

#endif
