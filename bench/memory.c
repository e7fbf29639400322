/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory COUNT: starts COUNT supervised sandboxes in this process, each with a program that
 * sleeps, and prints in KiB the anonymous memory of this process, and the private memory of its
 * children together (the keepers of the trees). Of this process the private memory would say too
 * little: a page that a keeper still shares with it counts as shared.
 */
#include <cordon/cordon.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char policy_text[] = "version: 1\n"
				  "filesystem:\n"
				  "  read: [/usr, /bin, /lib, /lib64, /etc]\n"
				  "  deny: [/etc/shadow]\n";

static _Noreturn void fail(const struct cordon_error *error)
{
	char text[1024];

	fprintf(stderr, "%s\n", cordon_error_format(error, text, sizeof(text)));
	exit(1);
}

/* Return: the sum of the two fields of the process's mappings; both may be the same. */
static long sum_kib(const char *pid, const char *first, const char *second)
{
	char path[64], line[256], name[32];
	long total = 0, kib;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31[^:]: %ld", name, &kib) == 2 &&
		    (strcmp(name, first) == 0 || strcmp(name, second) == 0))
			total += kib;
	if (file)
		fclose(file);
	return total;
}

/* KERNEL(4.2): the children of every thread, since a keeper is the child of its supervisor. */
static long children_kib(void)
{
	FILE *list = popen("cat /proc/$PPID/task/*/children", "re");
	char pid[16];
	long total = 0;

	while (list && fscanf(list, "%15s", pid) == 1)
		total += sum_kib(pid, "Private_Clean", "Private_Dirty");
	if (list)
		pclose(list);
	return total;
}

static cordon_sandbox *start(cordon_policy *policy)
{
	char *const argv[] = { (char[]){ "/bin/sleep" }, (char[]){ "1000" }, NULL };
	struct cordon_error error = { 0 };
	cordon_sandbox *sandbox;

	if (cordon_sandbox_new(policy, NULL, &sandbox, &error) < 0 ||
	    cordon_sandbox_start(sandbox, argv, &error) < 0)
		fail(&error);
	return sandbox;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct cordon_error error = { 0 };
	cordon_sandbox **sandboxes;
	cordon_policy *policy;

	if (count < 1 || count > 1000) {
		fprintf(stderr, "usage: %s COUNT\n", argv[0]);
		return 2;
	}
	sandboxes = calloc(count, sizeof(cordon_sandbox *));
	if (!sandboxes || cordon_policy_new(NULL, &policy, &error) < 0 ||
	    cordon_policy_add_text(policy, "memory", policy_text, strlen(policy_text), &error) < 0)
		fail(&error);
	for (size_t i = 0; i < count; i++)
		sandboxes[i] = start(policy);
	/* The programs make their last mediated calls while they start. */
	sleep(1);
	printf("%ld %ld\n", sum_kib("self", "Anonymous", "Anonymous"), children_kib());
	for (size_t i = 0; i < count; i++) {
		cordon_sandbox_kill(sandboxes[i], 9);
		cordon_sandbox_free(sandboxes[i]);
	}
	cordon_policy_free(policy);
	free(sandboxes);
	return 0;
}
