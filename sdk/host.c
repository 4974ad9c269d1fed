/* sdk/host.c - yitong/host.h over the core's own loader and keys. */
#include "host.h"

#include <stdio.h>

#include "format/keys.h"
#include "plugin/instance.h"

static int add_keys(struct yt_keys *to, const struct yt_host_key *keys, size_t n, char *why, size_t size)
{
	int rv = 0;

	for (size_t i = 0; i < n && rv == 0; i++) {
		const struct keys_spec spec = { keys[i].name, keys[i].owner, keys[i].id, keys[i].file, keys[i].kind, INT64_MIN,
			INT64_MAX };

		rv = keys[i].kind == YT_KEY_SECRET ? keys_add_secret(to, keys[i].name, keys[i].file, why, size) :
			keys_add(to, &spec, why, size);
	}
	return rv;
}

struct yt_plugin *yt_host_open(const struct yt_codec_api *api, const struct yt_setting_value *values, size_t n_values,
                               const struct yt_host_key *keys, size_t n_keys)
{
	struct plugin_setting given[64];
	struct yt_plugin *plugin = NULL;
	struct yt_keys *all = NULL;
	char why[400] = "more than 64 settings";
	int rv = n_values <= 64 ? keys_open(&all, NULL, why, sizeof(why)) : YT_ECONF;

	for (size_t i = 0; i < n_values && rv == 0; i++)
		given[i] = (struct plugin_setting){ values[i].key, values[i].value };
	if (rv == 0)
		rv = add_keys(all, keys, n_keys, why, sizeof(why));
	if (rv == 0)
		rv = plugin_adopt(&plugin, api, "test", given, n_values, all, why, sizeof(why));
	if (rv != 0) {
		fprintf(stderr, "yt_host_open: %s\n", why);
		keys_close(all);
	}
	return plugin;
}

void yt_host_close(struct yt_plugin *plugin)
{
	struct yt_keys *keys = plugin != NULL ? plugin->keys : NULL;

	plugin_unload(plugin);
	keys_close(keys);
}
