/*-------------------------------------------------------------------------
 *
 * yaml_error.c
 *	  Filling YamlError; see yaml_error.h.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "config/yaml_error.h"
#include "config/yaml_scalar.h"
#include "config/yaml_tree.h"

#define CLIP				80	/* bytes of found text shown, NUL included */
#define MAX_NAME			64	/* longer words have no near name */

const char *
yaml_clip(char *dst, size_t size, const char *text, size_t len)
{
	size_t		in = 0;
	size_t		out = 0;

	while (in < len)
	{
		uint32		cp;
		size_t		n = yaml_utf8_next(text + in, len - in, &cp);

		/* room for this character, the dots and the NUL */
		if (n == 0 || out + n + 4 > size)
		{
			memcpy(dst + out, "...", 3);
			out += 3;
			break;
		}
		if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
			dst[out++] = ' ';
		else
		{
			memcpy(dst + out, text + in, n);
			out += n;
		}
		in += n;
	}
	dst[out] = '\0';
	return dst;
}

/* rules.large_amount.bands[2]; the outer steps go when there is no room. */
static void
node_path(const YamlNode *node, char *dst, size_t size)
{
	const YamlNode *steps[YAML_MAX_DEPTH * 2 + 2];
	int			n = 0;
	size_t		out = 0;

	dst[0] = '\0';
	for (; node != NULL && node->parent != NULL && n < (int) lengthof(steps);
		 node = node->parent)
		steps[n++] = node;
	while (n-- > 0 && out < size)
	{
		char		clip[CLIP];

		if (steps[n]->key == NULL)
			out += snprintf(dst + out, size - out, "[%u]", steps[n]->index);
		else
			out += snprintf(dst + out, size - out, "%s%s", out > 0 ? "." : "",
							yaml_clip(clip, sizeof(clip), steps[n]->key->text,
									  steps[n]->key->len));
	}
}

static void
set_place(YamlError *error, const YamlNode *at, const YamlNode *within)
{
	char		path[400];

	error->line = at != NULL ? at->line : 0;
	error->column = at != NULL ? at->column : 0;
	error->detail[0] = '\0';
	if (at == NULL)
		return;
	node_path(within, path, sizeof(path));
	if (path[0] == '\0')
		snprintf(error->detail, sizeof(error->detail),
				 "At the top level of the %s.", error->subject->name);
	else
		snprintf(error->detail, sizeof(error->detail), "In %s.", path);
}

bool
yaml_fail(YamlError *error, const YamlNode *at, const char *hint,
		  const char *fmt,...)
{
	va_list		args;

	set_place(error, at, at);
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	snprintf(error->hint, sizeof(error->hint), "%s", hint != NULL ? hint : "");
	return false;
}

bool
yaml_bad_value(YamlError *error, const YamlNode *at, const char *allowed)
{
	const YamlNode *named = at;
	char		found[CLIP + 16];
	char		name[CLIP];
	char		hint[sizeof(error->hint)];
	bool		item;

	while (named->key == NULL && named->parent != NULL)
		named = named->parent;
	item = named != at;
	if (named->key != NULL)
		yaml_clip(name, sizeof(name), named->key->text, named->key->len);
	else
		strlcpy(name, error->subject->name, sizeof(name));

	if (at->kind == YNODE_MAP)
		strlcpy(found, "a mapping", sizeof(found));
	else if (at->kind == YNODE_LIST)
		strlcpy(found, "a list", sizeof(found));
	else if (at->plain && at->len == 0)
		strlcpy(found, "nothing", sizeof(found));
	else
	{
		char		clip[CLIP];

		yaml_clip(clip, sizeof(clip), at->text, at->len);
		snprintf(found, sizeof(found), at->plain ? "%s" : "text \"%s\"", clip);
	}
	if (item)
		snprintf(hint, sizeof(hint), "Each value in \"%s\" must be %s.", name, allowed);
	else if (named->key == NULL)
		snprintf(hint, sizeof(hint), "The %s must be %s.", name, allowed);
	else
		snprintf(hint, sizeof(hint), "\"%s\" must be %s.", name, allowed);
	return yaml_fail(error, at, hint, "invalid value %s \"%s\": %s",
					 item ? "in" : "for", name, found);
}

/* Edits between two words: insert, delete, change, swap neighbours. */
static int
edit_distance(const char *a, int alen, const char *b, int blen)
{
	int			row[3][MAX_NAME + 1];
	int			i;
	int			j;

	for (j = 0; j <= blen; j++)
		row[0][j] = j;
	for (i = 1; i <= alen; i++)
	{
		int		   *before = row[(i + 1) % 3];
		int		   *last = row[(i - 1) % 3];
		int		   *here = row[i % 3];

		here[0] = i;
		for (j = 1; j <= blen; j++)
		{
			int			best = last[j - 1] + (a[i - 1] != b[j - 1]);

			best = Min(best, last[j] + 1);
			best = Min(best, here[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = Min(best, before[j - 2] + 1);
			here[j] = best;
		}
	}
	return row[alen % 3][blen];
}

const char *
yaml_nearest(const char *text, size_t len, const char *const *names, int n)
{
	const char *nearest = NULL;
	int			limit;
	int			i;

	if (len > MAX_NAME)
		return NULL;
	limit = Max(1, (int) len / 3);
	for (i = 0; i < n; i++)
	{
		int			namelen = (int) strlen(names[i]);
		int			distance;

		if (namelen > MAX_NAME || abs(namelen - (int) len) > limit)
			continue;
		distance = edit_distance(text, (int) len, names[i], namelen);
		if (distance <= limit)
		{
			nearest = names[i];
			limit = distance - 1;
		}
	}
	return nearest;
}

bool
yaml_unknown_key(YamlError *error, const YamlNode *at, const char *what,
				 const char *const *names, int n)
{
	const char *near = yaml_nearest(at->key->text, at->key->len, names, n);
	char		clip[CLIP];
	char		hint[sizeof(error->hint)];
	size_t		out = 0;
	int			i;

	hint[0] = '\0';
	if (near != NULL)
		out = snprintf(hint, sizeof(hint), "Did you mean \"%s\"? ", near);
	for (i = 0; i < n && out < sizeof(hint); i++)
		out += snprintf(hint + out, sizeof(hint) - out, "%s%s%s",
						i == 0 ? "Allowed: " : ", ", names[i],
						i == n - 1 ? "." : "");
	yaml_clip(clip, sizeof(clip), at->key->text, at->key->len);
	yaml_fail(error, at->key, hint, "unknown %s \"%s\"", what, clip);
	/* the key itself has no path: say where the mapping stands */
	set_place(error, at->key, at->parent);
	return false;
}

bool
yaml_bad_key(YamlError *error, const YamlNode *at, const char *what,
			 const char *hint)
{
	char		clip[CLIP];

	yaml_clip(clip, sizeof(clip), at->key->text, at->key->len);
	if (what == NULL)
		yaml_fail(error, at->key, hint, "duplicate key \"%s\"", clip);
	else
		yaml_fail(error, at->key, hint, "invalid %s \"%s\"", what, clip);
	set_place(error, at->key, at->parent);
	return false;
}
