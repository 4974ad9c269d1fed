/* core/process/yitongd.c - the gateway's program: the operator starts it, it starts itself again as
 * `yitongd keeper` and `yitongd worker` (supervisor.c). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/words.h"
#include "process/process.h"

static const char usage[] =
        "Yitong 医通 %s: the gateway between hospitals, the provincial platform, insurers and banks.\n"
        "\n"
        "usage: yitongd --conf FILE     run in the foreground; log on standard error\n"
        "       yitongd --version | --help\n"
        "\n"
        "signals:  SIGTERM  finish what is open, then stop      SIGHUP  check FILE, then use it without a gap\n"
        "see also: yitong check FILE, yitong status\n"
        "exit:     0 stopped in order, 1 stopped with loss of order, 2 configuration or start\n";

/* Nobody takes a full disk's silence for an answer. */
static int finish(int rv)
{
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? rv : 1;
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
	umask(077); /* whatever we make holds people's data; children inherit it */
	yt_log_setup("yitongd", YT_INFO);
	if (argc == 4 && strcmp(argv[1], "keeper") == 0)
		return keeper_main(argv[2], number(argv[3]));
	if (argc == 4 && strcmp(argv[1], "desk") == 0)
		return desk_main(argv[2], number(argv[3]));
	if (argc == 6 && strcmp(argv[1], "worker") == 0)
		return worker_main(argv[2], number(argv[3]), (uint32_t)number(argv[4]), (uint32_t)number(argv[5]));
	yt_words_set(
	        yt_words_of_environment()); /* of the usage, and of what a check finds wrong; log lines stay English */
	if (argc == 5 && strcmp(argv[1], "check") == 0)
		return check_main(argv[2], argv[3], number(argv[4]));
	if (argc == 3 && strcmp(argv[1], "--conf") == 0)
		return supervisor_main(argv[2]);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("yitongd %s\n", YT_VERSION);
		return finish(0);
	}
	fprintf(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr, _(usage), YT_VERSION);
	return finish(argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2);
}
