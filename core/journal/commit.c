/* core/journal/commit.c - turns records into the bytes of one commit, and back.
 *
 * On the way in, body fields leave their records for one blob that is compressed and sealed as a whole:
 * what a settlement says four times (asked, sent, received, replied) costs little more than once. */
#include "journal/commit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "journal/octets.h"

#define MAGIC 0x434a5459u /* "YTJC" */
#define FLAG_ZSTD 1u
#define PREV_AT 64
#define IV_AT 96
#define MAC_AT 112
#define BOUND_AT 8
#define WORTH_PACKING 64 /* bytes; less does not get smaller */
#define ZSTD_LEVEL 1

struct commit_coder {
	struct yt_buf out;    /* the commit in the making */
	struct yt_buf bodies; /* body fields, one after the other */
	struct yt_buf record; /* one record being put together again */
	uint32_t clear_len, blob_len, n_records;
	uint16_t flags;
	ZSTD_CCtx *zip;
	ZSTD_DCtx *unzip; /* made when first needed */
	EVP_MD_CTX *sha;
	EVP_MD *sha256;
};

struct commit_coder *commit_coder_new(void)
{
	struct commit_coder *coder = calloc(1, sizeof(*coder));

	if (coder == NULL)
		return NULL;
	coder->sha = EVP_MD_CTX_new();
	coder->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (coder->sha == NULL || coder->sha256 == NULL) {
		commit_coder_free(coder);
		return NULL;
	}
	return coder;
}

void commit_coder_free(struct commit_coder *coder)
{
	if (coder == NULL)
		return;
	yt_buf_free(&coder->out);
	keys_wipe(&coder->bodies);
	keys_wipe(&coder->record);
	ZSTD_freeCCtx(coder->zip);
	ZSTD_freeDCtx(coder->unzip);
	EVP_MD_CTX_free(coder->sha);
	EVP_MD_free(coder->sha256);
	free(coder);
}

/* Appends the record with its body fields replaced by references; clear runs are copied whole. */
static void pack_record(struct commit_coder *coder, const struct rec *rec)
{
	size_t begun = coder->out.n, pos = 0, copied = 0, at = REC_HEAD;
	struct rec_field field;

	for (; rec_next(rec, &pos, &field); at = pos) {
		uint8_t *p;

		if (field.tag < REC_BODY)
			continue;
		yt_buf_add(&coder->out, rec->whole.p + copied, at - copied);
		p = yt_buf_room(&coder->out, 16);
		if (p == NULL)
			return;
		put_u16(p, field.tag);
		put_u16(p + 2, 0);
		put_u32(p + 4, 8);
		put_u32(p + 8, (uint32_t)coder->bodies.n);
		put_u32(p + 12, (uint32_t)field.value.n);
		yt_buf_str(&coder->bodies, field.value);
		copied = pos;
	}
	yt_buf_add(&coder->out, rec->whole.p + copied, rec->whole.n - copied);
	if (coder->out.failed)
		return;
	put_u32(coder->out.p + begun, (uint32_t)(coder->out.n - begun));
	coder->out.p[begun + 5] &= (uint8_t)~REC_ERASED; /* ours to say, when read */
}

static int pack_bodies(struct commit_coder *coder)
{
	size_t n = coder->bodies.n, bound = ZSTD_compressBound(n), packed;
	uint8_t *room;

	coder->flags = 0;
	if (n >= WORTH_PACKING) {
		if (coder->zip == NULL)
			coder->zip = ZSTD_createCCtx();
		room = yt_buf_room(&coder->out, bound);
		if (coder->zip == NULL || room == NULL)
			return YT_ENOMEM;
		packed = ZSTD_compressCCtx(coder->zip, room, bound, coder->bodies.p, n, ZSTD_LEVEL);
		coder->out.n -= bound;
		if (!ZSTD_isError(packed) && packed < n) {
			coder->out.n += packed;
			coder->flags = FLAG_ZSTD;
			coder->blob_len = (uint32_t)packed;
			return 0;
		}
	}
	yt_buf_add(&coder->out, coder->bodies.p, n);
	coder->blob_len = (uint32_t)n;
	return 0;
}

int commit_pack(struct commit_coder *coder, struct yt_str records, size_t limit, uint32_t *total)
{
	static const uint8_t zeros[8];
	struct rec rec;
	size_t used;
	int rv;

	/* Compared before packing, so that what fits does not hang on how well it packs. */
	if (records.n > limit)
		return YT_ELIMIT;
	yt_buf_clear(&coder->out);
	yt_buf_clear(&coder->bodies);
	(void)yt_buf_room(&coder->out, COMMIT_HEAD);
	for (coder->n_records = 0; (rv = rec_read(records, &rec, &used)) == 0; coder->n_records++) {
		pack_record(coder, &rec);
		records.p += used;
		records.n -= used;
	}
	if (rv != YT_ENOTFOUND || coder->n_records == 0)
		return YT_EFORMAT;
	coder->clear_len = (uint32_t)(coder->out.n - COMMIT_HEAD);
	rv = coder->bodies.failed ? YT_ENOMEM : pack_bodies(coder);
	yt_buf_add(&coder->out, zeros, -coder->out.n & 7);
	if (rv != 0 || coder->out.failed) {
		yt_buf_free(&coder->out);
		yt_buf_free(&coder->bodies);
		return YT_ENOMEM;
	}
	if (coder->out.n > limit)
		return YT_ELIMIT;
	*total = (uint32_t)coder->out.n;
	return 0;
}

