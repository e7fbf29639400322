/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is an error or a policy, and a policy that is printed reads back as the same one. */
#include "policy/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return: the policy as JSON, or NULL if the text is an error. */
static char *load(const char *text, size_t length)
{
	struct policy_context context = { .workspace = "/usr", .home = "/home/someone" };
	struct policy_builder *builder;
	struct cordon_error error = { 0 };
	struct policy *policy = NULL;
	char *shown = NULL;
	int r;

	if (policy_builder_new(&context, &builder, NULL) < 0)
		abort();
	r = policy_builder_add_text(builder, "fuzz", text, length, &error);
	if (r == 0)
		r = policy_build(builder, &policy, &error);
	if (r < 0 && !error.text[0])
		abort();
	if (r == 0)
		shown = policy_show(builder, true, NULL);
	policy_free(policy);
	policy_builder_free(builder);
	return shown;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *shown = load((const char *)data, size), *again;

	if (!shown)
		return 0;
	again = load(shown, strlen(shown));
	if (!again || strcmp(shown, again) != 0)
		abort();
	free(shown);
	free(again);
	return 0;
}
