/* core/engine/facts.h - case facts: what earlier messages of a visit carried and later ones need (design.md 4).
 *
 * A settlement across provinces carries what a local one does not: who the person is, when he was admitted, what
 * each accepted fee line came to.  Each message of such a visit leaves a piece of that behind (facts_piece), a JSON
 * object which the journal keeps encrypted under the case's keys (facts_keys).  Before a message is said in a format
 * that needs more, the pieces come back (DOWN_FACTS), facts_gather() lays them over each other in their order and
 * facts_compose() makes one message of them.  Pure, like all of the engine. */
#ifndef YT_ENGINE_FACTS_H
#define YT_ENGINE_FACTS_H

#include "yitong/message.h"

#define FACTS_KEY_MAX 96           /* bytes of one key with the NUL */
#define FACTS_KEYS_MAX 3           /* of one message */
#define FACTS_BYTES_MAX (1u << 20) /* of all pieces of a case */

struct facts {
	struct yt_arena *arena;
	struct yt_node *pieces; /* array, oldest first */
	struct yt_node *set;    /* object of single values, after facts_gather() */
	struct yt_node *parts;  /* object of objects and arrays kept whole: consent, payee; after facts_gather() */
	struct yt_node *lines;  /* array of accepted fee lines with their split, after facts_gather() */
};

/* The keys under which a message's case is kept: its visit, the institution's own number of it, its person.
 * person: keyed hash.  reply: the answer, which may issue the visit's number; NULL before there is one.  Returns how
 * many were written. */
unsigned facts_keys(const struct yt_msg *msg, const struct yt_reply *reply, const uint8_t person[16],
        char keys[FACTS_KEYS_MAX][FACTS_KEY_MAX]);

/* Payments with the same payee, amount and type are found under one key.  The text whose keyed hash (of persons) begins
 * their digest; NULL when out of memory ... */
struct yt_str facts_pay_text(struct yt_arena *arena, struct yt_str payee, int64_t fen, struct yt_str type);
/* ... and the key, "d/" and what of the digest stands for these (PAY_DIGEST_SAME).  False: it is of no payment. */
bool facts_pay_key(const uint8_t digest[16], char key[FACTS_KEY_MAX]);

/* What msg and its answer leave behind for later messages; NULL when nothing or out of memory. */
struct yt_node *facts_piece(struct yt_arena *arena, const struct yt_msg *msg, const struct yt_reply *reply);

/* The lines that msg uploaded to a party of another format, each with the number of ours under which that left
 * (uploaded_as): by it they are withdrawn there.  NULL when there are none or out of memory. */
struct yt_node *facts_upload(struct yt_arena *arena, const struct yt_msg *msg, struct yt_str number);

void facts_begin(struct facts *facts, struct yt_arena *arena);
/* Adds a piece as facts_piece() made it. */
void facts_add(struct facts *facts, struct yt_node *piece);
/* Adds a piece, or an array of them, as the journal kept it: JSON, borrowed.  0, YT_EFORMAT or YT_ENOMEM. */
int facts_read(struct facts *facts, struct yt_str json);
/* Lays the pieces over each other, those of other charge batches left out.  batch empty: the one of the settlement
 * that msg names, else all. */
int facts_gather(struct facts *facts, const struct yt_msg *msg);
/* A single value; empty when no piece has it. */
struct yt_str facts_get(const struct facts *facts, const char *name);

/* msg as another party needs it: the same head and business part, operation op, and the facts beside it
 * (yt_msg.facts).  NULL when out of memory. */
struct yt_msg *facts_compose(const struct facts *facts, const struct yt_msg *msg, const struct yt_op *op);

#endif
