/* core/net/drop_put.h - how one file gets where its party takes it, exactly once; drop.c calls it in its thread.
 *
 * The place is given as five functions, so that a folder here (drop_put.c) and one over there (sftp.c) are filled by
 * the same steps. */
#ifndef YT_NET_DROP_PUT_H
#define YT_NET_DROP_PUT_H

#include "net/lane.h"

#define DROP_WHY_MAX 300

/* Each returns 0 or more as told, or: */
enum {
	PLACE_FAILED = -1, /* surely nothing changed there, with why */
	PLACE_UNSURE = -2  /* it may have: the connection broke meanwhile, with why */
};

struct place {
	/* 1: there is a file of that name with these octets; 2: one with others; 0: there is none. */
	int (*look)(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX]);
	/* Writes it, under whatever is there, and makes it durable. */
	int (*write)(struct place *place, const char *name, struct yt_str octets, char why[DROP_WHY_MAX]);
	int (*rename)(
	        struct place *place, const char *from, const char *to, char why[DROP_WHY_MAX]); /* never over one */
	int (*remove)(struct place *place, const char *name, char why[DROP_WHY_MAX]);
	int (*sync)(struct place *place, char why[DROP_WHY_MAX]); /* names are durable */
	/* Its rename may be two steps, as of servers that link and then remove: one that dies, or hangs, in between
	 * leaves the old name too. */
	bool renames_by_halves;
};

/* A folder of this machine. */
struct place_here {
	struct place place;
	int folder; /* a descriptor, the caller's */
};
void place_here(struct place_here *here, int folder);

/* sent: descriptor of the folder of our receipts.  Returns how it ended; *status is set with LANE_ANSWERED, why else.
 */
enum lane_end drop_put(
        struct place *place, int sent, const char *name, struct yt_str octets, int *status, char why[DROP_WHY_MAX]);

#endif
