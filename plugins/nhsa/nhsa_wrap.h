/* plugins/nhsa/nhsa_wrap.h - the wrapped form (variant C): what its two files share.
 *
 * A wrapped message is an object of appId, encType, signType, version, timestamp, encData and signData, an
 * answer has code, message, type and success as well.  wrap_text.c makes the text that is signed, wrap.c
 * seals and opens. */
#ifndef NHSA_WRAP_H
#define NHSA_WRAP_H

#include "yitong/json.h"
#include "yitong/node.h"

/* Appends node as it is signed: compact JSON, names in the order of their code points, without empty texts,
 * nulls and empty arrays, numbers and truth values as texts.  0 or YT_ENOMEM. */
int nhsa_wrap_canonical(const struct yt_node *node, struct yt_arena *arena, struct yt_buf *out);
/* Appends the text to sign up to and with "key=": the secret has to follow.  data: the plain business object, NULL
 * when there is none.  0 or YT_ENOMEM. */
int nhsa_wrap_text(
        const struct yt_node *wrapper, const struct yt_node *data, struct yt_arena *arena, struct yt_buf *out);

#endif
