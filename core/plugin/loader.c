/* core/plugin/loader.c - loads a codec plugin, checks that it may be loaded, gives it its settings.
 *
 *  - plugin_check_digest()  is it the very file the operator means? (conf_plugins.c, where one is pinned)
 *  - trust_file()      who could have changed the file?
 *  - dlopen, one symbol yt_codec_api
 *  - take_table()      ABI major equal, min(size, sizeof) bytes copied into a zeroed table
 *  - take_settings()   every key known, every required one given
 *  - open()            the plugin's own look at its settings */
#include <dlfcn.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/words.h"
#include "plugin/instance.h"

static int YT_PRINTF(3, 4) tell(struct plugin_problem *p, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->why, p->size, _(fmt), args);
	va_end(args);
	return error;
}

/* A plugin runs with all our rights, so nobody may have written it who has not got them. */
static int trust_file(const char *file, struct plugin_problem *p)
{
	struct stat st;

	if (stat(file, &st) != 0)
		return errno == ENOENT
		               ? tell(p, YT_ECONF,
		                         "%s: cannot be read: there is no such format, or plugin_dir is another; `yitong plugin list` shows what there is",
		                         file)
		               : tell(p, YT_ECONF, "%s: cannot be read: %s", file, _(strerror(errno)));
	if (!S_ISREG(st.st_mode))
		return tell(p, YT_EDENIED, "%s: is not a regular file", file);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return tell(p, YT_EDENIED, "%s: belongs to user %u; chown it to root or to the user that runs us", file,
		        (unsigned)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return tell(p, YT_EDENIED, "%s: others may write to it (mode %03o); chmod go-w it", file,
		        (unsigned)(st.st_mode & 0777));
	return 0;
}

/* The file's SHA-256 in lower-case hex; false if it cannot be read. */
static bool digest_file(const char *file, char out[65])
{
	static const char hex[] = "0123456789abcdef";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	FILE *in = fopen(file, "rbe");
	uint8_t digest[32], buf[16384];
	bool ok = ctx != NULL && in != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	size_t n;

	while (ok && (n = fread(buf, 1, sizeof(buf), in)) > 0)
		ok = EVP_DigestUpdate(ctx, buf, n) == 1;
	ok = ok && !ferror(in) && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	for (size_t i = 0; ok && i < sizeof(digest); i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[64] = '\0';
	if (in != NULL)
		fclose(in);
	EVP_MD_CTX_free(ctx);
	return ok;
}

int plugin_check_digest(const char *file, const char *sha256, char *why, size_t why_size)
{
	struct plugin_problem p = { why, why_size, "" };
	char found[65] = "";

	if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdefABCDEF") != 64)
		return tell(&p, YT_ECONF, "plugin_sha256 must be 64 hex digits, as `sha256sum %s` prints them", file);
	if (!digest_file(file, found))
		return tell(&p, YT_ECONF, "%s: cannot be read: %s", file, _(strerror(errno)));
	if (strcasecmp(found, sha256) != 0)
		return tell(&p, YT_EDENIED,
		        "%s: has SHA-256 %s, not the one in gateway.plugin_sha256; put the right file there, or "
		        "the new digest if it was replaced on purpose",
		        file, found);
	return 0;
}

static bool name_is_valid(const char *name)
{
	size_t n = name != NULL ? strnlen(name, 32) : 0;

	if (n < 1 || n > 31)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '-'))
			return false;
	return true;
}

/* "nhsa.so" holds the plugin "nhsa": a file under a wrong name is a mistake to be told early. */
static bool name_is_files(const char *name, const char *file)
{
	const char *base = strrchr(file, '/');
	size_t n = strlen(name);

	base = base != NULL ? base + 1 : file;
	return strncmp(base, name, n) == 0 && strcmp(base + n, ".so") == 0;
}

