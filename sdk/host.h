/* yitong/host.h - a codec's host without a gateway, for its author's unit tests: libyitong-host.a.
 *
 * The services of yitong/plugin.h are the gateway's own; only loading a file, the black box and the event loop are left
 * out.  Link the codec's objects into the test and hand its table, yt_codec_api, to yt_host_open(). */
#ifndef YITONG_HOST_H
#define YITONG_HOST_H

#include "yitong/plugin.h"

extern const struct yt_codec_api yt_codec_api; /* the codec under test */

struct yt_setting_value {
	const char *key, *value;
};

struct yt_host_key {
	const char *name;
	const char *owner, *id; /* on the wire; NULL: none */
	const char *file;       /* secret: one line; sm4: 32 hex digits; sm2: PEM.  Nobody else may read it */
	enum yt_key_kind kind;
};

/* One configured instance; keys as the configuration's secrets and keys.  NULL after a line on stderr that says why. */
struct yt_plugin *yt_host_open(const struct yt_codec_api *api, const struct yt_setting_value *values, size_t n_values,
                               const struct yt_host_key *keys, size_t n_keys);
void yt_host_close(struct yt_plugin *plugin); /* NULL is fine */

#endif
