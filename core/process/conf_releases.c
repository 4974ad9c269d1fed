/* core/process/conf_releases.c - rules by which payments leave without two people: each signed by who answers for it.
 *
 * Whoever writes the configuration could name anybody, so a rule carries the signature of the person it names, made
 * with a key that this host does not have.  conf_pay.c has looked at the rule itself; conf_check_plugins() calls this
 * with the keys, so `yitong check` and the supervisor's child do at start and at each reload.
 *
 * docs/payments.md, "Who signs a rule", has the text that is signed. */
#include "process/conf_parts.h"

#include "engine/engine.h"
#include "format/keys.h"
#include "yitong/charset.h"
#include "yitong/plugin.h"

#define FORM "yitong-release 1" /* raised when a line is added */
#define DAY_MS (86400 * INT64_C(1000))

void conf_release_text(const struct conf *conf, uint32_t i, struct yt_buf *out)
{
	const struct conf_release *r = &conf->releases[i];
	char most[24];

	yt_fen_print(conf->engine_releases[i].most_fen, most);
	yt_buf_printf(out, "%s\n", FORM);
	yt_buf_printf(out, "pay_type: %s\n", conf->engine_releases[i].pay_type);
	yt_buf_printf(out, "most: %s\n", most);
	yt_buf_printf(out, "until: %s\n", r->until);
	yt_buf_printf(out, "signed_by: %s\n", r->signed_by);
	yt_buf_printf(out, "signed_on: %s\n", r->signed_on);
}

/* Whether k is a key of the signer's that was valid at some time of that day.  Not a private one: what this host could
 * sign itself would prove nothing. */
static bool is_signers(const struct conf_release *r, const struct conf_named_key *k, const struct yt_keys *keys)
{
	struct yt_key key;
	int64_t day_ms;

	return k->name != NULL && keys_get(keys, yt_str(k->name), &key) == 0 && key.kind == YT_KEY_SM2_PUBLIC &&
	       yt_str_is(key.owner, r->signed_by) && yt_time_parse(yt_str(r->signed_on), &day_ms) == 0 &&
	       key.from_ms < day_ms + DAY_MS && key.to_ms > day_ms;
}

/* 0; YT_EFORMAT: it is no signature; YT_ENOTFOUND: the signer has no key; YT_EDENIED: it is not his. */
static int verify(const struct conf *conf, uint32_t i, const struct yt_keys *keys)
{
	const struct conf_release *r = &conf->releases[i];
	struct yt_buf der = { 0 }, text = { 0 };
	struct yt_piece piece;
	uint8_t signature[64];
	int rv = yt_base64_read(yt_str(r->signature), &der);

	if (rv == 0)
		rv = yt_sm2_from_der(yt_buf_view(&der), signature);
	yt_buf_free(&der);
	if (rv != 0)
		return rv;
	conf_release_text(conf, i, &text);
	piece = YT_PIECE(yt_buf_view(&text));
	rv = text.failed ? YT_ENOMEM : YT_ENOTFOUND;
	for (uint32_t k = 0; k < conf->n_keys && (rv == YT_ENOTFOUND || rv == YT_EDENIED); k++)
		if (is_signers(r, &conf->keys[k], keys))
			rv = keys_sm2_verify(keys, yt_str(conf->keys[k].name), NULL, &piece, 1, signature) == 0
			             ? 0
			             : YT_EDENIED;
	yt_buf_free(&text);
	return rv;
}

static void check_signature(const struct conf *conf, uint32_t i, const struct yt_keys *keys, struct conf_errors *errors)
{
	const struct conf_release *r = &conf->releases[i];

	switch (verify(conf, i, keys)) {
	case 0:
		return;
	case YT_ENOMEM:
		conf_error_add(errors, 0, 0, "out of memory");
		return;
	case YT_ENOTFOUND:
		conf_error_add(errors, r->place.line, r->place.column,
		        "signature: keys has no sm2-public of owner \"%s\" (signed_by) that was valid on %s: add the "
		        "signer's public key",
		        r->signed_by, r->signed_on);
		return;
	case YT_EFORMAT:
		conf_error_add(errors, r->place.line, r->place.column,
		        "signature is not base64 of a signature in DER: it is one line, as `openssl dgst -sign` and "
		        "`base64 -w0` write it");
		return;
	default:
		conf_error_add(errors, r->place.line, r->place.column,
		        "signature is not that of %s over this release: let %s sign anew what `yitong check --release "
		        "%u` prints",
		        r->signed_by, r->signed_by, (unsigned)i + 1);
	}
}

void conf_check_releases(const struct conf *conf, const struct yt_keys *keys, struct conf_errors *errors)
{
	for (uint32_t i = 0; i < conf->n_releases; i++) {
		const struct conf_release *r = &conf->releases[i];

		if (r->signature != NULL)
			check_signature(conf, i, keys, errors);
		else if (conf->gateway.profile == CONF_PRODUCTION)
			conf_error_add(errors, r->place.line, r->place.column,
			        "profile production needs a signature of this release: give it its signed_on, let %s "
			        "sign what `yitong check --release %u` prints, and put that into signature",
			        r->signed_by, (unsigned)i + 1);
		else
			conf_warning_add(errors, r->place.line, r->place.column,
			        "this release is not signed: whoever writes this file releases payments, in anybody's "
			        "name (production refuses to start so)");
	}
}
