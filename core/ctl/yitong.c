/* core/ctl/yitong.c - the `yitong` command: finds the subcommand, opens what several of them need.
 *
 * It only reads: journal and index beside a running keeper.  Whatever changes or reveals something goes
 * through the keeper's control socket (control.h), so that it is written down. */
#include "ctl/desk.h"

#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/keys.h"
#include "journal/seal.h"
#include "yitong/plugin.h"

#ifndef YT_VERSION
#define YT_VERSION "unknown"
#endif

#define SYSTEM_CONF "/etc/yitong/gateway.yaml"

static const struct command {
	const char *name;
	int (*run)(struct ctl *ctl, int argc, char **argv);
} commands[] = {
	{ "check", ctl_check },
	{ "status", ctl_status },
	{ "messages", ctl_messages },
	{ "show", ctl_show },
	{ "case", ctl_case },
	{ "followups", ctl_followups },
	{ "late", ctl_late },
	{ "statement", ctl_statement },
	{ "lane", ctl_lane },
	{ "enrolment", ctl_enrolment },
	{ "decide", ctl_decide },
	{ "confirm", ctl_confirm },
	{ "parked", ctl_parked },
	{ "audit", ctl_audit },
	{ "journal", ctl_journal },
	{ "index", ctl_index },
	{ "explain", ctl_explain },
	{ "translate", ctl_translate },
	{ "sign-explain", ctl_sign_explain },
	{ "probe", ctl_probe },
	{ "plugin", ctl_plugin },
};

static char **arguments; /* those that getopt_long() goes through: it leaves to us to say what is wrong with them */

int ctl_fail(int exit_code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("yitong: ", stderr);
	vfprintf(stderr, _(fmt), args);
	fputc('\n', stderr);
	va_end(args);
	return exit_code;
}

static int try_help(const char *command)
{
	fprintf(stderr, _("Try `yitong %s%s--help`.\n"), command, *command == '\0' ? "" : " ");
	return CTL_USAGE;
}

int ctl_usage(const char *command, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "yitong%s%s: ", *command == '\0' ? "" : " ", command);
	vfprintf(stderr, _(fmt), args);
	fputc('\n', stderr);
	va_end(args);
	return try_help(command);
}

int ctl_bad_option(const char *command)
{
	return ctl_usage(command, "the option %s is not known, or needs a value, or takes none", arguments[optind - 1]);
}

bool ctl_json(void)
{
	yt_words_set(YT_EN);
	return true;
}

/* The value of run_dir in a file that cannot be read as a configuration. */
static void guess_run_dir(const char *file, char *out, size_t size)
{
	char line[1024], *at = NULL;
	FILE *f = fopen(file, "re");

	snprintf(out, size, "run/gateway");
	while (f != NULL && at == NULL && fgets(line, sizeof(line), f) != NULL)
		if ((at = strstr(line, "run_dir:")) != NULL) {
			at += strlen("run_dir:");
			at += strspn(at, " \t\"'");
			snprintf(out, size, "%.*s", (int)strcspn(at, " \t\r\n\"',}#"), at);
		}
	if (f != NULL)
		fclose(f);
}

/* A running gateway has a copy of the configuration it activated: that one can be read. */
static bool find_active(const char *file, char *out, size_t size)
{
	char pattern[512], run_dir[400];
	unsigned long newest = 0;
	glob_t found;

	guess_run_dir(file, run_dir, sizeof(run_dir));
	snprintf(pattern, sizeof(pattern), "%s/active-*.yaml", run_dir);
	if (glob(pattern, 0, NULL, &found) != 0)
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		unsigned long n = strtoul(found.gl_pathv[i] + strlen(run_dir) + strlen("/active-"), NULL, 10);

		if (n <= newest)
			continue;
		newest = n;
		snprintf(out, size, "%s", found.gl_pathv[i]);
	}
	globfree(&found);
	return newest > 0;
}

static int no_conf(const struct ctl *ctl)
{
	char active[512];

	if (find_active(ctl->conf_file, active, sizeof(active)))
		return ctl_fail(CTL_CANNOT,
		        "no configuration to work with; name it with --conf FILE: what the gateway activated "
		        "last is --conf %s",
		        active);
	return ctl_fail(CTL_CANNOT, "no configuration to work with; name it with --conf FILE");
}

int ctl_conf(struct ctl *ctl)
{
	struct conf_errors *errors;
	char line[1024];
	int rv;

	if (ctl->conf != NULL)
		return CTL_OK; /* a command may need it twice */
	errors = calloc(1, sizeof(*errors));
	YT_REQUIRE(errors != NULL);
	rv = conf_load_with(&ctl->conf, ctl->conf_file, CONF_NO_FILES, errors);
	for (uint32_t i = 0; rv != 0 && i < errors->n; i++) {
		conf_error_print(errors, &errors->item[i], line, sizeof(line));
		if (!errors->item[i].is_warning)
			fputs(line, stderr);
	}
	free(errors);
	return rv == 0 ? CTL_OK : no_conf(ctl);
}

int ctl_open_index(struct ctl *ctl, struct index **index)
{
	const char *path;
	int rv = ctl->conf != NULL ? CTL_OK : ctl_conf(ctl);

	if (rv != CTL_OK)
		return rv;
	path = ctl->conf->journal.index;
	rv = index_open(index, path, false);
	if (rv == YT_ENOTFOUND)
		return ctl_fail(
		        CTL_CANNOT, "there is no index at %s: start the gateway, or `yitong index rebuild`", path);
	if (rv == YT_ECORRUPT)
		return ctl_fail(CTL_CANNOT, "the index at %s cannot be used: `yitong index rebuild`", path);
	if (rv != 0)
		return ctl_fail(CTL_CANNOT, "cannot open the index at %s (%s): run this as the gateway's user", path,
		        _(yt_strerror(rv)));
	return CTL_OK;
}

