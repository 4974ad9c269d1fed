/* core/journal/verify.c - signs heads of the chain, and checks a whole journal against such signatures.
 *
 * The check trusts nothing it reads: it walks the commits as recovery does (segment.c), remembers the
 * heads it computes itself, and compares anchors in the log and statements from outside with these. */
#include "journal/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "format/keys.h"
#include "format/sm.h"
#include "journal/segment.h"

#define N_HEADS 65536 /* how many commits an anchor may come after the head it signs */
#define LINE_MAX_BYTES 512
#define PROGRESS_EACH 4096

/* Making anchors. */

static void add_hex(struct yt_buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		yt_buf_printf(out, "%02x", p[i]);
}

void anchor_statement(const struct anchor *a, struct yt_buf *out)
{
	yt_buf_printf(out, "yitong journal anchor 1\n%lld\n%u:%u\n%llu\n", (long long)a->wall_ms,
	        (unsigned)(a->end >> 32), (unsigned)(a->end & UINT32_MAX), (unsigned long long)a->commit_no);
	add_hex(out, a->head, sizeof(a->head));
	yt_buf_text(out, "\n");
}

int anchor_record_of(struct yt_buf *out, const struct anchor *a, const struct yt_keys *keys)
{
	struct yt_buf text = { 0 }, signature = { 0 };
	size_t begun;
	int rv;

	anchor_statement(a, &text);
	rv = text.failed ? YT_ENOMEM : keys_sign_sm2(keys, YT_STR(KEYS_ANCHOR), yt_buf_view(&text), &signature);
	if (rv == 0) {
		begun = rec_begin(out, REC_ANCHOR, REC_NOWAIT, 0, a->wall_ms);
		rec_u64(out, REC_T_POSITION, a->end);
		rec_u64(out, REC_T_COMMIT, a->commit_no);
		rec_bytes(out, REC_T_HEAD, a->head, sizeof(a->head));
		rec_str(out, REC_T_KEY_NAME, YT_STR(KEYS_ANCHOR));
		rec_str(out, REC_T_SIGNATURE, yt_buf_view(&signature));
		rec_end(out, begun);
		rv = out->failed ? YT_ENOMEM : 0;
	}
	yt_buf_free(&signature);
	yt_buf_free(&text);
	return rv;
}

int anchor_record(struct yt_buf *out, const struct log *log, const struct yt_keys *keys, int64_t wall_ms)
{
	struct anchor a = { .wall_ms = wall_ms, .end = log_end(log), .commit_no = log_commit_no(log) };

	log_head(log, a.head);
	return anchor_record_of(out, &a, keys);
}

/* YT_ECORRUPT: the record is no anchor. */
static int anchor_read(const struct rec *rec, struct anchor *a, struct yt_str *signature)
{
	struct yt_str head = rec_get(rec, REC_T_HEAD);

	*signature = rec_get(rec, REC_T_SIGNATURE);
	if (rec->type != REC_ANCHOR || head.n != sizeof(a->head) || signature->n == 0 || signature->n > 128)
		return YT_ECORRUPT;
	a->wall_ms = rec->wall_ms;
	a->end = rec_get_u64(rec, REC_T_POSITION);
	a->commit_no = rec_get_u64(rec, REC_T_COMMIT);
	memcpy(a->head, head.p, head.n);
	return 0;
}

static void anchor_line(const struct anchor *a, struct yt_str signature, struct yt_buf *line)
{
	uint8_t base64[4 * 128 / 3 + 8];
	char time[15];

	yt_time_compact(a->wall_ms, time);
	yt_buf_printf(line, "%s %lld %u:%u %llu ", time, (long long)a->wall_ms, (unsigned)(a->end >> 32),
	        (unsigned)(a->end & UINT32_MAX), (unsigned long long)a->commit_no);
	add_hex(line, a->head, sizeof(a->head));
	EVP_EncodeBlock(base64, (const uint8_t *)signature.p, (int)signature.n);
	yt_buf_printf(line, " %s\n", (char *)base64);
}

static bool read_hex(const char *text, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		int used;

		if (sscanf(text + 2 * i, "%2x%n", &byte, &used) != 1 || used != 2)
			return false;
		out[i] = (uint8_t)byte;
	}
	return text[2 * n] == '\0';
}

