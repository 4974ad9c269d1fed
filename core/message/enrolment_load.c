/* core/message/enrolment_load.c - an insurer's list as text becomes the file that workers look into; see enrolment.h.
 *
 * The text is read to its end whatever is wrong with it, so that all its faults are told at once, and nothing is
 * written unless there is none. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/words.h"
#include "message/calendar.h"
#include "message/enrolment_parts.h"

#define PROGRESS_LINES 65536 /* between two words about it */

struct reading {
	struct enrolment_load *load;
	struct yt_str rest;
	uint64_t line, room, counted; /* counted: as the text says; UINT64_MAX: it does not */
	int64_t day;                  /* likewise; INT64_MIN */
};

static void fault(struct reading *r, uint64_t line, const char *why)
{
	r->load->n_faults++;
	if (r->load->fault != NULL)
		r->load->fault(r->load->ctx, line, _(why));
}

/* The next line without its end; false: there is none. */
static bool next_line(struct reading *r, struct yt_str *line)
{
	const char *end;

	if (r->rest.n == 0)
		return false;
	end = memchr(r->rest.p, '\n', r->rest.n);
	line->p = r->rest.p;
	line->n = end == NULL ? r->rest.n : (size_t)(end - r->rest.p);
	r->rest.n -= line->n + (end != NULL);
	r->rest.p += line->n + (end != NULL);
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	r->line++;
	return true;
}

/* "#day 2026-11-22", "#count 3". */
static void say(struct reading *r, struct yt_str line)
{
	char text[40];
	int64_t ms;
	char *end;

	snprintf(text, sizeof(text), "%.*s", YT_FMT(line));
	if (strncmp(text, "#day ", 5) == 0) {
		if (line.n != 15 || yt_time_parse(yt_str(text + 5), &ms) != 0)
			fault(r, r->line, N_("#day must name a day as 2026-11-22"));
		else if (r->day != INT64_MIN && r->day != calendar_day(ms))
			fault(r, r->line, N_("#day says another day than before"));
		else
			r->day = calendar_day(ms);
	} else if (strncmp(text, "#count ", 7) == 0) {
		r->counted = strtoull(text + 7, &end, 10);
		if (text[7] < '0' || text[7] > '9' || *end != '\0' || line.n >= sizeof(text))
			fault(r, r->line, N_("#count must be a number"));
	}
}

static int add(struct reading *r, struct yt_str line)
{
	struct enrolment_load *load = r->load;
	uint8_t row[ENROLMENT_ROW];
	int rv = enrolment_row(&load->key, line, row);

	if (rv == YT_EFORMAT) {
		fault(r, r->line,
		        N_("is no number of an identity paper (a resident's has 18 characters and a check digit), and no SM3 "
		           "of one in 64 hex digits"));
		return 0;
	}
	if (rv == 0 && load->n_rows == r->room) {
		uint64_t room = r->room == 0 ? 65536 : r->room * 2;
		uint8_t *rows = realloc(load->rows, room * ENROLMENT_ROW);

		if (rows == NULL)
			return YT_ENOMEM;
		load->rows = rows;
		r->room = room;
	}
	if (rv == 0)
		memcpy(load->rows + load->n_rows++ * ENROLMENT_ROW, row, ENROLMENT_ROW);
	return rv;
}

static int by_row(const void *a, const void *b)
{
	return memcmp(a, b, ENROLMENT_ROW);
}

static void sort(struct enrolment_load *load)
{
	uint64_t n = load->n_rows > 0;

	if (load->n_rows == 0)
		return;
	qsort(load->rows, load->n_rows, ENROLMENT_ROW, by_row);
	for (uint64_t i = 1; i < load->n_rows; i++)
		if (memcmp(load->rows + (n - 1) * ENROLMENT_ROW, load->rows + i * ENROLMENT_ROW, ENROLMENT_ROW) != 0)
			memmove(load->rows + n++ * ENROLMENT_ROW, load->rows + i * ENROLMENT_ROW, ENROLMENT_ROW);
	load->n_twice = load->n_rows - n;
	load->n_rows = n;
}

/* What the text says of itself, and what it is said to be. */
static void check_whole(struct reading *r)
{
	struct enrolment_load *load = r->load;

	if (r->counted != UINT64_MAX && r->counted != load->n_rows && load->n_faults == 0)
		fault(r, r->line, N_("there are more or fewer numbers than #count says: is the file whole?"));
	if (load->n_rows == 0 && load->n_faults == 0)
		fault(r, r->line, N_("there is no number in it"));
	if (r->day == INT64_MIN && load->day == INT64_MIN)
		fault(r, r->line, N_("nothing says which day it is of: add a line \"#day 2026-11-22\", or use --day"));
	else if (r->day != INT64_MIN && load->day != INT64_MIN && r->day != load->day)
		fault(r, r->line, N_("#day and --day name different days"));
	else if (load->day == INT64_MIN)
		load->day = r->day;
}

