/* core/engine/secrets.c - octets as the journal may keep them: without credentials (电子凭证令牌, passwords).
 *
 * A codec marks values that must not be kept (yt_msg.n_secrets); written.c and flow.c ask here before they write octets
 * down. In place of each stands a keyed hash, by which two of the same can be told.  The clear value lives in this
 * worker until its leg ends; after a crash such a leg is found out, never sent again (resolve.c, flow.c). */
#include <stdio.h>

#include "engine/work.h"

static void put_hash(void *ctx, struct yt_str secret, struct yt_buf *out)
{
	struct engine *e = ctx;
	uint8_t hash[16];

	e->world.person(e->world.ctx, secret, hash);
	yt_buf_text(out, "#");
	for (size_t i = 0; i < sizeof(hash); i++)
		yt_buf_printf(out, "%02x", hash[i]);
}

struct yt_str secrets_out(struct engine *e, const struct engine_codec *codec, uint64_t exchange, struct yt_str request,
        struct yt_str wire_op, bool is_answer, struct yt_arena *arena, struct yt_str octets)
{
	struct yt_buf blanked = { 0 };
	struct yt_str kept = octets;
	int rv;

	if (codec->api->blank == NULL || octets.n == 0)
		return octets;
	engine_box(e, codec, "blank", exchange, request);
	rv = codec->api->blank(codec->plugin, wire_op, is_answer, arena, octets, put_hash, e, &blanked);
	engine_unbox(e);
	if (rv == 1)
		kept = yt_arena_copy(arena, yt_buf_view(&blanked));
	else if (rv != 0)
		kept = (struct yt_str){ 0 }; /* what cannot be read may hold anything */
	yt_buf_free(&blanked);
	return kept;
}