/* One line of anchors.txt; text is NUL-terminated, without the line end. */
static bool parse_line(const char *text, struct anchor *a, uint8_t signature[256], size_t *n)
{
	char head[65], base64[201];
	struct yt_buf again = { 0 };
	long long wall_ms;
	unsigned segment, offset;
	unsigned long long number;
	int len, end = 0;
	bool same;

	if (sscanf(text, "%*15s %lld %u:%u %llu %64s %172s%n", &wall_ms, &segment, &offset, &number, head, base64,
	            &end) != 6)
		return false;
	*a = (struct anchor){ .wall_ms = wall_ms, .end = segment_pos(segment, offset), .commit_no = number };
	len = EVP_DecodeBlock(signature, (const uint8_t *)base64, (int)strlen(base64));
	for (size_t i = strlen(base64); len > 0 && i > 0 && base64[i - 1] == '='; i--)
		len--; /* EVP_DecodeBlock() counts the padding */
	if (len <= 0 || !read_hex(head, a->head, sizeof(a->head)))
		return false;
	*n = (size_t)len;
	/* There is one way to write it: what sscanf() forgives is not forgiven here. */
	anchor_line(a, (struct yt_str){ (char *)signature, *n }, &again);
	same = !again.failed && again.n == strlen(text) + 1 && memcmp(again.p, text, again.n - 1) == 0;
	yt_buf_free(&again);
	return same;
}

/* Where the next line goes.  A crash may have cut the last one or torn it: it is written over, since
 * the log has it too.  Lines before it were synced before it was begun. */
static int notes_end(const struct yt_io *io, int fd, int64_t *end)
{
	char tail[2 * LINE_MAX_BYTES + 1];
	uint8_t signature[256];
	struct anchor a;
	size_t n, whole, line;
	int64_t size = io->size(io->ctx, fd), from;

	if (size < 0)
		return YT_EIO;
	from = size > 2 * LINE_MAX_BYTES ? size - 2 * LINE_MAX_BYTES : 0;
	n = (size_t)(size - from);
	if (n > 0 && io->pread(io->ctx, fd, tail, n, from) != (int64_t)n)
		return YT_EIO;
	for (whole = n; whole > 0 && tail[whole - 1] != '\n';)
		whole--;
	for (line = whole > 0 ? whole - 1 : 0; line > 0 && tail[line - 1] != '\n';)
		line--;
	if (whole > 0) {
		tail[whole - 1] = '\0';
		if (strlen(tail + line) != whole - 1 - line || !parse_line(tail + line, &a, signature, &n))
			whole = line;
	}
	*end = from + (int64_t)whole;
	return *end == size || io->ftruncate(io->ctx, fd, *end) == 0 ? 0 : YT_EIO;
}

