/* sandbox/options.h - options of every mode, read from a table (options.c); the modes that main.c calls. */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --name VALUE.  Exactly one of the pointers is set and says what the value is and where it goes; what was not said
 * stays as it was. */
struct mode_option {
	const char *name; /* NULL ends a table */
	bool *flag;       /* takes no value */
	uint16_t *port;
	int64_t *number; /* from .. to */
	int64_t from, to;
	int *word; /* its place in words */
	const char *words[4];
	const char **text;   /* points into argv */
	const char *pattern; /* that a text must match (POSIX, extended); NULL: any */
	const char *wanted;  /* what to say when it does not, or when texts is full */
	const char **texts;  /* may be repeated */
	size_t *n_texts, texts_max;
};

enum options_read { OPTIONS_GO_ON = 0, OPTIONS_WRONG = 2 /* told; the exit code */, OPTIONS_HELP = -1 };

/* argv[0] is the mode.  No argument is expected besides options. */
enum options_read options_read(int argc, char **argv, const struct mode_option *options);

/* Tells on stderr what is wrong with an option; returns the exit code 2. */
int wrong_option(const char *name, const char *value, const char *wanted);
/* folder/name, living as long as the program. */
char *in_folder(const char *folder, const char *name);

/* Each with its help; the exit code. */
int bank_mode(int argc, char **argv);
int insurer_mode(int argc, char **argv);
int platform_mode(int argc, char **argv);

#endif
