/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a struct cordon_error; every function here returns the code, so callers write `return
 * err_set(...)`. */
#ifndef CORDON_BASE_ERR_H
#define CORDON_BASE_ERR_H

#include <cordon/error.h>

/*
 * Fills *err (may be NULL) with a code and a text; the place is cleared.
 * code: negative errno. Return: code.
 */
int err_set(struct cordon_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same, with `: ` and the words for the errno behind the text.
 * code: negative errno. Return: code.
 */
int err_sys(struct cordon_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts `context: ` in front of a text that is already there.
 * Return: the code that is already there, or -EIO if there was none.
 */
int err_wrap(struct cordon_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Sets the place in a policy file. source: copied; NULL for none.
 * Return: the code that is already there.
 */
int err_place(struct cordon_error *err, const char *source, int line, int column);

#endif
