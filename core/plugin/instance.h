/* core/plugin/instance.h - what a plugin instance is made of, shared by loader.c and host.c only. */
#ifndef YT_PLUGIN_INSTANCE_H
#define YT_PLUGIN_INSTANCE_H

#include "plugin/loader.h"

struct plugin_value {
	const char *key; /* the plugin's own text */
	struct yt_str value;
	bool given;
};

#define PLUGIN_TOLD_MAX 512

struct yt_plugin {
	void *handle; /* of dlopen */
	struct yt_codec_api api;
	struct yt_arena *arena; /* holds this struct's texts */
	const char *name;
	struct plugin_value *values;
	size_t n_values;
	struct yt_keys *keys;
	void *ctx;
	bool opened;
	char *told; /* while opening: PLUGIN_TOLD_MAX octets for the first error it logs, why it refuses its settings */
};

#endif
