/*-------------------------------------------------------------------------
 *
 * yaml_tree.c
 *	  YAML bytes to a small tree; see yaml_tree.h. The only file that knows
 *	  libyaml.
 *
 * libyaml allocates with malloc(), so nothing may longjmp between its
 * initialisation and yaml_parser_delete(): in that stretch memory comes from
 * arena_try(), which returns NULL.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include <yaml.h>

#include "config/yaml_scalar.h"
#include "config/yaml_tree.h"

typedef struct TreeBuilder
{
	const char *bytes;
	size_t		len;
	size_t		offset;			/* bytes passed ... */
	size_t		chars;			/* ... and the characters they are */
	Arena	   *arena;
	YamlError  *error;
	YamlNode   *root;
	YamlNode   *open;			/* innermost collection still open */
	YamlNode   *key;			/* key waiting for its value */
	int			depth;
	int			nodes;
	bool		document_seen;
} TreeBuilder;

/* Line and column of a byte, counted as libyaml counts them. */
static void
byte_place(const char *bytes, size_t offset, YamlError *error)
{
	size_t		i;

	error->line = 1;
	error->column = 1;
	for (i = 0; i < offset; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (c == '\n' || (c == '\r' && !(i + 1 < offset && bytes[i + 1] == '\n')))
		{
			error->line++;
			error->column = 1;
		}
		else if ((c & 0xc0) != 0x80 && c != '\r')
			error->column++;
	}
}

static bool
fail_at_byte(const char *bytes, size_t offset, YamlError *error,
			 const char *message, const char *hint)
{
	yaml_fail(error, NULL, hint, "%s", message);
	byte_place(bytes, offset, error);
	return false;
}

static bool
fail_at_mark(YamlError *error, yaml_mark_t mark,
			 const char *message, const char *hint)
{
	yaml_fail(error, NULL, hint, "%s", message);
	error->line = (int) mark.line + 1;
	error->column = (int) mark.column + 1;
	return false;
}

/* The same with "<message> in a policy", or whatever is read. */
static bool
fail_in_subject(YamlError *error, yaml_mark_t mark,
				const char *message, const char *hint)
{
	fail_at_mark(error, mark, "", hint);
	snprintf(error->message, sizeof(error->message), "%s in a %s", message,
			 error->subject->name);
	return false;
}

/* The hint "A policy <rule>", with a number in it. */
#define HINT(error, rule, ...) \
	snprintf((error)->hint, sizeof((error)->hint), "A %s " rule, \
			 (error)->subject->name, __VA_ARGS__)

static bool
fail_empty(const char *bytes, YamlError *error)
{
	const YamlSubject *subject = error->subject;

	fail_at_byte(bytes, 0, error, "", NULL);
	snprintf(error->message, sizeof(error->message), "%s is empty", subject->name);
	HINT(error, "is a mapping, such as \"%s\"; {} changes nothing.", subject->example);
	return false;
}

static bool
fail_encoding(const char *bytes, size_t offset, YamlError *error, const char *message)
{
	fail_at_byte(bytes, offset, error, message, NULL);
	HINT(error, "must be written in %s.", "UTF-8");
	return false;
}

static bool
fail_memory(YamlError *error)
{
	return yaml_fail(error, NULL, NULL, "out of memory");
}