int anchor_note(const struct yt_io *io, struct yt_str anchor_bytes)
{
	struct yt_buf line = { 0 };
	struct yt_str signature;
	struct anchor a;
	struct rec rec;
	size_t used;
	int64_t end = 0;
	int fd, rv = rec_read(anchor_bytes, &rec, &used);

	if (rv == 0)
		rv = anchor_read(&rec, &a, &signature);
	if (rv != 0)
		return rv;
	fd = io->open(io->ctx, ANCHOR_FILE, O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		return errno == ENOSPC ? YT_ENOSPC : YT_EIO;
	rv = notes_end(io, fd, &end);
	anchor_line(&a, signature, &line);
	if (rv == 0)
		rv = line.failed ? YT_ENOMEM : segment_write(io, fd, line.p, line.n, (uint64_t)end);
	if (rv == 0 && io->fdatasync(io->ctx, fd) != 0)
		rv = YT_EIO;
	if (rv == 0 && end == 0 && io->sync_dir(io->ctx) != 0)
		rv = YT_EIO;
	io->close(io->ctx, fd);
	yt_buf_free(&line);
	return rv;
}

/* Checking. */

struct statement {
	struct anchor a;
	unsigned line;
};

struct check {
	const struct verify_conf *conf;
	struct verify_report *report;
	EVP_PKEY *key;                /* NULL: signatures are not checked */
	struct statement *statements; /* by commit number */
	size_t n_statements, at;
	uint8_t (*heads)[HEAD_LEN]; /* of the last N_HEADS commits, by number modulo N_HEADS */
	struct walk walk;
	uint64_t pending; /* highest commit that an anchor of the current commit covers */
};

static int bad_line(struct check *c, unsigned line, const char *why)
{
	c->report->problem = (struct log_problem){ .file = ANCHOR_FILE, .offset = line };
	snprintf(c->report->problem.why, sizeof(c->report->problem.why), "line %u of the statements %s", line, why);
	return YT_ECORRUPT;
}

static int check_signature(const struct check *c, const struct anchor *a, struct yt_str signature)
{
	struct yt_buf text = { 0 };
	int rv = 0;

	if (c->key == NULL)
		return 0;
	anchor_statement(a, &text);
	rv = text.failed ? YT_ENOMEM : sm2_verify(c->key, yt_buf_view(&text), signature);
	yt_buf_free(&text);
	return rv;
}

static int take_statement(struct check *c, struct yt_str line, unsigned line_no, bool is_last)
{
	char text[LINE_MAX_BYTES];
	uint8_t signature[256];
	struct statement *grown, s = { .line = line_no };
	size_t n;
	int rv;

	n = line.n < sizeof(text) ? line.n : sizeof(text) - 1;
	memcpy(text, line.p, n);
	text[n] = '\0';
	if (strlen(text) != line.n || !parse_line(text, &s.a, signature, &n))
		return is_last ? 0 : bad_line(c, line_no, "is not a statement");
	rv = check_signature(c, &s.a, (struct yt_str){ (char *)signature, n });
	if (rv != 0)
		return rv == YT_EDENIED ? bad_line(c, line_no, "is not signed by this key") : rv;
	if ((c->n_statements & (c->n_statements - 1)) == 0) { /* at each power of two */
		grown = realloc(c->statements, (c->n_statements == 0 ? 1 : 2 * c->n_statements) * sizeof(*grown));
		if (grown == NULL)
			return YT_ENOMEM;
		c->statements = grown;
	}
	c->statements[c->n_statements++] = s;
	return 0;
}

static int by_commit(const void *x, const void *y)
{
	const struct statement *a = x, *b = y;

	return a->a.commit_no < b->a.commit_no ? -1 : a->a.commit_no > b->a.commit_no;
}

/* Reads all lines.  The last one may be unreadable, whole or not: a crash tore it, the log has it too. */
static int take_statements(struct check *c)
{
	struct yt_str rest = c->conf->statements;
	unsigned line_no = 1;
	int rv = 0;

	for (; rv == 0 && rest.n > 0; line_no++) {
		const char *end = memchr(rest.p, '\n', rest.n);
		struct yt_str line = { rest.p, end == NULL ? 0 : (size_t)(end - rest.p) };

		if (end == NULL)
			break;
		if (line.n > 0)
			rv = take_statement(c, line, line_no, line.n + 1 == rest.n);
		rest.p += line.n + 1;
		rest.n -= line.n + 1;
	}
	if (rv == 0 && c->n_statements > 0)
		qsort(c->statements, c->n_statements, sizeof(*c->statements), by_commit);
	c->report->n_statements = c->n_statements;
	return rv;
}

/* A record of the commit being checked; its number is walk.number. */
static int check_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct check *c = arg;
	struct walk *w = &c->walk;
	struct yt_str signature;
	struct anchor a;
	int rv;

	c->report->n_records++;
	if (rec->type != REC_ANCHOR)
		return 0;
	c->report->n_anchors++;
	if (anchor_read(rec, &a, &signature) != 0)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, pos & UINT32_MAX, w->number,
		        "holds an anchor that cannot be read");
	if (a.commit_no >= w->number || a.commit_no + N_HEADS < w->number)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, pos & UINT32_MAX, w->number,
		        "holds an anchor of commit %llu, which is not one shortly before it",
		        (unsigned long long)a.commit_no);
	rv = check_signature(c, &a, signature);
	if (rv == YT_EDENIED)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, pos & UINT32_MAX, w->number,
		        "holds an anchor that is not signed by this key");
	if (rv != 0)
		return rv;
	if (a.commit_no + 1 < c->report->first_commit)
		return 0; /* of what is retired */
	if (memcmp(c->heads[a.commit_no % N_HEADS], a.head, HEAD_LEN) != 0)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, pos & UINT32_MAX, w->number,
		        "the anchor of commit %llu has another head: that commit or one before was changed",
		        (unsigned long long)a.commit_no);
	if (a.commit_no > c->pending)
		c->pending = a.commit_no;
	return 0;
}

/* Statements about the commit just read, or about ones that are retired. */
static int hold_against(struct check *c)
{
	struct walk *w = &c->walk;

	for (; c->at < c->n_statements && c->statements[c->at].a.commit_no <= w->number; c->at++) {
		const struct statement *s = &c->statements[c->at];

		if (s->a.commit_no < w->number) {
			c->report->n_statements_retired++;
			continue;
		}
		if (memcmp(s->a.head, w->head, HEAD_LEN) != 0 || s->a.end != segment_pos(w->segment.no, w->off))
			return walk_problem(w->why, YT_ECORRUPT, w->last_segment.no, w->last_off, w->number,
			        "line %u of the statements has another head for commit %llu: it or one before was "
			        "changed",
			        s->line, (unsigned long long)w->number);
		if (s->a.commit_no > c->report->anchored_commit && c->key != NULL)
			c->report->anchored_commit = s->a.commit_no;
	}
	return 0;
}

