/* tests/test_control.c - who comes to the control socket, and decisions of two persons (core/process/control*.c).
 *
 * The real socket and the real keeper's machine; what is gathered counts as durable at once.  Other Unix users are
 * this process under another effective user id while it connects, so those tests need root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/control.h"
#include "process/keeper_process.h"
#include "yitong/json.h"

#define PARKED 7u

bool __wrap_committer_is_idle(const struct committer *committer);
void __wrap_kp_turn(struct keeper_process *p);
void __wrap_yt_random(void *out, size_t n);
void __real_yt_random(void *out, size_t n);
int __real_getpwnam_r(const char *name, struct passwd *pw, char *space, size_t n, struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *space, size_t n, struct passwd **found);

static unsigned n_lookups;
static bool directory_is_away;
static const char *randoms; /* three octets at a time; NULL: as ever */

bool __wrap_committer_is_idle(const struct committer *committer)
{
	return true;
}

void __wrap_kp_turn(struct keeper_process *p)
{
	p->n_commits += 2;
	control_durable(p);
}

void __wrap_yt_random(void *out, size_t n)
{
	if (randoms == NULL || n != 3) {
		__real_yt_random(out, n);
		return;
	}
	memcpy(out, randoms, 3);
	randoms += 3;
}

int __wrap_getpwnam_r(const char *name, struct passwd *pw, char *space, size_t n, struct passwd **found)
{
	n_lookups++;
	if (!directory_is_away)
		return __real_getpwnam_r(name, pw, space, n, found);
	*found = NULL;
	return ECONNREFUSED;
}

/* -- the keeper's process ----------------------------------------------------------------------------- */

static int64_t now_ms(void *ctx)
{
	return 1790000000000;
}

static void k_tell(void *ctx, uint32_t worker, const struct talk *talk)
{
}

static int k_find(void *ctx, struct yt_str institution, struct yt_str number, struct exchange *x)
{
	return YT_ENOTFOUND;
}

static int k_fetch(void *ctx, log_pos pos, uint64_t exchange, enum rec_tag tag, struct yt_buf *out)
{
	return YT_ENOTFOUND;
}

static const char *k_closed(void *ctx)
{
	return NULL;
}

static struct gateway {
	struct keeper_process p;
	struct conf conf;
	uv_loop_t loop;
	char dir[32], path[64];
} g;

static struct conf_operator people[] = { { .name = "li", .roles = CONF_BUSINESS },
	{ .name = "wang", .roles = CONF_BUSINESS | CONF_CHECKER },
	{ .name = "who", .user = "nobody", .roles = CONF_BUSINESS } };

static int setup(void **state)
{
	const struct keeper_conf conf = { .leases = 4, .exchanges = 100, .follow_ups = 100 };
	const struct keeper_world world = { .wall_ms = now_ms,
		.mono_ms = now_ms,
		.tell = k_tell,
		.find = k_find,
		.fetch = k_fetch,
		.closed = k_closed };
	struct yt_buf buf = { 0 };
	size_t at;

	memset(&g, 0, sizeof(g));
	yt_log_setup("test", YT_ERROR + 1);
	snprintf(g.dir, sizeof(g.dir), "/tmp/yt-control-XXXXXX");
	assert_non_null(mkdtemp(g.dir));
	assert_int_equal(chmod(g.dir, 0755), 0);
	snprintf(g.path, sizeof(g.path), "%s/keeper.sock", g.dir);
	uv_loop_init(&g.loop);
	people[0].roles = CONF_BUSINESS;
	g.conf.operators = people;
	g.conf.n_operators = 3;
	g.conf.gateway.run_dir = g.dir;
	g.conf.gateway.proposal_s = 3600;
	g.p = (struct keeper_process){ .loop = &g.loop, .conf = &g.conf, .keeper = keeper_new(&conf, &world) };
	at = rec_begin(&buf, REC_PARKED, 0, PARKED, now_ms(NULL));
	rec_end(&buf, at);
	keeper_note(g.p.keeper, yt_buf_view(&buf));
	yt_buf_free(&buf);
	n_lookups = 0;
	assert_int_equal(control_open(&g.p, g.dir), 0);
	return 0;
}

static int teardown(void **state)
{
	control_close(&g.p);
	uv_run(&g.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&g.loop), 0);
	keeper_free(g.p.keeper);
	rmdir(g.dir);
	randoms = NULL;
	return 0;
}

