/* SPDX-License-Identifier: Apache-2.0 */
/* The two spellings of an event: what a program chose cannot forge either of them. */
#include <cordon/event.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

static const struct cordon_event denied = {
	.size = sizeof(struct cordon_event),
	.kind = CORDON_EVENT_DENIED,
	.sequence = 41,
	.realtime_ns = 1700000000123456789,
	.monotonic_ns = 42,
	.sandbox = "agent-7",
	.pid = 4711,
	.tid = 4712,
	.exe = "/usr/bin/git",
	.operation = "write",
	.syscall = "openat",
	.target = "/home/u/p/.git/hooks/pre-commit",
	.given = ".git/hooks/pre-commit",
	.error = EACCES,
	.rule_key = "filesystem.protect",
	.rule_text = "$WORKSPACE/.git/hooks/**",
	.rule_file = "agent.yaml",
	.rule_line = 21,
};

static struct cordon_event without_rule(const char *operation, const char *target)
{
	struct cordon_event event = denied;

	event.operation = operation;
	event.target = target;
	event.rule_key = event.rule_text = event.rule_file = NULL;
	return event;
}

struct line {
	struct cordon_event event;
	const char *text;
};

static struct line line(size_t index)
{
	struct cordon_event event = denied;

	switch (index) {
	case 0:
		return (struct line){
			event,
			"denied write /home/u/p/.git/hooks/pre-commit: filesystem.protect "
			"\"$WORKSPACE/.git/hooks/**\" (agent.yaml:21). Retrying will not help; to "
			"allow it, change that rule."
		};
	case 1:
		event.rule_file = "command line";
		event.rule_line = 0;
		return (struct line){
			event,
			"denied write /home/u/p/.git/hooks/pre-commit: filesystem.protect "
			"\"$WORKSPACE/.git/hooks/**\" (command line). Retrying will not help; to "
			"allow it, change that rule."
		};
	case 2:
		return (struct line){ without_rule("read", "/home/u/notes.txt"),
				      "denied read /home/u/notes.txt: no rule allows it. Retrying "
				      "will not help; to allow it, add it to filesystem.read." };
	case 3:
		return (struct line){ without_rule("connect", "203.0.113.7:443"),
				      "denied connect 203.0.113.7:443: no rule allows it. Retrying "
				      "will not help; to allow it, add it to network.allow." };
	case 4:
		return (struct line){ without_rule("control", "4711"),
				      "denied control 4711: no rule allows it. Retrying will not "
				      "help." };
	case 5:
		event.kind = CORDON_EVENT_FAILED;
		event.operation = "read";
		event.target = NULL;
		event.reason = "cannot read the caller's memory: EPERM";
		return (struct line){ event,
				      "failed read .git/hooks/pre-commit: supervisor error (cannot "
				      "read the caller's memory: EPERM). This is not a policy "
				      "decision." };
	case 6:
		event.kind = CORDON_EVENT_LIMIT;
		event.rule_key = "limits.wall";
		event.rule_text = "10s";
		event.rule_line = 30;
		return (struct line){ event, "limit reached: limits.wall 10s (agent.yaml:30). The "
					     "run was ended." };
	case 7:
		event.rule_key = "filesystem.hide";
		return (struct line){ event, "" };
	case 8:
		event.kind = CORDON_EVENT_END;
		return (struct line){ event, "" };
	case 9:
		event.target = "/tmp/a\ncordon: denied \"x\"\033[2J\r\x7f\xff";
		return (struct line){
			event,
			"denied write /tmp/a\\x0acordon: denied "
			"\\x22x\\x22\\x1b[2J\\x0d\\x7f\\xff: "
			"filesystem.protect \"$WORKSPACE/.git/hooks/**\" (agent.yaml:21). Retrying "
			"will not help; to allow it, change that rule."
		};
	case 10:
		event.target = "/tmp/\u202egnp.exe\u2028";
		return (struct line){
			event, "denied write /tmp/\\xe2\\x80\\xaegnp.exe\\xe2\\x80\\xa8: "
			       "filesystem.protect \"$WORKSPACE/.git/hooks/**\" (agent.yaml:21). "
			       "Retrying will not help; to allow it, change that rule."
		};
	case 11:
		return (struct line){
			without_rule("unix_connect", "/run/docker.sock"),
			"denied unix_connect /run/docker.sock: no rule allows it (Docker: controls "
			"containers, and through them the host). Retrying will not help; to allow "
			"it, add it to network.unix.connect."
		};
	case 12:
		event.kind = CORDON_EVENT_NOTE;
		event.reason = "$TMP was kept: /tmp/a\nb";
		return (struct line){ event, "$TMP was kept: /tmp/a\\x0ab" };
	case 13:
	case 14:
		event = (struct cordon_event){ .size = sizeof(event),
					       .kind = CORDON_EVENT_LAYER,
					       .operation = "affinity",
					       .reason = "failed",
					       .error = EPERM,
					       .rule_key = "isolation.on_failure",
					       .rule_text = index == 13 ? "warn" : "ignore" };
		return (struct line){ event, index == 14
						     ? ""
						     : "layer affinity is not in force: Operation "
						       "not permitted. The run goes on without it, "
						       "as isolation.on_failure says." };
	default:
		event.kind = CORDON_EVENT_DROPPED;
		event.number = 12;
		return (struct line){ event, "12 events were not recorded, they came too fast." };
	}
}

