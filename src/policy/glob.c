/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns for paths: see glob.h.
 *
 * Theory of operation. A pattern is a row of tokens; state N means "token N comes next", the state
 * behind the last token accepts. For each byte a mask tells which tokens take it, so one step for
 * all states at once is a shift and some masks:
 *
 *     moved = (states & takes[byte] & ~star) << 1
 *     next  = moved | (states & takes[byte] & star)
 *     next |= (moved & optional) << 2         `**` + slash behind a slash may be left out
 *     next |= (next & star) << 1              a star may take nothing
 *
 * Two stars never stand side by side and no optional group follows another one (glob_new() joins
 * them), so each of the two closures needs one pass only.
 */
#include "policy/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GLOB_STATES   (GLOB_WORDS * 64)
#define PAIRS_WANTED  8
#define SPECIAL_NAME  '\1'
#define PAIR_HASH(ab) ((uint32_t)(ab)*0x9e3779b1u >> 22)

struct glob {
	size_t words, tokens;
	size_t prefix_length; /* literal text in front of the first wildcard */
	bool one_name; /* `**` + slash + one name: nothing matters beneath a directory but itself */
	size_t pair_count;
	uint16_t pairs[PAIRS_WANTED]; /* bit numbers of pairs that every match has */
	char *prefix;
	uint64_t star[GLOB_WORDS], optional[GLOB_WORDS];
	struct glob_states start;
	uint64_t takes[]; /* [byte * words + word] */
};

struct token {
	enum { TOKEN_BYTE, TOKEN_SET, TOKEN_STAR, TOKEN_DEEP } kind;
	unsigned char byte;
	bool optional;
	uint64_t set[4];
};

static void set_add(struct token *token, unsigned byte)
{
	token->set[byte / 64] |= 1ull << (byte % 64);
}

static void set_drop(struct token *token, unsigned byte)
{
	token->set[byte / 64] &= ~(1ull << (byte % 64));
}

/* Reads `[...]`, whose first character is at text. Return: its length, or 0 if it is not closed. */
static size_t read_set(const char *text, struct token *ret)
{
	const unsigned char *at = (const unsigned char *)text + 1;
	bool negated = *at == '!' || *at == '^';

	at += negated;
	for (bool first = true; first || *at != ']'; first = false) {
		unsigned low = *at, high = low;

		if (!low)
			return 0;
		if (at[1] == '-' && at[2] && at[2] != ']') {
			high = at[2];
			at += 2;
		}
		at++;
		for (unsigned byte = low; byte <= high; byte++)
			set_add(ret, byte);
	}
	for (size_t i = 0; negated && i < 4; i++)
		ret->set[i] = ~ret->set[i];
	set_drop(ret, '/');
	set_drop(ret, 0);
	return (size_t)((const char *)at + 1 - text);
}

/* Reads one token. Return: how much text it took, or 0 for an unclosed set. */
static size_t read_token(const char *text, struct token *ret)
{
	size_t stars = strspn(text, "*");

	*ret = (struct token){ .kind = TOKEN_BYTE, .byte = (unsigned char)*text };
	if (stars > 0) {
		ret->kind = stars > 1 ? TOKEN_DEEP : TOKEN_STAR;
		return stars;
	}
	if (*text == '?') {
		ret->kind = TOKEN_SET;
		memset(ret->set, 0xff, sizeof(ret->set));
		set_drop(ret, '/');
		set_drop(ret, 0);
		return 1;
	}
	if (*text != '[')
		return 1;
	ret->kind = TOKEN_SET;
	return read_set(text, ret);
}

static bool is_slash(const struct token *token)
{
	return token->kind == TOKEN_BYTE && token->byte == '/';
}

/* Marks `**` + slash behind a slash as optional and drops repetitions of it. */
static size_t join_optional(struct token *tokens, size_t count)
{
	size_t out = 0;

	for (size_t i = 0; i < count; i++) {
		tokens[out++] = tokens[i];
		if (!is_slash(&tokens[out - 1]) || out < 3 || tokens[out - 2].kind != TOKEN_DEEP ||
		    !is_slash(&tokens[out - 3]))
			continue;
		if (out >= 5 && tokens[out - 4].optional)
			out -= 2;
		else
			tokens[out - 2].optional = true;
	}
	return out;
}

static int read_tokens(const char *pattern, struct token *tokens, size_t *ret_count)
{
	size_t count = 0;

	while (*pattern) {
		size_t length;

		if (count == GLOB_STATES - 1)
			return -E2BIG;
		length = read_token(pattern, &tokens[count]);
		if (length == 0)
			return -EINVAL;
		pattern += length;
		count++;
	}
	if (count == 0)
		return -EINVAL;
	*ret_count = join_optional(tokens, count);
	return 0;
}