static int check_commit(struct check *c, const struct commit *commit, const uint8_t *bytes, log_pos pos)
{
	struct verify_report *r = c->report;
	struct walk *w = &c->walk;
	const char *text = NULL;
	int rv;

	if (r->n_commits == 0) {
		r->first_commit = commit->number;
		/* The head before it is what its own header says, and its anchor, if any, proves. */
		memcpy(c->heads[(commit->number - 1) % N_HEADS], commit->prev, HEAD_LEN);
	}
	rv = commit_records(w->coder, bytes, commit, COMMIT_CLEAR_ONLY, NULL, check_record, c, pos, &text);
	if (rv != 0 && text != NULL)
		walk_problem(w->why, rv, w->segment.no, pos & UINT32_MAX, commit->number, "%s", text);
	if (rv != 0)
		return rv;
	memcpy(c->heads[commit->number % N_HEADS], w->head, HEAD_LEN);
	r->n_commits++;
	r->last_commit = commit->number;
	rv = hold_against(c);
	if (rv == 0 && c->conf->progress != NULL && r->n_commits % PROGRESS_EACH == 0)
		c->conf->progress(c->conf->arg, pos, r->n_commits);
	return rv;
}

/* Whether behind the last commit there is what only a begun commit leaves. */
static bool is_torn(struct walk *w)
{
	uint8_t any = 0;
	struct commit commit;

	for (uint64_t off = w->off; off < w->segment.bytes; off += 8) {
		const uint8_t *p = walk_bytes(w, off, 8);

		if (p == NULL)
			return false;
		if ((w->segment.flags & SEGMENT_REUSED) != 0) {
			/* Stale bytes are normal here; a header with our stamp is not. */
			p = walk_bytes(w, off, COMMIT_HEAD);
			return p != NULL && commit_parse(p, &commit) && commit.stamp == w->segment.stamp;
		}
		for (size_t i = 0; i < 8; i++)
			any |= p[i];
		if (any != 0)
			return true;
	}
	return false;
}

static int check_all(struct check *c)
{
	struct verify_report *r = c->report;
	struct walk *w = &c->walk;
	struct commit commit;
	const uint8_t *bytes;
	log_pos pos;
	int rv;

	while ((rv = walk_next(w, &commit, &bytes, &pos)) == 0) {
		rv = check_commit(c, &commit, bytes, pos);
		if (rv != 0)
			return rv;
	}
	if (rv != YT_ENOTFOUND)
		return rv;
	if (c->key != NULL && c->pending > r->anchored_commit)
		r->anchored_commit = c->pending;
	r->n_after_anchor = r->anchored_commit == 0 ? r->n_commits : r->last_commit - r->anchored_commit;
	r->end = segment_pos(w->segment.no, w->off);
	memcpy(r->head, w->head, HEAD_LEN);
	r->torn = is_torn(w);
	if (c->at < c->n_statements)
		return walk_problem(w->why, YT_ECORRUPT, w->segment.no, w->off, r->last_commit,
		        "the log ends with commit %llu, but line %u of the statements proves commit %llu",
		        (unsigned long long)r->last_commit, c->statements[c->n_statements - 1].line,
		        (unsigned long long)c->statements[c->n_statements - 1].a.commit_no);
	return 0;
}

int journal_verify(const struct yt_io *io, const struct verify_conf *conf, struct verify_report *report)
{
	struct check *c = calloc(1, sizeof(*c));
	struct commit_coder *coder = commit_coder_new();
	int rv = YT_ENOMEM;

	*report = (struct verify_report){ 0 };
	if (c == NULL || coder == NULL)
		goto out;
	c->conf = conf;
	c->report = report;
	c->walk.fd = -1;
	c->walk.io = io;
	c->heads = calloc(N_HEADS, sizeof(*c->heads));
	if (c->heads == NULL)
		goto out;
	rv = YT_ECONF;
	if (conf->public_key.n > 0) {
		c->key = sm2_public_from_pem(conf->public_key);
		if (c->key == NULL)
			goto out;
	}
	rv = take_statements(c);
	if (rv == 0)
		rv = walk_begin(&c->walk, io, coder, 0, &report->problem);
	if (rv == 0)
		rv = check_all(c);
	walk_end(&c->walk);
out:
	if (c != NULL) {
		EVP_PKEY_free(c->key);
		free(c->statements);
		free(c->heads);
	}
	free(c);
	commit_coder_free(coder);
	return rv;
}
