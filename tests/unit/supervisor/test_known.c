/* SPDX-License-Identifier: Apache-2.0 */
/* The table of known calls is complete, and agrees with the kernel headers and with itself. */
#include "base/cleanup.h"
#include "supervisor/argfilter.h"
#include "supervisor/known.h"
#include "sys/nr.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACROS_MAX 1024

/* The macros that begin with __NR of a list made by `cc -dM -E`. */
struct macros {
	struct {
		char name[64], value[64];
	} all[MACROS_MAX];
	size_t count;
};

static struct macros *read_macros(const char *path)
{
	struct macros *m = calloc(1, sizeof(*m));
	FILE *file = fopen(path, "re");
	char line[512];

	cr_assert_not_null(m);
	cr_assert_not_null(file, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		cr_assert_lt(m->count, MACROS_MAX);
		if (sscanf(line, "#define %63s %63s", m->all[m->count].name,
			   m->all[m->count].value) == 2 &&
		    strncmp(m->all[m->count].name, "__NR", 4) == 0)
			m->count++;
	}
	fclose(file);
	return m;
}

/* The number behind a name, through macros that stand for others. Return: -1 if there is none. */
static int macro_number(const struct macros *m, const char *value)
{
	char *end;
	long nr = strtol(value, &end, 10);

	if (*value && !*end)
		return (int)nr;
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->all[i].name, value) == 0)
			return macro_number(m, m->all[i].value);
	}
	return -1;
}

/* Every call of the header has a row and the number that nr.c gives. */
static void check_header(const char *path, uint32_t arch)
{
	/* Not calls: a count, and the first number of a block for others. */
	static const char *const not_calls[] = { "syscalls", "arch_specific_syscall" };
	cleanup_free struct macros *m = read_macros(path);
	size_t seen = 0;

	for (size_t i = 0; i < m->count; i++) {
		const char *name = m->all[i].name + strlen("__NR_");
		bool skip = strncmp(m->all[i].name, "__NR_", 5) != 0;

		for (size_t n = 0; n < COUNT_OF(not_calls) && !skip; n++)
			skip = strcmp(name, not_calls[n]) == 0;
		if (skip)
			continue;
		cr_assert_not_null(known_find(name), "%s: '%s' has no row in known.c", path, name);
		cr_assert_eq(nr_by_name(arch, name), macro_number(m, m->all[i].value),
			     "%s: %s is %d, not %d", path, name, macro_number(m, m->all[i].value),
			     nr_by_name(arch, name));
		seen++;
	}
	cr_assert_gt(seen, 250, "%s: only %zu calls", path, seen);
}

Test(known, kernel_headers)
{
	check_header(NATIVE_NUMBERS, NR_ARCH_NATIVE);
	check_header(GENERIC_NUMBERS, NR_ARCH_AARCH64);
}

Test(known, every_number_has_a_row)
{
	static const uint32_t archs[] = { NR_ARCH_X86_64, NR_ARCH_AARCH64 };

	for (size_t a = 0; a < COUNT_OF(archs); a++) {
		size_t count = 0;

		for (int nr = 0; nr < nr_limit(); nr++) {
			const char *name = nr_name(archs[a], nr);

			if (!name)
				continue;
			count++;
			cr_assert_not_null(known_find(name), "%s", name);
			cr_assert_eq(nr_by_name(archs[a], name), nr, "%s", name);
		}
		cr_assert_gt(count, 300);
		cr_assert_null(nr_name(archs[a], nr_limit()));
		cr_assert_null(nr_name(archs[a], -1));
	}
	cr_assert_null(nr_name(0x40000003, 1));
	cr_assert_eq(nr_by_name(0x40000003, "read"), -1);
	cr_assert_eq(nr_by_name(NR_ARCH_X86_64, "no_such_call"), -1);
	cr_assert_eq(nr_by_name(NR_ARCH_AARCH64, "open"), -1);
	cr_assert_eq(nr_by_name(NR_ARCH_AARCH64, "uprobe"), -1);
}

/* No gap between 0 and 336, and between 424 and the newest. */
Test(known, no_number_of_x86_64_is_missing)
{
	for (int nr = 0; nr < nr_limit(); nr++) {
		if (nr == 337)
			nr = 424;
		cr_assert_not_null(nr_name(NR_ARCH_X86_64, nr), "%d", nr);
	}
}

Test(known, every_row_is_a_call_somewhere)
{
	for (size_t i = 0; i < known_count(); i++) {
		const struct known_call *call = known_at(i);

		cr_assert(nr_by_name(NR_ARCH_X86_64, call->name) >= 0 ||
				  nr_by_name(NR_ARCH_AARCH64, call->name) >= 0,
			  "%s", call->name);
		cr_assert_eq(known_find(call->name), call, "%s stands twice", call->name);
		cr_assert(known_group(call->group), "%s: %s", call->name, call->group);
	}
	cr_assert_null(known_at(known_count()));
	cr_assert_null(known_find("no_such_call"));
	cr_assert_not(known_group("@no-such-group"));
}

/* The groups' members are all calls, once each. */
Test(known, groups)
{
	size_t members = 0, names = 0;

	for (const char *name; (name = known_candidate(names, NULL)); names++) {
		if (name[0] != '@')
			continue;
		for (size_t i = 0; known_member(name, i); i++)
			members++;
	}
	cr_assert_eq(members, known_count());
	cr_assert_str_eq(known_member("@keyring", 0)->name, "keyctl");
	cr_assert_str_eq(known_member("@keyring", 2)->name, "request_key");
	cr_assert_null(known_member("@keyring", 3));
	cr_assert_null(known_member(KNOWN_IFINFO, 0));
	cr_assert(known_group(KNOWN_IFINFO));
}

/* Of what is refused as absent, two groups can be re-admitted. */
Test(known, never)
{
	for (size_t i = 0; i < known_count(); i++) {
		const struct known_call *call = known_at(i);
		bool open = call->verdict != KNOWN_ENOSYS ||
			    strcmp(call->group, "@memory-secret") == 0 ||
			    strcmp(call->group, "@ldt") == 0;

		cr_assert_eq(known_never(call->group) == NULL, open, "%s", call->name);
	}
}

/* A row is FILTERED if and only if argfilter.c says something about it. */
Test(known, filtered_rows_have_argument_filters)
{
	for (size_t i = 0; i < known_count(); i++) {
		const struct known_call *call = known_at(i);
		bool found = false;

		for (size_t r = 0; r < argfilter_count(); r++)
			found |= strcmp(argfilter_at(r)->call, call->name) == 0;
		cr_assert_eq(found, call->verdict == KNOWN_FILTERED, "%s", call->name);
	}
}

/* Rows of one call stand together, the one without tests last; each says why. */
Test(known, argument_filters_are_in_order)
{
	for (size_t r = 0; r < argfilter_count(); r++) {
		const struct arg_rule *row = argfilter_at(r), *next = argfilter_at(r + 1);

		cr_assert_not_null(known_find(row->call), "%s", row->call);
		cr_assert(row->why && row->why[0], "%s", row->call);
		cr_assert_leq(row->test_count, ARG_TESTS_MAX);
		if (next && strcmp(next->call, row->call) == 0) {
			cr_assert_gt(row->test_count, 0, "%s", row->call);
			continue;
		}
		for (size_t other = r + 1; other < argfilter_count(); other++)
			cr_assert_str_neq(argfilter_at(other)->call, row->call);
	}
}