int commit_finish(
        struct commit_coder *coder, const struct commit_place *place, struct log_keys *keys, struct yt_str *bytes)
{
	uint8_t *p = coder->out.p;
	struct seal seal = { 0 };
	int rv;

	memset(p, 0, COMMIT_HEAD);
	put_u32(p, MAGIC);
	put_u32(p + 8, (uint32_t)coder->out.n);
	put_u32(p + 12, place->segment);
	put_u64(p + 16, place->stamp);
	put_u64(p + 24, place->number);
	put_u32(p + 32, coder->n_records);
	put_u32(p + 36, coder->clear_len);
	put_u32(p + 40, coder->blob_len);
	put_u32(p + 44, (uint32_t)coder->bodies.n);
	put_u16(p + 54, coder->flags);
	memcpy(p + PREV_AT, place->prev, HEAD_LEN);
	if (keys != NULL && coder->blob_len > 0) {
		put_u16(p + 52, SEAL_BODY);
		/* Bound to all that says what the blob is, so that it cannot stand in another commit. */
		rv = seal_close_body(keys, SEAL_BODY, (struct yt_str){ (const char *)p + BOUND_AT, 40 },
		        p + COMMIT_HEAD + coder->clear_len, coder->blob_len, &seal);
		if (rv != 0)
			return rv;
		put_u32(p + 48, seal.day);
		put_u32(p + 56, seal.key_id);
		memcpy(p + IV_AT, seal.iv, sizeof(seal.iv));
		memcpy(p + MAC_AT, seal.mac, sizeof(seal.mac));
	}
	put_u32(p + 4, yt_crc32c(0, p + 8, coder->out.n - 8));
	*bytes = yt_buf_view(&coder->out);
	return 0;
}

struct yt_str commit_clear(const struct commit_coder *coder)
{
	return (struct yt_str){ (const char *)coder->out.p + COMMIT_HEAD, coder->clear_len };
}

bool commit_may_be(const uint8_t *p)
{
	return get_u32(p) == MAGIC;
}

bool commit_parse(const uint8_t *p, struct commit *c)
{
	uint64_t sum;

	if (!commit_may_be(p))
		return false;
	*c = (struct commit){ .total = get_u32(p + 8),
		.segment = get_u32(p + 12),
		.stamp = get_u64(p + 16),
		.number = get_u64(p + 24),
		.n_records = get_u32(p + 32),
		.clear_len = get_u32(p + 36),
		.blob_len = get_u32(p + 40),
		.raw_len = get_u32(p + 44),
		.class = get_u16(p + 52),
		.flags = get_u16(p + 54),
		.prev = p + PREV_AT };
	c->seal.day = get_u32(p + 48);
	c->seal.key_id = get_u32(p + 56);
	memcpy(c->seal.iv, p + IV_AT, sizeof(c->seal.iv));
	memcpy(c->seal.mac, p + MAC_AT, sizeof(c->seal.mac));
	sum = (uint64_t)COMMIT_HEAD + c->clear_len + c->blob_len;
	return c->total == ((sum + 7) & ~7ULL) && c->raw_len <= SEGMENT_MAX;
}

bool commit_whole(const uint8_t *p, const struct commit *c)
{
	return get_u32(p + 4) == yt_crc32c(0, p + 8, c->total - 8);
}

int commit_chain(struct commit_coder *coder, const uint8_t *p, uint32_t total, uint8_t head[HEAD_LEN])
{
	if (EVP_DigestInit_ex(coder->sha, coder->sha256, NULL) != 1 ||
	        EVP_DigestUpdate(coder->sha, p + 8, total - 8) != 1 || EVP_DigestFinal_ex(coder->sha, head, NULL) != 1)
		return YT_ENOMEM;
	return 0;
}

/* coder->bodies: the commit's bodies in the clear.  The lengths in the header are under its CRC, but
 * a CRC proves nothing about who wrote them. */
static int open_bodies(
        struct commit_coder *coder, const uint8_t *p, const struct commit *c, struct log_keys *keys, const char **text)
{
	const uint8_t *blob = p + COMMIT_HEAD + c->clear_len;
	uint8_t *room;
	size_t n;
	int rv;

