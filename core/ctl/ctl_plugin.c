/* core/ctl/ctl_plugin.c - `yitong plugin list` and `yitong plugin check`. */
#include "ctl/trial.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SAMPLES_MAX 64

struct options {
	const char *only, *keep;
	bool as_json, is_verbose;
	const char *samples[SAMPLES_MAX];
	size_t n_samples;
};

/* -- list --------------------------------------------------------------------------------------- */

static struct yt_node *add_object(struct desk *desk, struct yt_node *parent, const char *name)
{
	struct yt_node *node = yt_node_add(desk->arena, parent, yt_str(name), YT_OBJECT);

	YT_REQUIRE(node != NULL);
	return node;
}

static void put_plugin(struct desk *desk, struct yt_node *tree, const char *file)
{
	const struct yt_codec_api *api;
	struct yt_node *node, *settings;
	struct yt_plugin *plugin;
	struct yt_buf ops = { 0 };
	char why[400] = "";

	if (plugin_look(&plugin, file, why, sizeof(why)) != 0) {
		desk_put(desk, tree, "cannot_be_used", yt_arena_copy(desk->arena, yt_str(why)));
		return;
	}
	api = plugin_api(plugin);
	node = add_object(desk, tree, yt_arena_copy(desk->arena, yt_str(api->name)).p);
	desk_put(desk, node, "file", yt_arena_copy(desk->arena, yt_str(file)));
	desk_putf(desk, node, "interface", "%u.%u", api->abi_major, api->abi_minor);
	desk_put(desk, node, "content_type", yt_arena_copy(desk->arena, yt_str(api->content_type)));
	for (const struct yt_wire_op *op = api->ops; op != NULL && op->wire != NULL; op++)
		yt_buf_printf(&ops, "%s%s %s", ops.n > 0 ? ", " : "", op->wire,
		        yt_op(op->op < YT_OP_COUNT ? op->op : 0)->name);
	desk_put(desk, node, "operations", yt_arena_copy(desk->arena, yt_buf_view(&ops)));
	yt_buf_free(&ops);
	settings = add_object(desk, node, "settings");
	for (const struct yt_setting *s = api->settings; s != NULL && s->key != NULL; s++) {
		const char *key = yt_arena_copy(desk->arena, yt_str(s->key)).p;

		if (s->fallback == NULL)
			desk_putf(desk, settings, key, "must be given; %s", s->doc != NULL ? s->doc : "");
		else
			desk_putf(desk, settings, key, "\"%s\"; %s", s->fallback, s->doc != NULL ? s->doc : "");
	}
	plugin_unload(plugin);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list(struct desk *desk, const struct options *o)
{
	const char *dir = desk->plugin_dir != NULL  ? desk->plugin_dir
	                  : desk->ctl->conf != NULL ? desk->ctl->conf->gateway.plugin_dir
	                                            : DESK_PLUGINS;
	struct yt_node *tree = yt_node_new(desk->arena, YT_OBJECT);
	const char *files[256];
	struct dirent *entry;
	size_t n = 0;
	DIR *d = opendir(dir);

	if (d == NULL)
		return ctl_fail(CTL_CANNOT, "cannot read the folder %s: %s", dir, _(strerror(errno)));
	while ((entry = readdir(d)) != NULL && n < sizeof(files) / sizeof(files[0]))
		if (strlen(entry->d_name) > 3 && strcmp(entry->d_name + strlen(entry->d_name) - 3, ".so") == 0)
			files[n++] = yt_arena_printf(desk->arena, "%s/%s", dir, entry->d_name).p;
	closedir(d);
	qsort(files, n, sizeof(files[0]), by_name);
	for (size_t i = 0; i < n; i++)
		put_plugin(desk, tree, files[i]);
	if (n == 0)
		return ctl_fail(CTL_FOUND, "there is no plugin in %s", dir);
	if (o->as_json)
		desk_print_json(tree, stdout);
	else
		desk_print(tree, stdout);
	return CTL_OK;
}

/* -- check -------------------------------------------------------------------------------------- */

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	YT_REQUIRE(p != MAP_FAILED);
	return p;
}

static bool is_wanted(const struct options *o, const struct trial_case *c)
{
	return o->only == NULL || strcmp(c->name, "round") == 0 || strcmp(c->name, o->only) == 0;
}

static bool has_case(const struct options *o)
{
	const struct trial_case *c = trial_cases;

	while (o->only != NULL && c->name != NULL && strcmp(c->name, o->only) != 0)
		c++;
	return c->name != NULL;
}