static void put(struct glob *glob, size_t token, unsigned byte)
{
	glob->takes[byte * glob->words + token / 64] |= 1ull << (token % 64);
}

static void compile_token(struct glob *glob, size_t i, const struct token *token)
{
	uint64_t bit = 1ull << (i % 64);

	if (token->kind == TOKEN_BYTE) {
		put(glob, i, token->byte);
		return;
	}
	if (token->kind != TOKEN_SET)
		glob->star[i / 64] |= bit;
	if (token->optional)
		glob->optional[i / 64] |= bit;
	for (unsigned byte = 1; byte < 256; byte++) {
		bool in_set = token->set[byte / 64] >> (byte % 64) & 1;

		if (token->kind == TOKEN_DEEP || (token->kind == TOKEN_STAR && byte != '/') ||
		    (token->kind == TOKEN_SET && in_set))
			put(glob, i, byte);
	}
}

static void collect_pairs(struct glob *glob, const struct token *tokens)
{
	/* From the end: the names at the end tell patterns apart better than common prefixes. */
	for (size_t i = glob->tokens; i-- > 1 && glob->pair_count < PAIRS_WANTED;) {
		if (tokens[i].kind != TOKEN_BYTE || tokens[i - 1].kind != TOKEN_BYTE)
			continue;
		glob->pairs[glob->pair_count++] =
			(uint16_t)PAIR_HASH(tokens[i - 1].byte << 8 | tokens[i].byte);
	}
}

static bool is_one_name(const struct token *tokens, size_t count)
{
	if (count < 3 || tokens[0].kind != TOKEN_DEEP || !is_slash(&tokens[1]))
		return false;
	for (size_t i = 2; i < count; i++)
		if (tokens[i].kind == TOKEN_DEEP || is_slash(&tokens[i]))
			return false;
	return true;
}

static void shift_into(uint64_t *to, const uint64_t *from, size_t words, unsigned by)
{
	uint64_t carry = 0;

	for (size_t w = 0; w < words; w++) {
		uint64_t bits = from[w];

		to[w] |= bits << by | carry;
		carry = bits >> (64 - by);
	}
}

static void close_over(const struct glob *glob, uint64_t *states)
{
	uint64_t some[GLOB_WORDS];

	for (size_t w = 0; w < glob->words; w++)
		some[w] = states[w] & glob->star[w];
	shift_into(states, some, glob->words, 1);
}

int glob_new(const char *pattern, struct glob **ret)
{
	struct token *tokens = calloc(GLOB_STATES, sizeof(*tokens));
	struct glob *glob = NULL;
	size_t count = 0, words;
	int r = tokens ? read_tokens(pattern, tokens, &count) : -ENOMEM;

	if (r < 0)
		goto out;
	words = count / 64 + 1;
	glob = calloc(1, sizeof(*glob) + 256 * words * sizeof(glob->takes[0]));
	r = -ENOMEM;
	if (!glob)
		goto out;
	glob->words = words;
	glob->tokens = count;
	glob->prefix_length = glob_literal_length(pattern);
	glob->prefix = strndup(pattern, glob->prefix_length);
	if (!glob->prefix)
		goto out;
	for (size_t i = 0; i < count; i++)
		compile_token(glob, i, &tokens[i]);
	collect_pairs(glob, tokens);
	glob->one_name = is_one_name(tokens, count);
	glob->start.bits[0] = 1;
	close_over(glob, glob->start.bits);
	*ret = glob;
	glob = NULL;
	r = 0;
out:
	glob_free(glob);
	free(tokens);
	return r;
}

void glob_free(struct glob *glob)
{
	if (!glob)
		return;
	free(glob->prefix);
	free(glob);
}

size_t glob_literal_length(const char *text)
{
	return strcspn(text, "*?[");
}

bool glob_has_wildcard(const char *text)
{
	return text[glob_literal_length(text)] != '\0';
}

void glob_quote(struct strbuf *sb, const char *text)
{
	for (; *text; text++)
		strbuf_add(sb, strchr("*?[", *text) ? "[%c]" : "%c", *text);
}

char *glob_directory(const char *pattern, size_t *ret_length)
{
	char *plain = malloc(strlen(pattern) + 1);
	size_t in = 0, out = 0, cut = 0;

	if (!plain)
		return NULL;
	*ret_length = 0;
	while (pattern[in]) {
		const char *at = pattern + in;
		bool quoted = at[0] == '[' && at[1] && strchr("*?[", at[1]) && at[2] == ']';

		if (!quoted && strchr("*?[", *at))
			break;
		if (*at == '/') {
			cut = out;
			*ret_length = in;
		}
		plain[out++] = quoted ? at[1] : at[0];
		in += quoted ? 3 : 1;
	}
	plain[cut] = '\0';
	return plain;
}