static int take_table(struct yt_plugin *plugin, const char *file, struct plugin_problem *p)
{
	const struct yt_codec_api *api = dlsym(plugin->handle, "yt_codec_api");
	size_t size;

	if (api == NULL)
		return tell(p, YT_ECONF, "%s: has no yt_codec_api; is it a codec plugin?", file);
	if (api->abi_major != YT_ABI_MAJOR)
		return tell(p, YT_ECONF,
		        "%s: was built for plugin ABI %u.%u, this program speaks %u.%u; rebuild the plugin", file,
		        api->abi_major, api->abi_minor, YT_ABI_MAJOR, YT_ABI_MINOR);
	size = api->size;
	if (size < offsetof(struct yt_codec_api, open))
		return tell(p, YT_ECONF, "%s: its table has only %zu bytes; rebuild the plugin", file, size);
	/* What an older plugin never knew is NULL; what a newer one appended is not ours to call. */
	memcpy(&plugin->api, api, size < sizeof(plugin->api) ? size : sizeof(plugin->api));
	if (!name_is_valid(plugin->api.name))
		return tell(p, YT_ECONF, "%s: its name must be 1 to 31 of a-z, 0-9 and -", file);
	if (!name_is_files(plugin->api.name, file))
		return tell(p, YT_ECONF, "%s: holds the plugin \"%s\"; rename it to %s.so", file, plugin->api.name,
		        plugin->api.name);
	if (plugin->api.content_type == NULL)
		return tell(p, YT_ECONF, "%s: names no content type", file);
	return 0;
}

static size_t count_declared(const struct yt_setting *declared)
{
	size_t n = 0;

	while (declared != NULL && declared[n].key != NULL)
		n++;
	return n;
}

static struct plugin_value *find_value(const struct yt_plugin *plugin, const char *key)
{
	for (size_t i = 0; i < plugin->n_values; i++)
		if (strcmp(plugin->values[i].key, key) == 0)
			return &plugin->values[i];
	return NULL;
}

/* The keys that would have been right, for the text about one that is not. */
static void list_keys(const struct yt_plugin *plugin, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < plugin->n_values && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", plugin->values[i].key);
}

static int take_given(struct yt_plugin *plugin, const struct plugin_setting *given, struct plugin_problem *p)
{
	struct plugin_value *value = find_value(plugin, given->key);
	char known[400];

	snprintf(p->key, sizeof(p->key), "%s", given->key);
	if (value == NULL) {
		list_keys(plugin, known, sizeof(known));
		return tell(p, YT_ECONF, "plugin %s has no setting \"%s\"; it has: %s", plugin->api.name, given->key,
		        known);
	}
	if (value->given)
		return tell(p, YT_ECONF, "setting \"%s\" is given twice", given->key);
	value->given = true;
	p->key[0] = '\0';
	value->value = yt_arena_copy(plugin->arena, yt_str(given->value));
	return value->value.p != NULL ? 0 : tell(p, YT_ENOMEM, "out of memory");
}

static int take_settings(
        struct yt_plugin *plugin, const struct plugin_setting *given, size_t n, struct plugin_problem *p)
{
	const struct yt_setting *declared = plugin->api.settings;
	int rv = 0;

	plugin->n_values = count_declared(declared);
	plugin->values = yt_arena_alloc(plugin->arena, (plugin->n_values + 1) * sizeof(*plugin->values));
	if (plugin->values == NULL)
		return tell(p, YT_ENOMEM, "out of memory");
	for (size_t i = 0; i < plugin->n_values; i++)
		plugin->values[i] = (struct plugin_value){ declared[i].key, yt_str(declared[i].fallback), false };
	for (size_t i = 0; i < n && rv == 0; i++)
		rv = take_given(plugin, &given[i], p);
	for (size_t i = 0; i < plugin->n_values && rv == 0; i++)
		if (declared[i].fallback == NULL && !plugin->values[i].given)
			rv = tell(p, YT_ECONF, "plugin %s needs the setting \"%s\": %s", plugin->api.name,
			        declared[i].key, declared[i].doc != NULL ? declared[i].doc : "");
	return rv;
}

static int take_file(struct yt_plugin *plugin, const char *file, struct plugin_problem *p)
{
	int rv = trust_file(file, p);

	if (rv != 0)
		return rv;
	/* Never RTLD_DEEPBIND: the plugin must find our allocator and our TLS library, not another one. */
	plugin->handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (plugin->handle == NULL)
		return tell(p, YT_ECONF, "%s: cannot be loaded: %s", file, dlerror());
	return take_table(plugin, file, p);
}

/* What it logged begins "setting KEY ", by which its line of the configuration is found. */
static void find_key(const struct yt_plugin *plugin, const char *told, struct plugin_problem *p)
{
	for (size_t i = 0; i < plugin->n_values; i++) {
		size_t n = strlen(plugin->values[i].key);

		if (strncmp(told, "setting ", 8) == 0 && strncmp(told + 8, plugin->values[i].key, n) == 0 &&
		        told[8 + n] == ' ')
			snprintf(p->key, sizeof(p->key), "%s", plugin->values[i].key);
	}
}

