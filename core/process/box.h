/* core/process/box.h - the black box: what was handed to which plugin function when a worker died (P8).
 *
 * One box per thread that calls plugins: the worker's loop has the first, the threads of slow codecs (slow.h) the
 * others.  They lie on the worker's board (ring.h), in memory that outlives it, and are read by the supervisor. */
#ifndef YT_PROCESS_BOX_H
#define YT_PROCESS_BOX_H

#include <stdatomic.h>

#include "yitong/base.h"

#define BOX_OCTETS (64u << 10) /* of the message that a black box keeps; the rest is cut */

enum { BOX_LOOP, BOX_SLOW, BOXES = 9 }; /* from BOX_SLOW on: of a thread each */

struct box {
	_Atomic uint32_t busy; /* set last and cleared first */
	char plugin[32], what[32];
	uint64_t exchange;
	uint32_t n_octets;
	uint8_t octets[BOX_OCTETS];
};

struct boxes {
	_Atomic uint32_t died_in; /* 1 + the box of the thread that a signal killed; 0: nobody knows */
	struct box box[BOXES];
};

void box_fill(struct box *box, const char *plugin, const char *what, uint64_t exchange, struct yt_str octets);
void box_empty(struct box *box);
/* From here on a signal that kills this process says whose it was: of the calling thread and of those that say
 * box_is_mine(). */
void box_watch(struct boxes *boxes);
void box_is_mine(uint32_t index); /* the calling thread's; lets those signals in */
/* What it was that killed the worker; NULL: no plugin.  boxes: hostile input. */
const struct box *box_of_death(const struct boxes *boxes);

#endif
