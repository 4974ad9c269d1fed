/* tests/plugins/variant.c - one small plugin per way in which a plugin can be older, newer or wrong.
 *
 * Built once per VARIANT (CMakeLists.txt); test_plugin.c loads them. */
#include <stddef.h>

#include "yitong/plugin.h"

#define OLDER 1
#define NEWER 2
#define MAJOR 3
#define TINY 4
#define MISNAMED 5
#define NOSYMBOL 6
#define SETTINGS 7
#define UNWILLING 8
#define UNTYPED 9

#if VARIANT == NOSYMBOL

YT_EXPORT int yt_something_else(void);
int yt_something_else(void)
{
	return 0;
}

#elif VARIANT == NEWER

/* Built with a later minor, which appended a member. */
struct later_api {
	struct yt_codec_api known;
	int (*appended)(void);
};
YT_EXPORT extern const struct later_api yt_codec_api;
const struct later_api yt_codec_api = { .known = { .abi_major = YT_ABI_MAJOR,
	                                        .abi_minor = YT_ABI_MINOR + 1,
	                                        .size = sizeof(struct later_api),
	                                        .name = "newer",
	                                        .content_type = "text/plain" } };

#elif VARIANT == SETTINGS

static int opened;

static int settings_open(struct yt_plugin *self)
{
	if (yt_str_is(yt_plugin_setting(self, "may"), "never")) {
		yt_plugin_log(self, YT_ERROR, "setting may is never good");
		return YT_ECONF;
	}
	opened++;
	yt_plugin_ctx_set(self, &opened);
	return 0;
}

static void settings_close(struct yt_plugin *self)
{
	(*(int *)yt_plugin_ctx(self))--;
}

/* Tells a setting, by way of the only text that this table gives back. */
static struct yt_str settings_sender(struct yt_plugin *self, const struct yt_header *headers, size_t n)
{
	return yt_plugin_setting(self, n == 0 ? "must" : "may");
}

static const struct yt_setting declared[] = { { "must", NULL, "has to be given" }, { "may", "default", "can be given" },
	{ NULL, NULL, NULL } };

YT_CODEC_PLUGIN(.name = "settings", .content_type = "text/plain", .settings = declared, .open = settings_open,
        .close = settings_close, .sender = settings_sender);

#else

static int never_called(struct yt_plugin *self)
{
	return YT_ECONF;
}

YT_EXPORT extern const struct yt_codec_api yt_codec_api;
const struct yt_codec_api yt_codec_api = {
	.abi_major = VARIANT == MAJOR ? YT_ABI_MAJOR + 1 : YT_ABI_MAJOR,
	.abi_minor = YT_ABI_MINOR,
	/* What stands behind an older plugin's table is not part of it, whatever it looks like. */
	.size = VARIANT == OLDER  ? offsetof(struct yt_codec_api, open)
	        : VARIANT == TINY ? 16
	                          : sizeof(struct yt_codec_api),
	.name = VARIANT == OLDER       ? "older"
	        : VARIANT == MISNAMED  ? "Mis_named"
	        : VARIANT == UNWILLING ? "unwilling"
	        : VARIANT == UNTYPED   ? "untyped"
	                               : "other",
	.content_type = VARIANT == UNTYPED ? NULL : "text/plain",
	.open = never_called,
};

#endif
