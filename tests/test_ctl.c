/* tests/test_ctl.c - the yitong command over a journal made here, beside a keeper that is played here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "english.h"
#include "journal/index.h"
#include "process/conf.h"

#define NUMBER "H33021399901202611221000000001"
#define QUERY "H33021399901202611221000000017"
#define QUERY_BEHIND "H33021399901202611221000000018" /* behind what the index has */
#define TEXT_MAX 65536

/* Invented; none of it may be seen without --raw. */
static const char *const personal[] = { "林小满", "33021319800101001", "3302000000017788", "13800000000", "J18.900",
	"ecToken-5f2a", "社区获得性肺炎", "海曙区望春街道7号", "王医生" };

static const char request_body[] =
        "{\"infno\":\"2207\",\"msgid\":\"" NUMBER
        "\",\"overlmt_selfpay\":\"6.10\",\"fixmedins_name\":\"示例市第一医院\",\"medins_name\":\"示例市第一医院\""
        ",\"err_msg\":\"报文有误，未受理：input.data.certno（Y101 7B3348LZ）\",\"warn_msg\":\"林小满（Y101 7B3348LZ）\""
        ",\"fixmedins_code\":\"H33021399901\",\"opter_name\":\"王医生\",\"input\":"
        "{\"data\":{\"psn_name\":\"林小满\",\"certno\":\"330213198001010012\",\"psn_no\":\"3302000000017788\","
        "\"mdtrt_id\":\"330213000012345\",\"tel\":\"13800000000\",\"medfee_sumamt\":123.45,\"addr\":"
        "\"海曙区望春街道7号\","
        "\"mdtrt_cert_no\":\"ecToken-5f2a\",\"diseinfo\":[{\"diag_code\":\"J18.900\",\"diag_name\":\"社区获得性肺炎\"}]"
        ","
        "\"exp_content\":\"林小满\",\"begntime\":\"林小满 2026\",\"setl_id\":\"林小满\"}}}";

static const char config[] = "gateway: {run_dir: @, plugin_dir: @}\n"
                             "journal: {folder: @/journal, index: @/index.db, segment_mib: 4}\n"
                             "listeners:\n"
                             "  - {name: hospitals, kind: mtls, address: 127.0.0.1, port: 8443, format: nhsa, cert: a, "
                             "key: b, client_ca: c}\n"
                             "  - {name: inside, kind: plain, address: 127.0.0.1, port: 8444, format: nhsa, allow: "
                             "[127.0.0.0/8]}\n"
                             "parties:\n"
                             "  - {name: zhejiang, format: nhsa, url: \"https://127.0.0.1:9443/\", ca: c}\n"
                             "origins:\n"
                             "  - {name: hospital-one, subject: hospital-one, institutions: [H33021399901]}\n"
                             "institutions:\n"
                             "  - {code: H33021399901, name: n, area: \"330213\", operator: o}\n"
                             "routes:\n"
                             "  - {name: everything, to: zhejiang}\n";

struct world {
	char folder[64], journal[96], index_path[96], conf[96];
	struct yt_io io;
	struct log_conf log_conf;
	struct log *log;
	struct index *index;
	pid_t keeper;
	char out[TEXT_MAX];
};

/* ---- a journal with one of each ---- */

static void put_text(struct yt_buf *buf, enum rec_tag tag, const char *text)
{
	rec_str(buf, tag, yt_str(text));
}

static void add_accepted(struct yt_buf *buf, uint64_t id, const char *number, const char *visit)
{
	size_t at = rec_begin(buf, REC_ACCEPTED, 0, id, 1795312800123 + (int64_t)id);

	put_text(buf, REC_T_INSTITUTION, "H33021399901");
	put_text(buf, REC_T_NUMBER, number);
	put_text(buf, REC_T_WIRE_OP, "2207");
	rec_u8(buf, REC_T_OPERATION, YT_OP_OUTPATIENT_SETTLE);
	put_text(buf, REC_T_LISTENER, "hospitals");
	put_text(buf, REC_T_VISIT, visit);
	put_text(buf, REC_T_TRACE, id == 1 ? "QWERTYUI" : id == 2 ? "7B3348LZ" : "7B3348L3");
	rec_i64(buf, REC_T_AMOUNT, 12345);
	rec_u32(buf, REC_T_FLAGS, REC_X_SETTLEMENT);
	put_text(buf, REC_T_REQUEST, request_body);
	rec_end(buf, at);
}

static void add_step(struct yt_buf *buf, enum rec_type type, uint64_t id, int64_t after_ms)
{
	size_t at = rec_begin(buf, type, 0, id, 1795312800123 + (int64_t)id + after_ms);

	rec_u8(buf, REC_T_LEG, REC_LEG_MAIN);
	if (type == REC_SENDING)
		put_text(buf, REC_T_PARTY, "zhejiang");
	if (type == REC_OUTCOME || type == REC_ANSWERED)
		rec_u8(buf, REC_T_OUTCOME, id == 1 || id == 5 ? YT_DONE : YT_UNKNOWN);
	if (type == REC_OUTCOME)
		put_text(buf, REC_T_REASON, id == 1 ? "" : "timeout");
	if (type == REC_ANSWERED) {
		put_text(buf, REC_T_SETTLEMENT, "3302990000007781");
		rec_i64(buf, REC_T_FUND, 8000);
		rec_i64(buf, REC_T_CASH, 4345);
		put_text(buf, REC_T_REPLY,
		        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"psn_name\":\"林小满\",\"setl_id\":\"7781\"}}}");
	}
	if (type == REC_PARKED) {
		put_text(buf, REC_T_OWNER, "desk");
		put_text(buf, REC_T_REASON, "the query proved nothing");
		rec_i64(buf, REC_T_DEADLINE, 1795399200000);
	}
	rec_end(buf, at);
}

