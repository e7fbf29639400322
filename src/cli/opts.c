/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table.
 *
 * Most rows name a policy key: the flag is cordon_policy_set(policy, key, value), applied after all
 * policy files in the order of the command line. The table is the only place that knows a flag:
 * parsing, help and the nearest name for a typing mistake come from it.
 */
#include "cli/opts.h"

#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_POLICY, /* a file or a preset */
	KIND_SET,    /* key = the argument */
	KIND_FIXED,  /* key = value, no argument */
	KIND_NAME,
	KIND_REPORT,
	KIND_JSON,
	KIND_HELP,
};

struct option_row {
	const char *name;
	char letter;	      /* 0: none */
	const char *argument; /* NULL: takes none */
	enum kind kind;
	unsigned set; /* enum opts_set */
	const char *key, *value;
	const char *help;
};

static const struct option_row rows[] = {
	{ "policy", 'p', "FILE|PRESET", KIND_POLICY, OPTS_POLICY, NULL, NULL,
	  "add a policy file or a preset" },
	{ "read", 'r', "PATH", KIND_SET, OPTS_POLICY, "filesystem.read", NULL, "grant reading" },
	{ "write", 'w', "PATH", KIND_SET, OPTS_POLICY, "filesystem.write", NULL,
	  "grant reading and changing" },
	{ "exec", 'x', "PATH", KIND_SET, OPTS_POLICY, "filesystem.exec", NULL,
	  "allow execution of these only" },
	{ "deny", 'd', "PATH", KIND_SET, OPTS_POLICY, "filesystem.deny", NULL,
	  "no access at all, also inside a grant" },
	{ "hide", 0, "PATH", KIND_SET, OPTS_POLICY, "filesystem.hide", NULL,
	  "as deny, but as if it did not exist" },
	{ "protect", 0, "PATH", KIND_SET, OPTS_POLICY, "filesystem.protect", NULL,
	  "readable, never changed" },
	{ "expand", 0, NULL, KIND_FIXED, OPTS_POLICY, "filesystem.expand", "true",
	  "literal deny rules are held by the kernel alone" },
	{ "keep-tmp", 0, NULL, KIND_FIXED, OPTS_POLICY, "filesystem.keep_tmp", "true",
	  "do not remove $TMP at the end" },
	{ "net-allow", 'n', "SPEC", KIND_SET, OPTS_POLICY, "network.allow", NULL,
	  "allow connections to HOST, CIDR or name, with :PORTS" },
	{ "net-deny", 0, "SPEC", KIND_SET, OPTS_POLICY, "network.deny", NULL,
	  "refuse connections, wins over allow" },
	{ "listen", 'l', "PORTS", KIND_SET, OPTS_POLICY, "network.listen", NULL,
	  "ports that may be bound" },
	{ "unix-connect", 0, "PATH", KIND_SET, OPTS_POLICY, "network.unix.connect", NULL,
	  "unix sockets of the outside world" },
	{ "workspace", 'W', "DIR", KIND_SET, OPTS_POLICY, "workspace", NULL,
	  "directory that $WORKSPACE names" },
	{ "cwd", 'C', "DIR", KIND_SET, OPTS_POLICY, "process.cwd", NULL,
	  "directory in which the program starts" },
	{ "env", 'e', "NAME[=VALUE]", KIND_SET, OPTS_POLICY, "process.env", NULL,
	  "pass or set an environment variable" },
	{ "env-inherit", 0, NULL, KIND_FIXED, OPTS_POLICY, "process.env", "inherit",
	  "pass the whole environment" },
	{ "timeout", 't', "DURATION", KIND_SET, OPTS_POLICY, "limits.wall", NULL,
	  "end the run after this time" },
	{ "memory", 'm', "SIZE", KIND_SET, OPTS_POLICY, "limits.memory", NULL,
	  "memory of the whole tree" },
	{ "processes", 'P', "N", KIND_SET, OPTS_POLICY, "limits.processes", NULL,
	  "processes of the whole tree" },
	{ "cpu", 0, "DURATION", KIND_SET, OPTS_POLICY, "limits.cpu", NULL,
	  "CPU time of each process" },
	{ "open-files", 0, "N", KIND_SET, OPTS_POLICY, "limits.open_files", NULL,
	  "descriptors of each process" },
	{ "file-size", 0, "SIZE", KIND_SET, OPTS_POLICY, "limits.file_size", NULL,
	  "size of each written file" },
	{ "no-supervisor", 0, NULL, KIND_FIXED, OPTS_POLICY, "supervisor", "off",
	  "only what the kernel holds alone" },
	{ "name", 0, "NAME", KIND_NAME, OPTS_RUN, NULL, NULL, "name of the run, shown in events" },
	{ "events", 0, "FILE|fd:N", KIND_SET, OPTS_RUN, "report.events", NULL,
	  "write events as JSON, one a line" },
	{ "no-hint", 0, NULL, KIND_FIXED, OPTS_RUN, "report.hint", "null",
	  "no line for each distinct denial" },
	{ "trace", 0, NULL, KIND_FIXED, OPTS_POLICY, "report.trace", "true",
	  "also report what the kernel alone would refuse" },
	{ "report", 0, "FILE", KIND_REPORT, OPTS_RUN, NULL, NULL,
	  "write a JSON report when the run has ended" },
	{ "json", 0, NULL, KIND_JSON, OPTS_JSON, NULL, NULL, "answer in JSON" },
	{ "help", 'h', NULL, KIND_HELP, OPTS_ALWAYS, NULL, NULL, "show this text" },
};

