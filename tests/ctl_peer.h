/* tests/ctl_peer.h - a journal with its index, and the yitong command run over them. */
#ifndef YT_TESTS_CTL_PEER_H
#define YT_TESTS_CTL_PEER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/index.h"

#define CTL_TEXT_MAX 65536

struct ctl_peer {
	char folder[64], journal[96], index_path[96], conf[96];
	struct yt_io io;
	struct log_conf log_conf;
	struct log *log;
	struct index *index;
	char out[CTL_TEXT_MAX];
};

static inline void ctl_peer_write(const char *path, const char *text, const char *folder)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (const char *p = text; *p != '\0'; p++) /* @ is the folder */
		if (*p == '@')
			fputs(folder, f);
		else
			fputc(*p, f);
	fclose(f);
}

/* config: YAML, in which @ stands for the folder. */
static inline void ctl_peer_open(struct ctl_peer *w, const char *config)
{
	struct log_problem why;

	memset(w, 0, sizeof(*w));
	strcpy(w->folder, "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->journal, sizeof(w->journal), "%s/journal", w->folder);
	snprintf(w->index_path, sizeof(w->index_path), "%s/index.db", w->folder);
	snprintf(w->conf, sizeof(w->conf), "%s/conf.yaml", w->folder);
	ctl_peer_write(w->conf, config, w->folder);
	w->log_conf = (struct log_conf){ .segment_bytes = 4 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w->journal, &w->io), 0);
	assert_int_equal(log_open(&w->log, &w->log_conf, &w->io, 0, NULL, NULL, &why), 0);
	assert_int_equal(index_open(&w->index, w->index_path, true), 0);
}

static inline void ctl_peer_close(struct ctl_peer *w)
{
	char command[100];

	index_close(w->index);
	log_close(w->log);
	yt_io_close(&w->io);
	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
}

static inline void ctl_peer_commit(struct ctl_peer *w, struct yt_buf *buf)
{
	log_pos pos;

	assert_false(buf->failed);
	assert_int_equal(log_commit(w->log, yt_buf_view(buf), &pos), 0);
	yt_buf_clear(buf);
}

static inline void ctl_peer_feed(struct ctl_peer *w)
{
	assert_int_equal(index_feed(w->index, &w->io, &w->log_conf, log_end(w->log), NULL, NULL), 0);
}

/* Runs the command; its exit status, and what it printed in w->out. */
static inline int ctl_peer_run(struct ctl_peer *w, const char *arguments)
{
	char command[1024];
	FILE *f;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "timeout 60 " YT_BIN_DIR "/yitong --conf %s %s 2>&1 </dev/null", w->conf,
	        arguments);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(w->out, 1, sizeof(w->out) - 1, f);
	w->out[n] = 0;
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static inline void ctl_peer_prints(const struct ctl_peer *w, const char *words)
{
	if (strstr(w->out, words) == NULL)
		fail_msg("\"%s\" is not in:\n%s", words, w->out);
}

static inline void ctl_peer_hides(const struct ctl_peer *w, const char *words)
{
	if (strstr(w->out, words) != NULL)
		fail_msg("\"%s\" is in:\n%s", words, w->out);
}

#endif
