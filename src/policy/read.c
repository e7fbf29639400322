/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML or JSON to a tree of texts: see read.h.
 *
 * The event stream of libfyaml is used, not its documents: it shows every alias, anchor and tag
 * where it stands, and a second document as one. libfyaml prints to stderr unless it is given a
 * diagnostics object without a stream; any diagnostic it has collected means failure, also when it
 * went on parsing.
 */
#include "policy/read.h"

#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *file;
	struct problems *problems;
	struct fy_diag *diag;
	struct fy_parser *parser;
	struct text_node *root;
	struct text_node *stack[READ_MAX_DEPTH];
	size_t depth, nodes, documents;
	int line, column; /* of the last thing that had a place */
	bool failed;
};

void read_free(struct text_node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		read_free(node->items[i]);
	free(node->items);
	free(node->text);
	free(node);
}

bool read_is_null(const struct text_node *node)
{
	return node->kind == TEXT_SCALAR && node->plain &&
	       (node->length == 0 || strcmp(node->text, "null") == 0);
}

static int complain(struct reader *reader, const char *why)
{
	struct place place = { reader->file, reader->line, reader->column };

	reader->failed = true;
	return problems_add(reader->problems, -EINVAL, &place, "%s", why);
}

static void take_place(struct reader *reader, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (!mark)
		return;
	reader->line = mark->line + 1;
	reader->column = mark->column + 1;
}

/* A scalar in a map at an even position is a key: it must be new there. */
static int check_key(struct reader *reader, const struct text_node *map,
		     const struct text_node *key)
{
	if (key->kind != TEXT_SCALAR)
		return complain(reader, "a key must be a text");
	if (key->plain && strcmp(key->text, "<<") == 0)
		return complain(reader, "merge keys are not allowed: write the entries out");
	if (!str_is_utf8(key->text, key->length))
		return complain(reader, "a key must be valid UTF-8 without NUL");
	for (size_t i = 0; i < map->count; i += 2)
		if (map->items[i]->length == key->length &&
		    memcmp(map->items[i]->text, key->text, key->length) == 0)
			return complain(reader, "duplicate key");
	return 0;
}

/* Takes node. */
static int attach(struct reader *reader, struct text_node *node)
{
	struct text_node *parent = reader->depth ? reader->stack[reader->depth - 1] : NULL;
	int r = 0;

	node->line = reader->line;
	node->column = reader->column;
	if (!parent) {
		reader->root = node;
		return 0;
	}
	if (parent->kind == TEXT_MAP && parent->count % 2 == 0)
		r = check_key(reader, parent, node);
	if (r == 0)
		r = vec_grow(&parent->items, parent->count);
	if (r < 0) {
		read_free(node);
		return r;
	}
	parent->items[parent->count++] = node;
	return 0;
}

static int open_node(struct reader *reader, enum text_kind kind, struct text_node **ret)
{
	struct text_node *node;
	int r;

	if (++reader->nodes > READ_MAX_NODES)
		return complain(reader, "more than 100000 entries");
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->kind = kind;
	if (kind == TEXT_SCALAR) {
		*ret = node;
		return 0;
	}
	if (reader->depth == READ_MAX_DEPTH) {
		free(node);
		return complain(reader, "nested deeper than 32");
	}
	r = attach(reader, node);
	if (r == 0)
		reader->stack[reader->depth++] = node;
	return r;
}

static int add_scalar(struct reader *reader, struct fy_token *token)
{
	struct text_node *node;
	size_t length = 0;
	const char *text = token ? fy_token_get_text(token, &length) : NULL;
	int r;

	r = open_node(reader, TEXT_SCALAR, &node);
	if (r < 0)
		return r;
	node->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	node->length = text ? length : 0;
	node->text = calloc(1, node->length + 1);
	if (!node->text) {
		free(node);
		return -ENOMEM;
	}
	if (node->length > 0)
		memcpy(node->text, text, node->length);
	return attach(reader, node);
}

static int check_marks(struct reader *reader, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor) {
		take_place(reader, anchor);
		return complain(reader, "anchors are not allowed");
	}
	if (!tag)
		return 0;
	take_place(reader, tag);
	return complain(reader, "tags are not allowed");
}

static int add_collection(struct reader *reader, enum text_kind kind, struct fy_token *anchor,
			  struct fy_token *tag, struct fy_token *start)
{
	int r = check_marks(reader, anchor, tag);

