/* plugins/intake/intake.h - what intake.c and signed.c share. */
#ifndef YT_INTAKE_INTAKE_H
#define YT_INTAKE_INTAKE_H

#include <yitong/plugin.h>

#define NODES_MAX 300000 /* of a message: a settlement with its 5,000 fee lines, a list of 10,000 payouts */

/* Sets fault and returns YT_EFORMAT. */
int intake_refuse(struct yt_fault *fault, const char *path, const char *why);

/* The message in octets: without the line of its signature, where it has one.  With the setting verify_key a message
 * that comes from outside (msg->path) must have one, its sender's.  0, YT_EFORMAT with fault, YT_ENOMEM. */
int intake_unsign(struct yt_plugin *self, const struct yt_msg *msg, struct yt_str octets, struct yt_str *message,
        struct yt_fault *fault);
/* With the setting sign_key: the line of our signature behind what stands in out.  0, YT_EFORMAT, YT_ENOMEM. */
int intake_sign(struct yt_plugin *self, struct yt_buf *out, struct yt_fault *fault);

/* See struct yt_codec_api. */
int intake_open(struct yt_plugin *self);
int intake_file_name(struct yt_plugin *self, struct yt_str octets, struct yt_arena *arena, struct yt_str *name);
bool intake_file_is_whole(struct yt_plugin *self, struct yt_str octets);

#endif
