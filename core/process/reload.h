/* core/process/reload.h - takes the operator's file: copied once, checked in a child, compared with what runs.
 *
 * The supervisor's, at start and at SIGHUP (supervisor.c). */
#ifndef YT_PROCESS_RELOAD_H
#define YT_PROCESS_RELOAD_H

#include "process/conf.h"

/* Checks conf_file as it is now.  Returns it read, with *copy a descriptor of the very octets that were checked,
 * the caller's to close; NULL after having said why in the log. */
struct conf *reload_take(const char *conf_file, int *copy);
/* Writes the copy where children read it.  YT_EIO with errno. */
int reload_write(int copy, const char *path);
/* The first key that differs and that only a restart changes; NULL: none. */
const char *reload_needs_restart(const struct conf *now, const struct conf *next);

#endif
