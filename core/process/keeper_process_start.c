/* core/process/keeper_process_start.c - opens what the keeper works on: keys, journal, index, machine, threads.
 *
 * The log is opened first, which recovers it; the index is fed to its end, or made anew from it; what is open is
 * loaded from the index into the machine. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/keys.h"
#include "journal/seal.h"
#include "process/indexer.h"
#include "process/keeper_process.h"

struct loading {
	struct keeper_process *p;
	uint64_t n;
};

static int load_open(void *arg, const struct exchange *x)
{
	struct loading *l = arg;

	keeper_load(l->p->keeper, x);
	l->n++;
	return 0;
}

static void load_resting(void *arg, uint64_t exchange, const struct rest *rest)
{
	struct loading *l = arg;

	keeper_rest(l->p->keeper, exchange, rest);
	l->n++;
}

static int load_record(void *arg, const struct rec *rec, log_pos pos)
{
	struct loading *l = arg;

	keeper_replay(l->p->keeper, rec, pos);
	return 0;
}

static void on_index_progress(void *arg, log_pos at)
{
	struct keeper_process *p = arg;
	int64_t now = yt_mono_ms();

	if (now < p->progress_at)
		return;
	p->progress_at = now + 2000;
	yt_log(YT_INFO, "keeper", "index: at %llu:%llu of %llu:%llu", (unsigned long long)(at >> 32),
	        (unsigned long long)(at & 0xffffffffu), (unsigned long long)(log_end(p->log) >> 32),
	        (unsigned long long)(log_end(p->log) & 0xffffffffu));
}

void kp_remove_index(const char *path)
{
	char name[512];

	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
}

/* Opens the index and brings it to the log's end; an unusable one is made anew from the log. */
static int open_index(struct keeper_process *p, const char *path)
{
	int rv;

	(void)chmod(path, 0600); /* one of an older version was open to all; its companions follow it */
	rv = index_open(&p->index, path, true);
	if (rv == 0) {
		rv = index_feed(p->index, &p->io, &p->log_conf, log_end(p->log), on_index_progress, p);
		if (rv == 0)
			return 0;
		index_close(p->index);
	}
	yt_log(YT_WARN, "keeper", "the index %s cannot be used (%s); it is rebuilt from the journal", path,
	        yt_strerror(rv));
	kp_remove_index(path);
	rv = index_open(&p->index, path, true);
	if (rv == 0)
		rv = index_feed(p->index, &p->io, &p->log_conf, log_end(p->log), on_index_progress, p);
	return rv;
}

static int open_keys(struct keeper_process *p, const struct conf *conf)
{
	const char *folder = conf->journal.data_keys; /* apart from the journal: see seal.h */
	char why[400] = "";

	if (keys_open(&p->keys, conf->journal.keys, why, sizeof(why)) != 0) {
		yt_log(YT_ERROR, "keeper", "journal keys: %s", why);
		return YT_ECONF;
	}
	if (conf->journal.keys == NULL)
		return 0;
	mkdir(folder, 0700);
	if (yt_io_folder(folder, &p->keys_io) != 0 || seal_open(&p->seal, p->keys, &p->keys_io) != 0 ||
	        seal_prepare(p->seal) != 0) {
		yt_log(YT_ERROR, "keeper",
		        "the data keys in %s cannot be used with the master key in %s: give back the master key they were made "
		        "under, or start with an empty journal and another journal.data_keys",
		        folder, conf->journal.keys);
		return YT_ECONF;
	}
	p->log_conf.keys = p->seal;
	return 0;
}

static int ignore_record(void *arg, const struct rec *rec, log_pos pos)
{
	return 0;
}

static int open_journal(struct keeper_process *p, const struct conf *conf)
{
	struct log_problem why = { { 0 }, 0, 0, { 0 } };
	struct loading loading = { p, 0 };
	int rv;

	mkdir(conf->journal.folder, 0700);
	if (open_keys(p, conf) != 0 || yt_io_folder(conf->journal.folder, &p->io) != 0)
		return YT_ECONF;
	p->log_conf.segment_bytes = (uint64_t)conf->journal.segment_mib << 20;
	p->log_conf.reserve_segments = conf->journal.reserve_segments;
	rv = log_open(&p->log, &p->log_conf, &p->io, 0, ignore_record, NULL, &why);
	if (rv != 0) {
		yt_log(YT_ERROR, "keeper", "the journal in %s cannot be opened: %s: %s at offset %llu, commit %llu",
		        conf->journal.folder, why.file, why.why, (unsigned long long)why.offset,
		        (unsigned long long)why.commit_no);
		return rv;
	}
	rv = open_index(p, conf->journal.index);
	if (rv == 0)
		rv = index_open(&p->index_reader, conf->journal.index, false);
	if (rv == 0)
		rv = index_expect_new(p->index_reader);
	if (rv != 0) {
		yt_log(YT_ERROR, "keeper", "the index %s cannot be made: %s", conf->journal.index, yt_strerror(rv));
		return rv;
	}
	rv = index_awake(p->index, load_open, &loading);
	if (rv == 0)
		rv = index_resting_due(p->index, load_resting, &loading);
	if (rv == 0)
		rv = index_keeper_records(p->index, load_record, &loading);
	if (rv != 0) { /* what is not loaded would never be found out: made anew at the next start */
		yt_log(YT_ERROR, "keeper", "the index %s cannot be read (%s): it is deleted and made anew",
		        conf->journal.index, yt_strerror(rv));
		kp_remove_index(conf->journal.index);
		return rv;
	}
	yt_log(YT_INFO, "keeper", "journal open at commit %llu, %llu exchanges to go on with",
	        (unsigned long long)log_commit_no(p->log), (unsigned long long)loading.n);
	return 0;
}