ParameterizedTestParameters(event_text, lines)
{
	static size_t rows[16];

	for (size_t i = 0; i < 16; i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, 16);
}

ParameterizedTest(size_t *row, event_text, lines)
{
	struct line expected = line(*row);
	char text[1024];
	int length = cordon_event_text(&expected.event, text, sizeof(text));

	cr_assert_str_eq(text, expected.text, "row %zu: %s", *row, text);
	cr_assert_eq(length, (int)strlen(expected.text), "row %zu", *row);
}

Test(event_text, is_cut_like_snprintf)
{
	char text[8];
	int length = cordon_event_text(&denied, text, sizeof(text));

	cr_assert_gt(length, 100);
	cr_assert_str_eq(text, "denied ");
	cr_assert_eq(cordon_event_text(&denied, NULL, 0), length);
}

Test(event_text, caps_what_a_program_chose)
{
	static char name[100000], text[20000];
	struct cordon_event event = denied;

	memset(name, 'a', sizeof(name) - 1);
	event.target = name;
	cr_assert_lt(cordon_event_text(&event, text, sizeof(text)), 5000);
	cr_assert_not_null(strstr(text, "aaa...: filesystem.protect"));
}

Test(event_text, bad_arguments)
{
	struct cordon_event event = denied;
	char text[10];

	event.size = 8;
	cr_assert_eq(cordon_event_text(NULL, text, sizeof(text)), -EINVAL);
	cr_assert_eq(cordon_event_text(&event, text, sizeof(text)), -EINVAL);
	cr_assert_eq(cordon_event_json(&event, text, sizeof(text)), -EINVAL);
	cr_assert_eq(cordon_event_json(&denied, NULL, 4), -EINVAL);
	event.size = sizeof(event);
	event.kind = (enum cordon_event_kind)99;
	cr_assert_eq(cordon_event_json(&event, text, sizeof(text)), -EINVAL);
}

/* The event as parsed back; the line holds no byte that is not printable ASCII. */
static json_t *parsed(const struct cordon_event *event)
{
	static char text[200000];
	int length = cordon_event_json(event, text, sizeof(text));
	json_t *json;

	cr_assert_gt(length, 0);
	cr_assert_eq((size_t)length, strlen(text));
	for (int i = 0; i < length; i++)
		cr_assert(text[i] >= 0x20 && text[i] < 0x7f, "byte %d is 0x%02x", i,
			  (unsigned char)text[i]);
	json = json_loads(text, 0, NULL);
	cr_assert_not_null(json, "%s", text);
	return json;
}

