/*-------------------------------------------------------------------------
 *
 * driver.c
 *	  Runs a fuzz target without libFuzzer: mutates a corpus at random.
 *
 *	  NAME_fuzz [--runs N] [--seconds S] [--seed K] [--max-len L]
 *				[--dict FILE] [--save DIR] [S] [file or directory ...]
 *
 * Every corpus file is run as it stands, then mutants until N runs or S seconds
 * (5) are over. Mutants are a function of the seed (1) and the corpus, so a
 * failure comes again with the same arguments. The input that fails is written
 * to DIR/crash-NAME-SEED-RUN (DIR is build where there is one, or else the
 * current directory); give that file to repeat it. Without files the corpus is
 * test/fuzz/corpus/NAME, without --dict the dictionary is test/fuzz/NAME.dict
 * where there is one: lines of "token" in libFuzzer's format.
 *
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "driver.h"

#define MAX_INPUTS	4096		/* corpus files and kept mutants */
#define MAX_TOKENS	512
#define MAX_EDITS	8			/* to one mutant */

typedef struct Input
{
	uint8_t    *data;
	size_t		size;
} Input;

/* the sanitizers' runtime, where it is linked */
extern void __sanitizer_set_death_callback(void (*callback) (void)) __attribute__((weak));

static Input inputs[MAX_INPUTS];
static size_t ninputs;
static size_t nfiles;			/* the first of inputs, never replaced */
static Input tokens[MAX_TOKENS];
static size_t ntokens;

static char name[64];			/* of the target, without _fuzz */
static const char *save_dir;
static unsigned long long seed = 1;
static unsigned long long run;
static unsigned long long accepted;
static bool interesting;
static uint8_t *current;		/* the input being run */
static size_t current_size;
static size_t max_len;
static uint64_t state;

void
fuzz_interesting(void)
{
	interesting = true;
}

static void
die(const char *what, const char *which)
{
	fprintf(stderr, "%s: %s\n", what, which);
	exit(2);
}

static void *
allocate(size_t size)
{
	void	   *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		die("out of memory", name);
	return p;
}

/* splitmix64 */
static uint64_t
next_random(void)
{
	uint64_t	z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 <= result < n; 0 for n = 0 */
static size_t
below(size_t n)
{
	return n > 0 ? (size_t) (next_random() % n) : 0;
}

/* ---- failures ---- */

static void
save_current(void)
{
	char		path[1024];
	FILE	   *file;
	static bool saved = false;

	if (saved || current == NULL)
		return;
	saved = true;
	snprintf(path, sizeof(path), "%s/crash-%s-%llu-%llu", save_dir, name, seed, run);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(current, 1, current_size, file) != current_size ||
		fclose(file) != 0)
		fprintf(stderr, "could not write %s\n", path);
	else
		fprintf(stderr, "failing input (run %llu, seed %llu): %s\n", run, seed, path);
}

/* Writing a file here is no worse than what has already gone wrong. */
static void
on_signal(int number)
{
	save_current();
	signal(number, SIG_DFL);
	raise(number);
}

/* ---- reading ---- */

static Input
read_input(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	Input		input = {NULL, 0};
	size_t		room = 4096;
	size_t		n;

	if (file == NULL)
		die("cannot read", path);
	input.data = allocate(room);
	while ((n = fread(input.data + input.size, 1, room - input.size, file)) > 0)
	{
		input.size += n;
		if (input.size == room)
		{
			uint8_t    *more = allocate(room * 2);

			memcpy(more, input.data, input.size);
			free(input.data);
			input.data = more;
			room *= 2;
		}
	}
	fclose(file);
	return input;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* A file, or the files of a directory in order of their names. */
static void
add_corpus(const char *path)
{
	struct stat st;
	DIR		   *dir;
	struct dirent *entry;
	char	   *names[MAX_INPUTS];
	size_t		n = 0;
	size_t		i;

	if (stat(path, &st) != 0)
		die("cannot read", path);
	if (!S_ISDIR(st.st_mode))
	{
		if (ninputs < MAX_INPUTS / 2)
			inputs[ninputs++] = read_input(path);
		return;
	}
	dir = opendir(path);
	if (dir == NULL)
		die("cannot read", path);
	while ((entry = readdir(dir)) != NULL && n < MAX_INPUTS / 2)
	{
		size_t		len = strlen(path) + strlen(entry->d_name) + 2;

		if (entry->d_name[0] == '.')
			continue;
		names[n] = allocate(len);
		snprintf(names[n++], len, "%s/%s", path, entry->d_name);
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), compare_names);
	for (i = 0; i < n; i++)
	{
		if (ninputs < MAX_INPUTS / 2 && stat(names[i], &st) == 0 && S_ISREG(st.st_mode))
			inputs[ninputs++] = read_input(names[i]);
		free(names[i]);
	}
}