#define ROW_COUNT  (sizeof(rows) / sizeof(rows[0]))
#define LETTER_MAX 127
/* getopt's value of row i: its letter, or a number that is no letter. */
#define ROW_VALUE(i) (rows[i].letter ? rows[i].letter : LETTER_MAX + 1 + (int)(i))

#define NAME_BYTES 40

/* Edit distance; both are shorter than NAME_BYTES. */
static size_t distance(const char *a, const char *b)
{
	size_t last[NAME_BYTES], now[NAME_BYTES], lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			best = last[j] + 1 < best ? last[j] + 1 : best;
			now[j] = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
		}
		memcpy(last, now, (lb + 1) * sizeof(last[0]));
	}
	return last[lb];
}

const char *nearest_name(const char *text, const char *(*name)(size_t index), size_t count)
{
	size_t best = strlen(text) / 3 + 2;
	const char *found = NULL;

	if (strlen(text) >= NAME_BYTES)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d = distance(text, name(i));

		if (d < best) {
			best = d;
			found = name(i);
		}
	}
	return found;
}

static const char *row_name(size_t index)
{
	return rows[index].name;
}

static int unknown_long(const char *argument)
{
	size_t length = strcspn(argument, "=");
	char name[NAME_BYTES];
	const char *near;

	if (length >= sizeof(name)) {
		say("unknown option; --help lists the options");
		return STATUS_CORDON;
	}
	memcpy(name, argument, length);
	name[length] = '\0';
	near = nearest_name(name + 2, row_name, ROW_COUNT);
	if (near)
		say("unknown option '%s' (did you mean '--%s'?)", name, near);
	else
		say("unknown option '%s'; --help lists the options", name);
	return STATUS_CORDON;
}

static const struct option_row *row_by_value(int value)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (ROW_VALUE(i) == value)
			return &rows[i];
	}
	return NULL;
}

/* getopt said '?' or ':' about this element of argv. */
static int tell_mistake(int code, const char *argument)
{
	const struct option_row *row = optopt ? row_by_value(optopt) : NULL;

	if (code == ':' && row)
		say("option '--%s' needs an argument: %s", row->name, row->argument);
	else if (row && strchr(argument, '='))
		say("option '--%s' takes no argument", row->name);
	else if (strncmp(argument, "--", 2) == 0)
		return unknown_long(argument);
	else
		say("unknown option '-%c'; --help lists the options", optopt);
	return STATUS_CORDON;
}

static void store(struct selection *selection, const struct option_row *row, const char *argument)
{
	switch (row->kind) {
	case KIND_POLICY:
		selection->policies[selection->policy_count++] = argument;
		break;
	case KIND_SET:
	case KIND_FIXED:
		selection->settings[selection->setting_count++] =
			(struct setting){ row->key, row->kind == KIND_SET ? argument : row->value };
		break;
	case KIND_NAME:
		selection->name = argument;
		break;
	case KIND_REPORT:
		selection->report = argument;
		break;
	case KIND_JSON:
		selection->json = true;
		break;
	case KIND_HELP:
	default:
		break;
	}
}

