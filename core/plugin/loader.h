/* core/plugin/loader.h - turns a .so file and its settings into one configured plugin instance.
 *
 * A worker loads one instance per listener format and per party when it starts (process/worker_process.c); the
 * engine then calls through plugin_api().  Nothing is replaced inside a running process: a new plugin
 * means a new generation of workers. */
#ifndef YT_PLUGIN_LOADER_H
#define YT_PLUGIN_LOADER_H

#include "yitong/plugin.h"

struct yt_keys; /* format/keys.h */

struct plugin_problem {
	char *why; /* of size octets: what to do; for which instance the caller says */
	size_t size;
	char key[64]; /* the setting at fault; empty: none of those given */
};

struct plugin_setting {
	const char *key, *value;
};

/* Loads file and opens an instance of it.
 * file: owned by root or by us, writable by nobody else; its name without .so must be the plugin's name.
 * instance_name: for the log, copied.  settings: n of them, copied; every key must be one that the
 * plugin declares.  keys: secrets by name, borrowed until plugin_unload(); may be NULL.
 * Returns 0 and *out; or YT_ECONF, YT_EDENIED (file not trusted), YT_ENOMEM, with why telling what to do. */
int plugin_load(struct yt_plugin **out, const char *file, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, char *why, size_t why_size);
/* The same, telling also which setting is at fault. */
int plugin_load_telling(struct yt_plugin **out, const char *file, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, struct plugin_problem *problem);
/* An instance of a table in this very program, for an author's unit tests (yitong/host.h).  Otherwise as plugin_load().
 */
int plugin_adopt(struct yt_plugin **out, const struct yt_codec_api *api, const char *instance_name,
        const struct plugin_setting *settings, size_t n, struct yt_keys *keys, char *why, size_t why_size);
/* A file without settings and open(): its table can be read, its functions must not be called. */
int plugin_look(struct yt_plugin **out, const char *file, char *why, size_t why_size);
/* Whether file has this SHA-256 (64 hex digits, either case).  0; YT_EDENIED: it has another one, which why names;
 * YT_ECONF: no such file, or sha256 is no digest. */
int plugin_check_digest(const char *file, const char *sha256, char *why, size_t why_size);
/* The plugin's table as this build knows it: members that an older plugin lacks are NULL. */
const struct yt_codec_api *plugin_api(const struct yt_plugin *plugin);
const char *plugin_name(const struct yt_plugin *plugin); /* the instance's */
/* Closes the instance and opens it with one other setting, as `yitong plugin check` tries them.  0 or what open() said;
 * it is then open with its own settings again, if that can be done. */
int plugin_open_again(struct yt_plugin *plugin, const struct plugin_setting *other);
void plugin_unload(struct yt_plugin *plugin); /* NULL is fine */

#endif
