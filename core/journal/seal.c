/* core/journal/seal.c - seals the bodies of a commit under the day's key, and opens them again.
 *
 * log.c seals on the commit path, so the day's cipher and MAC contexts are kept ready.  A key is made
 * durable (file and folder) before the first byte is sealed with it: bodies whose key is lost are lost. */
#include "journal/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "format/sm.h"
#include "journal/octets.h"

#define DAY_KEY_LEN (SM4_KEY_LEN + SM3_LEN)
#define WRAPPED_MAX 512
#define N_CACHED 8
#define DAY_MS (24 * 3600 * 1000LL)

struct day_key {
	uint32_t day; /* 0: free */
	uint32_t key_id;
	enum seal_class class;
	uint64_t used; /* for dropping the one unused longest */
	bool durable;  /* we have synced it, not only read it: may seal */
	struct sm4_ctr *cipher;
	struct sm3_hmac *mac;
};

struct log_keys {
	const struct yt_keys *keys;
	struct yt_io io;
	int64_t (*now_ms)(void);
	pthread_mutex_t lock;
	uint64_t clock;
	struct day_key cached[N_CACHED];
};

static const char *const class_names[] = { [SEAL_BODY] = "body" };

static void day_key_clear(struct day_key *key)
{
	sm4_ctr_free(key->cipher);
	sm3_hmac_free(key->mac);
	*key = (struct day_key){ 0 };
}

int seal_open(struct log_keys **out, const struct yt_keys *keys, const struct yt_io *io)
{
	struct log_keys *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return YT_ENOMEM;
	k->keys = keys;
	k->io = *io;
	k->now_ms = yt_wall_ms;
	pthread_mutex_init(&k->lock, NULL);
	*out = k;
	return 0;
}

void seal_close(struct log_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < N_CACHED; i++)
		day_key_clear(&keys->cached[i]);
	pthread_mutex_destroy(&keys->lock);
	free(keys);
}

void seal_set_clock(struct log_keys *keys, int64_t (*now_ms)(void))
{
	keys->now_ms = now_ms;
}

const struct yt_keys *seal_keys(const struct log_keys *keys)
{
	return keys->keys;
}

static uint32_t day_of(int64_t wall_ms)
{
	char text[15];

	yt_time_compact(wall_ms, text);
	text[8] = '\0';
	return (uint32_t)strtoul(text, NULL, 10);
}

static void key_name(char out[40], enum seal_class class, uint32_t day)
{
	snprintf(out, 40, "%08u-%s", (unsigned)day, class_names[class]);
}

static int io_failed(int error)
{
	return error == ENOSPC || error == EDQUOT ? YT_ENOSPC : YT_EIO;
}

/* The folder may hold the key from before, written by a process that ended before its sync: so it
 * is written again rather than believed when it is to be used for sealing. */