static const char *string(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

Test(event_json, has_the_facts_of_a_denial)
{
	json_t *json = parsed(&denied), *rule = json_object_get(json, "rule");

	cr_expect_eq(json_integer_value(json_object_get(json, "schema_version")), 1);
	cr_expect_eq(json_integer_value(json_object_get(json, "seq")), 41);
	cr_expect_eq(json_integer_value(json_object_get(json, "at")), 1700000000123456789);
	cr_expect_eq(json_integer_value(json_object_get(json, "mono_ns")), 42);
	cr_expect_eq(json_integer_value(json_object_get(json, "pid")), 4711);
	cr_expect_eq(json_integer_value(json_object_get(json, "tid")), 4712);
	cr_expect_eq(json_integer_value(json_object_get(json, "line")), 21);
	cr_expect_str_eq(string(json, "kind"), "denied");
	cr_expect_str_eq(string(json, "name"), "agent-7");
	cr_expect_str_eq(string(json, "op"), "write");
	cr_expect_str_eq(string(json, "call"), "openat");
	cr_expect_str_eq(string(json, "target"), denied.target);
	cr_expect_str_eq(string(json, "given"), denied.given);
	cr_expect_str_eq(string(json, "exe"), denied.exe);
	cr_expect_str_eq(string(json, "errno"), "EACCES");
	cr_expect_str_eq(string(json, "cause"), "rule");
	cr_expect_str_eq(string(json, "section"), "filesystem");
	cr_expect_str_eq(string(json, "file"), "agent.yaml");
	cr_expect_str_eq(string(rule, "key"), "filesystem.protect");
	cr_expect_str_eq(string(rule, "entry"), "$WORKSPACE/.git/hooks/**");
	cr_expect(json_is_false(json_object_get(json, "retry")));
	cr_expect_str_eq(string(json_object_get(json, "allow_by"), "change"), "rule");
	json_decref(json);
}

Test(event_json, says_what_would_allow)
{
	struct cordon_event event = without_rule("read", "/x");
	json_t *json = parsed(&event);

	cr_expect(json_is_null(json_object_get(json, "rule")));
	cr_expect_str_eq(string(json, "cause"), "no_rule");
	cr_expect_str_eq(string(json_object_get(json, "allow_by"), "change"), "add");
	cr_expect_str_eq(string(json_object_get(json, "allow_by"), "key"), "filesystem.read");
	json_decref(json);
}

Test(event_json, writes_a_hidden_denial)
{
	struct cordon_event event = denied;
	json_t *json;

	event.rule_key = "filesystem.hide";
	json = parsed(&event);
	cr_expect_str_eq(string(json_object_get(json, "rule"), "key"), "filesystem.hide");
	json_decref(json);
}

Test(event_json, keeps_bytes_that_are_not_text)
{
	struct cordon_event event = denied;
	json_t *json;

	event.target = "/a\xff\n\033\u202e\u00e9\x7f\"";
	json = parsed(&event);
	cr_expect_str_eq(string(json, "target"), "/a\\xff\n\033\u202e\u00e9\\x7f\"");
	cr_expect_str_eq(string(json, "target_raw"), "L2H/ChvigK7DqX8i");
	cr_expect_null(json_object_get(json, "given_raw"));
	json_decref(json);
}

Test(event_json, caps_what_a_program_chose)
{
	static char name[100000];
	struct cordon_event event = denied;
	json_t *json;

	memset(name, '\1', sizeof(name) - 1);
	event.target = event.given = name;
	json = parsed(&event);
	cr_expect_eq(strlen(string(json, "target")), 4096 + 3);
	json_decref(json);
}

Test(event_json, every_kind_parses)
{
	static const char *const names[] = { "start", "denied",	 "failed", "stopped",
					     "limit", "dropped", "end" };

	for (size_t i = 0; i < 7; i++) {
		struct cordon_event event = { .size = sizeof(event),
					      .kind = (enum cordon_event_kind)i,
					      .sequence = i + 1,
					      .number = 3 };
		json_t *json = parsed(&event);

		cr_expect_str_eq(string(json, "kind"), names[i]);
		json_decref(json);
	}
}

Test(event_json, is_whole_or_empty)
{
	char text[10];
	int length = cordon_event_json(&denied, NULL, 0);

	cr_assert_gt(length, 100);
	cr_assert_eq(cordon_event_json(&denied, text, sizeof(text)), length);
	cr_assert_str_eq(text, "", "half an object is of no use");
}