static void add_query(struct yt_buf *buf, uint64_t id, const char *number)
{
	size_t at = rec_begin(buf, REC_READ, REC_NOWAIT, id, 1795312800123 + (int64_t)id);

	put_text(buf, REC_T_INSTITUTION, "H33021399901");
	put_text(buf, REC_T_NUMBER, number);
	put_text(buf, REC_T_WIRE_OP, "1101");
	put_text(buf, REC_T_TRACE, id == 17 ? "QUERY217" : "QUERY218");
	rec_u8(buf, REC_T_OPERATION, YT_OP_PERSON_CHECK);
	put_text(buf, REC_T_PARTY, "zhejiang");
	rec_end(buf, at);
}

static void commit(struct world *w, struct yt_buf *buf)
{
	log_pos pos;

	assert_false(buf->failed);
	assert_int_equal(log_commit(w->log, yt_buf_view(buf), &pos), 0);
	yt_buf_clear(buf);
}

static void feed(struct world *w)
{
	assert_int_equal(index_feed(w->index, &w->io, &w->log_conf, log_end(w->log), NULL, NULL), 0);
}

static void fill(struct world *w)
{
	struct yt_buf buf = { 0 };

	add_accepted(&buf, 1, NUMBER, "330213000012345");
	add_step(&buf, REC_SENDING, 1, 2);
	commit(w, &buf);
	add_step(&buf, REC_OUTCOME, 1, 130);
	add_step(&buf, REC_ANSWERED, 1, 131);
	commit(w, &buf);
	add_step(&buf, REC_DELIVERED, 1, 140);
	add_accepted(&buf, 2, "H33021399901202611221000000002", "visit\033[31m");
	add_step(&buf, REC_SENDING, 2, 2);
	add_step(&buf, REC_OUTCOME, 2, 9000);
	add_step(&buf, REC_PARKED, 2, 86400000);
	add_query(&buf, 17, QUERY);
	commit(w, &buf);
	feed(w);
	add_accepted(&buf, 3, "H33021399901202611221000000003", "behind-the-index");
	add_query(&buf, 18, QUERY_BEHIND);
	commit(w, &buf);
	yt_buf_free(&buf);
}

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct log_problem why;
	FILE *f;

	strcpy(w->folder, "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->journal, sizeof(w->journal), "%s/journal", w->folder);
	snprintf(w->index_path, sizeof(w->index_path), "%s/index.db", w->folder);
	snprintf(w->conf, sizeof(w->conf), "%s/conf.yaml", w->folder);
	f = fopen(w->conf, "w");
	assert_non_null(f);
	for (const char *p = config; *p != '\0'; p++) /* @ is the folder */
		if (*p == '@')
			fputs(w->folder, f);
		else
			fputc(*p, f);
	fclose(f);
	w->log_conf = (struct log_conf){ .segment_bytes = 4 << 20, .reserve_segments = 1 };
	assert_int_equal(yt_io_folder(w->journal, &w->io), 0);
	assert_int_equal(log_open(&w->log, &w->log_conf, &w->io, 0, NULL, NULL, &why), 0);
	assert_int_equal(index_open(&w->index, w->index_path, true), 0);
	fill(w);
	*state = w;
	return 0;
}

static void stop_writing(struct world *w)
{
	index_close(w->index);
	log_close(w->log);
	w->index = NULL;
	w->log = NULL;
}

