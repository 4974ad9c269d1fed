/* core/net/drop_fetch.h - files that a party has for us over SFTP, brought into a folder here; in drop.c's thread. */
#ifndef YT_NET_DROP_FETCH_H
#define YT_NET_DROP_FETCH_H

#include "net/sftp.h"

#define DROP_FETCH_MAX 256 /* files of one round */

/* What stood there at the round before. */
struct drop_fetch {
	struct sftp_entry *entry; /* by name */
	size_t n;
};

/* One round: each file that is as it was the round before, and is not among our receipts so, is written into folder/in,
 * where a listener of kind folder finds it, and gets its receipt folder/fetched/NAME.  Nothing changes over there.
 * sftp: not connected; most: octets of a file, larger ones are left.  Returns how many came; -1 with why. */
int drop_fetch(struct drop_fetch *fetch, struct sftp *sftp, const char *folder, size_t most, char why[DROP_WHY_MAX]);

#endif
