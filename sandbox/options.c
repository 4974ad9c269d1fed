/* sandbox/options.c - reads the options of a mode from its table (options.h). */
#include "options.h"
#include "text.h"

#include <getopt.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_MAX 48

int wrong_option(const char *name, const char *value, const char *wanted)
{
	fprintf(stderr, "yitong-sandbox: %s %s: %s\n", name, value, wanted);
	return OPTIONS_WRONG;
}

char *in_folder(const char *folder, const char *name)
{
	static struct kept {
		struct kept *before;
		char path[1024];
	} * last;
	struct kept *kept = must(malloc(sizeof(*kept)));

	kept->before = last;
	last = kept;
	text_format(kept->path, sizeof(kept->path), "%s/%s", folder, name);
	return kept->path;
}

static bool number_read(const char *value, int64_t from, int64_t to, int64_t *number, char *wanted, size_t size)
{
	char *end;
	long long got = strtoll(value, &end, 10);

	*number = got;
	text_format(wanted, size, "a number from %lld to %lld is needed", (long long)from, (long long)to);
	return *value != '\0' && *end == '\0' && got >= from && got <= to;
}

static bool word_read(const struct mode_option *o, const char *value, char *wanted, size_t size)
{
	wanted[0] = '\0';
	for (int i = 0; o->words[i] != NULL; i++) {
		if (strcmp(o->words[i], value) == 0) {
			*o->word = i;
			return true;
		}
		text_format(wanted + strlen(wanted), size - strlen(wanted), "%s%s",
		        i == 0                    ? ""
		        : o->words[i + 1] != NULL ? ", "
		                                  : " or ",
		        o->words[i]);
	}
	text_format(wanted + strlen(wanted), size - strlen(wanted), " is needed");
	return false;
}

static bool matches(const char *pattern, const char *value)
{
	regex_t regex;
	bool does = true;

	if (pattern != NULL && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0) {
		does = regexec(&regex, value, 0, NULL, 0) == 0;
		regfree(&regex);
	}
	return does;
}

/* What is wanted instead of value; NULL: it is taken. */
static const char *take(const struct mode_option *o, const char *value)
{
	static char wanted[100];
	int64_t number;

	if (o->flag != NULL) {
		*o->flag = true;
	} else if (o->port != NULL) {
		if (!number_read(value, 0, UINT16_MAX, &number, wanted, sizeof(wanted)))
			return wanted;
		*o->port = (uint16_t)number;
	} else if (o->number != NULL) {
		if (!number_read(value, o->from, o->to, &number, wanted, sizeof(wanted)))
			return wanted;
		*o->number = number;
	} else if (o->word != NULL) {
		if (!word_read(o, value, wanted, sizeof(wanted)))
			return wanted;
	} else if (o->text != NULL) {
		if (!matches(o->pattern, value))
			return o->wanted;
		*o->text = value;
	} else {
		if (*o->n_texts == o->texts_max)
			return o->wanted;
		o->texts[(*o->n_texts)++] = value;
	}
	return NULL;
}

enum options_read options_read(int argc, char **argv, const struct mode_option *options)
{
	struct option names[OPTIONS_MAX] = { { "help", no_argument, NULL, 'h' } };
	const char *wanted;
	char name[40];
	int n = 1, got;

	for (; options[n - 1].name != NULL && n < OPTIONS_MAX - 1; n++)
		names[n] = (struct option){ options[n - 1].name,
			options[n - 1].flag != NULL ? no_argument : required_argument, NULL, 256 + n - 1 };
	while ((got = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (got == 'h')
			return OPTIONS_HELP;
		if (got < 256)
			return OPTIONS_WRONG; /* getopt has told what is wrong */
		wanted = take(&options[got - 256], optarg);
		if (wanted != NULL) {
			text_format(name, sizeof(name), "--%s", options[got - 256].name);
			return (enum options_read)wrong_option(name, optarg, wanted);
		}
	}
	if (optind < argc)
		return (enum options_read)wrong_option("argument", argv[optind], "not expected; see --help");
	return OPTIONS_GO_ON;
}
