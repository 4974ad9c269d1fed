/* tests/test_ctl_enrolment.c - `yitong enrolment`: what an operator sees when he loads an insurer's list, or asks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "ctl_peer.h"

/* Invented, with valid check digits. */
#define ANNA "330299197511034511"
#define BO "330299198001010012"
#define CHEN "33029919900307003X"

static const char config[] =
        "gateway: {run_dir: @, plugin_dir: " YT_PLUGIN_DIR "}\n"
        "journal: {folder: @/journal, index: @/index.db, segment_mib: 4}\n"
        "listeners:\n"
        "  - {name: hospitals, kind: mtls, address: 127.0.0.1, port: 8443, format: nhsa, cert: a, key: b, client_ca: c}\n"
        "secrets: {list-key: @/list-key}\n"
        "parties:\n"
        "  - {name: zhejiang, format: nhsa, url: \"https://127.0.0.1:9443/\", ca: c}\n"
        "  - {name: tianyi, format: tianyi, url: \"https://127.0.0.1:9445/\", ca: c, enrolment: @/tianyi.list, "
        "enrolment_key: list-key, enrolment_max_age_days: 3, enrolment_min_percent: 60}\n"
        "origins:\n"
        "  - {name: hospital-one, subject: hospital-one, institutions: [H33021399901]}\n"
        "institutions:\n"
        "  - {code: H33021399901, name: 示例市第一医院, area: \"330213\", operator: o}\n"
        "routes:\n"
        "  - {name: everything, to: zhejiang}\n";

static char today[11], earlier[11], too_early[11], later[11];

static void day(char out[11], int64_t days)
{
	char time[20];

	yt_time_print(yt_wall_ms() + days * 86400000, time);
	snprintf(out, 11, "%.10s", time);
}

static int setup(void **state)
{
	struct ctl_peer *w = calloc(1, sizeof(*w));
	char path[128];

	assert_non_null(w);
	ctl_peer_open(w, config);
	snprintf(path, sizeof(path), "%s/list-key", w->folder);
	ctl_peer_write(path, "a-key-of-ours\n", "");
	assert_int_equal(chmod(path, 0600), 0);
	day(today, 0);
	day(earlier, -3);
	day(too_early, -4);
	day(later, 3);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	ctl_peer_close(*state);
	free(*state);
	return 0;
}

static int load(struct ctl_peer *w, const char *text, const char *options)
{
	char path[128], arguments[256];

	snprintf(path, sizeof(path), "%s/in.txt", w->folder);
	ctl_peer_write(path, text, "");
	snprintf(arguments, sizeof(arguments), "enrolment load tianyi %s %s", path, options);
	return ctl_peer_run(w, arguments);
}

