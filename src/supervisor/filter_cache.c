/* SPDX-License-Identifier: Apache-2.0 */
/* Filters that were made before: see filter_cache.h. */
#include "supervisor/filter_cache.h"

#include "base/cleanup.h"

#include <pthread.h>
#include <string.h>

/* Of the policies that are in use at the same time. */
#define ENTRIES 8

static struct {
	pthread_mutex_t lock;
	struct entry {
		void *key;
		size_t length;
		struct bpf_program program;
	} entries[ENTRIES];
	size_t next; /* the oldest */
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *copy(const void *bytes, size_t length)
{
	void *memory = malloc(length);

	return memory ? memcpy(memory, bytes, length) : NULL;
}

static bool copy_program(const struct bpf_program *from, struct bpf_program *ret)
{
	ret->code = copy(from->code, from->length * sizeof(*from->code));
	ret->length = ret->code ? from->length : 0;
	return ret->code != NULL;
}

static const struct entry *find(const void *key, size_t length)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *entry = &cache.entries[i];

		if (entry->key && entry->length == length && memcmp(entry->key, key, length) == 0)
			return entry;
	}
	return NULL;
}

bool filter_cache_get(const void *key, size_t length, struct bpf_program *ret)
{
	const struct entry *found;
	bool copied;

	/* RACE: in a process that was forked meanwhile nobody would ever let it go. */
	if (pthread_mutex_trylock(&cache.lock) != 0)
		return false;
	found = find(key, length);
	copied = found && copy_program(&found->program, ret);
	pthread_mutex_unlock(&cache.lock);
	return copied;
}

void filter_cache_put(const void *key, size_t length, const struct bpf_program *program)
{
	struct entry entry = { .key = copy(key, length), .length = length };

	if (!entry.key || !copy_program(program, &entry.program)) {
		free(entry.key);
		return;
	}
	if (pthread_mutex_trylock(&cache.lock) == 0) {
		struct entry *oldest = &cache.entries[cache.next];
		struct entry before = *oldest;

		*oldest = entry;
		entry = before;
		cache.next = (cache.next + 1) % ENTRIES;
		pthread_mutex_unlock(&cache.lock);
	}
	free(entry.key);
	bpf_program_done(&entry.program);
}
