/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions that ask a sandbox and tell it something, from when it was made to its end. */
#include "base/err.h"
#include "lib/level.h"
#include "lib/sandbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int lib_usable(const cordon_sandbox *sandbox)
{
	if (!sandbox)
		return -EINVAL;
	return sandbox->owner == getpid() ? 0 : -EOWNERDEAD;
}

pid_t cordon_sandbox_pid(const cordon_sandbox *sandbox)
{
	return lib_usable(sandbox) < 0 || sandbox->state != SANDBOX_RUNNING
		       ? -1
		       : sandbox_pid(sandbox->inner);
}

int cordon_sandbox_hint(const cordon_sandbox *sandbox)
{
	return lib_usable(sandbox) == 0 && sandbox_policy(sandbox->inner)->hint;
}

ssize_t cordon_sandbox_write(cordon_sandbox *sandbox, const void *bytes, size_t length)
{
	int r = lib_usable(sandbox);
	ssize_t n;

	if (r < 0 || (!bytes && length > 0))
		return r < 0 ? r : -EINVAL;
	pthread_mutex_lock(&sandbox->delivery);
	n = streams_write(&sandbox->streams, bytes, length);
	pthread_mutex_unlock(&sandbox->delivery);
	return n;
}

int cordon_sandbox_close_input(cordon_sandbox *sandbox)
{
	int r = lib_usable(sandbox);

	if (r < 0)
		return r;
	pthread_mutex_lock(&sandbox->delivery);
	streams_close_input(&sandbox->streams);
	pthread_mutex_unlock(&sandbox->delivery);
	return 0;
}

int cordon_sandbox_output(const cordon_sandbox *sandbox, int stream, const char **ret_bytes,
			  size_t *ret_length)
{
	const struct stream_output *output;
	int r = lib_usable(sandbox);

	if (r < 0 || (stream != 1 && stream != 2) || !ret_bytes || !ret_length)
		return r < 0 ? r : -EINVAL;
	output = &sandbox->streams.output[stream - 1];
	*ret_bytes = output->kept ? output->kept : "";
	*ret_length = output->kept_size;
	return 0;
}

int cordon_sandbox_resize(cordon_sandbox *sandbox, unsigned short rows, unsigned short columns)
{
	int r = lib_usable(sandbox);

	return r < 0 ? r : streams_resize(&sandbox->streams, rows, columns);
}

int cordon_sandbox_layer(const cordon_sandbox *sandbox, size_t index, struct cordon_layer *ret)
{
	const struct layer_outcome *outcome;
	struct sandbox_facts facts;
	struct cordon_layer layer;
	int r = lib_usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW || !ret || ret->size < sizeof(ret->size))
		return r < 0 ? r : -EINVAL;
	if (index + 1 >= LAYER_COUNT)
		return -ENOENT;
	sandbox_facts(sandbox->inner, &facts);
	outcome = &facts.layers[index + 1];
	layer = (struct cordon_layer){
		.size = ret->size < sizeof(layer) ? ret->size : sizeof(layer),
		.name = layer_name((unsigned)index + 1),
		.state = (enum cordon_layer_state)outcome->state,
		.error = outcome->error,
		.detail = outcome->detail,
	};
	memcpy(ret, &layer, layer.size);
	return 0;
}

const char *cordon_sandbox_level(const cordon_sandbox *sandbox)
{
	struct sandbox_facts facts;

	if (lib_usable(sandbox) < 0 || sandbox->state == SANDBOX_NEW)
		return NULL;
	sandbox_facts(sandbox->inner, &facts);
	return level_of(facts.layers);
}

int cordon_sandbox_kill(cordon_sandbox *sandbox, int signal)
{
	int r = lib_usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_kill(sandbox->inner, signal);
}

int cordon_sandbox_signal(cordon_sandbox *sandbox, int signal)
{
	int r = lib_usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_signal(sandbox->inner, signal);
}

int cordon_sandbox_resume(cordon_sandbox *sandbox)
{
	int r = lib_usable(sandbox);

	if (r < 0 || sandbox->state == SANDBOX_NEW)
		return r < 0 ? r : -EINVAL;
	return sandbox_resume(sandbox->inner);
}

int cordon_sandbox_namespace(const cordon_sandbox *sandbox, enum cordon_namespace kind,
			     uint64_t *ret_inode)
{
	int r = lib_usable(sandbox);

	if (r < 0 || !ret_inode)
		return r < 0 ? r : -EINVAL;
	return sandbox_namespace(sandbox->inner, kind, ret_inode);
}

int cordon_sandbox_set_limit(cordon_sandbox *sandbox, enum cordon_limit limit, uint64_t value,
			     struct cordon_error *error)
{
	int r = lib_usable(sandbox);

	if (r < 0)
		return err_set(error, r, "cordon_sandbox_set_limit: not a sandbox of this process");
	return sandbox_set_limit(sandbox->inner, limit, value, error);
}
