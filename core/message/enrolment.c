/* core/message/enrolment.c - see enrolment.h; asked by process/worker_enrolled.c and `yitong enrolment`.
 *
 * A file is never changed, only replaced by rename(2), so a map of it stays what it was until it is closed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/words.h"
#include "format/sm.h"
#include "message/calendar.h"
#include "message/enrolment_parts.h"
#include "yitong/payout.h"

struct enrolment {
	const struct enrolment_head *head;
	const uint8_t *rows;
	size_t bytes;
};

/* -- one person ---------------------------------------------------------------------------------- */

int enrolment_hash(const struct enrolment_key *key, struct yt_str digest, uint8_t row[ENROLMENT_ROW])
{
	const struct yt_piece pieces[] = { YT_PIECE(key->party), YT_PIECE(YT_STR("\n")), YT_PIECE(digest) };
	uint8_t mac[SM3_LEN];
	int rv = keys_hmac(key->keys, YT_HMAC_SM3, key->name, pieces, 3, mac);

	if (rv == 0)
		memcpy(row, mac, ENROLMENT_ROW);
	return rv;
}

/* A digest has 64 hex digits, which no paper's number has. */
static bool is_digest(struct yt_str certno, char hex[65])
{
	for (size_t i = 0; i < certno.n && certno.n == 64; i++) {
		char c = certno.p[i];

		hex[i] = (char)(c >= 'A' && c <= 'F' ? c + 32 : c);
		if (!((c >= '0' && c <= '9') || (hex[i] >= 'a' && hex[i] <= 'f')))
			return false;
	}
	return certno.n == 64;
}

/* A resident's number has a check digit; of other papers, passports and permits, only the characters are known. */
static bool is_paper(struct yt_str certno, char number[31])
{
	size_t n_digits = 0;

	if (certno.n < 5 || certno.n > 30)
		return false;
	for (size_t i = 0; i < certno.n; i++) {
		char c = certno.p[i];

		number[i] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
		n_digits += c >= '0' && c <= '9';
		if (!((c >= '0' && c <= '9') || (number[i] >= 'A' && number[i] <= 'Z') ||
		            (c != '\0' && strchr("()-", c) != NULL)))
			return false;
	}
	return certno.n != 18 || n_digits < 17 || yt_resident_id_is_valid((struct yt_str){ number, 18 });
}

int enrolment_row(const struct enrolment_key *key, struct yt_str certno, uint8_t row[ENROLMENT_ROW])
{
	char hex[65], number[31];
	uint8_t digest[SM3_LEN];

	if (!is_digest(certno, hex)) {
		if (!is_paper(certno, number))
			return YT_EFORMAT;
		sm3((struct yt_str){ number, certno.n }, digest);
		for (size_t i = 0; i < sizeof(digest); i++)
			snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	}
	return enrolment_hash(key, (struct yt_str){ hex, 64 }, row);
}

/* -- a list --------------------------------------------------------------------------------------- */

static int refuse(int error, const char *file, const char *what, char *why, size_t size)
{
	snprintf(why, size, "%s: %s", file, _(what));
	return error;
}

static bool is_sorted(const uint8_t *rows, uint64_t n)
{
	for (uint64_t i = 1; i < n; i++)
		if (memcmp(rows + (i - 1) * ENROLMENT_ROW, rows + i * ENROLMENT_ROW, ENROLMENT_ROW) >= 0)
			return false;
	return true;
}

/* The order is checked too: a row out of place would be a person who is there and is not found. */
static int check(
        const struct enrolment *list, const char *file, const struct enrolment_key *key, char *why, size_t size)
{
	const struct enrolment_head *head = list->head;
	uint8_t ours[ENROLMENT_ROW];

	if (list->bytes < sizeof(*head) || memcmp(head->magic, ENROLMENT_MAGIC, sizeof(head->magic)) != 0)
		return refuse(YT_ECORRUPT, file,
		        N_("is no list that `yitong enrolment load` has made: load the insurer's list into it"), why,
		        size);
	if (head->head_crc != yt_crc32c(0, head, offsetof(struct enrolment_head, head_crc)) ||
	        head->n_rows > ENROLMENT_ROWS_MAX || list->bytes != sizeof(*head) + head->n_rows * ENROLMENT_ROW ||
	        head->rows_crc != yt_crc32c(0, list->rows, head->n_rows * ENROLMENT_ROW) ||
	        !is_sorted(list->rows, head->n_rows))
		return refuse(
		        YT_ECORRUPT, file, N_("is cut short or damaged: load the insurer's list anew"), why, size);
	if (enrolment_hash(key, (struct yt_str){ 0 }, ours) != 0)
		return refuse(YT_EDENIED, file, N_("cannot be used: its enrolment_key is not here"), why, size);
	if (memcmp(ours, head->made_with, sizeof(ours)) != 0)
		return refuse(YT_EDENIED, file,
		        N_("was made with another enrolment_key, or for another party: load the insurer's list anew"),
		        why, size);
	return 0;
}