/* What libyaml would not say well, or not notice, about the bytes. */
static bool
bytes_ok(const char *bytes, size_t len, YamlError *error)
{
	size_t		i = 0;
	bool		blank = true;

	if (len > YAML_MAX_BYTES)
	{
		char		message[80];

		snprintf(message, sizeof(message), "%s is too long: %zu bytes",
				 error->subject->name, len);
		fail_at_byte(bytes, YAML_MAX_BYTES, error, message, NULL);
		HINT(error, "may have at most %d bytes.", YAML_MAX_BYTES);
		return false;
	}
	while (i < len)
	{
		uint32		cp = 0;
		size_t		n = yaml_utf8_next(bytes + i, len - i, &cp);

		if (n == 0)
		{
			char		message[80];

			snprintf(message, sizeof(message), "invalid UTF-8: byte 0x%02x",
					 (unsigned char) bytes[i]);
			return fail_encoding(bytes, i, error, message);
		}
		if ((cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7f ||
			(cp >= 0x80 && cp < 0xa0 && cp != 0x85) || cp == 0xfffe || cp == 0xffff)
		{
			char		message[80];

			snprintf(message, sizeof(message), "control character U+%04X", cp);
			return fail_at_byte(bytes, i, error, message,
								"Write control characters as escapes in double quotes, as in \"\\t\".");
		}
		if (cp != ' ' && cp != '\t' && cp != '\n' && cp != '\r')
			blank = false;
		i += n;
	}
	if (blank)
		return fail_empty(bytes, error);
	return true;
}

/* The first byte of an event; events come in the order of the text. */
static char
first_byte(TreeBuilder *b, yaml_mark_t mark)
{
	while (b->chars < mark.index && b->offset < b->len)
	{
		uint32		cp;

		b->offset += yaml_utf8_next(b->bytes + b->offset,
									  b->len - b->offset, &cp);
		b->chars++;
	}
	return b->offset < b->len ? b->bytes[b->offset] : '\0';
}

static YamlNode *
new_node(TreeBuilder *b, YamlKind kind, yaml_mark_t mark,
		 const char *anchor, const char *tag)
{
	YamlNode   *node;

	if (anchor != NULL)
	{
		fail_in_subject(b->error, mark, "anchor",
						"Anchors and aliases are not allowed: write the value out.");
		return NULL;
	}
	/* libyaml drops the tag "!" from scalars: look at the text itself */
	if (tag != NULL || first_byte(b, mark) == '!')
	{
		fail_in_subject(b->error, mark, "tag",
						"Tags are not allowed: quotes make a text, no quotes a number or true, false.");
		return NULL;
	}
	if (b->nodes++ >= YAML_MAX_NODES)
	{
		fail_in_subject(b->error, mark, "too many values", NULL);
		HINT(b->error, "may have at most %d keys and values.", YAML_MAX_NODES);
		return NULL;
	}
	node = arena_try(b->arena, sizeof(YamlNode));
	if (node == NULL)
	{
		fail_memory(b->error);
		return NULL;
	}
	node->kind = kind;
	node->line = (int) mark.line + 1;
	node->column = (int) mark.column + 1;
	return node;
}

void
yaml_tree_append(YamlNode *parent, YamlNode *key, YamlNode *child)
{
	child->parent = parent;
	child->key = key;
	child->index = ++parent->n;
	if (parent->last != NULL)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

static bool
place_node(TreeBuilder *b, YamlNode *node)
{
	if (b->open == NULL)
		b->root = node;
	else if (b->open->kind == YNODE_LIST)
		yaml_tree_append(b->open, NULL, node);
	else if (b->key != NULL)
	{
		yaml_tree_append(b->open, b->key, node);
		b->key = NULL;
	}
	else if (node->kind != YNODE_SCALAR)
		return yaml_fail(b->error, node, "A key must be a word.",
						 "a key that is a %s",
						 node->kind == YNODE_MAP ? "mapping" : "list");
	else if (node->len == 0)
		return yaml_fail(b->error, node, "A key must be a word.", "empty key");
	else
		b->key = node;
	return true;
}

static bool
open_node(TreeBuilder *b, YamlNode *node)
{
	if (node == NULL || !place_node(b, node))
		return false;
	if (++b->depth > YAML_MAX_DEPTH)
	{
		yaml_fail(b->error, node, NULL, "nested too deep");
		HINT(b->error, "may nest at most %d levels.", YAML_MAX_DEPTH);
		return false;
	}
	b->open = node;
	return true;
}

static bool
add_scalar(TreeBuilder *b, const yaml_event_t *event)
{
	const char *value = (const char *) event->data.scalar.value;
	size_t		len = event->data.scalar.length;
	YamlNode   *node;
	char	   *text;

	node = new_node(b, YNODE_SCALAR, event->start_mark,
					(const char *) event->data.scalar.anchor,
					(const char *) event->data.scalar.tag);
	if (node == NULL)
		return false;
	if (memchr(value, '\0', len) != NULL)
		return fail_at_mark(b->error, event->start_mark, "NUL in a text",
							"A text must not contain the character \"\\0\".");
	text = arena_try(b->arena, len + 1);
	if (text == NULL)
		return fail_memory(b->error);
	memcpy(text, value, len);
	text[len] = '\0';
	node->text = text;
	node->len = (uint32) len;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return place_node(b, node);
}

static bool
add_event(TreeBuilder *b, const yaml_event_t *event)
{
	switch (event->type)
	{
		case YAML_DOCUMENT_START_EVENT:
			if (b->document_seen)
			{
				fail_at_mark(b->error, event->start_mark, "more than one document", NULL);
				HINT(b->error, "is one document: remove what follows \"%s\" or \"...\".", "---");
				return false;
			}
			if (event->data.document_start.tag_directives.start !=
				event->data.document_start.tag_directives.end)
				return fail_in_subject(b->error, event->start_mark, "tag directive",
									   "Tags are not allowed: remove the %TAG line.");
			b->document_seen = true;
			return true;
		case YAML_ALIAS_EVENT:
			return fail_in_subject(b->error, event->start_mark, "alias",
								   "Anchors and aliases are not allowed: write the value out.");
		case YAML_SCALAR_EVENT:
			return add_scalar(b, event);
		case YAML_SEQUENCE_START_EVENT:
			return open_node(b, new_node(b, YNODE_LIST, event->start_mark,
										 (const char *) event->data.sequence_start.anchor,
										 (const char *) event->data.sequence_start.tag));
		case YAML_MAPPING_START_EVENT:
			return open_node(b, new_node(b, YNODE_MAP, event->start_mark,
										 (const char *) event->data.mapping_start.anchor,
										 (const char *) event->data.mapping_start.tag));
		case YAML_SEQUENCE_END_EVENT:
		case YAML_MAPPING_END_EVENT:
			b->open = b->open->parent;
			b->depth--;
			return true;
		case YAML_NO_EVENT:
		case YAML_STREAM_START_EVENT:
		case YAML_STREAM_END_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			return true;
	}
	return true;
}

/* libyaml's own complaint, in our words where it has none. */
static bool
fail_parser(TreeBuilder *b, const yaml_parser_t *parser)
{
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
	char		message[200];

	if (parser->error == YAML_MEMORY_ERROR)
		return fail_memory(b->error);
	snprintf(message, sizeof(message), "invalid YAML: %s", problem);
	if (parser->error == YAML_READER_ERROR)
		return fail_encoding(b->bytes, Min(parser->problem_offset, b->len),
							 b->error, message);
	fail_at_mark(b->error, parser->problem_mark, message,
				 "Look at the indentation (spaces only), quotes and brackets here and in the line above.");
	if (parser->context != NULL)
		snprintf(b->error->detail, sizeof(b->error->detail),
				 "Found %s that starts at line %d, column %d.", parser->context,
				 (int) parser->context_mark.line + 1,
				 (int) parser->context_mark.column + 1);
	return false;
}

static bool
build_tree(TreeBuilder *b)
{
	yaml_parser_t parser;
	bool		more = true;
	bool		ok = true;

	if (!yaml_parser_initialize(&parser))
		return fail_memory(b->error);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *) b->bytes, b->len);
	while (ok && more)
	{
		yaml_event_t event;

		if (yaml_parser_parse(&parser, &event))
		{
			ok = add_event(b, &event);
			more = event.type != YAML_STREAM_END_EVENT;
			yaml_event_delete(&event);
		}
		else
			ok = fail_parser(b, &parser);
	}
	yaml_parser_delete(&parser);
	return ok;
}

