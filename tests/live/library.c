/* SPDX-License-Identifier: Apache-2.0 */
/* See library.h. */
#include "library.h"

#include <criterion/criterion.h>
#include <string.h>

cordon_policy *base_and(const char *rules, const char *more)
{
	const char *const texts[] = { rules, more };
	struct cordon_error error = { 0 };
	cordon_policy *policy;

	cr_assert_eq(cordon_policy_new(NULL, &policy, &error), 0);
	cr_assert_eq(cordon_policy_add(policy, "base", &error), 0, "%s", error.text);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i])
			cr_assert_eq(cordon_policy_add_text(policy, i == 0 ? "rules" : "more",
							    texts[i], strlen(texts[i]), &error),
				     0, "%s", error.text);
	return policy;
}
