/* core/process/reload.h - takes the operator's file: copied once, checked in a child, compared with what runs.
 *
 * The supervisor's, at start and at SIGHUP (supervisor_reload.c). */
#ifndef YT_PROCESS_RELOAD_H
#define YT_PROCESS_RELOAD_H

#include "process/conf.h"

/* conf: the file read, the caller's; NULL after having said why in the log.  copy: a descriptor of the very octets that
 * were checked, the caller's to close; may be -1 without conf. */
typedef void (*reload_done)(struct conf *conf, int copy);
/* Begins to check conf_file as it is now, in a child of its own; done is called once, from the loop or, if there is
 * no child to be had, at once.  A check that is still under way is given up: only what this one finds is told. */
void reload_begin(const char *conf_file, reload_done done);
bool reload_is_busy(void);
/* Writes the copy where children read it.  YT_EIO with errno. */
int reload_write(int copy, const char *path);
/* The first key that differs and that only a restart changes; NULL: none. */
const char *reload_needs_restart(const struct conf *now, const struct conf *next);

#endif
