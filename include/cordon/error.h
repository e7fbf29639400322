/* SPDX-License-Identifier: Apache-2.0 */
/* The error value that set-up functions fill in. */
#ifndef CORDON_ERROR_H
#define CORDON_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * A value of fixed size: it needs no memory, can be copied with `=`, and has nothing to free.
 * A function that takes one fills it only on failure, and accepts NULL.
 */
struct cordon_error {
	int code;	  /* negative errno; 0: no error */
	int line;	  /* 1-based; 0: the error is not about a place in a file */
	int column;	  /* 1-based; 0: unknown */
	char source[160]; /* policy file, or empty */
	char text[480];	  /* outermost context first, always terminated */
};

/*
 * Writes the error as one line without a newline, `FILE:LINE:COLUMN: text` where a place is known.
 * error: borrowed. buffer, size: where to write; always terminated if size > 0.
 * Return: buffer.
 */
const char *cordon_error_format(const struct cordon_error *error, char *buffer, size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