/* On the committing thread. */
static void on_fresh(void *arg, const struct index_commit *commit)
{
	struct keeper_process *p = arg;

	indexer_offer(p->indexer, commit);
}

static void on_indexed(void *arg, log_pos position)
{
	struct keeper_process *p = arg;

	keeper_indexed(p->keeper, position);
}

void kp_conf_of_machine(struct keeper_conf *k, const struct conf *conf)
{
	uint32_t i;

	memset(k, 0, sizeof(*k));
	k->serial_from = conf->numbers.serial_from;
	k->serial_to = conf->numbers.serial_to;
	k->reverse_after_ms = conf->resolution.reverse_after_ms;
	k->undelivered_ms = conf->resolution.undelivered_ms;
	k->longest_wait_ms = conf->resolution.retry_max_ms;
	for (i = 0; i < conf->n_parties; i++) {
		int64_t delay = (int64_t)conf->parties[i].late_ms + conf->parties[i].server_delay_ms;

		if (delay > k->longest_wait_ms)
			k->longest_wait_ms = delay;
	}
	k->longest_wait_ms += 1000;
	k->leases = 256;
	k->rest_ms = 2 * (int64_t)conf->resolution.follow_up_retry_max_ms;
	if (k->rest_ms < 3600 * 1000)
		k->rest_ms = 3600 * 1000;
	k->facts_ms = (int64_t)conf->cases.facts_days * 24 * 3600 * 1000;
	k->facts_bytes = (size_t)conf->cases.facts_memory_mib << 20;
	k->message_bytes = (conf->limits.ring_mib << 20) - 4096; /* a whole ring, less what a message's head takes */
	k->exchanges = conf->limits.exchanges * conf->gateway.workers * 2;
	k->follow_ups = conf->limits.follow_ups;
}

int kp_open(struct keeper_process *p, const struct conf *conf)
{
	struct keeper_world world;
	struct keeper_conf k;

	kp_conf_of_machine(&k, conf);
	kp_world(p, &world);
	p->loop = uv_default_loop();
	p->keeper = keeper_new(&k, &world);
	p->index_lag_max = (uint64_t)conf->journal.index_lag_mib << 20;
	snprintf(p->index_path, sizeof(p->index_path), "%s", conf->journal.index);
	snprintf(p->folder, sizeof(p->folder), "%s", conf->journal.folder);
	p->retention_ms = (int64_t)conf->journal.retention_days * 24 * 3600 * 1000;
	p->index_ms = (int64_t)conf->journal.index_days * 24 * 3600 * 1000;
	p->clock_offset = yt_wall_ms() - yt_mono_ms();
	p->reserve_bytes = (uint64_t)conf->journal.segment_mib << 18; /* a quarter of a segment */
	p->message_bytes = 2 * ((size_t)conf_largest_kib(conf) << 10) + (64u << 10);
	if (p->message_bytes < (size_t)conf->limits.list_rows * (CONF_LIST_ROW_KIB << 10))
		p->message_bytes = (size_t)conf->limits.list_rows * (CONF_LIST_ROW_KIB << 10);
	if (p->keeper == NULL || open_journal(p, conf) != 0)
		return YT_ECONF;
	p->drain_bytes = log_commit_max(p->log) > 2 * p->message_bytes
	                         ? log_commit_max(p->log) - p->message_bytes
	                         : log_commit_max(p->log) /
	                                   2; /* with what is gathered one more message must still fit a commit */
	if (committer_open(&p->committer, p->loop, p->log, &p->io, p->seal != NULL ? p->keys : NULL,
	            (int64_t)conf->journal.anchor_s * 1000, kp_committed, on_fresh, p) != 0 ||
	        indexer_open(&p->indexer, p->loop, p->index, p->log, &p->io, &p->log_conf, on_indexed, p) != 0)
		return YT_ENOMEM;
	return 0;
}
