/* SPDX-License-Identifier: Apache-2.0 */
/* The public policy object as the files of this layer see it. */
#ifndef CORDON_LIB_POLICY_H
#define CORDON_LIB_POLICY_H

#include "policy/load.h"

#include <cordon/policy.h>

struct cordon_policy {
	struct policy_builder *builder;
};

/* A resolved policy; bind: also fixed to the file system, for questions that run nothing. */
int lib_policy_build(cordon_policy *policy, bool bind, struct policy **ret,
		     struct cordon_error *err);

void lib_policy_done(struct policy **policy);
#define cleanup_policy __attribute__((cleanup(lib_policy_done)))

#endif
