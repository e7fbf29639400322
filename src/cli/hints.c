/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line for each distinct denial: see hints.h.
 *
 * A line holds operation, target and rule and nothing else, so equal lines are equal denials. Only
 * hashes are kept: the program chooses the targets and must not make us grow.
 */
#include "cli/hints.h"

#include "cli/cli.h"

#include <stdbool.h>
#include <stdlib.h>

#define SLOT_COUNT (2 * HINTS_MAX)

static uint64_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h ? h : 1;
}

/* Return: whether it was new and is now remembered. */
static bool remember(struct hints *hints, uint64_t h)
{
	size_t slot = (size_t)(h % SLOT_COUNT);

	for (; hints->seen[slot]; slot = (slot + 1) % SLOT_COUNT) {
		if (hints->seen[slot] == h)
			return false;
	}
	if (hints->count > HINTS_MAX)
		return false;
	if (hints->count++ == HINTS_MAX) {
		say("further denials are not listed here; --events FILE lists them all");
		return false;
	}
	hints->seen[slot] = h;
	return true;
}

void hints_event(struct hints *hints, const struct cordon_event *event)
{
	char line[8192], *text = line;
	int length = cordon_event_text(event, line, sizeof(line));

	if (length <= 0)
		return;
	if (length >= (int)sizeof(line)) {
		text = malloc((size_t)length + 1);
		if (!text)
			return;
		cordon_event_text(event, text, (size_t)length + 1);
	}
	if (remember(hints, hash(text)))
		say("%s", text);
	if (text != line)
		free(text);
}