static int map(struct enrolment *list, int fd, const char *file, char *why, size_t size)
{
	struct stat st;
	void *at;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return refuse(YT_EIO, file, N_("is no file"), why, size);
	list->bytes = (size_t)st.st_size;
	if (list->bytes < sizeof(struct enrolment_head))
		return refuse(
		        YT_ECORRUPT, file, N_("is cut short or damaged: load the insurer's list anew"), why, size);
	at = mmap(NULL, list->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return refuse(YT_EIO, file, N_("cannot be mapped into memory"), why, size);
	list->head = at;
	list->rows = (const uint8_t *)at + sizeof(struct enrolment_head);
	return 0;
}

int enrolment_open(struct enrolment **out, const char *file, const struct enrolment_key *key, char *why, size_t size)
{
	struct enrolment *list = calloc(1, sizeof(*list));
	int fd, rv;

	if (list == NULL)
		return YT_ENOMEM;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	rv = errno;
	if (fd < 0) {
		free(list);
		if (rv == ENOENT)
			return refuse(YT_ENOTFOUND, file, N_("is not there: load the insurer's list"), why, size);
		snprintf(why, size, _("cannot read %s: %s"), file, _(strerror(rv)));
		return YT_EIO;
	}
	rv = map(list, fd, file, why, size);
	close(fd);
	if (rv == 0)
		rv = check(list, file, key, why, size);
	if (rv != 0) {
		enrolment_close(list);
		return rv;
	}
	*out = list;
	return 0;
}

void enrolment_close(struct enrolment *list)
{
	if (list == NULL)
		return;
	if (list->head != NULL)
		munmap((void *)(uintptr_t)list->head, list->bytes);
	free(list);
}

uint64_t enrolment_count(const struct enrolment *list)
{
	return list->head->n_rows;
}

int64_t enrolment_day(const struct enrolment *list)
{
	return list->head->day;
}

int64_t enrolment_loaded_ms(const struct enrolment *list)
{
	return list->head->loaded_ms;
}

bool enrolment_is_old(const struct enrolment *list, int64_t wall_ms, uint32_t max_age_days)
{
	return calendar_day(wall_ms) - list->head->day > (int64_t)max_age_days;
}

bool enrolment_has(const struct enrolment *list, const uint8_t row[ENROLMENT_ROW])
{
	uint64_t from = 0, to = list->head->n_rows;

	while (from < to) {
		uint64_t middle = from + (to - from) / 2;
		int order = memcmp(row, list->rows + middle * ENROLMENT_ROW, ENROLMENT_ROW);

		if (order == 0)
			return true;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return false;
}

/* -- a list that is replaced ----------------------------------------------------------------------- */

/* Whether it is the file that was looked at last. */
static bool is_same(struct enrolment_watch *w)
{
	struct stat st = { 0 };
	int64_t changed_ns;
	bool same;

	(void)stat(w->file, &st); /* none: all zero */
	changed_ns = st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
	same = w->look_ms != 0 && w->device == st.st_dev && w->inode == st.st_ino && w->size == (uint64_t)st.st_size &&
	       w->changed_ns == changed_ns;
	w->device = st.st_dev;
	w->inode = st.st_ino;
	w->size = (uint64_t)st.st_size;
	w->changed_ns = changed_ns;
	return same;
}

static void look(struct enrolment_watch *w)
{
	char why[512] = "";

	enrolment_close(w->list);
	w->list = NULL;
	w->error = enrolment_open(&w->list, w->file, &w->key, why, sizeof(why));
	if (w->error == 0)
		yt_log(YT_INFO, "enrolment", "%.*s: a list of %llu people is in use", YT_FMT(w->key.party),
		        (unsigned long long)w->list->head->n_rows);
	else
		yt_log(w->error == YT_ENOTFOUND ? YT_WARN : YT_ERROR, "enrolment",
		        "%.*s: what goes by its list waits: %s", YT_FMT(w->key.party), why);
}

enum enrolment_state enrolment_now(
        struct enrolment_watch *w, int64_t mono_ms, int64_t wall_ms, const struct enrolment **list)
{
	if (w->look_ms == 0 || mono_ms - w->look_ms >= ENROLMENT_LOOK_MS) {
		if (!is_same(w))
			look(w);
		w->look_ms = mono_ms != 0 ? mono_ms : 1;
	}
	*list = w->list;
	if (w->list == NULL)
		return w->error == YT_ENOTFOUND ? ENROLMENT_MISSING : ENROLMENT_UNUSABLE;
	return enrolment_is_old(w->list, wall_ms, w->max_age_days) ? ENROLMENT_OLD : ENROLMENT_CURRENT;
}

void enrolment_watch_end(struct enrolment_watch *w)
{
	enrolment_close(w->list);
	w->list = NULL;
	w->look_ms = 0;
}