/* -- who asks ------------------------------------------------------------------------------------------ */

static int call_as(uid_t uid)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", g.path);
	assert_int_equal(seteuid(uid), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(seteuid(getuid()), 0);
	for (int i = 0; i < 4; i++)
		uv_run(&g.loop, UV_RUN_NOWAIT);
	return fd;
}

/* What comes back; "" where the connection is closed without a word. */
static const char *ask_on(int fd, const char *line)
{
	static char answer[4096];
	ssize_t n = 0, got = 0;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
		send(fd, "\n", 1, MSG_NOSIGNAL);
	for (int i = 0; i < 1000 && (got = recv(fd, answer + n, sizeof(answer) - 1 - (size_t)n, MSG_DONTWAIT)) != 0;
	        i++) {
		n += got > 0 ? got : 0;
		uv_run(&g.loop, UV_RUN_NOWAIT);
	}
	close(fd);
	for (int i = 0; i < 4; i++)
		uv_run(&g.loop, UV_RUN_NOWAIT);
	answer[n] = '\0';
	return answer;
}

static void assert_hears(const char *line, const char *words)
{
	const char *answer = ask_on(call_as(getuid()), line);

	if (strstr(answer, words) == NULL)
		fail_msg("%s: %s", line, answer);
}

static uid_t other_user(void)
{
	const struct passwd *pw = getpwnam("nobody");

	if (getuid() == 0 && pw != NULL)
		return pw->pw_uid;
	print_message("not root, or no user nobody: what another user may do is not checked\n");
	return 0;
}

#define DECIDE                                                                                                         \
	"{\"do\":\"decide\",\"exchange\":\"0000000000000007\",\"result\":\"refused\",\"reason\":\"x\",\"operator\":\"%s\"}"

static void propose_as(const char *name, char id[8])
{
	char line[200];
	const char *answer, *at;

	snprintf(line, sizeof(line), DECIDE, name);
	answer = ask_on(call_as(getuid()), line);
	at = strstr(answer, "\"proposal\":\"");
	if (at == NULL)
		fail_msg("%s", answer);
	snprintf(id, 8, "%.6s", at + strlen("\"proposal\":\""));
}

static void confirm_hears(const char *id, const char *words)
{
	char line[200];

	snprintf(line, sizeof(line), "{\"do\":\"confirm\",\"proposal\":\"%s\",\"operator\":\"wang\"}", id);
	assert_hears(line, words);
}

/* -- tests --------------------------------------------------------------------------------------------- */

/* A directory that lets one wait for a user is asked when the configuration comes, and by no request. */
static void users_are_looked_up_once(void **state)
{
	unsigned n = n_lookups;

	assert_int_equal(n, 1); /* one of the three has a user */
	for (int i = 0; i < 3; i++)
		assert_hears("{\"do\":\"proposals\"}", "\"proposals\":[]");
	assert_int_equal(n_lookups, n);
	control_open_to(&g.p); /* a reload */
	assert_int_equal(n_lookups, n + 1);
}

static void a_user_is_who_it_is(void **state)
{
	char line[200];
	uid_t other = other_user();

	if (other == 0)
		skip();
	snprintf(line, sizeof(line), DECIDE, "");
	assert_non_null(strstr(ask_on(call_as(other), line), "\"proposal\""));
	snprintf(line, sizeof(line), DECIDE, "li");
	assert_non_null(strstr(ask_on(call_as(other), line), "another Unix user"));
	people[2].user = "no-such-user"; /* and after a reload that has another one */
	control_open_to(&g.p);
	people[2].user = "nobody";
	assert_non_null(strstr(ask_on(call_as(other), line), "you are no operator"));
}

/* A reload while the directory does not answer takes nobody's place from him, wherever it stands in the new
 * configuration, and gives it to no other name. */
static void a_directory_that_is_away_takes_nobody(void **state)
{
	struct conf_operator before = people[2];
	uid_t other = other_user();
	char line[200];

	if (other == 0)
		skip();
	snprintf(line, sizeof(line), DECIDE, "");
	people[2] = people[1];
	people[1] = before;
	directory_is_away = true;
	control_open_to(&g.p);
	control_open_to(&g.p); /* and once more */
	assert_non_null(strstr(ask_on(call_as(other), line), "\"proposal\""));
	people[1].user = "another";
	control_open_to(&g.p);
	assert_non_null(strstr(ask_on(call_as(other), line), "you are no operator"));
	directory_is_away = false;
	people[1] = people[2];
	people[2] = before;
}

