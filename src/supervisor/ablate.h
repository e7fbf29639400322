/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches that take one wall away, so that a test can show that its attack works without it.
 *
 * They exist only in the test build of the same sources (-DCORDON_ABLATE), where the environment
 * variable CORDON_ABLATE names them; in every other build they are the constant false.
 */
#ifndef CORDON_SUPERVISOR_ABLATE_H
#define CORDON_SUPERVISOR_ABLATE_H

#include <stdbool.h>

/*
 * With `sentinels` a refusal has the errno of the layer that it comes from, whatever else it would be; what
 * Landlock refuses keeps the kernel's.
 */
#define SENTINEL_FILTER	    141
#define SENTINEL_SUPERVISOR 142

#ifdef CORDON_ABLATE
bool ablated(const char *name);
/* Number behind `name=`, or fallback. */
int ablated_number(const char *name, int fallback);
/*
 * Whether this pass of a site has to fail as if something had gone wrong: with `fault-SITE=N` the Nth one does,
 * counted from the request on whose path has the name FAULTS.
 */
bool fault(const char *site);
void fault_begin(const char *path);
/* With `reuse` a request about the name REUSED stands still until its caller's number is another process's. */
void await_reuse(int proc_fd, int tid, const char *path);
#else
#define ablated(name)			((void)(name), false)
#define ablated_number(name, fallback)	((void)(name), (fallback))
#define fault(site)			((void)(site), false)
#define fault_begin(path)		((void)(path))
#define await_reuse(proc_fd, tid, path) ((void)(proc_fd), (void)(tid), (void)(path))
#endif

#endif