	yt_buf_clear(&coder->bodies);
	yt_buf_clear(&coder->out);
	if (c->seal.day != 0) {
		*text = "its bodies are sealed and no keys are configured";
		if (keys == NULL)
			return YT_ECONF;
		room = yt_buf_room(&coder->out, c->blob_len);
		*text = "out of memory";
		if (room == NULL)
			return YT_ENOMEM;
		rv = seal_open_body(keys, (enum seal_class)c->class, (struct yt_str){ (const char *)p + BOUND_AT, 40 },
		        blob, c->blob_len, &c->seal, room);
		*text = rv == YT_EDENIED    ? "its day key is not wrapped by this master key"
		        : rv == YT_ECORRUPT ? "its bodies are not what was sealed"
		                            : "its day key cannot be read";
		if (rv != 0)
			return rv;
		blob = room;
	}
	*text = "its bodies do not unpack";
	if ((c->flags & FLAG_ZSTD) == 0) {
		yt_buf_add(&coder->bodies, blob, c->blob_len);
		return coder->bodies.failed ? YT_ENOMEM : c->raw_len == c->blob_len ? 0 : YT_ECORRUPT;
	}
	if (ZSTD_getFrameContentSize(blob, c->blob_len) != c->raw_len)
		return YT_ECORRUPT;
	if (coder->unzip == NULL)
		coder->unzip = ZSTD_createDCtx();
	room = yt_buf_room(&coder->bodies, c->raw_len);
	if (coder->unzip == NULL || room == NULL)
		return YT_ENOMEM;
	n = ZSTD_decompressDCtx(coder->unzip, room, c->raw_len, blob, c->blob_len);
	return ZSTD_isError(n) || n != c->raw_len ? YT_ECORRUPT : 0;
}

static bool has_bodies(const struct rec *rec)
{
	struct rec_field field;
	size_t pos = 0;

	while (rec_next(rec, &pos, &field))
		if (field.tag >= REC_BODY)
			return true;
	return false;
}

/* coder->record: rec with its body fields put back, or left out. */
static int unpack_record(struct commit_coder *coder, const struct rec *rec, bool bodies, bool erased)
{
	size_t pos = 0, begun;
	struct rec_field field;
	bool had_body = false;

	yt_buf_clear(&coder->record);
	begun = rec_begin(&coder->record, rec->type, rec->flags, rec->exchange, rec->wall_ms);
	while (rec_next(rec, &pos, &field)) {
		size_t off, n;

		if (field.tag < REC_BODY) {
			rec_bytes(&coder->record, (enum rec_tag)field.tag, field.value.p, field.value.n);
			continue;
		}
		had_body = true;
		if (!bodies)
			continue;
		if (field.value.n != 8)
			return YT_ECORRUPT;
		off = get_u32(field.value.p);
		n = get_u32(field.value.p + 4);
		if (off > coder->bodies.n || n > coder->bodies.n - off)
			return YT_ECORRUPT;
		rec_bytes(&coder->record, (enum rec_tag)field.tag, coder->bodies.p + off, n);
	}
	rec_end(&coder->record, begun);
	if (coder->record.failed) {
		yt_buf_free(&coder->record);
		return YT_ENOMEM;
	}
	if (erased && had_body)
		coder->record.p[begun + 5] |= REC_ERASED;
	return 0;
}

int commit_records(struct commit_coder *coder, const uint8_t *p, const struct commit *c, enum commit_bodies want,
        struct log_keys *keys, log_each each, void *arg, log_pos pos, const char **text)
{
	struct yt_str clear = { (const char *)p + COMMIT_HEAD, c->clear_len };
	bool bodies = want == COMMIT_WITH_BODIES && c->blob_len > 0, erased = false;
	struct rec rec, out;
	size_t used;
	int rv = bodies ? open_bodies(coder, p, c, keys, text) : 0;

	if (rv == YT_ENOTFOUND) {
		erased = true;
		bodies = false;
	} else if (rv != 0) {
		return rv;
	}
	for (uint32_t i = 0; i < c->n_records; i++) {
		*text = "its records cannot be read";
		if (rec_read(clear, &rec, &used) != 0)
			return YT_ECORRUPT;
		clear.p += used;
		clear.n -= used;
		out = rec;
		if (has_bodies(&rec)) {
			rv = unpack_record(coder, &rec, bodies || (want == COMMIT_WITH_BODIES && !erased), erased);
			if (rv != 0)
				return rv;
			rv = rec_read(yt_buf_view(&coder->record), &out, &used);
			YT_REQUIRE(rv == 0);
		}
		*text = NULL; /* from here it is each's own affair */
		rv = each(arg, &out, pos);
		if (rv != 0)
			return rv;
	}
	*text = "it holds more than its records";
	return clear.n == 0 ? 0 : YT_ECORRUPT;
}
