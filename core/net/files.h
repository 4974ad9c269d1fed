/* core/net/files.h - files that others take or leave: written whole and durable, placed without replacing anything.
 *
 * Folders are descriptors, names are plain names in them; whoever writes into such a folder may be anybody, so nothing
 * follows a link there.  All of it blocks: not for the loop. */
#ifndef YT_NET_FILES_H
#define YT_NET_FILES_H

#include "yitong/base.h"

#define FILES_NAME_MAX 200 /* octets of a name, so that ours with more around it still fit in 255 */

/* Letters, digits and . _ - that do not begin with a dot: what every file system and shell takes. */
bool files_name_is_plain(struct yt_str name);
/* It says itself that it is not finished: begins with a dot, or ends in .tmp, .part, .filepart, .writing. */
bool files_name_is_unfinished(const char *name);
/* Opens the folder path/name (name NULL: path).  A descriptor, or -errno. */
int files_folder(const char *path, const char *name);
/* All octets, then fdatasync; what was there under that name is overwritten.  0 or -errno; then it is gone again. */
int files_write(int folder, const char *name, struct yt_str octets);
/* Appends the whole regular file to out.  0; -EFBIG: more than most octets; other -errno. */
int files_read(int folder, const char *name, size_t most, struct yt_buf *out);
/* 1: it holds these octets; 0: others; -errno, -ENOENT among them. */
int files_hold(int folder, const char *name, struct yt_str octets);
/* Moves it, within one file system, and syncs nothing.  0; -EEXIST: there is one of that name, nothing was moved;
 * other -errno. */
int files_place(int from_folder, const char *from, int to_folder, const char *to);
int files_sync(int folder); /* names in it are durable; 0 or -errno */

#endif
