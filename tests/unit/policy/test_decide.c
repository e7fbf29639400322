/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of tests/tables/decide.tests. */
#include "tree.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 128
#define ORDERS	  4

struct line {
	char text[200];
	int number;
};

struct table_case {
	char name[200];
	struct line lines[LINES_MAX];
	size_t count;
};

/* Reads case number `index`. Return: whether there is one. */
static bool read_case(size_t index, struct table_case *ret)
{
	FILE *stream = fopen(TABLES "/decide.tests", "re");
	char text[200];
	size_t seen = 0;
	int number = 0;

	cr_assert_not_null(stream);
	memset(ret, 0, sizeof(*ret));
	while (fgets(text, sizeof(text), stream)) {
		number++;
		text[strcspn(text, "\n")] = '\0';
		if (text[0] == '#' || text[0] == '\0')
			continue;
		if (strncmp(text, "case ", 5) == 0) {
			if (seen++ == index)
				snprintf(ret->name, sizeof(ret->name), "%s", text + 5);
			continue;
		}
		if (seen != index + 1)
			continue;
		cr_assert_lt(ret->count, (size_t)LINES_MAX);
		snprintf(ret->lines[ret->count].text, sizeof(text), "%s", text);
		ret->lines[ret->count++].number = number;
	}
	fclose(stream);
	return seen > index;
}

/* Return: whether the line makes a file; it is made if `make`. */
static bool is_tree_line(const struct tree *tree, const char *text, bool make)
{
	char word[16], path[100], other[100] = "";

	if (sscanf(text, "%15s %99s %99s", word, path, other) < 2)
		return false;
	if (strcmp(word, "dir") == 0) {
		if (make)
			tree_dir(tree, path);
	} else if (strcmp(word, "file") == 0) {
		if (make)
			tree_file(tree, path, "x");
	} else if (strcmp(word, "link") == 0) {
		if (make)
			tree_link(tree, path, other);
	} else if (strcmp(word, "hard") == 0) {
		if (make)
			tree_hard(tree, path, other);
	} else {
		return false;
	}
	return true;
}

static void add_rule(struct policy_builder *builder, const struct line *line)
{
	char key[64], word[16], entry[150];
	struct cordon_error error = { 0 };
	int r;

	cr_assert_eq(sscanf(line->text, "%15s %149s", word, entry), 2, "line %d", line->number);
	if (strcmp(word, "none") == 0) {
		static const char none[] = "filesystem: { exec: [] }";

		r = policy_builder_add_text(builder, "none", none, strlen(none), &error);
	} else {
		snprintf(key, sizeof(key), "filesystem.%s", word);
		r = policy_builder_set(builder, key, entry, &error);
	}
	cr_assert_eq(r, 0, "line %d: %s", line->number, error.text);
}

/* Puts the rules in an order that depends on the turn only. */
static void shuffle(const struct line **rules, size_t count, unsigned turn)
{
	for (size_t i = count; turn > 0 && i > 1; i--) {
		size_t k = turn == 1 ? 0 : (i * 7919 + turn * 104729) % i;
		const struct line *other = rules[k];

		rules[k] = rules[i - 1];
		rules[i - 1] = other;
	}
}

static struct policy *build(const struct tree *tree, const struct table_case *table_case,
			    unsigned turn)
{
	struct policy_builder *builder = tree_builder(tree);
	const struct line *rules[LINES_MAX];
	struct cordon_error error = { 0 };
	struct policy *policy;
	size_t count = 0;
	int r;

	for (size_t i = 0; i < table_case->count; i++)
		if (table_case->lines[i].text[0] != '?' &&
		    !is_tree_line(tree, table_case->lines[i].text, false))
			rules[count++] = &table_case->lines[i];
	/* Without this a policy without grants would be the default one. */
	cr_assert_eq(policy_builder_add_text(builder, "table", "", 0, NULL), 0);
	shuffle(rules, count, turn);
	for (size_t i = 0; i < count; i++)
		add_rule(builder, rules[i]);
	r = policy_build(builder, &policy, &error);
	if (r == 0)
		r = policy_bind(policy, NULL, &error);
	cr_assert_eq(r, 0, "%s: %s", table_case->name, error.text);
	policy_builder_free(builder);
	return policy;
}

static struct decision ask(const struct policy *policy, const struct tree *tree, const char *op,
			   const char *path, const char *other, int number)
{
	char *full = tree_path(tree, path), *full_other = tree_path(tree, other);
	struct fs_object object = tree_object(full), second = tree_object(full_other);
	struct decision decision;

	if (strcmp(op, "rename") == 0 || strcmp(op, "exchange") == 0) {
		decision = policy_decide_rename(policy, &object, &second, op[0] == 'e');
	} else {
		cr_assert_geq(op_by_name(op), 0, "line %d", number);
		decision = policy_decide_fs(policy, (enum op)op_by_name(op), &object);
	}
	free(full);
	free(full_other);
	return decision;
}

static void check(const struct policy *policy, const struct tree *tree, const struct line *line)
{
	char op[16], path[100], other[100] = "x", result[16], key[40] = "", entry[100] = "";
	struct decision decision;
	bool two = strncmp(line->text, "? rename ", 9) == 0 ||
		   strncmp(line->text, "? exchange ", 11) == 0;
	int n = two ? sscanf(line->text, "? %15s %99s %99s = %15s %39s %99s", op, path, other,
			     result, key, entry) -
				1
		    : sscanf(line->text, "? %15s %99s = %15s %39s %99s", op, path, result, key,
			     entry);

	cr_assert_geq(n, 3, "line %d", line->number);
	decision = ask(policy, tree, op, path, other, line->number);
	cr_expect_str_eq(decision.allow		    ? "allow"
			 : decision.error == ENOENT ? "ENOENT"
						    : "EACCES",
			 result, "line %d: %s: by %s %s", line->number, line->text,
			 decision.rule ? decision.rule->key : "-",
			 decision.rule ? decision.rule->text : "-");
	if (strcmp(key, "-") == 0)
		cr_expect_null(decision.rule, "line %d: %s", line->number, line->text);
	if (n < 5)
		return;
	cr_assert_not_null(decision.rule, "line %d: no rule", line->number);
	cr_expect_str_eq(decision.rule->key, key, "line %d", line->number);
	cr_expect_str_eq(decision.rule->text, entry, "line %d", line->number);
}

static void run(size_t index)
{
	struct tree tree = tree_new();
	struct table_case table_case;

	cr_assert(read_case(index, &table_case));
	for (unsigned turn = 0; turn < ORDERS; turn++) {
		struct policy *policy = NULL;

		for (size_t i = 0; i < table_case.count; i++) {
			const struct line *line = &table_case.lines[i];

			/* Files behind the first question appear after the policy was bound. */
			if (line->text[0] == '?' && !policy)
				policy = build(&tree, &table_case, turn);
			if (line->text[0] == '?')
				check(policy, &tree, line);
			else if (turn == 0)
				is_tree_line(&tree, line->text, true);
		}
		policy_free(policy);
	}
	tree_free(&tree);
}

ParameterizedTestParameters(decide, table)
{
	static struct table_case table_case;
	size_t count = 0, *indexes;

	while (read_case(count, &table_case))
		count++;
	indexes = cr_malloc(count * sizeof(*indexes));
	for (size_t i = 0; i < count; i++)
		indexes[i] = i;
	return cr_make_param_array(size_t, indexes, count);
}

ParameterizedTest(const size_t *index, decide, table)
{
	run(*index);
}