static int take_samples(struct trial *t, const struct options *o)
{
	for (size_t i = 0; i < o->n_samples; i++) {
		struct trial_sample *s = &t->samples->item[i];
		struct yt_str octets;
		int rv = desk_read(t->desk, o->samples[i], &octets);

		if (rv != CTL_OK)
			return rv;
		if (octets.n > TRIAL_SAMPLE_MAX)
			return ctl_fail(
			        CTL_CANNOT, "%s: a sample has at most %u KiB", o->samples[i], TRIAL_SAMPLE_MAX >> 10);
		memcpy(s->octets, octets.p, octets.n);
		s->n = (uint32_t)octets.n;
		t->samples->n = ++t->samples->n_given;
	}
	return CTL_OK;
}

static int check(struct desk *desk, const struct options *o, const char *name)
{
	const struct desk_codec *codec = desk_codec(desk, name);
	struct trial t = {
		.desk = desk, .name = name, .is_verbose = o->is_verbose, .keep = o->keep != NULL ? o->keep : "/tmp"
	};
	const char *tells_why_no_more = "";
	struct ctl_table table;
	unsigned n_failed = 0;
	char why[900];

	if (codec == NULL)
		return CTL_CANNOT;
	if (!has_case(o))
		return ctl_usage("plugin", "--only: there is no such case; `plugin check P` without it shows them");
	t.api = codec->api;
	t.plugin = codec->plugin;
	t.note = shared(sizeof(*t.note));
	t.samples = shared(sizeof(*t.samples));
	if (take_samples(&t, o) != CTL_OK)
		return CTL_CANNOT;
	ctl_table_begin(&table, 3, 0);
	ctl_table_cell(&table, CTL_PLAIN, "%s", _("case"));
	ctl_table_cell(&table, CTL_PLAIN, "%s", _("verdict"));
	ctl_table_cell(&table, CTL_PLAIN, "%s", _("what"));
	for (const struct trial_case *c = trial_cases; c->name != NULL; c++) {
		enum trial_end end;

		if (!is_wanted(o, c))
			continue;
		end = trial_run(&t, c, why, sizeof(why));
		n_failed += end != TRIAL_PASSED;
		ctl_table_cell(&table, CTL_PLAIN, "%s", c->name);
		ctl_table_cell(&table, end == TRIAL_PASSED ? CTL_GREEN : CTL_RED, "%s",
		        end == TRIAL_PASSED ? _("passed") : _("FAILED"));
		ctl_table_cell(&table, CTL_PLAIN, "%s: %s", _(c->what), why);
		if (end != TRIAL_PASSED && strcmp(c->name, "round") == 0) {
			tells_why_no_more = _("the other cases were not tried: they work with its messages\n");
			break;
		}
	}
	ctl_table_print(desk->ctl, &table, stdout);
	printf(n_failed == 0 ? _("%s stands the trial\n") : _("%s does not stand the trial\n"), codec->format);
	fputs(tells_why_no_more, stdout);
	if (n_failed != 0)
		printf(_(
		        "if settings or keys are missing, give a party's or listener's name instead, or --set KEY=VALUE\n"));
	munmap(t.note, sizeof(*t.note));
	munmap(t.samples, sizeof(*t.samples));
	return n_failed == 0 ? CTL_OK : CTL_FOUND;
}

static int take_setting(void *arg, char *value)
{
	if (desk_set(arg, value))
		return CTL_GO_ON;
	return ctl_usage("plugin", "--set wants KEY=VALUE, at most %d times", DESK_SETTINGS_MAX);
}

static int take_sample(void *arg, char *value)
{
	struct options *o = arg;

	if (o->n_samples == SAMPLES_MAX)
		return ctl_usage("plugin", "at most %d samples", SAMPLES_MAX);
	o->samples[o->n_samples++] = value;
	return CTL_GO_ON;
}

static int take_options(struct desk *desk, struct options *o, int argc, char **argv)
{
	const struct ctl_option own[] = { { "set", .take = take_setting, .arg = desk }, { "only", .text = &o->only },
		{ "keep", .text = &o->keep }, { "plugins", .text = &desk->plugin_dir },
		{ "verbose", .flag = &o->is_verbose }, { "sample", .take = take_sample, .arg = o }, { NULL } };

	return ctl_options(desk->ctl, "plugin", argc, argv, own, &o->as_json);
}

int ctl_plugin(struct ctl *ctl, int argc, char **argv)
{
	struct desk desk = { .ctl = ctl };
	struct options o = { .only = NULL };
	int rv = take_options(&desk, &o, argc, argv), n = argc - optind;
	bool lists = n == 1 && strcmp(argv[optind], "list") == 0, checks = n == 2 && strcmp(argv[optind], "check") == 0;

	if (rv != CTL_GO_ON)
		return rv;
	if (!lists && !checks)
		return ctl_usage("plugin", "either `plugin list` or `plugin check P`");
	rv = desk_open(&desk, ctl, false);
	if (rv == CTL_OK)
		rv = lists ? list(&desk, &o) : check(&desk, &o, argv[optind + 1]);
	desk_close(&desk);
	return rv;
}