	if (r < 0)
		return r;
	take_place(reader, start);
	return open_node(reader, kind, NULL);
}

/* The mark of such a scalar is behind the quote. */
static bool is_quoted(struct fy_token *token)
{
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;

	return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

static int handle(struct reader *reader, struct fy_event *event)
{
	int r;

	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (reader->documents++ == 0)
			return 0;
		take_place(reader, event->document_start.document_start);
		return complain(reader, "only one document is allowed");
	case FYET_ALIAS:
		take_place(reader, event->alias.anchor);
		return complain(
			reader,
			"aliases are not allowed (put a text that begins with '*' in quotes)");
	case FYET_SCALAR:
		r = check_marks(reader, event->scalar.anchor, event->scalar.tag);
		if (r < 0)
			return r;
		take_place(reader, event->scalar.value);
		reader->column -= is_quoted(event->scalar.value);
		return add_scalar(reader, event->scalar.value);
	case FYET_MAPPING_START:
		return add_collection(reader, TEXT_MAP, event->mapping_start.anchor,
				      event->mapping_start.tag, event->mapping_start.mapping_start);
	case FYET_SEQUENCE_START:
		return add_collection(reader, TEXT_LIST, event->sequence_start.anchor,
				      event->sequence_start.tag,
				      event->sequence_start.sequence_start);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		reader->depth--;
		return 0;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return 0;
}

static int collect_diagnostics(struct reader *reader)
{
	struct fy_diag_error *error;
	void *at = NULL;

	while ((error = fy_diag_errors_iterate(reader->diag, &at))) {
		char text[200];

		reader->line = error->line > 0 ? error->line : reader->line;
		reader->column = error->line > 0 ? error->column : reader->column;
		str_escape(text, sizeof(text), error->msg, strlen(error->msg));
		complain(reader, text);
	}
	if (fy_parser_get_stream_error(reader->parser) && !reader->failed)
		complain(reader, "the text cannot be parsed");
	return reader->failed ? -EINVAL : 0;
}

static int parse(struct reader *reader)
{
	struct fy_event *event;
	int r = 0;

	while (r == 0 && (event = fy_parser_parse(reader->parser))) {
		r = handle(reader, event);
		fy_parser_event_free(reader->parser, event);
	}
	if (r == 0)
		r = collect_diagnostics(reader);
	if (r == 0 && reader->depth > 0)
		r = complain(reader, "the text ends too early");
	return r;
}

static int set_up(struct reader *reader, const char *text, size_t length)
{
	struct fy_diag_cfg diag_cfg;
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					     FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE };

	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.colorize = false;
	reader->diag = fy_diag_create(&diag_cfg);
	if (!reader->diag)
		return -ENOMEM;
	fy_diag_set_collect_errors(reader->diag, true);
	cfg.diag = reader->diag;
	reader->parser = fy_parser_create(&cfg);
	if (!reader->parser || fy_parser_set_string(reader->parser, text, length) < 0)
		return -ENOMEM;
	return 0;
}

/* libfyaml may turn invalid UTF-8 into an empty text, so it is looked for first. */
static int check_bytes(struct reader *reader, const char *text, size_t length)
{
	int line = 1, column = 1;

	if (length > READ_MAX_BYTES)
		return complain(reader, "larger than 1 MiB");
	if (str_is_utf8(text, length))
		return 0;
	for (size_t start = 0; start < length;) {
		size_t n = 1;

		while (start + n < length && ((unsigned char)text[start + n] & 0xc0) == 0x80)
			n++;
		if (!str_is_utf8(text + start, n))
			break;
		column = text[start] == '\n' ? 1 : column + 1;
		line += text[start] == '\n';
		start += n;
	}
	reader->line = line;
	reader->column = column;
	return complain(reader, "not valid UTF-8, or a NUL byte");
}

int read_text(const char *file, const char *text, size_t length, struct problems *problems,
	      struct text_node **ret)
{
	struct reader reader = { .file = file, .problems = problems, .line = 1, .column = 1 };
	int r = check_bytes(&reader, text, length);

	if (r == 0)
		r = set_up(&reader, text, length);
	if (r == 0)
		r = parse(&reader);
	if (reader.parser)
		fy_parser_destroy(reader.parser);
	if (reader.diag)
		fy_diag_destroy(reader.diag);
	if (r < 0) {
		read_free(reader.root);
		return r;
	}
	*ret = reader.root;
	return 0;
}