static void print_help(const char *name, unsigned sets)
{
	const struct command *command = command_find(name);

	/* Only `policy` has actions of its own below the command. */
	if (!command)
		command = command_find("policy");
	printf("Usage: cordon %s %s\n%s.\n\n", command->name, command->usage, command->summary);
	opts_help(stdout, sets);
	fflush(stdout);
}

/* getopt's own tables, made from ours; options of other commands stay unknown. */
static void fill_tables(unsigned sets, char *letters, struct option *longs)
{
	*letters++ = '+'; /* the first argument that is no option ends them: it is the program */
	*letters++ = ':';
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!(rows[i].set & sets))
			continue;
		*longs++ = (struct option){ rows[i].name,
					    rows[i].argument ? required_argument : no_argument,
					    NULL, ROW_VALUE(i) };
		if (!rows[i].letter)
			continue;
		*letters++ = rows[i].letter;
		if (rows[i].argument)
			*letters++ = ':';
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

/* getopt takes abbreviations; a word that means one flag today could mean two tomorrow. */
static bool is_abbreviated(const char *argument, const struct option_row *row)
{
	return strncmp(argument, "--", 2) == 0 && strcspn(argument + 2, "=") != strlen(row->name);
}

int opts_parse(int argc, char **argv, unsigned sets, struct selection *ret, int *ret_status)
{
	char letters[2 * ROW_COUNT + 3];
	struct option longs[ROW_COUNT + 1];

	*ret = (struct selection){ 0 };
	*ret_status = STATUS_CORDON;
	ret->policies = calloc((size_t)argc + 1, sizeof(*ret->policies));
	ret->settings = calloc((size_t)argc + 1, sizeof(*ret->settings));
	if (!ret->policies || !ret->settings) {
		say("out of memory");
		return -1;
	}
	sets |= OPTS_ALWAYS;
	fill_tables(sets, letters, longs);
	optind = 1;
	opterr = 0;
	for (;;) {
		const char *argument = argv[optind < argc ? optind : argc - 1];
		const struct option_row *row;
		int code;

		optopt = 0;
		code = getopt_long(argc, argv, letters, longs, NULL);
		if (code == -1)
			return optind;
		row = row_by_value(code);
		if (code == '?' || code == ':' || !row) {
			*ret_status = tell_mistake(code, argument);
			return -1;
		}
		if (is_abbreviated(argument, row)) {
			*ret_status = unknown_long(argument);
			return -1;
		}
		if (row->kind == KIND_HELP) {
			print_help(argv[0], sets);
			*ret_status = STATUS_OK;
			return -1;
		}
		store(ret, row, optarg);
	}
}

void selection_done(struct selection *selection)
{
	free(selection->policies);
	free(selection->settings);
	*selection = (struct selection){ 0 };
}

void policy_done(cordon_policy **policy)
{
	cordon_policy_free(*policy);
}

int selection_policy(const struct selection *selection, cordon_policy **ret,
		     struct cordon_error *err)
{
	cleanup_policy cordon_policy *policy = NULL;
	int r = cordon_policy_new(NULL, &policy, err);

	for (size_t i = 0; r == 0 && i < selection->policy_count; i++)
		r = cordon_policy_add(policy, selection->policies[i], err);
	for (size_t i = 0; r == 0 && i < selection->setting_count; i++)
		r = cordon_policy_set(policy, selection->settings[i].key,
				      selection->settings[i].value, err);
	if (r < 0)
		return r;
	*ret = policy;
	policy = NULL;
	return 0;
}

void opts_help(FILE *out, unsigned sets)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const struct option_row *row = &rows[i];
		char left[NAME_BYTES];

		if (!(row->set & sets))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "");
		fprintf(out, "  %c%c%c %-26s %s%s%s%s\n", row->letter ? '-' : ' ',
			row->letter ? row->letter : ' ', row->letter ? ',' : ' ', left, row->help,
			row->key ? " (" : "", row->key ? row->key : "", row->key ? ")" : "");
	}
}
