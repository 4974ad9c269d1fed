/* sandbox/options.h - what the options of every mode need; main.c has it, insurer_options.c is another that reads some.
 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

/* Tells on stderr what is wrong with an option; returns the exit code 2. */
int wrong_option(const char *name, const char *value, const char *wanted);
/* value in from..to, else ends the program with exit code 2. */
long long number(const char *name, const char *value, long long from, long long to);
/* folder/name, living as long as the program. */
char *in_folder(const char *folder, const char *name);

int bank_mode(int argc, char **argv);    /* bank_options.c; the exit code */
int insurer_mode(int argc, char **argv); /* insurer_options.c; the exit code */

#endif