/* One step of a pattern of at most 63 tokens. */
static inline uint64_t step_small(const struct glob *glob, uint64_t states, unsigned char byte)
{
	uint64_t taken = states & glob->takes[byte];
	uint64_t moved = (taken & ~glob->star[0]) << 1;
	uint64_t next = moved | (taken & glob->star[0]) | (moved & glob->optional[0]) << 2;

	return next | (next & glob->star[0]) << 1;
}

static bool step(const struct glob *glob, uint64_t *states, unsigned char byte)
{
	uint64_t moving[GLOB_WORDS], moved[GLOB_WORDS] = { 0 }, any = 0;

	if (glob->words == 1)
		return (states[0] = step_small(glob, states[0], byte)) != 0;
	for (size_t w = 0; w < glob->words; w++) {
		uint64_t taken = states[w] & glob->takes[byte * glob->words + w];

		moving[w] = taken & ~glob->star[w];
		states[w] = taken & glob->star[w];
	}
	shift_into(moved, moving, glob->words, 1);
	for (size_t w = 0; w < glob->words; w++) {
		states[w] |= moved[w];
		moved[w] &= glob->optional[w];
	}
	shift_into(states, moved, glob->words, 2);
	close_over(glob, states);
	for (size_t w = 0; w < glob->words; w++)
		any |= states[w];
	return any != 0;
}

static bool accepts(const struct glob *glob, const uint64_t *states)
{
	return states[glob->tokens / 64] >> (glob->tokens % 64) & 1;
}

static void run(const struct glob *glob, struct glob_states *states, const char *bytes,
		size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!step(glob, states->bits, (unsigned char)bytes[i]))
			return;
}

bool glob_match(const struct glob *glob, const char *path, size_t length)
{
	struct glob_states states = glob->start;

	run(glob, &states, path, length);
	return accepts(glob, states.bits);
}

bool glob_match_beneath(const struct glob *glob, const char *path, size_t length)
{
	struct glob_states states = glob->start;

	for (size_t i = 0; i < length; i++) {
		if (i > 0 && path[i] == '/' && accepts(glob, states.bits))
			return true;
		if (!step(glob, states.bits, (unsigned char)path[i]))
			return false;
	}
	return accepts(glob, states.bits);
}

struct glob_states glob_run(const struct glob *glob, const char *bytes, size_t length)
{
	struct glob_states states = glob->start;

	run(glob, &states, bytes, length);
	return states;
}

struct glob_states glob_run_directory(const struct glob *glob, const char *path, size_t length)
{
	struct glob_states states = glob_run(glob, path, length);

	if (length != 1 || path[0] != '/')
		step(glob, states.bits, '/');
	return states;
}

bool glob_alive(const struct glob_states *states)
{
	static const struct glob_states none;

	return !glob_same(states, &none);
}

bool glob_same(const struct glob_states *a, const struct glob_states *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool glob_is_special(const struct glob *glob, const char *path, size_t length)
{
	static const char other[] = { SPECIAL_NAME, '/' };
	size_t common = length < glob->prefix_length ? length : glob->prefix_length;
	struct glob_states here, there;
	const char *slash;
	size_t parent;

	if (glob->one_name || memcmp(path, glob->prefix, common) != 0)
		return false;
	slash = memrchr(path, '/', length);
	parent = slash ? (size_t)(slash - path) + 1 : 0;
	here = there = glob_run(glob, path, parent);
	run(glob, &here, path + parent, length - parent);
	step(glob, here.bits, '/');
	run(glob, &there, other, sizeof(other));
	return !glob_same(&here, &there);
}

void glob_pairs(const char *path, size_t length, struct glob_pairs *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 1; i < length; i++) {
		uint32_t bit = PAIR_HASH((unsigned char)path[i - 1] << 8 | (unsigned char)path[i]);

		ret->bits[bit / 64] |= 1ull << (bit % 64);
	}
}

bool glob_may_match(const struct glob *glob, const struct glob_pairs *pairs, const char *path,
		    size_t length)
{
	if (glob->prefix_length > 0)
		return length >= glob->prefix_length &&
		       memcmp(path, glob->prefix, glob->prefix_length) == 0;
	for (size_t i = 0; i < glob->pair_count; i++)
		if (!(pairs->bits[glob->pairs[i] / 64] >> (glob->pairs[i] % 64) & 1))
			return false;
	return true;
}