static int close_world(void **state)
{
	struct world *w = *state;
	char command[100];

	stop_writing(w);
	yt_io_close(&w->io);
	if (w->keeper > 0) {
		kill(w->keeper, SIGKILL);
		waitpid(w->keeper, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

/* Runs the command; its exit status, and what it printed in w->out. */
static int run(struct world *w, const char *arguments)
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

static void assert_prints(const struct world *w, const char *words)
{
	if (strstr(w->out, words) == NULL)
		fail_msg("\"%s\" is not in:\n%s", words, w->out);
}

static void assert_shows_nobody(const struct world *w)
{
	for (size_t i = 0; i < sizeof(personal) / sizeof(personal[0]); i++)
		if (strstr(w->out, personal[i]) != NULL)
			fail_msg("\"%s\" is shown in:\n%s", personal[i], w->out);
}

/* ---- a keeper that gives one answer and notes what it was asked ---- */

static void play_keeper(int fd, const char *answer, const char *noted)
{
	char line[4096];
	ssize_t n = 0, got;
	int peer = accept(fd, NULL, NULL), file;

	while (n < (ssize_t)sizeof(line) && memchr(line, '\n', (size_t)n) == NULL) {
		got = read(peer, line + n, sizeof(line) - (size_t)n);
		if (got <= 0)
			_exit(1);
		n += got;
	}
	file = open(noted, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (write(file, line, (size_t)n) != n || write(peer, answer, strlen(answer)) < 0)
		_exit(1);
	_exit(0);
}

static void start_keeper(struct world *w, const char *answer)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char noted[96];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(noted, sizeof(noted), "%s/asked", w->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/keeper.sock", w->folder);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	w->keeper = fork();
	if (w->keeper == 0)
		play_keeper(fd, answer, noted);
	close(fd);
}

/* What the keeper was asked, as one line. */
static void asked(struct world *w, char *line, size_t size)
{
	char noted[96];
	ssize_t n;
	int fd;

	waitpid(w->keeper, NULL, 0);
	w->keeper = 0;
	snprintf(noted, sizeof(noted), "%s/asked", w->folder);
	fd = open(noted, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, line, size - 1);
	assert_true(n > 0);
	line[n] = 0;
	close(fd);
}

/* ---- messages ---- */

static void test_messages(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "messages"), 0);
	assert_prints(w, "123.45");
	assert_prints(w, NUMBER);
	assert_prints(w, "parked");
	assert_prints(w, "visit?[31m"); /* what came in a message must not steer the terminal */
	assert_shows_nobody(w);
	assert_int_equal(run(w, "messages --visit 330213000012345 --json"), 0);
	assert_prints(w, "\"amount_fen\":12345,\"fund_fen\":8000,\"account_fen\":0,\"cash_fen\":4345");
	assert_prints(w, "\"exchange\":\"0000000000000001\"");
	assert_prints(w, "\"state\":\"done\"");
	assert_int_equal(
	        run(w, "messages --settlement 3302990000007781 --day 2026-11-22 --party zhejiang --limit 5"), 0);
	assert_int_equal(run(w, "messages --state read --json"), 0);
	assert_prints(w, QUERY "\"");
	assert_prints(w, QUERY_BEHIND "\"");
	assert_int_equal(run(w, "messages --number " QUERY " --day 2026-11-22 --json"), 0);
	assert_prints(w, "\"exchange\":\"0000000000000011\",\"state\":\"read\"");
	assert_int_equal(run(w, "messages --number " QUERY " --day 2026-11-23"), 1);
	assert_int_equal(run(w, "messages --number " QUERY " --state done"), 1);
	assert_int_equal(run(w, "show " QUERY), 0);
	assert_prints(w, "1101");
	assert_int_equal(run(w, "show 0000000000000012"), 0);
	assert_int_equal(run(w, "messages --number 1"), 1);
	assert_prints(w, "nothing found");
	assert_int_equal(run(w, "messages --state lost"), 2);
	assert_prints(w, "reversed, parked or read, open, or undelivered, not \"lost\"");
	assert_int_equal(run(w, "messages --day 22.11."), 2);
	assert_prints(w, "--day must be a date such as 2026-11-22");
	assert_int_equal(run(w, "messages --states done"), 2);
	assert_prints(w, "yitong messages: ");
	assert_int_equal(run(w, "messages --limit 0"), 2);
	assert_int_equal(run(w, "messages 1234"), 2);
}

static void test_open_messages(void **state)
{
	static const struct {
		const char *filters;
		int status;
		bool parked, undelivered;
	} rows[] = {
		{ "--state open", 0, true, true },
		{ "--state undelivered", 0, false, true },
		{ "--state open --visit fifth", 0, false, true },
		{ "--state open --institution H33021399901 --party zhejiang --day 2026-11-22", 0, true, true },
		{ "--state open --institution H33021399902", 1, false, false },
		{ "--state open --day 2026-11-23", 1, false, false },
		{ "--state undelivered --number H33021399901202611221000000002", 1, false, false },
	};
	struct world *w = *state;
	struct yt_buf buf = { 0 };
	char line[160];

	add_accepted(&buf, 5, "H33021399901202611221000000005", "fifth");
	add_step(&buf, REC_SENDING, 5, 2);
	add_step(&buf, REC_OUTCOME, 5, 130);
	add_step(&buf, REC_ANSWERED, 5, 131);
	commit(w, &buf);
	yt_buf_free(&buf);
	feed(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "messages %s", rows[i].filters);
		assert_int_equal(run(w, line), rows[i].status);
		assert_int_equal(rows[i].parked, strstr(w->out, " parked ") != NULL);
		assert_int_equal(rows[i].undelivered, strstr(w->out, " undelivered ") != NULL);
		assert_null(strstr(w->out, NUMBER)); /* it is over */
	}
	assert_int_equal(run(w, "messages --state undelivered --json"), 0);
	assert_prints(w, "\"state\":\"done\"");
	assert_prints(w, "\"open\":true");
	assert_int_equal(run(w, "messages --state open --day tomorrow"), 2);
}

/* What a hospital reads out from （Y103 7B3348LZ）. */
static void test_traces(void **state)
{
	static const struct {
		const char *trace, *number;
	} traces[] = { { "QWERTYUI", NUMBER }, { "7B3348LZ", "H33021399901202611221000000002" },
		{ "7b3348lz", "H33021399901202611221000000002" },
		{ "'Y103 7B3348LZ'", "H33021399901202611221000000002" },
		{ "'（Y103 7B3348LZ）'", "H33021399901202611221000000002" },
		{ "'(Y103 7B3348LZ)'", "H33021399901202611221000000002" }, { "QUERY217", QUERY },
		{ "QUERY218", QUERY_BEHIND } };
	struct world *w = *state;
	char line[80];

	for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
		snprintf(line, sizeof(line), "show %s", traces[i].trace);
		assert_int_equal(run(w, line), 0);
		assert_prints(w, traces[i].number);
		snprintf(line, sizeof(line), "messages --json --trace %s", traces[i].trace);
		assert_int_equal(run(w, line), 0);
		assert_prints(w, traces[i].number);
		assert_int_equal(strchr(w->out, '\n') - w->out + 1, strlen(w->out)); /* that one only */
	}
	assert_int_equal(run(w, "show 7B3348L3"), 0); /* behind the index */
	assert_prints(w, "behind-the-index");
	assert_int_equal(run(w, "show 7B3348ZZ"), 1);
	assert_int_equal(run(w, "messages --trace 7B3348ZZ"), 1);
	assert_int_equal(run(w, "messages --trace 7B3348LZ --state done"), 1);
	assert_int_equal(run(w, "messages --trace 7B3348"), 2);
}

