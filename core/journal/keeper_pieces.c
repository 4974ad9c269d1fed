/* core/journal/keeper_pieces.c - the newest pieces of case facts in memory.
 *
 * A piece stands in the log within a commit that is compressed and sealed as a whole, together with dozens of other
 * messages: to get at it again costs more than all else of a settlement.  Most visits are settled minutes after their
 * lines were sent, and tried before, so what has just become durable or was just read is remembered, up to a number of
 * bytes and for an hour at most.  keeper_facts.c keeps and asks; what is not here is in the log. */
#include "journal/keeper_parts.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define KEPT_MS (3600 * 1000)

static void drop(struct keeper *k, struct piece *p)
{
	HASH_DEL(k->pieces, p);
	DL_DELETE(k->oldest_piece, p);
	k->piece_bytes -= sizeof(*p) + p->n;
	explicit_bzero(p->octets, p->n); /* as the log, which has them encrypted */
	free(p);
}

/* Makes room for as many bytes and drops what is too old. */
static void tidy(struct keeper *k, size_t bytes)
{
	struct piece *p;

	while ((p = k->oldest_piece) != NULL &&
	        (k->piece_bytes + bytes > k->conf.facts_bytes || keeper_mono(k) - p->since_mono > KEPT_MS))
		drop(k, p);
}

void keeper_keep_piece(struct keeper *k, log_pos pos, uint64_t exchange, struct yt_str octets)
{
	struct piece_place place = { pos, exchange };
	size_t bytes = sizeof(struct piece) + octets.n;
	struct piece *p;

	HASH_FIND(hh, k->pieces, &place, sizeof(place), p);
	if (p != NULL)
		drop(k, p); /* the last one of a commit counts, as it does in the log */
	if (octets.n == 0 || bytes > k->conf.facts_bytes)
		return;
	tidy(k, bytes);
	p = malloc(bytes);
	if (p == NULL)
		return; /* the log has it */
	*p = (struct piece){ .place = place, .since_mono = keeper_mono(k), .n = octets.n };
	memcpy(p->octets, octets.p, octets.n);
	HASH_ADD(hh, k->pieces, place, sizeof(p->place), p);
	DL_APPEND(k->oldest_piece, p);
	k->piece_bytes += bytes;
}

bool keeper_find_piece(struct keeper *k, log_pos pos, uint64_t exchange, struct yt_buf *out)
{
	struct piece_place place = { pos, exchange };
	struct piece *p;

	tidy(k, 0);
	HASH_FIND(hh, k->pieces, &place, sizeof(place), p);
	if (p != NULL)
		yt_buf_add(out, p->octets, p->n);
	return p != NULL;
}

void keeper_forget(struct keeper *k)
{
	while (k->oldest_piece != NULL)
		drop(k, k->oldest_piece);
}
