/* SPDX-License-Identifier: Apache-2.0 */
/* Variables at the start of paths: see vars.h. */
#include "policy/vars.h"

#include "base/cleanup.h"
#include "base/path.h"
#include "base/str.h"
#include "policy/compile.h"
#include "policy/glob.h"

#include <errno.h>
#include <string.h>

const char *vars_environment(const char *name)
{
	return secure_getenv(name);
}

struct variable {
	const char *name;
	enum { VAR_HOME, VAR_WORKSPACE, VAR_TMP } what;
};

static const struct variable variables[] = {
	{ "~", VAR_HOME },
	{ "$HOME", VAR_HOME },
	{ "$WORKSPACE", VAR_WORKSPACE },
	{ VARS_TMP, VAR_TMP },
};

/* Return: the variable the text begins with as a whole component, or NULL. */
static const struct variable *variable_of(const char *text)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++) {
		size_t length = strlen(variables[i].name);

		if (strncmp(text, variables[i].name, length) == 0 &&
		    (text[length] == '/' || text[length] == '\0'))
			return &variables[i];
	}
	return NULL;
}

static int value_of(struct compile *compile, const struct variable *variable, const char **ret)
{
	switch (variable->what) {
	case VAR_HOME:
		if (!compile->home)
			return compile_fail(compile, -EINVAL, "%s is used, but HOME is not set",
					    variable->name);
		*ret = compile->home;
		return 0;
	case VAR_WORKSPACE:
		*ret = compile->workspace ? compile->workspace : "/";
		return 0;
	case VAR_TMP:
		break;
	}
	*ret = VARS_TMP;
	return 0;
}

static void add_value(struct strbuf *sb, const char *value, bool pattern)
{
	if (pattern)
		glob_quote(sb, value);
	else
		strbuf_add(sb, "%s", value);
}

static int expand(struct compile *compile, const char *text, const struct variable *variable,
		  bool pattern, char **ret)
{
	struct strbuf sb = { 0 };

	if (variable) {
		const char *value;
		int r = value_of(compile, variable, &value);

		if (r < 0)
			return r;
		add_value(&sb, value, pattern);
		text += strlen(variable->name);
	}
	strbuf_add(&sb, "%s", text);
	*ret = strbuf_take(&sb);
	return *ret ? 0 : -ENOMEM;
}

static bool has_dot_dot(const char *path)
{
	const char *name;
	size_t length;

	while ((name = path_next(&path, &length)))
		if (length == 2 && memcmp(name, "..", 2) == 0)
			return true;
	return false;
}

static int check_form(struct compile *compile, const char *text, const struct variable *variable,
		      bool pattern)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return compile_fail(compile, -EINVAL, "control character in a path");
	if (has_dot_dot(text))
		return compile_fail(compile, -EINVAL, "'..' in a path: write where it leads");
	if (variable || text[0] == '/' || (pattern && strncmp(text, "**", 2) == 0))
		return 0;
	if (text[0] == '~')
		return compile_fail(compile, -EINVAL,
				    "the home of another user cannot be named by '~'");
	if (text[0] == '$')
		return compile_fail(compile, -EINVAL,
				    "unknown variable: only $HOME, $WORKSPACE and $TMP are known");
	return compile_fail(compile, -EINVAL,
			    "relative path: begin with '/', '~', $HOME, $WORKSPACE or $TMP");
}

int vars_path(struct compile *compile, const char *text, bool pattern, char **ret)
{
	const struct variable *variable = variable_of(text);
	int r = check_form(compile, text, variable, pattern);

	if (r == 0)
		r = expand(compile, text, variable, pattern, ret);
	if (r == 0)
		path_squeeze(*ret);
	return r;
}

int vars_value(struct compile *compile, const char *text, char **ret)
{
	return expand(compile, text, text[0] == '$' ? variable_of(text) : NULL, false, ret);
}

bool vars_uses_tmp(const char *text)
{
	const struct variable *variable = text ? variable_of(text) : NULL;

	return variable && variable->what == VAR_TMP;
}

int vars_put_tmp(char **text, const char *tmp, bool pattern)
{
	struct strbuf sb = { 0 };
	char *more;

	if (!vars_uses_tmp(*text))
		return 0;
	add_value(&sb, tmp, pattern);
	strbuf_add(&sb, "%s", *text + strlen(VARS_TMP));
	more = strbuf_take(&sb);
	if (!more)
		return -ENOMEM;
	free(*text);
	*text = more;
	return 0;
}