/* key="token" or "token", with \\, \" and \xNN. */
static void
read_dictionary(const char *path)
{
	Input		text = read_input(path);
	size_t		i = 0;

	while (i < text.size)
	{
		size_t		end = i;
		size_t		from;

		while (end < text.size && text.data[end] != '\n')
			end++;
		from = i;
		while (from < end && text.data[from] != '"' && text.data[from] != '#')
			from++;
		if (from < end && text.data[from] == '"' && ntokens < MAX_TOKENS)
		{
			Input		token = {allocate(end - from), 0};

			for (from++; from < end && text.data[from] != '"'; from++)
			{
				unsigned int byte = text.data[from];

				if (byte == '\\' && from + 3 < end && text.data[from + 1] == 'x' &&
					sscanf((const char *) text.data + from + 2, "%2x", &byte) == 1)
					from += 3;
				else if (byte == '\\' && from + 1 < end)
					byte = text.data[++from];
				token.data[token.size++] = (uint8_t) byte;
			}
			tokens[ntokens++] = token;
		}
		i = end + 1;
	}
	free(text.data);
}

/* ---- mutating ---- */

/* Puts n bytes in place of `gone` bytes at `at`, as far as there is room. */
static void
replace(size_t at, size_t gone, const uint8_t *data, size_t n)
{
	size_t		rest = current_size - at - gone;
	uint8_t    *copy;

	if (current_size - gone + n > max_len)
		return;
	copy = allocate(n);			/* data may point into current */
	if (n > 0)
		memcpy(copy, data, n);
	memmove(current + at + n, current + at + gone, rest);
	if (n > 0)
		memcpy(current + at, copy, n);
	free(copy);
	current_size = at + n + rest;
}

static size_t
line_start(const uint8_t *data, size_t at)
{
	while (at > 0 && data[at - 1] != '\n')
		at--;
	return at;
}

static size_t
line_end(const uint8_t *data, size_t size, size_t at)
{
	while (at < size && data[at] != '\n')
		at++;
	return at < size ? at + 1 : size;
}

static void
edit(void)
{
	size_t		at = below(current_size + 1);
	size_t		n = below(current_size - at + 1);
	const Input *other = &inputs[below(ninputs)];
	size_t		from = below(other->size + 1);
	uint8_t		byte = (uint8_t) next_random();

	if (n > 16 && below(4) != 0)
		n = 1 + below(16);
	switch (below(11))
	{
		case 0:					/* flip a bit */
			if (at < current_size)
				current[at] ^= (uint8_t) (1 << below(8));
			break;
		case 1:					/* change a byte */
			if (at < current_size)
				current[at] = byte;
			break;
		case 2:					/* insert a byte */
			replace(at, 0, &byte, 1);
			break;
		case 3:					/* delete */
			replace(at, n, NULL, 0);
			break;
		case 4:					/* repeat */
			replace(at, 0, current + at, n);
			break;
		case 5:					/* a piece of another input */
			replace(at, 0, other->data + from, below(other->size - from + 1));
			break;
		case 6:					/* go on as another input does */
			replace(at, current_size - at, other->data + from, other->size - from);
			break;
		case 7:					/* a line of another input */
			at = line_start(current, at);
			from = line_start(other->data, from);
			replace(at, below(2) ? line_end(current, current_size, at) - at : 0,
					other->data + from, line_end(other->data, other->size, from) - from);
			break;
		case 8:					/* another digit */
			while (at < current_size && (current[at] < '0' || current[at] > '9'))
				at++;
			if (at < current_size)
				current[at] = (uint8_t) ('0' + below(10));
			break;
		default:				/* a token, before something or in its place */
			if (ntokens > 0)
			{
				const Input *token = &tokens[below(ntokens)];

				replace(at, below(2) ? n : 0, token->data, token->size);
			}
			break;
	}
}

