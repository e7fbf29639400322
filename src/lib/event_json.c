/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event as one line of JSON.
 *
 * Texts come from a program that is not trusted and need not be UTF-8: bytes that are none are
 * written as \xNN, and the exact bytes follow in base64 under the same name with `_raw` behind it.
 * Everything outside ASCII is written as a JSON escape, so that a log that is read in a terminal
 * cannot be reordered by it.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "lib/event.h"
#include "lib/json.h"

#include <cordon/event.h>

#include <string.h>

static const char *const kind_names[] = {
	[CORDON_EVENT_START] = "start",	  [CORDON_EVENT_DENIED] = "denied",
	[CORDON_EVENT_FAILED] = "failed", [CORDON_EVENT_STOPPED] = "stopped",
	[CORDON_EVENT_LIMIT] = "limit",	  [CORDON_EVENT_DROPPED] = "dropped",
	[CORDON_EVENT_END] = "end",	  [CORDON_EVENT_NOTE] = "note",
	[CORDON_EVENT_LAYER] = "layer",
};

static void add_rule(json_t *object, const struct cordon_event *event)
{
	const char *dot = event->rule_key ? strchr(event->rule_key, '.') : NULL;
	json_t *rule;

	if (!event->rule_key) {
		json_object_set_new(object, "rule", json_null());
		return;
	}
	json_set_text(object, "section", event->rule_key,
		      dot ? (size_t)(dot - event->rule_key) : strlen(event->rule_key));
	rule = json_object();
	json_set_text(rule, "key", event->rule_key, SIZE_MAX);
	json_set_text(rule, "entry", event->rule_text, SIZE_MAX);
	json_object_set_new(object, "rule", rule);
	json_set_text(object, "file", event->rule_file, SIZE_MAX);
	if (event->rule_line > 0)
		json_object_set_new(object, "line", json_integer(event->rule_line));
}

/* What a user would change so that the denied operation is allowed. */
static void add_allow_by(json_t *object, const struct cordon_event *event)
{
	const char *grant = event_grant_key(event->operation);
	const char *key = event->rule_key ? event->rule_key : grant;
	json_t *by = key ? json_object() : json_null();

	if (key) {
		json_set_text(by, "change", event->rule_key ? "rule" : "add", SIZE_MAX);
		json_set_text(by, "key", key, SIZE_MAX);
		json_set_text(by, "entry", event->rule_text, SIZE_MAX);
	}
	json_object_set_new(object, "allow_by", by);
}

static void add_call(json_t *object, const struct cordon_event *event)
{
	bool denied = event->kind == CORDON_EVENT_DENIED;
	const char *error = strerrorname_np(event->error);

	json_set_text(object, "op", event->operation, SIZE_MAX);
	json_set_text(object, "call", event->syscall, SIZE_MAX);
	json_set_text(object, "target", event->target, SIZE_MAX);
	json_set_text(object, "given", event->given, SIZE_MAX);
	json_object_set_new(object, "cause",
			    json_string(!denied		  ? "supervisor"
					: event->rule_key ? "rule"
							  : "no_rule"));
	json_object_set_new(object, "errno",
			    event->error == 0 ? json_null()
			    : error	      ? json_string(error)
					      : json_integer(event->error));
	add_rule(object, event);
	json_object_set_new(object, "retry", json_false());
	if (denied)
		add_allow_by(object, event);
	else
		json_set_text(object, "reason", event->reason, SIZE_MAX);
}

static void add_caller(json_t *object, const struct cordon_event *event)
{
	json_object_set_new(object, "pid", json_integer(event->pid));
	if (event->tid > 0)
		json_object_set_new(object, "tid", json_integer(event->tid));
	json_set_text(object, "exe", event->exe, SIZE_MAX);
}

static void add_body(json_t *object, const struct cordon_event *event)
{
	switch (event->kind) {
	case CORDON_EVENT_DENIED:
	case CORDON_EVENT_FAILED:
		add_call(object, event);
		add_caller(object, event);
		break;
	case CORDON_EVENT_START:
		add_caller(object, event);
		break;
	case CORDON_EVENT_STOPPED:
		add_caller(object, event);
		json_object_set_new(object, "signal", json_integer(event->number));
		break;
	case CORDON_EVENT_LIMIT:
		json_set_text(object, "limit", event->rule_key, SIZE_MAX);
		json_set_text(object, "value", event->rule_text, SIZE_MAX);
		json_object_set_new(object, "action", json_string(event->reason ? "none" : "end"));
		add_rule(object, event);
		break;
	case CORDON_EVENT_LAYER:
		json_set_text(object, "layer", event->operation, SIZE_MAX);
		json_set_text(object, "state", event->reason, SIZE_MAX);
		json_object_set_new(object, "errno",
				    event->error ? json_string(strerrorname_np(event->error))
						 : json_null());
		json_set_text(object, "on_failure", event->rule_text, SIZE_MAX);
		break;
	case CORDON_EVENT_DROPPED:
		json_object_set_new(object, "count", json_integer(event->number));
		break;
	case CORDON_EVENT_NOTE:
		json_set_text(object, "text", event->reason, SIZE_MAX);
		break;
	case CORDON_EVENT_END:
		json_object_set_new(object, "status", json_integer(event->number));
		break;
	default:
		break;
	}
}

int cordon_event_json(const struct cordon_event *event, char *buffer, size_t size)
{
	cleanup_json json_t *object = NULL;
	size_t length;

	if (!event || event->size < EVENT_SIZE_MIN || (!buffer && size > 0))
		return -EINVAL;
	if ((size_t)event->kind >= COUNT_OF(kind_names))
		return -EINVAL;
	object = json_pack("{s:i, s:I, s:I, s:I, s:s}", "schema_version", 1, "seq",
			   (json_int_t)event->sequence, "at", (json_int_t)event->realtime_ns,
			   "mono_ns", (json_int_t)event->monotonic_ns, "kind",
			   kind_names[event->kind]);
	if (!object)
		return -ENOMEM;
	json_set_text(object, "name", event->sandbox, SIZE_MAX);
	add_body(object, event);
	/* The last byte is ours: jansson does not terminate. */
	length = json_dumpb(object, buffer, size > 0 ? size - 1 : 0,
			    JSON_COMPACT | JSON_ENSURE_ASCII);
	if (length == 0)
		return -ENOMEM;
	if (size > 0)
		buffer[length < size ? length : 0] = '\0';
	return (int)length;
}