static int open_with(
        struct yt_plugin *plugin, const struct plugin_setting *settings, size_t n, struct plugin_problem *p)
{
	int rv = take_settings(plugin, settings, n, p);
	char told[PLUGIN_TOLD_MAX] = "";

	if (rv != 0 || plugin->api.open == NULL)
		return rv;
	plugin->told = told;
	rv = plugin->api.open(plugin);
	plugin->told = NULL;
	if (rv != 0) {
		find_key(plugin, told, p);
		return tell(p, rv, "plugin %s refused its settings: %s", plugin->api.name,
		        told[0] != '\0' ? told : _("it did not say why"));
	}
	plugin->opened = true;
	return 0;
}

/* One of file and api is given. */
static int load_any(struct yt_plugin **out, const char *file, const struct yt_codec_api *api, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, struct plugin_problem *p)
{
	struct yt_plugin *plugin = calloc(1, sizeof(*plugin));
	int rv = YT_ENOMEM;

	if (p->size > 0)
		p->why[0] = '\0';
	*out = NULL;
	if (plugin == NULL)
		goto out;
	plugin->arena = yt_arena_new(0);
	if (plugin->arena == NULL)
		goto out;
	plugin->keys = keys;
	plugin->name = yt_arena_copy(plugin->arena, yt_str(instance_name)).p;
	if (plugin->name == NULL)
		goto out;
	rv = file != NULL ? take_file(plugin, file, p) : 0;
	if (file == NULL)
		memcpy(&plugin->api, api, api->size < sizeof(plugin->api) ? api->size : sizeof(plugin->api));
	if (rv == 0)
		rv = open_with(plugin, settings, n, p);
	if (rv != 0)
		goto out;
	*out = plugin;
	plugin = NULL;
out:
	if (rv == YT_ENOMEM)
		tell(p, rv, "out of memory");
	plugin_unload(plugin);
	return rv;
}

int plugin_load(struct yt_plugin **out, const char *file, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, char *why, size_t why_size)
{
	return load_any(
	        out, file, NULL, instance_name, settings, n, keys, &(struct plugin_problem){ why, why_size, "" });
}

int plugin_load_telling(struct yt_plugin **out, const char *file, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, struct plugin_problem *problem)
{
	return load_any(out, file, NULL, instance_name, settings, n, keys, problem);
}

int plugin_adopt(struct yt_plugin **out, const struct yt_codec_api *api, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, char *why, size_t why_size)
{
	return load_any(
	        out, NULL, api, instance_name, settings, n, keys, &(struct plugin_problem){ why, why_size, "" });
}

int plugin_look(struct yt_plugin **out, const char *file, char *why, size_t why_size)
{
	struct plugin_problem p = { why, why_size, "" };
	struct yt_plugin *plugin = calloc(1, sizeof(*plugin));
	int rv = plugin != NULL ? take_file(plugin, file, &p) : tell(&p, YT_ENOMEM, "out of memory");

	*out = rv == 0 ? plugin : NULL;
	if (rv != 0)
		plugin_unload(plugin);
	return rv;
}

static int reopen(struct yt_plugin *plugin)
{
	int rv = plugin->api.open(plugin);

	plugin->opened = rv == 0;
	return rv;
}

static void close_instance(struct yt_plugin *plugin)
{
	if (plugin->opened && plugin->api.close != NULL)
		plugin->api.close(plugin);
	plugin->opened = false;
}

int plugin_open_again(struct yt_plugin *plugin, const struct plugin_setting *other)
{
	struct plugin_value *value = find_value(plugin, other->key);
	struct yt_str own;
	int rv;

	if (value == NULL || plugin->api.open == NULL)
		return YT_ENOTFOUND;
	own = value->value;
	close_instance(plugin);
	value->value = yt_str(other->value);
	rv = reopen(plugin);
	close_instance(plugin);
	value->value = own;
	(void)reopen(plugin);
	return rv;
}

const struct yt_codec_api *plugin_api(const struct yt_plugin *plugin)
{
	return &plugin->api;
}

const char *plugin_name(const struct yt_plugin *plugin)
{
	return plugin->name;
}

void plugin_unload(struct yt_plugin *plugin)
{
	if (plugin == NULL)
		return;
	close_instance(plugin);
	if (plugin->handle != NULL)
		dlclose(plugin->handle);
	yt_arena_free(plugin->arena);
	free(plugin);
}