static void
mutate(void)
{
	/* the files themselves often enough: kept mutants drift away */
	const Input *input = &inputs[below(below(2) ? nfiles : ninputs)];
	size_t		edits = 1 + below(MAX_EDITS);

	current_size = 0;
	replace(0, 0, input->data, input->size < max_len ? input->size : max_len);
	while (edits-- > 0)
		edit();
}

/* In a copy of just its size, so that reading beyond it is noticed. */
static void
run_current(void)
{
	uint8_t    *copy = allocate(current_size);

	memcpy(copy, current, current_size);
	interesting = false;
	run++;
	LLVMFuzzerTestOneInput(copy, current_size);
	free(copy);
	accepted += interesting;
}

static void
keep_current(void)
{
	Input	   *slot;

	if (ninputs < MAX_INPUTS)
		slot = &inputs[ninputs++];
	else
	{
		slot = &inputs[nfiles + below(MAX_INPUTS - nfiles)];
		free(slot->data);
	}
	slot->data = allocate(current_size);
	slot->size = current_size;
	memcpy(slot->data, current, current_size);
}

/* ---- main ---- */

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned long long
number(const char *text)
{
	char	   *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0')
		die("not a number", text);
	return value;
}

int
main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');
	const char *dict = NULL;
	unsigned long long runs = 0;
	double		seconds = 0;
	double		start = now();
	char		path[256];
	size_t		largest = 0;
	size_t		i;
	int			arg;

	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(name, sizeof(name), "%s", base != NULL ? base + 1 : argv[0]);
	if (strlen(name) > 5 && strcmp(name + strlen(name) - 5, "_fuzz") == 0)
		name[strlen(name) - 5] = '\0';
	save_dir = access("build", W_OK) == 0 ? "build" : ".";
	for (arg = 1; arg < argc; arg++)
	{
		bool		more = arg + 1 < argc;

		if (strcmp(argv[arg], "--runs") == 0 && more)
			runs = number(argv[++arg]);
		else if (strcmp(argv[arg], "--seconds") == 0 && more)
			seconds = (double) number(argv[++arg]);
		else if (strcmp(argv[arg], "--seed") == 0 && more)
			seed = number(argv[++arg]);
		else if (strcmp(argv[arg], "--max-len") == 0 && more)
			max_len = (size_t) number(argv[++arg]);
		else if (strcmp(argv[arg], "--dict") == 0 && more)
			dict = argv[++arg];
		else if (strcmp(argv[arg], "--save") == 0 && more)
			save_dir = argv[++arg];
		else if (argv[arg][0] == '-')
			die("unknown option", argv[arg]);
		else if (strspn(argv[arg], "0123456789") == strlen(argv[arg]))
			seconds = (double) number(argv[arg]);
		else
			add_corpus(argv[arg]);
	}
	if (ninputs == 0)
	{
		snprintf(path, sizeof(path), "test/fuzz/corpus/%s", name);
		add_corpus(path);
	}
	if (ninputs == 0)
		die("empty corpus", path);
	if (dict == NULL)
	{
		snprintf(path, sizeof(path), "test/fuzz/%s.dict", name);
		if (access(path, R_OK) == 0)
			read_dictionary(path);
	}
	else
		read_dictionary(dict);
	if (runs == 0 && seconds == 0)
		seconds = 5;

	nfiles = ninputs;
	for (i = 0; i < nfiles; i++)
	{
		if (inputs[i].size > largest)
			largest = inputs[i].size;
	}
	if (max_len == 0)
		max_len = largest * 2 > 4096 ? largest * 2 : 4096;
	current = allocate(max_len > largest ? max_len : largest);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(save_current);
	signal(SIGABRT, on_signal);
	signal(SIGTERM, on_signal);

	for (i = 0; i < nfiles; i++)
	{
		current_size = inputs[i].size;
		memcpy(current, inputs[i].data, current_size);
		run_current();
	}
	state = seed;
	while ((runs == 0 || run < runs) &&
		   (seconds == 0 || (run & 15) != 0 || now() - start < seconds))
	{
		mutate();
		run_current();
		if (interesting)
			keep_current();
	}
	printf("%s: %llu runs, %llu accepted, %zu corpus files, seed %llu, %.1f s\n",
		   name, run, accepted, nfiles, seed, now() - start);

	/* what is left is the target's: leaks are looked for at exit */
	for (i = 0; i < ninputs; i++)
		free(inputs[i].data);
	for (i = 0; i < ntokens; i++)
		free(tokens[i].data);
	free(current);
	current = NULL;
	return 0;
}