#define ASK(what) "{\"do\":\"" what "\",\"reason\":\"x\",\"party\":\"tianyi\",\"operator\":\"%s\"}"

/* Who looks replaces no list, who replaces one does not look; in both the gateway's user gives the name. */
static void a_list_is_for_who_works(void **state)
{
	static const struct {
		const char *ask, *name;
		unsigned roles;
		const char *words;
	} rows[] = {
		{ ASK("enrolment"), "li", CONF_SYSTEM, "\"ok\":true" },
		{ ASK("enrolment"), "li", CONF_BUSINESS, "\"ok\":true" },
		{ ASK("enrolment"), "who", CONF_BUSINESS, "\"ok\":true" },
		{ ASK("enrolment"), "li", CONF_AUDITOR, "needs one of the roles system business" },
		{ ASK("enrolment"), "li", CONF_SECURITY, "needs one of the roles system business" },
		{ ASK("enrolment"), "yitong", CONF_SYSTEM, "you are no operator" },
		{ ASK("audit"), "li", CONF_AUDITOR, "\"ok\":true" },
		{ ASK("audit"), "li", CONF_SYSTEM, "needs one of the roles" },
	};
	char line[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		people[0].roles = rows[i].roles;
		snprintf(line, sizeof(line), rows[i].ask, rows[i].name);
		assert_hears(line, rows[i].words);
	}
}

/* Nobody keeps others out by connections on which he says nothing. */
static void a_user_has_a_share(void **state)
{
	uid_t other = other_user();
	int fd[40], n = 0;

	if (other == 0)
		skip();
	while (n < 40)
		fd[n++] = call_as(other);
	for (int i = 0; i < n; i++) {
		const char *answer = ask_on(fd[i], "{\"do\":\"proposals\"}");

		if ((strstr(answer, "\"ok\":true") != NULL) != (i < 4))
			fail_msg("connection %d: %s", i, answer);
	}
	for (n = 0; n < 4; n++)
		fd[n] = call_as(other);
	assert_hears("{\"do\":\"proposals\"}", "\"ok\":true");
	while (n-- > 0)
		close(fd[n]);
}

static void others_leave_room_for_the_gateways_own(void **state)
{
	int fd[40], n = 0;

	if (other_user() == 0)
		skip();
	for (; n < 40; n++)
		fd[n] = call_as(20000 + (uid_t)n);
	assert_hears("{\"do\":\"proposals\"}", "\"ok\":true");
	while (n-- > 0)
		close(fd[n]);
}

static void two_persons_decide(void **state)
{
	char id[8];

	propose_as("li", id);
	confirm_hears(id, "\"ok\":true");
	confirm_hears(id, "no such proposal");
}

/* Records that the keeper writes down one by one. */
static void note_all(struct yt_buf *buf)
{
	struct yt_str rest = yt_buf_view(buf);
	struct rec rec;
	size_t used;

	for (; rec_read(rest, &rec, &used) == 0; rest.p += used, rest.n -= used)
		keeper_note(g.p.keeper, rec.whole);
	yt_buf_free(buf);
}

static void put_waits_for_release(struct yt_buf *buf)
{
	static const uint8_t order[16] = { 1 };
	size_t at = rec_begin(buf, REC_DUE, 0, PARKED, now_ms(NULL));

	rec_bytes(buf, REC_T_PAY_DIGEST, order, sizeof(order));
	rec_str(buf, REC_T_REASON, YT_STR(TALK_WAITS_FOR_RELEASE));
	rec_end(buf, at);
}

/* What is parked there becomes a follow-up whose payment waits for two people. */
static void let_wait_for_release(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_ACCEPTED, 0, PARKED, now_ms(NULL));

	rec_u32(&buf, REC_T_FLAGS, REC_X_FOLLOW_UP);
	rec_str(&buf, REC_T_FLOW, YT_STR("paid"));
	rec_str(&buf, REC_T_NUMBER, YT_STR("+/S1"));
	rec_end(&buf, at);
	put_waits_for_release(&buf);
	note_all(&buf);
}

