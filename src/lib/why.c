/* SPDX-License-Identifier: Apache-2.0 */
/* Offline answers: the question that the supervisor would ask, put to the same function. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/path.h"
#include "base/str.h"
#include "lib/event.h"
#include "lib/json.h"
#include "lib/policy.h"
#include "policy/decide.h"
#include "policy/net_rules.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The object of a question, canonical as the resolver would find it. */
struct place {
	char path[2 * PATH_MAX];
	struct fs_object object;
};

/*
 * Resolves as much of the path as exists; what does not exist yet keeps its spelling beneath.
 * Names below something missing cannot contain `..`: nobody could tell what it means.
 */
static int find_place(const char *target, struct place *ret, struct cordon_error *err)
{
	char head[PATH_MAX], real[PATH_MAX];
	const char *tail;
	struct stat st;

	if (strlen(target) >= sizeof(head) || !*target)
		return err_set(err, -EINVAL, "target: not a path");
	snprintf(head, sizeof(head), "%s", target);
	path_squeeze(head);
	while (!realpath(*head ? head : ".", real)) {
		char *slash = strrchr(head, '/');

		if (errno != ENOENT)
			return err_sys(err, -errno, "target '%s'", target);
		if (slash == head)
			slash[1] = '\0';
		else if (slash)
			*slash = '\0';
		else
			*head = '\0';
	}
	snprintf(ret->path, sizeof(ret->path), "%s", target);
	path_squeeze(ret->path);
	tail = ret->path + strlen(head);
	while (*tail == '/')
		tail++;
	ret->object.exists = !*tail;
	if (*tail && !path_is_plain(tail, strlen(tail)))
		return err_set(err, -EINVAL, "target '%s': '..' below a missing directory", target);
	snprintf(head, sizeof(head), "%s", tail);
	snprintf(ret->path, sizeof(ret->path), "%s%s%s",
		 strcmp(real, "/") != 0 || !*tail ? real : "", *tail ? "/" : "", head);
	ret->object.path = ret->path;
	ret->object.length = strlen(ret->path);
	if (!ret->object.exists)
		return 0;
	if (stat(ret->path, &st) < 0)
		return err_sys(err, -errno, "target '%s'", target);
	ret->object.is_directory = S_ISDIR(st.st_mode);
	ret->object.dev = st.st_dev;
	ret->object.ino = st.st_ino;
	return 0;
}

static int take_scheme(const char **target, enum net_scheme *ret)
{
	static const struct {
		const char *prefix;
		enum net_scheme scheme;
	} schemes[] = { { "tcp://", NET_TCP }, { "udp://", NET_UDP } };

	*ret = NET_TCP;
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t length = strlen(schemes[i].prefix);

		if (strncmp(*target, schemes[i].prefix, length) == 0) {
			*ret = schemes[i].scheme;
			*target += length;
			return 0;
		}
	}
	return strstr(*target, "://") ? -EINVAL : 0;
}

/* `[scheme://]ADDRESS:PORT`; with address_optional also a bare PORT, which is any address. */
static int parse_endpoint(const char *target, bool address_optional, struct endpoint *ret,
			  struct cordon_error *err)
{
	char host[INET6_ADDRSTRLEN + 2] = "::";
	const char *rest = target, *colon;
	struct in_addr four;
	uint64_t port;

	*ret = (struct endpoint){ 0 };
	if (take_scheme(&rest, &ret->scheme) < 0)
		return err_set(err, -EINVAL, "target '%s': the scheme is tcp or udp", target);
	colon = strrchr(rest, ':');
	if (!colon && !address_optional)
		return err_set(err, -EINVAL, "target '%s': give ADDRESS:PORT", target);
	if (str_to_u64(colon ? colon + 1 : rest, UINT16_MAX, &port) < 0)
		return err_set(err, -EINVAL, "target '%s': the port is a number up to 65535",
			       target);
	ret->port = (uint16_t)port;
	if (colon) {
		bool brackets = *rest == '[' && colon[-1] == ']';
		size_t length = (size_t)(colon - rest) - (brackets ? 2 : 0);

		if (length >= sizeof(host))
			length = 0;
		memcpy(host, rest + (brackets ? 1 : 0), length);
		host[length] = '\0';
	}
	if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	if (inet_pton(AF_INET6, host, ret->address) == 1)
		return 0;
	if (inet_pton(AF_INET, host, &four) != 1)
		return err_set(err, -EINVAL,
			       "target '%s': give an address; names are looked up by the program",
			       target);
	memset(ret->address + 10, 0xff, 2);
	memcpy(ret->address + 12, &four, 4);
	return 0;
}

static int decide_unix(const struct policy *policy, enum op op, const char *target,
		       struct decision *ret, struct cordon_error *err)
{
	struct place place = { 0 };
	int r;

	if (*target == '@' && op == OP_UNIX_CONNECT) {
		*ret = policy_decide_abstract(policy, target + 1, strlen(target + 1));
		return 0;
	}
	r = find_place(target, &place, err);
	if (r < 0)
		return r;
	*ret = op == OP_UNIX_CONNECT ? policy_decide_unix_connect(policy, &place.object)
				     : policy_decide_unix_bind(policy, &place.object);
	return 0;
}

