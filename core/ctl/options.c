/* core/ctl/options.c - the options of a subcommand, read from its table; --conf, --json and --help are the same for
 * all. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define OPTIONS_MAX 16

static int take(const struct ctl_option *own, char *value)
{
	if (own->text != NULL)
		*own->text = value;
	else if (own->flag != NULL)
		*own->flag = true;
	else
		return own->take(own->arg, value);
	return CTL_GO_ON;
}

int ctl_options(
        struct ctl *ctl, const char *command, int argc, char **argv, const struct ctl_option *own, bool *is_json)
{
	struct option options[OPTIONS_MAX + 4] = { { "conf", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' } };
	int n = 2, option, rv = CTL_GO_ON;

	if (is_json != NULL)
		options[n++] = (struct option){ "json", no_argument, NULL, 'j' };
	for (int i = 0; own != NULL && own[i].name != NULL; i++) {
		YT_REQUIRE(i < OPTIONS_MAX);
		options[n++] = (struct option){ own[i].name, own[i].flag == NULL ? required_argument : no_argument,
			NULL, 256 + i };
	}
	while (rv == CTL_GO_ON && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			ctl_help(command, stdout);
			return CTL_OK;
		}
		if (option == '?')
			return ctl_bad_option(command);
		if (option == 'c')
			ctl->conf_file = optarg;
		else if (option == 'j')
			*is_json = ctl_json();
		else
			rv = take(&own[option - 256], optarg);
	}
	return rv;
}

int ctl_who(const char *command, bool with_reason, struct ctl_who *who)
{
	const char *reason = who->reason;

	if (who->operator_name == NULL)
		who->operator_name = ctl_user();
	if (*who->operator_name == '\0' || strlen(who->operator_name) > 64)
		return ctl_usage(command, "--operator NAME says who does it, in 1 to 64 bytes");
	if (with_reason && (reason == NULL || strspn(reason, " \t") == strlen(reason) || strlen(reason) > 400))
		return ctl_usage(command, "say why with --reason TEXT (at most 400 bytes)");
	return CTL_GO_ON;
}

bool ctl_number(const char *text, uint32_t most, uint32_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*out = (uint32_t)n;
	return *end == '\0' && n >= 1 && n <= most;
}