int enrolment_read(struct enrolment_load *load)
{
	struct reading r = { .load = load, .rest = load->text, .counted = UINT64_MAX, .day = INT64_MIN };
	const uint64_t most = load->most != 0 ? load->most : ENROLMENT_ROWS_MAX;
	struct yt_str line;
	int rv = 0;

	if (load->text.n >= 3 && memcmp(load->text.p, "\xef\xbb\xbf", 3) == 0)
		r.rest = (struct yt_str){ load->text.p + 3, load->text.n - 3 };
	while (rv == 0 && next_line(&r, &line)) {
		if (load->progress != NULL && r.line % PROGRESS_LINES == 0)
			load->progress(load->ctx, load->text.n - r.rest.n, load->text.n);
		if (line.n == 0 || (r.line == 1 && yt_str_is(line, "certno")))
			continue;
		if (line.p[0] == '#')
			say(&r, line);
		else
			rv = add(&r, line);
		if (load->n_rows > most) {
			fault(&r, r.line, N_("more numbers than a list may have: 20000000"));
			return YT_EFORMAT;
		}
	}
	if (rv == 0)
		check_whole(&r);
	if (rv == 0 && load->n_faults == 0)
		sort(load);
	return rv != 0 ? rv : load->n_faults > 0 ? YT_EFORMAT : 0;
}

/* -- writing ------------------------------------------------------------------------------------------ */

static bool write_all(int fd, const void *from, size_t n)
{
	const uint8_t *at = from;
	ssize_t done;

	for (; n > 0; at += done, n -= (size_t)done) {
		done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			done = 0;
		else if (done <= 0)
			return false;
	}
	return true;
}

static bool sync_folder_of(const char *file)
{
	char copy[4096];
	int fd;
	bool is_synced;

	snprintf(copy, sizeof(copy), "%s", file);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_synced = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return is_synced;
}

/* Loaded by root, as cron does, it belongs to whom its folder belongs, whatever the umask: workers must read it as that
 * user or by that group. */
static bool give_away(int fd, const char *file)
{
	char copy[4096];
	struct stat st;

	if (geteuid() != 0)
		return true;
	snprintf(copy, sizeof(copy), "%s", file);
	return stat(dirname(copy), &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0 && fchmod(fd, 0640) == 0;
}

static bool write_file(const struct enrolment_load *load, const struct enrolment_head *head, const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640), error;
	bool is_whole = fd >= 0 && give_away(fd, file) && write_all(fd, head, sizeof(*head)) &&
	                write_all(fd, load->rows, load->n_rows * ENROLMENT_ROW) && fsync(fd) == 0;

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return is_whole;
}

int enrolment_write(const struct enrolment_load *load, const char *file, int64_t wall_ms, char *why, size_t size)
{
	struct enrolment_head head = { .n_rows = load->n_rows, .day = load->day, .loaded_ms = wall_ms };
	struct enrolment *again = NULL;
	char beside[4096];
	int rv;

	memcpy(head.magic, ENROLMENT_MAGIC, sizeof(head.magic));
	rv = enrolment_hash(&load->key, (struct yt_str){ 0 }, head.made_with);
	if (rv != 0) {
		snprintf(why, size, "%s: %s", file, _("cannot be used: its enrolment_key is not here"));
		return rv;
	}
	head.rows_crc = yt_crc32c(0, load->rows, load->n_rows * ENROLMENT_ROW);
	head.head_crc = yt_crc32c(0, &head, offsetof(struct enrolment_head, head_crc));
	snprintf(beside, sizeof(beside), "%s.%ld.tmp", file, (long)getpid());
	(void)unlink(beside); /* left by one that had this number and was killed */
	if (!write_file(load, &head, beside)) {
		snprintf(why, size, _("cannot write %s: %s"), beside, _(strerror(errno)));
		(void)unlink(beside);
		return YT_EIO;
	}
	rv = enrolment_open(&again, beside, &load->key, why, size); /* as workers will */
	enrolment_close(again);
	if (rv == 0 && (rename(beside, file) != 0 || !sync_folder_of(file))) {
		snprintf(why, size, _("cannot write %s: %s"), file, _(strerror(errno)));
		rv = YT_EIO;
	}
	(void)unlink(beside); /* renamed: there is none */
	return rv;
}
