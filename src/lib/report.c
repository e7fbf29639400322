/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a run: one JSON object, made from what supervisor and host side know at the end. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "child/plan.h"
#include "lib/json.h"
#include "lib/level.h"
#include "lib/sandbox.h"

#include <cordon/cordon.h>

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static const char *const reason_names[] = {
	[CORDON_EXITED] = "exited",
	[CORDON_SIGNALED] = "signaled",
	[CORDON_TIMEOUT_WALL] = "timeout_wall",
	[CORDON_TIMEOUT_CPU] = "timeout_cpu",
	[CORDON_KILLED_BY_CALLER] = "killed_by_caller",
	[CORDON_EXEC_FAILED] = "exec_failed",
	[CORDON_SETUP_FAILED] = "setup_failed",
	[CORDON_SUPERVISOR_FAILED] = "supervisor_failed",
	[CORDON_MEMORY] = "memory",
	[CORDON_PROCESSES] = "processes",
	[CORDON_POLICY_KILL] = "policy_kill",
};

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *error_name(int error)
{
	const char *name = error > 0 ? strerrorname_np(error) : NULL;

	return text_or_null(name);
}

/* RFC 3339, UTC, milliseconds. */
static void set_time(json_t *object, const char *key, int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char day[32], text[48];
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	snprintf(text, sizeof(text), "%s.%03dZ", day, (int)(ns / 1000000 % 1000));
	json_object_set_new(object, key, json_string(text));
}

static json_t *header(void)
{
	json_t *object = json_pack("{s:i, s:s}", "schema_version", 1, "cordon", cordon_version());
	struct utsname host;

	if (object && uname(&host) == 0)
		json_set_text(object, "kernel", host.release, SIZE_MAX);
	return object;
}

static json_t *exit_json(const struct cordon_result *result)
{
	const char *reason = (size_t)result->reason < COUNT_OF(reason_names)
				     ? reason_names[result->reason]
				     : "supervisor_failed";
	json_t *object = json_pack("{s:s, s:i, s:b}", "reason", reason, "status", result->status,
				   "core", result->core_dumped);

	json_object_set_new(object, "code",
			    result->code < 0 ? json_null() : json_integer(result->code));
	json_object_set_new(object, "signal",
			    result->signal > 0 ? json_integer(result->signal) : json_null());
	return object;
}

static json_t *usage_json(const struct cordon_result *result)
{
	json_t *object = json_pack(
		"{s:I, s:I, s:I, s:I, s:I}", "wall_ns", (json_int_t)result->wall_us * 1000,
		"user_ns", (json_int_t)result->user_us * 1000, "system_ns",
		(json_int_t)result->system_us * 1000, "max_rss",
		(json_int_t)result->max_rss_kib * 1024, "reaped", (json_int_t)result->processes);

	if (result->processes_peak > 0)
		json_object_set_new(object, "processes_peak",
				    json_integer((json_int_t)result->processes_peak));
	if (result->memory_peak_kib > 0)
		json_object_set_new(object, "tree_peak",
				    json_integer((json_int_t)result->memory_peak_kib * 1024));
	return object;
}

static json_t *output_json(const struct cordon_result *result)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:b}", "stdout_bytes",
			 (json_int_t)result->stdout_bytes, "stderr_bytes",
			 (json_int_t)result->stderr_bytes, "stdout_dropped",
			 (json_int_t)result->stdout_dropped, "stderr_dropped",
			 (json_int_t)result->stderr_dropped, "truncated", result->truncated);
}

static json_t *layers_json(const struct sandbox_facts *facts)
{
	json_t *list = json_array();

	for (unsigned i = 1; facts->layers && i < LAYER_COUNT; i++) {
		const struct layer_outcome *layer = &facts->layers[i];
		json_t *object =
			json_pack("{s:s, s:s, s:b}", "name", layer_name(i), "state",
				  layer_state_name(layer->state), "requested", layer->requested);

		json_object_set_new(object, "errno", error_name(layer->error));
		if (layer->detail)
			json_object_set_new(object, "detail", json_string(layer->detail));
		json_array_append_new(list, object);
	}
	return list;
}

static const struct {
	const char *name, *by;
	int resource; /* -1: no rlimit */
} limit_rows[LIMIT_COUNT] = {
	[LIMIT_WALL] = { "wall_ms", "supervisor", -1 },
	[LIMIT_CPU] = { "cpu_s", "rlimit", RLIMIT_CPU },
	[LIMIT_MEMORY] = { "memory", "sampling", -1 },
	[LIMIT_ADDRESS_SPACE] = { "address_space", "rlimit", RLIMIT_AS },
	[LIMIT_PROCESSES] = { "processes", "sampling", -1 },
	[LIMIT_OPEN_FILES] = { "open_files", "rlimit", RLIMIT_NOFILE },
	[LIMIT_FILE_SIZE] = { "file_size", "rlimit", RLIMIT_FSIZE },
	[LIMIT_OUTPUT] = { "output", "library", -1 },
	[LIMIT_CPU_PERCENT] = { "cpu_percent", "sampling", -1 },
};

static json_t *rlimit_json(rlim_t value)
{
	return value == RLIM_INFINITY ? json_string("unlimited") : json_integer((json_int_t)value);
}

/* What is in force: a limit above the inherited hard one is lowered to it. */
static void add_effective(json_t *object, const struct sandbox_facts *facts, int resource)
{
	for (size_t i = 0; i < facts->rlimit_count; i++) {
		const struct plan_rlimit *limit = &facts->rlimits[i];

		if (limit->resource != resource)
			continue;
		json_object_set_new(object, "soft", rlimit_json(limit->value.rlim_cur));
		json_object_set_new(object, "hard", rlimit_json(limit->value.rlim_max));
	}
}