/* ---- show ---- */

static void test_show_masks(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "show " NUMBER), 0);
	assert_prints(w, "done");
	assert_prints(w, "2026-11-22 10:00:00.124");
	assert_prints(w, "sending");
	assert_prints(w, "main leg, to zhejiang");
	assert_prints(w, "fund 80.00, account 0.00, cash 43.45");
	assert_prints(w, "\"medfee_sumamt\": 123.45");
	assert_prints(w, "\"overlmt_selfpay\": \"6.10\"");
	assert_prints(w, "\"fixmedins_name\": \"示例市第一医院\"");
	assert_prints(w, "\"medins_name\": 「***(7)」");
	assert_prints(w, "\"err_msg\": \"报文有误，未受理：input.data.certno（Y101 7B3348LZ）\"");
	assert_prints(w, "\"warn_msg\": 「***(18)」"); /* not our words, whatever follows them */
	assert_prints(w, "\"mdtrt_id\": \"330213000012345\"");
	assert_prints(w, "\"psn_name\": 「***(3)」");
	assert_prints(w, "\"certno\": 「***(18)」");
	assert_prints(w, "\"begntime\": 「***(8)」"); /* a harmless name does not help a value that has not its form */
	assert_shows_nobody(w);
	assert_int_equal(run(w, "show H33021399901202611221000000002"), 0); /* parked: nobody knows who pays what */
	assert_prints(w, "123.45 yuan asked for");
	assert_int_equal(run(w, "show 1"), 0); /* the exchange */
	assert_prints(w, NUMBER);
	assert_int_equal(run(w, "show " NUMBER " --json"), 0);
	assert_prints(w, "\"step\":\"answered\"");
	assert_shows_nobody(w);
	assert_int_equal(run(w, "show nothing"), 1);
	assert_int_equal(run(w, "show"), 2);
}

static void test_show_behind_the_index(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "show H33021399901202611221000000003"), 0);
	assert_prints(w, "behind-the-index");
	assert_prints(w, "accepted");
}

static void test_raw_is_audited(void **state)
{
	struct world *w = *state;
	char line[4096];

	assert_int_equal(run(w, "show " NUMBER " --raw"), 2);
	assert_int_equal(run(w, "show " NUMBER " --raw --reason ' '"), 2);
	assert_int_equal(run(w, "show " NUMBER " --raw --reason complaint"), 3); /* no keeper to write it down */
	assert_prints(w, "cannot be written down who looked");
	assert_shows_nobody(w);
	start_keeper(w, "{\"ok\":false,\"error\":\"journal full\"}\n");
	assert_int_equal(run(w, "show " NUMBER " --raw --reason complaint"), 3);
	assert_prints(w, "journal full");
	assert_shows_nobody(w);
	asked(w, line, sizeof(line));
	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(run(w, "show " NUMBER " --raw --reason 'complaint \"17\"'"), 0);
	assert_prints(w, "林小满");
	asked(w, line, sizeof(line));
	assert_non_null(strstr(line, "\"do\":\"audit\""));
	assert_non_null(strstr(line, "\"exchange\":\"0000000000000001\""));
	assert_non_null(strstr(line, "\"reason\":\"complaint \\\"17\\\"\""));
	assert_non_null(strstr(line, "\"operator\":\""));
}

/* ---- audit ---- */

#define AUDIT_DAY_MS 1795312800000 /* 2026-11-22 10:00 at UTC+8 */
#define DAY_MS 86400000

static void add_act(struct yt_buf *buf, enum rec_type type, int64_t wall_ms, const char *operator_name, const char *act)
{
	size_t at = rec_begin(buf, type, 0, type == REC_DECIDED ? 2 : 0, wall_ms);

	put_text(buf, REC_T_OPERATOR, operator_name);
	put_text(buf, REC_T_REASON, "because \033[31m");
	put_text(buf, REC_T_RESULT, act);
	if (type == REC_AUDIT)
		put_text(buf, REC_T_NUMBER, "0000000000000001");
	rec_end(buf, at);
}

static void add_acts(struct world *w)
{
	static const uint8_t digest[32] = { 0xab, 0xcd, 0x01, 0x02 };
	struct yt_buf buf = { 0 };
	size_t at;

	add_act(&buf, REC_AUDIT, AUDIT_DAY_MS, "wang", "show raw");
	add_act(&buf, REC_AUDIT, AUDIT_DAY_MS, "wang", "enrolment load tianyi");
	add_act(&buf, REC_DECIDED, AUDIT_DAY_MS + 1000, "keeper", "refused");
	add_act(&buf, REC_DECIDED, AUDIT_DAY_MS + DAY_MS, "li", "done");
	at = rec_begin(&buf, REC_DECIDED, 0, 2, AUDIT_DAY_MS + DAY_MS);
	put_text(&buf, REC_T_OPERATOR, "li");
	put_text(&buf, REC_T_OWNER, "operator"); /* for whom it is held */
	put_text(&buf, REC_T_RESULT, "park");
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_GENERATION, 0, 0, AUDIT_DAY_MS + 2 * DAY_MS);
	rec_u32(&buf, REC_T_GENERATION, 4);
	rec_bytes(&buf, REC_T_DIGEST, digest, sizeof(digest));
	rec_end(&buf, at);
	commit(w, &buf);
	yt_buf_free(&buf);
}

