/* core/ctl/desk.h - what the commands that work with formats share: codecs as configured, files, trees as text.
 *
 * ctl_explain.c, ctl_translate.c, ctl_sign.c, ctl_probe.c and ctl_plugin.c take a codec to the operator's desk: the
 * same plugin with the same settings and keys as a worker has, without a gateway around it.  They send nothing, but for
 * `yitong probe`, and write nothing into the journal. */
#ifndef YT_CTL_DESK_H
#define YT_CTL_DESK_H

#include "ctl/ctl.h"
#include "engine/facts.h"
#include "format/keys.h"
#include "plugin/loader.h"

#define DESK_CODECS_MAX 64
#define DESK_SETTINGS_MAX 32
#define DESK_FILE_MAX (16u << 20)              /* octets read from one file */
#define DESK_PLUGINS "/usr/lib/yitong/plugins" /* without a configuration and --plugins */

int ctl_explain(struct ctl *ctl, int argc, char **argv);
int ctl_translate(struct ctl *ctl, int argc, char **argv);
int ctl_sign_explain(struct ctl *ctl, int argc, char **argv);
int ctl_probe(struct ctl *ctl, int argc, char **argv);
int ctl_plugin(struct ctl *ctl, int argc, char **argv);

struct desk_codec {
	const char *name; /* as it was asked for */
	const char *format;
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
};

struct desk {
	struct ctl *ctl;
	struct yt_arena *arena; /* of all that is read and made */
	struct yt_keys *keys;
	const char *plugin_dir;                           /* --plugins; NULL: the configuration's */
	struct plugin_setting setting[DESK_SETTINGS_MAX]; /* --set, for a format's bare name */
	size_t n_settings;
	struct desk_codec codec[DESK_CODECS_MAX];
	size_t n_codecs;
	char key_trouble[300]; /* the first key that could not be read; empty: none */
};

/* Keys that cannot be read are remembered, not refused: most commands can do without.  needs_conf false: works without
 * a configuration too (ctl->conf stays NULL).  Returns enum ctl_exit; desk_close() in any case. */
int desk_open(struct desk *desk, struct ctl *ctl, bool needs_conf);
void desk_close(struct desk *desk);
/* "KEY=VALUE" of --set; false when it is none or there are too many. */
bool desk_set(struct desk *desk, char *text);

/* name: a listener or party (with its settings), a format, or a plugin's file (with a / in it).  NULL after having told
 * why not. */
const struct desk_codec *desk_codec(struct desk *desk, const char *name);

/* The whole file; "-" is standard input.  Returns enum ctl_exit, having told. */
int desk_read(struct desk *desk, const char *file, struct yt_str *out);
/* A JSON object or array of pieces as the journal keeps them; file NULL: none. */
int desk_facts(struct desk *desk, const char *file, const struct yt_msg *msg, struct facts *facts);

/* msg as codec's party would be asked it: composed where the format is another, numbered where the codec makes numbers.
 * NULL when out of memory. */
struct yt_msg *desk_outward(struct desk *desk, const struct desk_codec *from, const struct desk_codec *to,
        const struct yt_msg *msg, const struct facts *facts, const struct yt_op *op);

/* The format's own number of an operation, the first where there are several; empty: it has none. */
struct yt_str desk_wire_of(const struct desk_codec *codec, enum yt_operation op);
/* A canonical message or answer as a tree. */
struct yt_node *desk_message(struct desk *desk, const struct yt_msg *msg);
struct yt_node *desk_reply(struct desk *desk, const struct yt_reply *reply);
/* "operation: ..." a line, objects and rows indented; texts of several lines behind bars. */
void desk_print(const struct yt_node *tree, FILE *out);
void desk_print_json(const struct yt_node *tree, FILE *out);
/* ctl_draw.c: a flow as a picture, at most 100 columns wide; desk: open, with the plugins of its parties. */
void ctl_draw_flow(struct desk *desk, const struct conf_flow *flow, FILE *out);
/* A member of a tree; empty texts are left out. */
void desk_put(struct desk *desk, struct yt_node *object, const char *name, struct yt_str text);
void desk_putf(struct desk *desk, struct yt_node *object, const char *name, const char *fmt, ...) YT_PRINTF(4, 5);

#endif