static json_t *limits_json(const struct policy *policy, const struct sandbox_facts *facts,
			   unsigned hit)
{
	json_t *list = json_array();

	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		uint64_t value = policy->limits[i].value;
		json_t *object;

		if (value == LIMIT_UNSET)
			continue;
		object = json_pack("{s:s, s:I, s:s, s:b}", "name", limit_rows[i].name, "requested",
				   (json_int_t)value, "by", limit_rows[i].by, "hit",
				   (hit & 1u << i) != 0);
		add_effective(object, facts, limit_rows[i].resource);
		json_array_append_new(list, object);
	}
	for (int resource = 0; resource < RLIMITS; resource++) {
		json_t *object;

		if (!policy->rlimits[resource].asked)
			continue;
		/* Whether one was hit is the program's to know. */
		object = json_pack("{s:s, s:s, s:b}", "name",
				   layer_name(LAYER_RLIMIT + (unsigned)resource), "by", "rlimit",
				   "hit", 0);
		add_effective(object, facts, resource);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *lines_json(const char *const *lines, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		json_set_text(object, "why", lines[i], SIZE_MAX);
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *notes_json(const struct sandbox_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < facts->note_count; i++)
		json_array_append_new(list, json_string(facts->notes[i]));
	return list;
}

static json_t *counters_json(const struct sandbox_facts *facts)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "notified", (json_int_t)facts->counters_notified,
			 "continued", (json_int_t)facts->counters_continued, "denied",
			 (json_int_t)facts->counters_denied, "dropped",
			 (json_int_t)facts->counters_dropped);
}

static json_t *setup_error_json(const struct cordon_error *error)
{
	json_t *object = json_object();

	json_set_text(object, "text", error->text, SIZE_MAX);
	json_object_set_new(object, "errno", error_name(-error->code));
	if (error->source[0])
		json_set_text(object, "file", error->source, SIZE_MAX);
	if (error->line > 0) {
		json_object_set_new(object, "line", json_integer(error->line));
		json_object_set_new(object, "column", json_integer(error->column));
	}
	return object;
}

static void add_run(json_t *report, cordon_sandbox *sandbox, const struct sandbox_facts *facts,
		    const struct cordon_result *result)
{
	json_t *command = json_object();

	json_set_text(report, "name", sandbox_name(sandbox->inner), SIZE_MAX);
	json_set_text(command, "argv0", sandbox->program, SIZE_MAX);
	json_object_set_new(command, "arguments", json_integer((json_int_t)sandbox->argc));
	json_object_set_new(report, "command", command);
	set_time(report, "started_at", sandbox->started_ns);
	set_time(report, "ended_at", sandbox->ended_ns);
	json_object_set_new(report, "exit", exit_json(result));
	json_object_set_new(report, "usage", usage_json(result));
	json_object_set_new(report, "limits",
			    limits_json(sandbox_policy(sandbox->inner), facts, result->limits_hit));
	if (sandbox->streams.watch >= 0)
		json_object_set_new(report, "output", output_json(result));
	json_object_set_new(report, "denials", tally_json(&sandbox->tally));
	json_object_set_new(report, "denials_not_listed",
			    json_integer((json_int_t)sandbox->tally.others));
	json_object_set_new(
		report, "kernel_denials",
		json_string(result->kernel_denials_recorded ? "recorded" : "not recorded"));
	if (sandbox->events.error)
		json_object_set_new(report, "events_error", error_name(sandbox->events.error));
	if (sandbox->state == SANDBOX_FAILED)
		json_object_set_new(report, "setup_error", setup_error_json(&sandbox->failure));
}

static void add_facts(json_t *report, const struct sandbox_facts *facts)
{
	json_object_set_new(report, "mode", text_or_null(facts->mode));
	json_object_set_new(report, "landlock_abi", json_integer(facts->landlock_abi));
	json_object_set_new(report, "backend", text_or_null(facts->backend));
	json_object_set_new(report, "level", json_string(level_of(facts->layers)));
	json_object_set_new(report, "layers", layers_json(facts));
	json_object_set_new(report, "not_held", lines_json(facts->not_held, facts->not_held_count));
	json_object_set_new(report, "notes", notes_json(facts));
	json_object_set_new(report, "counters", counters_json(facts));
}

int cordon_sandbox_report(cordon_sandbox *sandbox, char **ret_text, struct cordon_error *error)
{
	cleanup_json json_t *report = NULL;
	struct cordon_result result = { .size = sizeof(result) };
	struct sandbox_facts facts = { 0 };

	if (!sandbox || !ret_text)
		return err_set(error, -EINVAL, "cordon_sandbox_report: an argument is NULL");
	if (cordon_sandbox_wait(sandbox, &result, 0) < 0)
		return err_set(error, -EBUSY, "cordon_sandbox_report: the run has not ended");
	report = header();
	if (!report)
		return err_set(error, -ENOMEM, "out of memory");
	sandbox_facts(sandbox->inner, &facts);
	add_facts(report, &facts);
	add_run(report, sandbox, &facts, &result);
	return json_to_text(report, JSON_INDENT(2), ret_text, error);
}

int cordon_error_report(const struct cordon_error *error, char **ret_text)
{
	const struct cordon_result result = { .reason = CORDON_SETUP_FAILED,
					      .code = -1,
					      .status = 125 };
	cleanup_json json_t *report = NULL;

	if (!error || !ret_text)
		return -EINVAL;
	report = header();
	if (!report)
		return -ENOMEM;
	json_object_set_new(report, "exit", exit_json(&result));
	json_object_set_new(report, "setup_error", setup_error_json(error));
	return json_to_text(report, JSON_INDENT(2), ret_text, NULL);
}