static int open_keys(struct ctl *ctl, struct ctl_journal *j)
{
	char why[256];

	if (ctl->conf->journal.keys == NULL)
		return CTL_OK;
	if (keys_open(&j->keys, ctl->conf->journal.keys, why, sizeof(why)) != 0)
		return ctl_fail(CTL_CANNOT, "%s", why);
	if (yt_io_folder(ctl->conf->journal.data_keys, &j->key_io) != 0)
		return ctl_fail(CTL_CANNOT, "cannot open %s", ctl->conf->journal.data_keys);
	j->has_key_io = true;
	if (seal_open(&j->conf.keys, j->keys, &j->key_io) != 0)
		return ctl_fail(CTL_CANNOT, "cannot use the keys in %s", ctl->conf->journal.keys);
	return CTL_OK;
}

int ctl_open_journal(struct ctl *ctl, bool with_keys, struct ctl_journal *j)
{
	int rv = ctl->conf == NULL ? ctl_conf(ctl) : CTL_OK;

	memset(j, 0, sizeof(*j));
	if (rv != CTL_OK)
		return rv;
	j->conf.segment_bytes = (uint64_t)ctl->conf->journal.segment_mib << 20;
	j->conf.reserve_segments = ctl->conf->journal.reserve_segments;
	if (access(ctl->conf->journal.folder, R_OK | X_OK) != 0)
		return ctl_fail(CTL_CANNOT,
		        "cannot read the journal at %s: has the gateway run here, and as which user?",
		        ctl->conf->journal.folder);
	if (yt_io_folder(ctl->conf->journal.folder, &j->io) != 0)
		return ctl_fail(CTL_CANNOT, "cannot open the journal at %s", ctl->conf->journal.folder);
	j->is_open = true;
	return with_keys ? open_keys(ctl, j) : CTL_OK;
}

void ctl_close_journal(struct ctl_journal *j)
{
	seal_close(j->conf.keys);
	if (j->has_key_io)
		yt_io_close(&j->key_io);
	keys_close(j->keys);
	if (j->is_open)
		yt_io_close(&j->io);
	memset(j, 0, sizeof(*j));
}

static int version(void)
{
	printf(_("yitong %s, plugin interface %d.%d\n"), YT_VERSION, YT_ABI_MAJOR, YT_ABI_MINOR);
	return CTL_OK;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static char name[64]; /* what getopt_long() begins its messages with */

	if (strcmp(argv[0], "version") == 0)
		return version();
	if (strcmp(argv[0], "help") == 0) {
		ctl_help("", stdout);
		return CTL_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		optind = 0; /* glibc: begin anew */
		snprintf(name, sizeof(name), "yitong %s", commands[i].name);
		argv[0] = name;
		arguments = argv;
		return commands[i].run(ctl, argc, argv);
	}
	return ctl_usage("", "no such command: %s", argv[0]); /* "" is yitong itself */
}

/* What did not reach a full disk or a closed pipe must not pass for an answer. */
static int finish(int rv)
{
	bool has_failed = ferror(stdout) != 0;

	if (fclose(stdout) == 0 && !has_failed)
		return rv;
	return ctl_fail(CTL_CANNOT, "the output could not be written: %s", _(strerror(errno)));
}

/* --lang goes anywhere, as with --json: taken out before a command sees its options.  False: no such language. */
static bool choose_language(int *argc, char **argv)
{
	enum yt_lang lang = yt_words_of_environment();
	int n = 0;
	bool is_known = true, is_behind = false;

	for (int i = 0; i < *argc; i++) {
		const char *value = NULL;

		is_behind = is_behind || strcmp(argv[i], "--") == 0;
		if (!is_behind && strncmp(argv[i], "--lang=", 7) == 0)
			value = argv[i] + 7;
		else if (!is_behind && strcmp(argv[i], "--lang") == 0)
			value = i + 1 < *argc ? argv[++i] : "";
		if (value == NULL)
			argv[n++] = argv[i];
		else
			is_known = yt_words_parse(value, &lang) && is_known;
	}
	argv[n] = NULL;
	*argc = n;
	yt_words_set(lang);
	return is_known;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "conf", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 } };
	struct ctl ctl = { .conf_file = access("conf/gateway.yaml", F_OK) == 0 ? "conf/gateway.yaml" : SYSTEM_CONF };
	int option, rv;

	yt_log_setup("yitong", YT_ERROR);
	if (!choose_language(&argc, argv))
		return ctl_usage("", "--lang is zh or en");
	opterr = 0;
	arguments = argv;
	ctl.has_colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		if (option == 'c') {
			ctl.conf_file = optarg;
		} else if (option == 'h') {
			ctl_help("", stdout);
			return finish(CTL_OK);
		} else if (option == 'v') {
			return finish(version());
		} else {
			return ctl_bad_option("");
		}
	}
	if (optind == argc) {
		ctl_help("", stderr);
		return CTL_USAGE;
	}
	rv = run(&ctl, argc - optind, argv + optind);
	conf_free(ctl.conf);
	return finish(rv);
}
