/* core/ctl/ctl_check.c - `yitong check`: the configuration, its files and its plugins' settings. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_errors(const struct ctl *ctl, const struct conf_errors *errors)
{
	uint32_t left_out = errors->n_errors + errors->n_warnings - errors->n;
	char line[1024];

	for (uint32_t i = 0; i < errors->n; i++) {
		const struct conf_error *e = &errors->item[i];

		conf_error_print(errors, e, line, sizeof(line));
		printf("%s%s%s", ctl_colour(ctl, e->is_warning ? CTL_YELLOW : CTL_RED), line,
		        ctl_colour(ctl, CTL_PLAIN));
	}
	if (left_out > 0)
		printf(_("and %u more\n"), (unsigned)left_out);
}

static bool is_readable(const char *path)
{
	struct stat st;

	return access(path, R_OK) == 0 && stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static int check(struct ctl *ctl, unsigned flags)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	uint32_t n_errors, n_warnings;
	int rv;

	YT_REQUIRE(errors != NULL);
	rv = conf_load_with(&ctl->conf, ctl->conf_file, flags, errors);
	if (rv == 0 && (flags & CONF_NO_FILES) == 0)
		conf_check_plugins(ctl->conf, errors);
	print_errors(ctl, errors);
	n_errors = errors->n_errors;
	n_warnings = errors->n_warnings;
	free(errors);
	if (rv == YT_ENOMEM)
		return ctl_fail(CTL_CANNOT, "out of memory");
	if (n_errors > 0) {
		printf(n_errors == 1 ? _("%u error: this configuration cannot be used\n")
		                     : _("%u errors: this configuration cannot be used\n"),
		        (unsigned)n_errors);
		return CTL_FOUND;
	}
	printf(_("%s%s can be used%s: listeners %u, parties %u, origins %u, institutions %u, warnings %u\n"),
	        ctl_colour(ctl, CTL_GREEN), ctl->conf_file, ctl_colour(ctl, CTL_PLAIN),
	        (unsigned)ctl->conf->n_listeners, (unsigned)ctl->conf->n_parties, (unsigned)ctl->conf->n_origins,
	        (unsigned)ctl->conf->n_institutions, (unsigned)n_warnings);
	return CTL_OK;
}

/* What one signs is all of standard output: what is wrong with the configuration goes beside it. */
static int print_release(struct ctl *ctl, const char *which)
{
	struct conf_errors *errors = calloc(1, sizeof(*errors));
	struct yt_buf text = { 0 };
	char line[1024];
	uint32_t nth;
	int rv;

	YT_REQUIRE(errors != NULL);
	rv = conf_load_with(&ctl->conf, ctl->conf_file, CONF_NO_FILES, errors);
	for (uint32_t i = 0; rv != 0 && i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		fputs(line, stderr);
	}
	free(errors);
	if (rv != 0)
		return rv == YT_ENOMEM ? ctl_fail(CTL_CANNOT, "out of memory") : CTL_FOUND;
	if (!ctl_number(which, ctl->conf->n_releases, &nth))
		return ctl_fail(CTL_FOUND, "--release: there are %u rules in releases; they are counted from 1",
		        (unsigned)ctl->conf->n_releases);
	if (ctl->conf->releases[nth - 1].signed_on == NULL)
		return ctl_fail(CTL_FOUND,
		        "rule %u of releases has no signed_on: give it the day on which it is signed", (unsigned)nth);
	conf_release_text(ctl->conf, nth - 1, &text);
	ctl_print_buf(&text, stdout);
	return CTL_OK;
}

int ctl_check(struct ctl *ctl, int argc, char **argv)
{
	struct yt_buf keys = { 0 };
	bool wants_keys = false, no_files = false;
	const char *release = NULL;
	const struct ctl_option own[] = { { "keys", .flag = &wants_keys }, { "no-files", .flag = &no_files },
		{ "release", .text = &release }, { NULL } };
	int rv = ctl_options(ctl, "check", argc, argv, own, NULL);

	if (rv != CTL_GO_ON)
		return rv;
	if (wants_keys) {
		conf_keys_markdown(&keys);
		ctl_print_buf(&keys, stdout);
		return CTL_OK;
	}
	if (argc - optind > 1)
		return ctl_usage("check", "one file at a time");
	if (optind < argc)
		ctl->conf_file = argv[optind];
	if (!is_readable(ctl->conf_file))
		return ctl_fail(CTL_CANNOT, "cannot read %s: is it a file, and may this user read it?", ctl->conf_file);
	if (release != NULL)
		return print_release(ctl, release);
	return check(ctl, no_files ? CONF_NO_FILES : 0);
}