static int key_store(struct log_keys *k, const char *name, const struct yt_buf *wrapped)
{
	char path[48], part[48];
	int64_t n;
	int fd, rv;

	snprintf(path, sizeof(path), "%s.key", name);
	snprintf(part, sizeof(part), "%s.tmp", name);
	fd = k->io.open(k->io.ctx, part, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return io_failed(errno);
	n = k->io.pwrite(k->io.ctx, fd, wrapped->p, wrapped->n, 0);
	rv = n == (int64_t)wrapped->n ? 0 : n >= 0 ? YT_ENOSPC : io_failed(errno);
	if (rv == 0 && k->io.fdatasync(k->io.ctx, fd) != 0)
		rv = YT_EIO;
	k->io.close(k->io.ctx, fd);
	if (rv != 0) {
		k->io.unlink(k->io.ctx, part);
		return rv;
	}
	if (k->io.rename(k->io.ctx, part, path) != 0)
		return io_failed(errno);
	return k->io.sync_dir(k->io.ctx) == 0 ? 0 : YT_EIO;
}

/* What key_erase() leaves where a crash brings the name back. */
static bool is_erased(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return n > 0;
}

/* YT_ENOTFOUND: there is none, or it was destroyed. */
static int key_fetch(struct log_keys *k, const char *name, struct yt_buf *wrapped)
{
	char path[48];
	uint8_t *room = yt_buf_room(wrapped, WRAPPED_MAX);
	int64_t n;
	int fd;

	if (room == NULL)
		return YT_ENOMEM;
	snprintf(path, sizeof(path), "%s.key", name);
	fd = k->io.open(k->io.ctx, path, O_RDONLY, 0);
	if (fd < 0)
		return errno == ENOENT ? YT_ENOTFOUND : YT_EIO;
	n = k->io.pread(k->io.ctx, fd, room, WRAPPED_MAX, 0);
	k->io.close(k->io.ctx, fd);
	if (n < 0)
		return YT_EIO;
	wrapped->n = (size_t)n;
	return is_erased(room, wrapped->n) ? YT_ENOTFOUND : 0;
}

static int day_key_set(struct day_key *key, enum seal_class class, uint32_t day, const uint8_t clear[DAY_KEY_LEN])
{
	const struct yt_str id = YT_STR("key id");
	uint8_t sum[SM3_LEN];
	int rv = YT_ENOMEM;

	*key = (struct day_key){ .day = day,
		.class = class,
		.cipher = sm4_ctr_new(clear),
		.mac = sm3_hmac_new(clear + SM4_KEY_LEN, SM3_LEN) };
	if (key->cipher != NULL && key->mac != NULL)
		rv = sm3_hmac(key->mac, &id, 1, sum);
	if (rv == 0)
		key->key_id = get_u32(sum);
	else
		day_key_clear(key);
	return rv;
}

/* Reads the key of a day; makes one when there is none and create is set. */
static int day_key_load(struct log_keys *k, enum seal_class class, uint32_t day, bool create, struct day_key *key)
{
	struct yt_buf wrapped = { 0 }, clear = { 0 };
	char name[40];
	uint8_t *fresh;
	int rv;

	key_name(name, class, day);
	rv = key_fetch(k, name, &wrapped);
	if (rv == 0) {
		rv = keys_unwrap(k->keys, yt_str(name), yt_buf_view(&wrapped), &clear);
		if (rv == 0 && clear.n != DAY_KEY_LEN)
			rv = YT_EDENIED;
	} else if (rv == YT_ENOTFOUND && create) {
		wrapped.n = 0;
		fresh = yt_buf_room(&clear, DAY_KEY_LEN);
		rv = fresh != NULL && RAND_priv_bytes(fresh, DAY_KEY_LEN) == 1 ? 0 : YT_ENOMEM;
		if (rv == 0)
			rv = keys_wrap(k->keys, yt_str(name), yt_buf_view(&clear), &wrapped);
	}
	if (rv == 0 && create)
		rv = key_store(k, name, &wrapped);
	if (rv == 0)
		rv = day_key_set(key, class, day, clear.p);
	keys_wipe(&clear);
	yt_buf_free(&wrapped);
	return rv;
}

/* The key of a day from memory or its file; the lock is held. */
static int day_key_get(struct log_keys *k, enum seal_class class, uint32_t day, bool create, struct day_key **out)
{
	struct day_key *oldest = &k->cached[0], loaded;
	int rv;

	for (size_t i = 0; i < N_CACHED; i++) {
		struct day_key *key = &k->cached[i];

		if (key->day == day && key->class == class) {
			oldest = key;
			if (create && !key->durable)
				break; /* load it anew, to be written */
			key->used = ++k->clock;
			*out = key;
			return 0;
		}
		if (key->used < oldest->used)
			oldest = key;
	}
	rv = day_key_load(k, class, day, create, &loaded);
	if (rv != 0)
		return rv;
	day_key_clear(oldest);
	*oldest = loaded;
	oldest->durable = create;
	oldest->used = ++k->clock;
	*out = oldest;
	return 0;
}

int seal_prepare(struct log_keys *keys)
{
	int64_t now = keys->now_ms();
	struct day_key *key;
	int rv;

	pthread_mutex_lock(&keys->lock);
	rv = day_key_get(keys, SEAL_BODY, day_of(now), true, &key);
	if (rv == 0)
		rv = day_key_get(keys, SEAL_BODY, day_of(now + DAY_MS), true, &key);
	pthread_mutex_unlock(&keys->lock);
	return rv;
}

static int body_mac(const struct day_key *key, const struct seal *seal, struct yt_str bound, const uint8_t *p, size_t n,
        uint8_t out[SM3_LEN])
{
	const struct yt_str parts[] = { bound, { (const char *)seal->iv, sizeof(seal->iv) }, { (const char *)p, n } };

	return sm3_hmac(key->mac, parts, 3, out);
}

int seal_close_body(
        struct log_keys *keys, enum seal_class class, struct yt_str bound, uint8_t *p, size_t n, struct seal *seal)
{
	struct day_key *key;
	int rv;

	pthread_mutex_lock(&keys->lock);
	rv = day_key_get(keys, class, day_of(keys->now_ms()), true, &key);
	if (rv == 0) {
		seal->day = key->day;
		seal->key_id = key->key_id;
		rv = RAND_bytes(seal->iv, sizeof(seal->iv)) == 1 ? 0 : YT_ENOMEM;
	}
	if (rv == 0)
		rv = sm4_ctr(key->cipher, seal->iv, p, n, p);
	if (rv == 0)
		rv = body_mac(key, seal, bound, p, n, seal->mac);
	pthread_mutex_unlock(&keys->lock);
	return rv;
}

int seal_open_body(struct log_keys *keys, enum seal_class class, struct yt_str bound, const uint8_t *p, size_t n,
        const struct seal *seal, uint8_t *out)
{
	struct day_key *key;
	uint8_t mac[SM3_LEN];
	int rv;

	if (class != SEAL_BODY)
		return YT_ECORRUPT;
	pthread_mutex_lock(&keys->lock);
	rv = day_key_get(keys, class, seal->day, false, &key);
	if (rv == 0 && key->key_id != seal->key_id)
		rv = YT_ENOTFOUND; /* destroyed, and the clock later stood on that day again */
	if (rv == 0)
		rv = body_mac(key, seal, bound, p, n, mac);
	if (rv == 0 && CRYPTO_memcmp(mac, seal->mac, SM3_LEN) != 0)
		rv = YT_ECORRUPT;
	if (rv == 0)
		rv = sm4_ctr(key->cipher, seal->iv, p, n, out);
	pthread_mutex_unlock(&keys->lock);
	return rv;
}

/* Overwrites the file's bytes where they stand before its name goes.  That is not synced: a name that comes back after
 * a power cut has zeros behind it, which are a destroyed key too. */
static int key_erase(struct log_keys *k, const char *path)
{
	static const uint8_t zeros[WRAPPED_MAX];
	int fd = k->io.open(k->io.ctx, path, O_RDWR, 0), rv = 0;
	int64_t size;

	if (fd < 0)
		return errno == ENOENT ? YT_ENOTFOUND : YT_EIO;
	size = k->io.size(k->io.ctx, fd);
	if (size > WRAPPED_MAX)
		size = WRAPPED_MAX;
	if (size < 0 || k->io.pwrite(k->io.ctx, fd, zeros, (size_t)size, 0) != size ||
	        k->io.fdatasync(k->io.ctx, fd) != 0)
		rv = YT_EIO;
	k->io.close(k->io.ctx, fd);
	if (rv == 0 && k->io.unlink(k->io.ctx, path) != 0)
		rv = YT_EIO;
	return rv;
}

int seal_destroy(struct log_keys *keys, enum seal_class class, uint32_t day)
{
	char name[40], path[48];
	int rv;

	if (day >= day_of(keys->now_ms()))
		return YT_ESTATE;
	key_name(name, class, day);
	snprintf(path, sizeof(path), "%s.key", name);
	pthread_mutex_lock(&keys->lock);
	for (size_t i = 0; i < N_CACHED; i++)
		if (keys->cached[i].day == day && keys->cached[i].class == class)
			day_key_clear(&keys->cached[i]);
	rv = key_erase(keys, path);
	pthread_mutex_unlock(&keys->lock);
	return rv;
}
