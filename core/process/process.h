/* core/process/process.h - the processes' entry points; yitongd.c chooses one by its first argument. */
#ifndef YT_PROCESS_PROCESS_H
#define YT_PROCESS_PROCESS_H

#include "process/conf.h"

/* Descriptors that the supervisor leaves open in its children. */
enum {
	FD_CHANNEL = 3, /* keeper */
	FD_KEEPER_METERS = 4,
	FD_DESK_METERS = 3,
	FD_AREA = 3,        /* worker: shared memory with the keeper ... */
	FD_WAKE_KEEPER = 4, /* ... eventfd the worker writes */
	FD_WAKE_WORKER = 5, /* ... eventfd the worker reads */
	FD_QUARANTINE = 6,
	FD_METERS = 7,
	FD_LISTENERS = 8 /* one each, in the configuration's order */
};

int supervisor_main(const char *conf_file);
/* Prints what is wrong, under the name the operator gave it; 0: it can be used. */
int check_main(const char *conf_file, const char *named, int supervisor_pid);
int keeper_main(const char *conf_file, int supervisor_pid);
int desk_main(const char *conf_file, int supervisor_pid);
int worker_main(const char *conf_file, int supervisor_pid, uint32_t slot, uint32_t generation);

/* A child dies with its supervisor and of no Ctrl-C or hang-up.  Exits at once if that is gone already. */
void process_follow(int supervisor_pid);
/* In production none of us leaves a core file: it would hold keys and people's data in the clear. */
void process_guard(enum conf_profile profile);

#endif
