/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters that were made before: a host that starts many programs under few policies needs few.
 *
 * A program depends on its key and on nothing else, so whoever has the same key gets the same program. Nobody
 * waits: where another thread is looking, or was when the process was forked, the answer is that there is none.
 */
#ifndef CORDON_SUPERVISOR_FILTER_CACHE_H
#define CORDON_SUPERVISOR_FILTER_CACHE_H

#include "bpf/asm.h"

#include <stdbool.h>

/* ret: a copy, to be freed with bpf_program_done(). */
bool filter_cache_get(const void *key, size_t length, struct bpf_program *ret);
/* Remembers copies of both, if there is memory for them; the oldest gives way. */
void filter_cache_put(const void *key, size_t length, const struct bpf_program *program);

#endif