/* The number comes by standard input, as from a clerk. */
static int check_person(struct ctl_peer *w, const char *number)
{
	char command[512];
	FILE *f;
	int status;
	size_t n;

	snprintf(command, sizeof(command),
	        "printf '%%s\\n' '%s' | timeout 60 " YT_BIN_DIR
	        "/yitong --conf %s enrolment check tianyi --person 2>&1",
	        number, w->conf);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(w->out, 1, sizeof(w->out) - 1, f);
	w->out[n] = 0;
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *list_of(const char *of, const char *people)
{
	static char text[400];

	snprintf(text, sizeof(text), "#day %s\n%s", of, people);
	return text;
}

/* From no list to one in use, and what it says of a person. */
static void test_loaded(void **state)
{
	struct ctl_peer *w = *state;

	assert_int_equal(ctl_peer_run(w, "enrolment"), 1);
	ctl_peer_prints(w, "missing: claims wait");
	assert_int_equal(load(w, list_of(today, ANNA "\n" CHEN "\n" ANNA "\n"), ""), 0);
	ctl_peer_prints(w, "2 people, 1 lines were there before");
	ctl_peer_prints(w, "in use from now on");
	ctl_peer_prints(w, "the gateway does not run: who did this is not written down");
	ctl_peer_hides(w, ANNA);
	assert_int_equal(ctl_peer_run(w, "enrolment"), 0);
	ctl_peer_prints(w, today);
	ctl_peer_prints(w, "in use");
	assert_int_equal(ctl_peer_run(w, "enrolment --json"), 0);
	ctl_peer_prints(w, "\"party\":\"tianyi\",\"state\":\"current\"");
	ctl_peer_prints(w, "\"age_days\":0,\"people\":2");
	assert_int_equal(check_person(w, ANNA), 0);
	ctl_peer_prints(w, "***4511 is on it");
	ctl_peer_hides(w, ANNA);
	assert_int_equal(check_person(w, BO), 1);
	ctl_peer_prints(w, "***0012 is not on it");
	assert_int_equal(check_person(w, "330299198001010013"), 2);
	assert_int_equal(ctl_peer_run(w, "--lang zh enrolment"), 0);
	ctl_peer_prints(w, "在用");
}

/* All faults with file and line, and the list that is there stays. */
static void test_faults(void **state)
{
	struct ctl_peer *w = *state;

	assert_int_equal(load(w, list_of(today, ANNA "\n"), ""), 0);
	assert_int_equal(load(w, list_of(today, BO "\n330299198001010013\nx\n"), ""), 1);
	ctl_peer_prints(w, "in.txt:3: is no number of an identity paper");
	ctl_peer_prints(w, "in.txt:4: is no number of an identity paper");
	ctl_peer_prints(w, "nothing is changed");
	ctl_peer_hides(w, "330299198001010013");
	assert_int_equal(check_person(w, ANNA), 0);
	assert_int_equal(check_person(w, BO), 1);
}

/* Half a list, last week's list and tomorrow's are not taken by mistake. */
static void test_not_by_mistake(void **state)
{
	struct ctl_peer *w = *state;

	assert_int_equal(load(w, list_of(today, ANNA "\n" BO "\n" CHEN "\n"), ""), 0);
	assert_int_equal(load(w, list_of(today, ANNA "\n"), ""), 1);
	ctl_peer_prints(w, "fewer than 60 % of the people");
	assert_int_equal(check_person(w, BO), 0);
	assert_int_equal(load(w, list_of(earlier, ANNA "\n" BO "\n"), ""), 1);
	ctl_peer_prints(w, "older than the list that is there");
	assert_int_equal(load(w, list_of(later, ANNA "\n" BO "\n"), ""), 1);
	ctl_peer_prints(w, "has not come yet");
	assert_int_equal(load(w, list_of(earlier, ANNA "\n"), "--anyway"), 0);
	assert_int_equal(check_person(w, BO), 1);
	assert_int_equal(load(w, ANNA "\n", ""), 1);
	ctl_peer_prints(w, "nothing says which day it is of");
}

static void test_old(void **state)
{
	struct ctl_peer *w = *state;
	char options[32];

	assert_int_equal(load(w, list_of(earlier, ANNA "\n"), ""), 0);
	assert_int_equal(ctl_peer_run(w, "enrolment check tianyi"), 0); /* of three days ago: just */
	snprintf(options, sizeof(options), "--anyway --day %s", too_early);
	assert_int_equal(load(w, ANNA "\n", options), 1);
	ctl_peer_prints(w, "tianyi: the list was taken, and is too old: claims wait");
	ctl_peer_hides(w, "in use from now on");
	assert_int_equal(ctl_peer_run(w, "enrolment check tianyi"), 1);
	ctl_peer_prints(w, "too old: claims wait");
	assert_int_equal(check_person(w, ANNA), 1); /* is on it, and it does not count */
	ctl_peer_prints(w, "***4511 is on it");
}

/* The first list of all may be too old as well. */
static void test_old_at_once(void **state)
{
	struct ctl_peer *w = *state;

	assert_int_equal(load(w, list_of(too_early, ANNA "\n"), ""), 1);
	ctl_peer_prints(w, "too old: claims wait");
	ctl_peer_hides(w, "in use from now on");
}

/* The gateway's end of the control socket: one question, answered; what was asked is kept in "asked". */
static void play_gateway(const struct ctl_peer *w, int fd, const char *answer)
{
	char line[4096], path[128];
	size_t n = 0;
	int peer;

	alarm(60);
	peer = accept(fd, NULL, NULL);
	while (peer >= 0 && n < sizeof(line) - 1 && (n == 0 || line[n - 1] != '\n') && read(peer, line + n, 1) == 1)
		n++;
	line[n] = '\0';
	snprintf(path, sizeof(path), "%s/asked", w->folder);
	ctl_peer_write(path, line, "");
	_exit(peer >= 0 && write(peer, answer, strlen(answer)) > 0 ? 0 : 1);
}

static const char *load_asks(struct ctl_peer *w, const char *answer, int status)
{
	static char line[4096];
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[128];
	pid_t child;
	FILE *f;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/keeper.sock", w->folder);
	unlink(at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	child = fork();
	if (child == 0)
		play_gateway(w, fd, answer);
	close(fd);
	assert_int_equal(load(w, list_of(today, ANNA "\n"), "--operator nightly"), status);
	assert_int_equal(waitpid(child, NULL, 0), child);
	snprintf(path, sizeof(path), "%s/asked", w->folder);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	return line;
}

/* The running gateway is asked first, and what it refuses is not done. */
static void test_asked(void **state)
{
	struct ctl_peer *w = *state;

	assert_non_null(strstr(load_asks(w, "{\"ok\":false,\"error\":\"nightly may not\"}\n", 3),
	        "{\"do\":\"enrolment\",\"party\":\"tianyi\",\"operator\":\"nightly\",\"reason\":\"of "));
	ctl_peer_prints(w, "nothing is done, as it cannot be written down who does it");
	assert_int_equal(ctl_peer_run(w, "enrolment"), 1);
	ctl_peer_prints(w, "missing: claims wait");
	load_asks(w, "{\"ok\":true}\n", 0);
	ctl_peer_prints(w, "in use from now on");
}

/* Another key: the list that is there says nothing, and says so. */
static void test_other_key(void **state)
{
	struct ctl_peer *w = *state;
	char path[128];

	assert_int_equal(load(w, list_of(today, ANNA "\n"), ""), 0);
	snprintf(path, sizeof(path), "%s/list-key", w->folder);
	ctl_peer_write(path, "another-key\n", "");
	assert_int_equal(ctl_peer_run(w, "enrolment"), 1);
	ctl_peer_prints(w, "was made with another enrolment_key");
	ctl_peer_prints(w, "cannot be used: claims wait");
	assert_int_equal(check_person(w, ANNA), 3);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(w, list_of(today, ANNA "\n"), ""), 3);
	ctl_peer_prints(w, "run this as the gateway's user");
}

static const struct {
	const char *arguments;
	int status;
	const char *words;
} wrong[] = {
	{ "enrolment load tianyi", 2, "load takes a party and a file" },
	{ "enrolment throw tianyi", 2, "load takes a party and a file" },
	{ "enrolment load hangzhou x", 1, "there is no party hangzhou" },
	{ "enrolment load zhejiang x", 1, "party zhejiang keeps no list" },
	{ "enrolment load tianyi /nowhere/x", 3, "cannot read /nowhere/x" },
	{ "enrolment load tianyi /tmp", 3, "cannot read /tmp" },
	{ "enrolment load tianyi x --day 2026-02-30", 2, "--day must be a day" },
	{ "enrolment check tianyi --person", 2, "reads a number from standard input" },
	{ "enrolment --help", 0, "Usage: yitong enrolment" },
};

static void test_wrong(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		print_message("%s\n", wrong[i].arguments);
		assert_int_equal(ctl_peer_run(*state, wrong[i].arguments), wrong[i].status);
		ctl_peer_prints(*state, wrong[i].words);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(test_loaded), TEST(test_faults), TEST(test_not_by_mistake),
		TEST(test_old), TEST(test_old_at_once), TEST(test_asked), TEST(test_other_key), TEST(test_wrong) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
