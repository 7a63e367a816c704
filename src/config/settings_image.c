/*-------------------------------------------------------------------------
 *
 * settings_image.c
 *	  All settings as one flat image; see settings_image.h.
 *
 * The layout follows from the sections that were registered, so it is the same
 * in every process that runs this library, and it is never stored.
 *
 *-------------------------------------------------------------------------
 */
#include "core/c_base.h"

#include "common/hashfn.h"
#include "config/settings_image.h"

#define MAX_SECTIONS		16

static const YamlSubject subject = {
	"service file", "circuits: {ml: {timeout: 2 s}}"
};

static const SettingsSection *sections[MAX_SECTIONS];
static const char *names[MAX_SECTIONS];
static int	nsections;

void
settings_register(const SettingsSection *section)
{
	Assert(nsections < MAX_SECTIONS);
	names[nsections] = section->name;
	sections[nsections++] = section;
}

/* Where part i begins; the size of the image for the last one and one more. */
static Size
offset_of(int i)
{
	Size		offset = MAXALIGN(sizeof(SettingsImage));

	while (i-- > 0)
		offset += MAXALIGN(sections[i]->size);
	return offset;
}

Size
settings_image_size(void)
{
	return offset_of(nsections);
}

Size
settings_offset(const SettingsSection *section)
{
	int			i = 0;

	while (i < nsections - 1 && sections[i] != section)
		i++;
	Assert(i < nsections && sections[i] == section);
	return offset_of(i);
}

char *
settings_write(const SettingsImage *image, size_t *len)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < nsections; i++)
	{
		appendStringInfo(&out, "%s:\n", names[i]);
		sections[i]->write((const char *) image + offset_of(i), &out);
	}
	*len = out.len;
	return out.data;
}

static bool
read_root(YamlReader *reader, const YamlNode *root, SettingsImage *image)
{
	const YamlNode *found[MAX_SECTIONS];

	if (root->kind != YNODE_MAP)
	{
		char		allowed[200];

		snprintf(allowed, sizeof(allowed),
				 "a mapping, such as \"%s\"; {} changes nothing", subject.example);
		return yaml_bad_value(reader->error, root, allowed);
	}
	if (!reader_section(reader, root, "key", names, nsections, 0, found))
		return false;
	for (int i = 0; i < nsections; i++)
	{
		if (found[i] != NULL &&
			!sections[i]->read(reader, found[i], (char *) image + offset_of(i)))
			return false;
	}
	return true;
}

/* What is accepted can be read again: its text must be within the limits. */
static bool
finish(YamlReader *reader, SettingsImage *image)
{
	size_t		len;
	char	   *text = settings_write(image, &len);

	image->hash = hash_bytes_extended((const unsigned char *) text, (int) len, 0);
	pfree(text);
	if (len > YAML_MAX_BYTES)
	{
		char		hint[80];

		snprintf(hint, sizeof(hint), "Written out, a service file may have at most %d bytes.",
				 YAML_MAX_BYTES);
		return yaml_fail(reader->error, NULL, hint,
						 "service file is too large: %zu bytes when written out", len);
	}
	return true;
}

SettingsImage *
settings_read(const char *yaml, size_t len, const SettingsImage *base, YamlError *error)
{
	Size		size = settings_image_size();
	SettingsImage *image = palloc0(size);
	YamlReader	reader;
	YamlNode   *root;
	bool		ok;

	if (base != NULL)
		memcpy(image, base, size);
	image->size = size;
	memset(&reader, 0, sizeof(reader));
	reader.complete = base == NULL;
	reader.error = error;
	root = yaml_tree_parse(yaml, len, &subject, &reader.arena, error);
	ok = root != NULL && read_root(&reader, root, image) && finish(&reader, image);
	arena_free(&reader.arena);
	if (ok)
		return image;
	pfree(image);
	return NULL;
}