static void test_audit(void **state)
{
	static const struct {
		const char *arguments;
		int status;
		bool wang, keeper, li, generation;
	} rows[] = {
		{ "audit", 0, true, false, true, true },
		{ "audit --json", 0, true, false, true, true },
		{ "audit --day 2026-11-22", 0, true, false, false, false },
		{ "audit --day 2026-11-23", 0, false, false, true, false },
		{ "audit --day 2026-11-24", 0, false, false, false, true },
		{ "audit --day 2026-11-25", 1, false, false, false, false },
		{ "audit --operator li", 0, false, false, true, false },
		{ "audit --operator keeper", 0, false, true, false, false },
		{ "audit --operator li --day 2026-11-22", 1, false, false, false, false },
	};
	struct world *w = *state;

	assert_int_equal(run(w, "audit"), 1);
	assert_prints(w, "nothing found");
	add_acts(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run(w, rows[i].arguments), rows[i].status);
		assert_int_equal(rows[i].wang, strstr(w->out, "show raw") != NULL);
		assert_int_equal(rows[i].keeper, strstr(w->out, "decided refused") != NULL);
		assert_int_equal(rows[i].li, strstr(w->out, "decided done") != NULL);
		assert_int_equal(rows[i].generation, strstr(w->out, "configuration 4 active, abcd0102") != NULL);
		assert_null(strstr(w->out, "\033["));
	}
	assert_int_equal(run(w, "audit --day 2026-11-22"), 0);
	assert_prints(w, "2026-11-22 10:00:00");
	assert_prints(w, "0000000000000001"); /* whose text was shown */
	assert_int_equal(run(w, "--lang zh audit --day 2026-11-22"), 0);
	assert_prints(w, "查看原文");
	assert_prints(w, "装入参保名单 tianyi");
	assert_int_equal(run(w, "audit --day 2026-11-23"), 0);
	assert_prints(w, "decided park ");
	assert_null(strstr(w->out, "proposed"));
	assert_int_equal(run(w, "audit --day 2026-11-23 --json"), 0);
	assert_prints(w, "\"operator\":\"li\",\"act\":\"decided done\",\"exchange\":\"0000000000000002\"");
	assert_int_equal(run(w, "audit --day tomorrow"), 2);
	assert_int_equal(run(w, "audit li"), 2);
	assert_int_equal(unlink(w->index_path), 0); /* the journal is enough */
	assert_int_equal(run(w, "audit --day 2026-11-22"), 0);
}

/* ---- status, parked ---- */

static const char status_answer[] =
        "{\"ok\":true,\"generation\":3,\"pid\":%d,\"version\":\"0\",\"accepting\":%s,\"why_closed\":\"the journal's disk is full\","
        "\"journal\":{\"position\":\"3:81920\",\"commits\":120,\"room_bytes\":1048576,\"sealed\":false},"
        "\"index\":{\"position\":\"3:81920\",\"lag_bytes\":77,\"usable\":true},"
        "\"workers\":[{\"incarnation\":7,\"pid\":4711,\"generation\":3,\"connections\":2,\"in_flight\":1,\"requests\":"
        "310}],"
        "\"exchanges\":{\"sent\":1,\"unknown\":20,\"reversing\":300,\"parked\":5,\"undelivered\":4000,\"leased\":2,"
        "\"follow_ups\":600000,\"follow_ups_full\":true}}\n";

static void test_status(void **state)
{
	struct world *w = *state;
	char line[4096], answer[2048];

	assert_int_equal(run(w, "status"), 3);
	assert_prints(w, "is not running");
	assert_prints(w, "yitongd --conf");
	snprintf(answer, sizeof(answer), status_answer, (int)getpid(), "true");
	start_keeper(w, answer);
	assert_int_equal(run(w, "status"), 0);
	asked(w, line, sizeof(line));
	assert_string_equal(line, "{\"do\":\"status\"}\n");
	assert_prints(w, "running, generation 3");
	assert_prints(w, "4711");
	snprintf(line, sizeof(line), "supervisor %d (kill -HUP %d ", (int)getppid(), (int)getppid());
	assert_prints(w, line);
	assert_prints(w, "20 unknown");
	assert_prints(w, "600000 to follow");
	assert_prints(w, "as many to follow as limits.follow_ups allows");
	assert_prints(w, "77 bytes behind");
	assert_prints(w, "certificate of hospitals: cannot read a");
	assert_null(strstr(w->out, "certificate of inside")); /* plain HTTP has none */
	start_keeper(w, answer);
	assert_int_equal(run(w, "status --json"), 0);
	asked(w, line, sizeof(line));
	assert_prints(w, "\"pending\":604321");
	snprintf(answer, sizeof(answer), status_answer, (int)getpid(), "false");
	start_keeper(w, answer);
	assert_int_equal(run(w, "status"), 1);
	asked(w, line, sizeof(line));
	assert_prints(w, "because   the journal's disk is full");
	start_keeper(w, "nonsense\n");
	assert_int_equal(run(w, "status"), 3);
	asked(w, line, sizeof(line));
	assert_prints(w, "cannot be read");
}