/* By the reader of rules: what it would refuse as a rule is no name to look up either. */
static int decide_name(const struct policy *policy, const char *target, struct decision *ret,
		       struct cordon_error *err)
{
	struct net_rule rule;
	const char *why = "not a host name";
	int r = net_rule_read(target, false, &rule, &why);

	if (r == 0 && (rule.target != NET_NAME || rule.port_count > 0)) {
		net_rule_done(&rule);
		r = -EINVAL;
	}
	if (r < 0)
		return err_set(err, r, "target '%s': %s", target, why);
	*ret = policy_decide_name(policy, rule.name);
	net_rule_done(&rule);
	return 0;
}

static int decide(const struct policy *policy, enum op op, const char *target, struct decision *ret,
		  struct cordon_error *err)
{
	struct place place = { 0 };
	struct endpoint endpoint;
	int r;

	switch (op) {
	case OP_CONNECT:
	case OP_LISTEN:
		r = parse_endpoint(target, op == OP_LISTEN, &endpoint, err);
		if (r < 0)
			return r;
		*ret = op == OP_CONNECT ? policy_decide_connect(policy, &endpoint)
					: policy_decide_listen(policy, &endpoint);
		return 0;
	case OP_DNS:
		return decide_name(policy, target, ret, err);
	case OP_UNIX_CONNECT:
	case OP_UNIX_BIND:
		return decide_unix(policy, op, target, ret, err);
	case OP_CONTROL:
	case OP_COUNT:
		return err_set(err, -EINVAL, "operation '%s' has no target", op_info[op].name);
	case OP_READ:
	case OP_WRITE:
	case OP_EXEC:
	case OP_CREATE:
	case OP_MKDIR:
	case OP_REMOVE:
	case OP_RENAME:
	case OP_LINK:
	case OP_META:
	case OP_STAT:
	case OP_WATCH:
	default:
		r = find_place(target, &place, err);
		if (r < 0)
			return r;
		*ret = policy_decide_fs(policy, op, &place.object);
		return 0;
	}
}

static int unknown_operation(const char *operation, struct cordon_error *err)
{
	cleanup_strbuf struct strbuf sb = { 0 };

	for (int op = 0; op < OP_COUNT; op++) {
		if (op != OP_CONTROL)
			strbuf_add(&sb, " %s", op_info[op].name);
	}
	return err_set(err, -EINVAL, "unknown operation '%s'; known are%s", operation,
		       sb.text ? sb.text : "");
}

static int answer_text(const struct decision *decision, const char *operation, const char *target,
		       char **ret_text, struct cordon_error *err)
{
	cleanup_strbuf struct strbuf sb = { 0 };
	const struct rule *rule = decision->rule;

	strbuf_add(&sb, "%s %s ", decision->allow ? "allowed" : "denied", operation);
	strbuf_add_escaped(&sb, target, strlen(target));
	strbuf_add(&sb, ": ");
	if (rule)
		event_rule_text(&sb, rule->key, rule->text, rule->origin.file, rule->origin.line);
	else
		strbuf_add(&sb, decision->allow ? "no rule forbids it" : "no rule allows it");
	strbuf_add(&sb, "\n");
	*ret_text = strbuf_take(&sb);
	return *ret_text ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int answer_json(const struct decision *decision, const char *operation, const char *target,
		       char **ret_text, struct cordon_error *err)
{
	cleanup_json json_t *object = json_object();
	const struct rule *rule = decision->rule;
	const char *error = decision->allow ? NULL : strerrorname_np(decision->error);
	json_t *entry = rule ? json_object() : json_null();

	json_set_text(object, "op", operation, SIZE_MAX);
	json_set_text(object, "target", target, SIZE_MAX);
	json_object_set_new(object, "allowed", json_boolean(decision->allow));
	json_set_text(object, "errno", error, SIZE_MAX);
	if (rule) {
		json_set_text(entry, "key", rule->key, SIZE_MAX);
		json_set_text(entry, "entry", rule->text, SIZE_MAX);
		json_set_text(entry, "file", rule->origin.file, SIZE_MAX);
		if (rule->origin.line > 0)
			json_object_set_new(entry, "line", json_integer(rule->origin.line));
	}
	json_object_set_new(object, "rule", entry);
	return json_to_text(object, JSON_COMPACT, ret_text, err);
}

int cordon_policy_why(cordon_policy *policy, const char *operation, const char *target, bool json,
		      char **ret_text, struct cordon_error *error)
{
	cleanup_policy struct policy *built = NULL;
	struct decision decision = { 0 };
	int op, r;

	if (!policy || !operation || !target || !ret_text)
		return err_set(error, -EINVAL, "cordon_policy_why: an argument is NULL");
	op = op_by_name(operation);
	if (op < 0)
		return unknown_operation(operation, error);
	r = lib_policy_build(policy, true, &built, error);
	if (r < 0)
		return r;
	r = decide(built, (enum op)op, target, &decision, error);
	if (r < 0)
		return r;
	r = json ? answer_json(&decision, operation, target, ret_text, error)
		 : answer_text(&decision, operation, target, ret_text, error);
	return r < 0 ? r : decision.allow;
}
