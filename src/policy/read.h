/* SPDX-License-Identifier: Apache-2.0 */
/* YAML or JSON to a tree of texts, each with its line and column. Knows no keys. */
#ifndef CORDON_POLICY_READ_H
#define CORDON_POLICY_READ_H

#include "policy/problems.h"

#include <stdbool.h>
#include <stddef.h>

#define READ_MAX_BYTES ((size_t)1 << 20)
#define READ_MAX_DEPTH 32
#define READ_MAX_NODES 100000

enum text_kind { TEXT_SCALAR, TEXT_LIST, TEXT_MAP };

struct text_node {
	enum text_kind kind;
	bool plain; /* a scalar without quotes */
	int line, column;
	char *text; /* scalar, terminated; length tells whether it has NUL bytes */
	size_t length;
	struct text_node **items; /* list: entries; map: key, value, key, value ... */
	size_t count;
};

/*
 * Reads one document. file: stands in messages, borrowed. ret: the root, NULL if the text is empty;
 * to be freed with read_free(). Return: 0; -EINVAL with at least one problem added; -ENOMEM.
 */
int read_text(const char *file, const char *text, size_t length, struct problems *problems,
	      struct text_node **ret);
void read_free(struct text_node *node);

/* Whether a scalar is a plain `null`, or nothing at all. */
bool read_is_null(const struct text_node *node);

#endif