static void test_parked(void **state)
{
	struct world *w = *state;
	char line[4096];

	assert_int_equal(run(w, "parked"), 0);
	assert_prints(w, "0000000000000002");
	assert_prints(w, "the query proved nothing");
	assert_prints(w, "desk");
	assert_int_equal(run(w, "parked --json"), 0);
	assert_prints(w, "\"deadline_ms\":1795399200000");
	assert_int_equal(run(w, "parked decide 2 done --operator li"), 2);
	assert_prints(w, "say why with --reason TEXT");
	assert_int_equal(run(w, "parked decide 2 done --operator '' --reason seen"), 2);
	assert_int_equal(run(w, "parked decide 2 done --reason seen"), 3); /* it is who runs this */
	assert_int_equal(run(w, "parked decide 2 lost --operator li --reason seen"), 2);
	assert_int_equal(run(w, "parked decide two done --operator li --reason seen"), 1);
	assert_prints(w, "no exchange has the number two; `yitong parked` and");
	assert_int_equal(run(w, "parked decide 2 done --operator li --reason seen"), 3);
	assert_prints(w, "nothing was decided: the gateway is not running");
	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(run(w, "parked decide 2 done --operator li --reason 'seen in their ledger'"), 0);
	assert_prints(w, "Its answer is not here: numbers, amounts");
	asked(w, line, sizeof(line));
	assert_string_equal(line, "{\"do\":\"decide\",\"exchange\":\"2\",\"result\":\"done\",\"operator\":\"li\","
	                          "\"reason\":\"seen in their ledger\"}\n");
	/* By its number, and with the word of the other command. */
	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(
	        run(w, "parked decide H33021399901202611221000000002 refused --operator li --why 'not there'"), 0);
	asked(w, line, sizeof(line));
	assert_string_equal(line, "{\"do\":\"decide\",\"exchange\":\"0000000000000002\",\"result\":\"refused\","
	                          "\"operator\":\"li\",\"reason\":\"not there\"}\n");
	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(
	        run(w, "decide H33021399901202611221000000002 retry --operator li --reason 'they are back'"), 0);
	asked(w, line, sizeof(line));
	assert_non_null(strstr(line, "\"result\":\"retry\",\"operator\":\"li\",\"reason\":\"they are back\""));
}

/* The second person sees what it is about, not a number of ours alone. */
static void test_confirm_lists(void **state)
{
	struct world *w = *state;
	char line[4096];

	start_keeper(w,
	        "{\"ok\":true,\"proposals\":[{\"exchange\":\"0000000100000002\",\"since_ms\":1795312800123,\"expires_s\":9,"
	        "\"proposal\":\"3f9a21\",\"result\":\"release\",\"operator\":\"li\",\"reason\":\"item 7\",\"number\":\"+/S1\","
	        "\"waits\":\"waits: release of 7500.00 yuan: no rule releases it\"}]}\n");
	assert_int_equal(run(w, "confirm"), 0);
	asked(w, line, sizeof(line));
	assert_prints(w,
	        "3f9a21    2026-11-22 10:00:00  0000000100000002  +/S1    waits for a release of 7500.00 yuan: no rule "
	        "releases it  release   li        item 7");
}

static void test_parked_retry(void **state)
{
	struct world *w = *state;
	char line[4096];

	assert_int_equal(run(w, "parked --help"), 0);
	assert_prints(w, "UNTIL");
	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(run(w, "parked decide 2 retry --operator li --reason 'they are back'"), 0);
	assert_prints(w, "tries again");
	asked(w, line, sizeof(line));
	assert_non_null(strstr(line, "\"result\":\"retry\""));
}

/* ---- journal, index ---- */

/* Changes one character of the first exchange's trace. */
static void damage(const char *folder)
{
	static char bytes[4 << 20];
	char path[160], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/seg-%010u.ytj", folder, 1u);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	n = read(fd, bytes, sizeof(bytes));
	at = memmem(bytes, (size_t)n, "QWERTYUI", 8);
	assert_non_null(at);
	assert_int_equal(pwrite(fd, "X", 1, at - bytes), 1);
	close(fd);
}

static void test_journal(void **state)
{
	struct world *w = *state;

	assert_int_equal(run(w, "journal verify"), 0);
	assert_prints(w, "The journal is whole.");
	assert_prints(w, "commits      4 (");
	assert_int_equal(run(w, "journal stat"), 0);
	assert_prints(w, "accepted");
	assert_int_equal(run(w, "journal stat --json"), 0);
	assert_prints(w, "\"accepted\":3");
	assert_int_equal(run(w, "journal"), 2);
	assert_int_equal(run(w, "journal verify --anchors /nonexistent"), 3);
	stop_writing(w);
	damage(w->journal);
	assert_int_equal(run(w, "journal verify"), 1);
	assert_prints(w, "damaged or was changed");
}

static void test_index_rebuild(void **state)
{
	struct world *w = *state;
	FILE *f;

	assert_int_equal(run(w, "index rebuild"), 3); /* the journal is locked by its writer */
	assert_prints(w, "in use");
	stop_writing(w);
	f = fopen(w->index_path, "w");
	fputs("not a database", f);
	fclose(f);
	assert_int_equal(run(w, "messages"), 3);
	assert_prints(w, "yitong index rebuild");
	assert_int_equal(run(w, "index rebuild"), 0);
	assert_int_equal(run(w, "messages --json"), 0);
	assert_prints(w, NUMBER);
	assert_int_equal(unlink(w->index_path), 0);
	assert_int_equal(run(w, "messages"), 3);
	assert_int_equal(run(w, "index rebuild"), 0);
	assert_int_equal(run(w, "show " NUMBER), 0);
	assert_int_equal(run(w, "index"), 2);
}

static void test_index_rebuild_by_the_gateway(void **state)
{
	struct world *w = *state;
	char line[4096];

	start_keeper(w, "{\"ok\":true}\n");
	assert_int_equal(run(w, "index rebuild"), 0);
	asked(w, line, sizeof(line));
	assert_non_null(strstr(line, "{\"do\":\"reindex\",\"operator\":\""));
}

/* ---- check, help ---- */

