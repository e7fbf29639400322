/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcordon: run a program that nobody trusts under a policy.
 *
 *     cordon_policy *policy;
 *     cordon_sandbox *sandbox;
 *     struct cordon_error error;
 *     struct cordon_result result = { .size = sizeof(result) };
 *
 *     cordon_policy_new(NULL, &policy, &error);
 *     cordon_policy_add(policy, "agent.yaml", &error);
 *     cordon_sandbox_new(policy, NULL, &sandbox, &error);
 *     cordon_sandbox_start(sandbox, argv, &error);
 *     cordon_sandbox_wait(sandbox, &result, -1);
 *     cordon_sandbox_free(sandbox);
 *     cordon_policy_free(policy);
 *
 * Functions return 0 or more on success and a negative errno on failure. The library never prints,
 * exits, installs signal handlers, or changes the limits, mask, umask or directory of its host.
 */
#ifndef CORDON_H
#define CORDON_H

#include <cordon/compact.h>
#include <cordon/error.h>
#include <cordon/event.h>
#include <cordon/policy.h>
#include <cordon/sandbox.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The version of the library that is running, "1.2.3". Return: static storage. */
const char *cordon_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