/* It leaves by a rule, comes back, and waits as before. */
static void let_come_back(void)
{
	struct yt_buf buf = { 0 };
	size_t at = rec_begin(&buf, REC_SENDING, 0, PARKED, now_ms(NULL));

	rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
	rec_u8(&buf, REC_T_STEP, 1);
	rec_str(&buf, REC_T_PAY_NO, YT_STR("IN20260921000000000001"));
	rec_end(&buf, at);
	at = rec_begin(&buf, REC_RESOLVED, 0, PARKED, now_ms(NULL));
	rec_str(&buf, REC_T_RESULT, YT_STR("unpaid"));
	rec_u8(&buf, REC_T_STEP, 1);
	rec_end(&buf, at);
	put_waits_for_release(&buf);
	note_all(&buf);
}

static void propose_release(char id[8])
{
	const char *answer = ask_on(call_as(getuid()),
	        "{\"do\":\"decide\",\"exchange\":\"0000000000000007\",\"result\":\"release\",\"reason\":\"x\","
	        "\"operator\":\"li\"}");
	const char *at = strstr(answer, "\"proposal\":\"");

	if (at == NULL)
		fail_msg("%s", answer);
	snprintf(id, 8, "%.6s", at + strlen("\"proposal\":\""));
}

/* What came back looks as it did when somebody proposed to let it leave: he had not seen that. */
static void a_payment_that_came_back_is_proposed_anew(void **state)
{
	char id[8];

	let_wait_for_release();
	propose_release(id);
	assert_hears("{\"do\":\"proposals\"}", "\"number\":\"+/S1\",\"waits\":\"waits: release\"");
	let_come_back();
	confirm_hears(id, "the order is another one now");
	propose_release(id);
	confirm_hears(id, "\"ok\":true");
}

/* Somebody wanted to take it back, as nothing had left; then it left, and is parked as nobody knows what became of it:
 * he had not seen that.  And what its bank said meanwhile, or why it is parked now. */
static void what_has_moved_is_proposed_anew(void **state)
{
	static const struct {
		enum rec_type type;
		enum rec_tag tag;
		const char *text;
	} rows[] = {
		{ REC_SENDING, REC_T_PAY_NO, "IN20260921000000000001" },
		{ REC_NOTICE, REC_T_RESULT, "PAID" },
		{ REC_PARKED, REC_T_REASON, "another reason" },
	};
	char id[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct yt_buf buf = { 0 };
		size_t at;

		propose_as("li", id);
		at = rec_begin(&buf, rows[i].type, 0, PARKED, now_ms(NULL));
		rec_u8(&buf, REC_T_LEG, REC_LEG_STEP);
		rec_u8(&buf, REC_T_STEP, 1);
		rec_u64(&buf, REC_T_JOINS, 9);
		rec_str(&buf, rows[i].tag, yt_str(rows[i].text));
		rec_end(&buf, at);
		note_all(&buf);
		confirm_hears(id, "it is not as it was when that was proposed");
		confirm_hears(id, "no such proposal");
	}
	propose_as("li", id);
	confirm_hears(id, "\"ok\":true");
}

/* What one proposed who may not any more is nobody's proposal. */
static void a_role_that_is_gone_proposes_nothing(void **state)
{
	char id[8];

	propose_as("li", id);
	people[0].roles = CONF_AUDITOR;
	confirm_hears(id, "may not decide any more");
	confirm_hears(id, "no such proposal");
	people[0].roles = CONF_BUSINESS;
	propose_as("li", id);
	people[0].name = "chen";
	confirm_hears(id, "may not decide any more");
	people[0].name = "li";
}

static void two_proposals_have_two_ids(void **state)
{
	char one[8], other[8];

	randoms = "\x01\x02\x03"
	          "\x01\x02\x03"
	          "\x01\x02\x03"
	          "\x04\x05\x06";
	propose_as("li", one);
	propose_as("li", other);
	assert_string_equal(one, "010203");
	assert_string_equal(other, "040506");
	randoms = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(users_are_looked_up_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_is_who_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_is_away_takes_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_is_for_who_works, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_has_a_share, setup, teardown),
		cmocka_unit_test_setup_teardown(others_leave_room_for_the_gateways_own, setup, teardown),
		cmocka_unit_test_setup_teardown(two_persons_decide, setup, teardown),
		cmocka_unit_test_setup_teardown(a_payment_that_came_back_is_proposed_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(what_has_moved_is_proposed_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(a_role_that_is_gone_proposes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(two_proposals_have_two_ids, setup, teardown) };

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