static void test_check(void **state)
{
	struct world *w = *state;
	struct yt_buf keys = { 0 };
	char active[512];
	FILE *f;

	assert_int_equal(run(w, "check --no-files"), 0);
	assert_prints(w, "can be used");
	assert_int_equal(run(w, "check --release 1"), 1);
	assert_prints(w, "there are 0 rules in releases");
	assert_int_equal(run(w, "check"), 1); /* its files are not there */
	assert_prints(w, "/conf.yaml:4:");
	assert_prints(w, "cannot find \"a\"");
	f = fopen(w->conf, "a");
	fputs("releases: [{pay_type: CL, most: \"7\", until: \"2099-12-31\", signed_by: li, signed_on: \"2026-01-05\"}, "
	      "{pay_type: MA, most: \"7\", until: \"2099-12-31\", signed_by: li}]\n",
	        f);
	fclose(f);
	assert_int_equal(run(w, "check --release 1"), 0);
	assert_string_equal(w->out, "yitong-release 1\npay_type: CL\nmost: 7.00\nuntil: 2099-12-31\nsigned_by: li\n"
	                            "signed_on: 2026-01-05\n");
	assert_int_equal(run(w, "check --release 2"), 1);
	assert_prints(w, "rule 2 of releases has no signed_on");
	assert_int_equal(run(w, "check --release 3"), 1);
	f = fopen(w->conf, "a");
	fputs("numbers: {serial_form: 1}\n", f);
	fclose(f);
	assert_int_equal(run(w, "check --no-files"), 1);
	assert_prints(
	        w, "/conf.yaml:15:11: error: unknown key \"serial_form\" in numbers: did you mean \"serial_from\"?");
	assert_prints(w, "1 error: this configuration cannot be used");
	assert_int_equal(run(w, "messages"), 3);
	assert_prints(w, "serial_form");
	assert_prints(w, "name it with --conf FILE");
	assert_null(strstr(w->out, "active-"));
	snprintf(active, sizeof(active), "cp %s %s/active-9.yaml; cp %s %s/active-10.yaml", w->conf, w->folder, w->conf,
	        w->folder);
	assert_int_equal(system(active), 0);
	assert_int_equal(run(w, "status"), 3);
	snprintf(active, sizeof(active), "--conf %s/active-10.yaml", w->folder);
	assert_prints(w, active);
	assert_int_equal(run(w, "check /nonexistent"), 3);
	assert_prints(w, "cannot read /nonexistent");
	assert_int_equal(run(w, "check --keys"), 0);
	conf_keys_markdown(&keys);
	yt_buf_byte(&keys, 0);
	assert_string_equal(w->out, (const char *)keys.p);
	yt_buf_free(&keys);
}

/* What the list shows may be typed again, tables stay aligned, and what machines read is the same in any language. */
static void test_chinese_is_used(void **state)
{
	struct world *w = *state;
	char english[TEXT_MAX], *line, *column;

	assert_int_equal(run(w, "--lang zh messages --state 挂起"), 0);
	assert_prints(w, "时间（UTC+8） ");
	assert_prints(w, "挂起");
	line = strstr(w->out, "机构");
	assert_non_null(line);
	column = strchr(w->out, '\n');
	assert_non_null(column);
	/* 时间（UTC+8） takes thirteen columns, 状态 and 交易 too: the third column begins under its heading. */
	assert_true(line - w->out == 19 + 2 - 13 + 17 + (4 + 2) + 2 + (4 + 2) + 2);
	assert_int_equal(strncmp(column + 1 + 19 + 2 + strlen("挂起") + 2 + 6, "H33021399901", 12), 0);
	assert_int_equal(run(w, "messages --json"), 0);
	snprintf(english, sizeof(english), "%s", w->out);
	assert_int_equal(run(w, "messages --json --lang zh"), 0);
	assert_string_equal(w->out, english);
	assert_int_equal(run(w, "show " NUMBER " --json"), 0);
	snprintf(english, sizeof(english), "%s", w->out);
	assert_int_equal(run(w, "--lang=zh show " NUMBER " --json"), 0);
	assert_string_equal(w->out, english);
	assert_int_equal(run(w, "--lang fr status"), 2);
	assert_prints(w, "--lang is zh or en");
	assert_int_equal(run(w, "--lang"), 2);
}

/* Every command, what it finds, and how it refuses wrong use. */
static void test_both_languages(void **state)
{
	static const struct {
		const char *arguments;
		int want;
	} rows[] = { { "", 2 }, { "nonsense", 2 }, { "--help", 0 }, { "version", 0 }, { "--nonsense", 2 },
		{ "check --help", 0 }, { "check --no-files", 0 }, { "check", 1 }, { "check /nonexistent", 3 },
		{ "check a b", 2 }, { "status --help", 0 }, { "status", 3 }, { "status x", 2 },
		{ "messages --help", 0 }, { "messages", 0 }, { "messages --state nonsense", 2 },
		{ "messages --day x", 2 }, { "messages --limit 0", 2 }, { "messages --trace x", 2 },
		{ "messages x", 2 }, { "messages --number x", 1 }, { "messages --nonsense", 2 }, { "show --help", 0 },
		{ "show " NUMBER, 0 }, { "show " QUERY, 0 }, { "show x", 1 }, { "show", 2 }, { "show x --raw", 2 },
		{ "show " NUMBER " --raw --reason x", 3 }, { "parked --help", 0 }, { "parked", 0 },
		{ "parked decide x done", 2 }, { "parked decide 3 done --operator li", 2 },
		{ "parked decide 3 done --operator li --reason x", 3 }, { "parked decide 3 don", 2 },
		{ "audit --help", 0 }, { "audit", 1 }, { "audit --operator nobody", 1 }, { "audit x", 2 },
		{ "journal --help", 0 }, { "journal erase x", 2 }, { "journal verify", 0 }, { "journal stat", 0 },
		{ "journal", 2 }, { "index --help", 0 }, { "index", 2 }, { "explain --help", 0 }, { "explain", 2 },
		{ "translate --help", 0 }, { "translate", 2 }, { "sign-explain --help", 0 }, { "sign-explain", 2 },
		{ "probe --help", 0 }, { "probe", 2 }, { "probe nobody", 3 }, { "plugin --help", 0 }, { "plugin", 2 },
		{ "plugin list", 1 } };
	struct world *w = *state;
	char line[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "--lang en %s", rows[i].arguments);
		if (run(w, line) != rows[i].want)
			fail_msg("%s: %s", line, w->out);
		snprintf(line, sizeof(line), "--lang zh %s", rows[i].arguments);
		if (run(w, line) != rows[i].want || !has_chinese(w->out) || english_in(w->out) != NULL)
			fail_msg("%s: \"%.40s\" in: %s", line, english_in(w->out), w->out);
	}
}