static int
compare_keys(const void *a, const void *b)
{
	const YamlNode *x = *(const YamlNode *const *) a;
	const YamlNode *y = *(const YamlNode *const *) b;
	int			c = strcmp(x->key->text, y->key->text);

	if (c == 0)
		c = x->index < y->index ? -1 : 1;
	return c;
}

static bool
keys_distinct(YamlNode *node, Arena *arena, YamlError *error)
{
	YamlNode   *child;
	YamlNode   *again = NULL;
	const YamlNode *given = NULL;

	if (node->kind == YNODE_MAP && node->n > 1)
	{
		YamlNode  **children = arena_alloc(arena, node->n * sizeof(YamlNode *));
		uint32		i = 0;

		for (child = node->first; child != NULL; child = child->next)
			children[i++] = child;
		qsort(children, node->n, sizeof(YamlNode *), compare_keys);
		for (i = 1; i < node->n; i++)
		{
			if (strcmp(children[i - 1]->key->text, children[i]->key->text) == 0 &&
				(again == NULL || children[i]->index < again->index))
			{
				given = children[i - 1];
				again = children[i];
			}
		}
	}
	if (again != NULL)
	{
		char		clip[80];

		yaml_fail(error, node, "Each key may stand once in a mapping.",
				  "duplicate key \"%s\", first given at line %d",
				  yaml_clip(clip, sizeof(clip), again->key->text, again->key->len),
				  given->key->line);
		error->line = again->key->line;
		error->column = again->key->column;
		return false;
	}
	for (child = node->first; child != NULL; child = child->next)
	{
		if (!keys_distinct(child, arena, error))
			return false;
	}
	return true;
}

YamlNode *
yaml_tree_parse(const char *bytes, size_t len, const YamlSubject *subject,
				Arena	   *arena, YamlError *error)
{
	TreeBuilder b;

	memset(error, 0, sizeof(*error));
	error->subject = subject;
	if (!bytes_ok(bytes, len, error))
		return NULL;

	/* a byte order mark would move the columns of the first line */
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
	{
		bytes += 3;
		len -= 3;
	}
	memset(&b, 0, sizeof(b));
	b.bytes = bytes;
	b.len = len;
	b.arena = arena;
	b.error = error;
	if (!build_tree(&b))
		return NULL;
	if (b.root == NULL)
	{
		fail_empty(bytes, error);
		return NULL;
	}
	if (!keys_distinct(b.root, arena, error))
		return NULL;
	return b.root;
}