static void test_status_in_chinese(void **state)
{
	struct world *w = *state;
	char line[4096], answer[2048];

	snprintf(answer, sizeof(answer), status_answer, (int)getpid(), "false");
	start_keeper(w, answer);
	assert_int_equal(run(w, "status --lang zh"), 1);
	asked(w, line, sizeof(line));
	assert_prints(w, "运行中，但拒收改变数据的新交易，配置第 3 代");
	assert_prints(w, "20 结果未知");
	assert_prints(w, "日志所在磁盘已满");
	assert_null(english_in(w->out));
	start_keeper(
	        w, "{\"ok\":false,\"error\":\"the exchange is not parked, or does not wait for that decision\"}\n");
	assert_int_equal(run(w, "--lang zh parked decide 0000000000000003 done --operator li --reason x"), 3);
	asked(w, line, sizeof(line));
	assert_prints(w, "没有作出裁定：网关拒绝：该交易没有挂起，也没有在等待这项裁定");
}

/* An answer that the disk did not take must not look like one: a cron job would keep half a list. */
static void test_a_full_device(void **state)
{
	static const char *const rows[] = { "--help", "version", "check --help", "check --keys", "check --no-files",
		"messages", "messages --json", "show " NUMBER, "show " NUMBER " --json", "parked", "journal verify",
		"journal stat --json" };
	struct world *w = *state;
	char line[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "%s 2>&1 >/dev/full", rows[i]);
		if (run(w, line) != 3)
			fail_msg("%s ends as if all were well", rows[i]);
	}
}

static void test_help(void **state)
{
	static const char *const commands[] = { "", "check", "messages", "show", "status", "parked", "audit", "journal",
		"index" };
	struct world *w = *state;
	char line[64];

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		snprintf(line, sizeof(line), "%s --help", commands[i]);
		assert_int_equal(run(w, line), 0);
		assert_prints(w, "Usage: yitong");
		assert_prints(w, "Example");
		assert_prints(w, "Exit status: 0");
		snprintf(line, sizeof(line), "%s --nonsense", commands[i]);
		assert_int_equal(run(w, line), 2);
		assert_prints(w, "--help");
	}
	assert_int_equal(run(w, "version"), 0);
	assert_prints(w, "plugin interface 1.");
	assert_int_equal(run(w, "nonsense"), 2);
	assert_int_equal(run(w, ""), 2);
}

#define IN_A_WORLD(name, test)                                                                                         \
	{                                                                                                              \
		name, test, open_world, close_world, NULL                                                              \
	}

int main(void)
{
	setenv("LC_ALL", "C", 1); /* whoever runs this may speak Chinese */
	const struct CMUnitTest tests[] = {
		IN_A_WORLD("messages lists and filters, without personal data", test_messages),
		IN_A_WORLD("messages lists what is open, the undelivered by themselves", test_open_messages),
		IN_A_WORLD("show and messages find the code that our answers end with", test_traces),
		IN_A_WORLD("show tells every step and masks the bodies", test_show_masks),
		IN_A_WORLD("show finds what the index has not come to", test_show_behind_the_index),
		IN_A_WORLD("show --raw is audited or refused", test_raw_is_audited),
		IN_A_WORLD("audit tells who did what, by day and operator", test_audit),
		IN_A_WORLD("status says what the keeper says, or that there is none", test_status),
		IN_A_WORLD("parked lists, and decides through the keeper", test_parked),
		IN_A_WORLD("confirm lists what waits for a second person", test_confirm_lists),
		IN_A_WORLD("parked decide retry asks the gateway to try again", test_parked_retry),
		IN_A_WORLD("journal verify finds one changed byte", test_journal),
		IN_A_WORLD("index rebuild makes it anew, never beside a writer", test_index_rebuild),
		IN_A_WORLD("index rebuild is left to a running gateway", test_index_rebuild_by_the_gateway),
		IN_A_WORLD("check tells place and way out", test_check),
		IN_A_WORLD("every command speaks both languages", test_both_languages),
		IN_A_WORLD("status and what the keeper says are Chinese too", test_status_in_chinese),
		IN_A_WORLD("Chinese is aligned, may be typed, and is never in JSON", test_chinese_is_used),
		IN_A_WORLD("what cannot be written is an error", test_a_full_device),
		IN_A_WORLD("every command has help with examples", test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
