/* core/ctl/trial.c - one case of `yitong plugin check` in a child of its own (trial.h). */
#include "ctl/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena_guard.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1 /* it maps terabytes and has threads of its own */
#else
#define HAS_ASAN 0
#endif

/* -- in the child ------------------------------------------------------------------------------- */

#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define NOT(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), KILL

/* A codec is pure: it needs memory, and iconv reads its tables. */
static void forbid_calls(void)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		NOT(SYS_socket),
		NOT(SYS_connect),
		NOT(SYS_bind),
		NOT(SYS_socketpair),
		NOT(SYS_execve),
		NOT(SYS_execveat),
		NOT(SYS_clone),
		NOT(SYS_clone3),
		NOT(SYS_kill),
		NOT(SYS_tgkill),
		NOT(SYS_unlinkat),
		NOT(SYS_renameat2),
#ifdef SYS_fork
		NOT(SYS_fork),
		NOT(SYS_vfork),
		NOT(SYS_unlink),
		NOT(SYS_rename),
		NOT(SYS_mkdir),
#endif
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT, 0, 1),
		KILL,
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (!HAS_ASAN && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		(void)prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program); /* a kernel without it: one check less */
}

static void set_limits(void)
{
	const struct rlimit cpu = { TRIAL_CPU_S, TRIAL_CPU_S + 1 }, memory = { TRIAL_MEMORY, TRIAL_MEMORY },
	                    core = { 0, 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	signal(SIGXCPU, SIG_DFL);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	if (!HAS_ASAN)
		setrlimit(RLIMIT_AS, &memory);
	alarm(TRIAL_CPU_S * 6); /* one that sleeps */
	if (null >= 0 && !HAS_ASAN)
		dup2(null, STDERR_FILENO); /* the plugin's log lines */
}

static void make_memory(struct trial *t)
{
	const size_t page = 4096;
	uint8_t *map =
	        mmap(NULL, TRIAL_OCTETS_MAX + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	YT_REQUIRE(map != MAP_FAILED);
	YT_REQUIRE(mprotect(map, page, PROT_NONE) == 0);
	YT_REQUIRE(mprotect(map + page + TRIAL_OCTETS_MAX, page, PROT_NONE) == 0);
	t->input = map + page;
	t->arena = yt_arena_new(256u << 20);
	t->own = yt_arena_new(0);
	YT_REQUIRE(t->arena != NULL && t->own != NULL);
	arena_guard(t->arena);
}

struct yt_str trial_input(struct trial *t, struct yt_str octets)
{
	size_t n = octets.n < TRIAL_OCTETS_MAX ? octets.n : TRIAL_OCTETS_MAX;
	uint8_t *p = t->input + TRIAL_OCTETS_MAX - n;
	uint8_t *from = (uint8_t *)((uintptr_t)p / 4096 * 4096);
	size_t size = (size_t)(t->input + TRIAL_OCTETS_MAX - from);

	YT_REQUIRE(size == 0 || mprotect(from, size, PROT_READ | PROT_WRITE) == 0);
	if (n > 0)
		memmove(p, octets.p, n);
	YT_REQUIRE(size == 0 || mprotect(from, size, PROT_READ) == 0);
	return (struct yt_str){ (const char *)p, n };
}

void trial_call(struct trial *t, const char *function, struct yt_str octets)
{
	snprintf(t->note->function, sizeof(t->note->function), "%s", function);
	t->note->n_calls++;
	t->note->n = octets.n < TRIAL_OCTETS_MAX ? octets.n : TRIAL_OCTETS_MAX;
	if (t->note->n > 0)
		memcpy(t->note->octets, octets.p, t->note->n);
}

void trial_begin(struct trial *t, const char *function, struct yt_str octets)
{
	yt_arena_reset(t->arena);
	trial_call(t, function, octets);
}

void trial_fail(struct trial *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->note->why, sizeof(t->note->why), _(fmt), args);
	va_end(args);
	_exit(1);
}

/* What holds whatever the octets are. */
int trial_decode(struct trial *t, struct yt_str octets, struct yt_msg **out)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_msg *msg = yt_msg_new(t->arena);
	int rv;

	YT_REQUIRE(msg != NULL);
	*out = msg;
	trial_call(t, "decode_request", octets);
	rv = t->api->decode_request(t->plugin, octets, msg, &fault);
	if (msg->arena != t->arena)
		trial_fail(t, "decode_request changed msg->arena");
	if (msg->op == NULL)
		trial_fail(t, "decode_request left msg->op NULL; YT_OP_UNREAD is for what it does not know");
	if (rv != 0 && rv != YT_EFORMAT && rv != YT_ELIMIT && rv != YT_ENOMEM && rv != YT_EDENIED)
		trial_fail(t, "decode_request returned %d (%s): want 0, YT_EFORMAT, YT_ELIMIT or YT_ENOMEM", rv,
		        _(yt_strerror(rv)));
	if (memchr(fault.path, 0, sizeof(fault.path)) == NULL || memchr(fault.why, 0, sizeof(fault.why)) == NULL)
		trial_fail(t, "decode_request left a text of *fault without its NUL");
	if ((rv == YT_EFORMAT || rv == YT_ELIMIT) && fault.why[0] == '\0')
		trial_fail(t, "decode_request refused without saying why: fault.why is empty");
	return rv;
}

/* -- in the parent ------------------------------------------------------------------------------ */

static void keep_octets(const struct trial *t, const struct trial_case *c, char *out, size_t size)
{
	char file[512];
	FILE *f;

	out[0] = '\0';
	if (t->note->n == 0)
		return;
	snprintf(file, sizeof(file), "%s/%s-%s.hex", t->keep, t->api->name, c->name);
	f = fopen(file, "we");
	if (f == NULL) {
		snprintf(out, size, _("; its octets cannot be written to %.100s: %s"), file, _(strerror(errno)));
		return;
	}
	for (size_t i = 0; i < t->note->n; i++)
		fprintf(f, "%02x%s", t->note->octets[i], i % 32 == 31 || i + 1 == t->note->n ? "\n" : "");
	fclose(f);
	snprintf(out, size, _("; octets in %.200s (xxd -r -p)"), file);
}

static void describe(const struct trial *t, const struct trial_case *c, int status, char *why, size_t size)
{
	char kept[400], what[120] = "";

	keep_octets(t, c, kept, sizeof(kept));
	if (WIFSIGNALED(status)) {
		int sig = WTERMSIG(status);

		if (sig == SIGSYS)
			snprintf(what, sizeof(what), "%s", _("made a system call that a codec may not make"));
		else if (sig == SIGXCPU || sig == SIGALRM || sig == SIGKILL)
			snprintf(what, sizeof(what), _("did not come back within %d s"), TRIAL_CPU_S);
		else
			snprintf(what, sizeof(what), _("died of signal %d (%s)"), sig, strsignal(sig));
	} else if (t->note->why[0] == '\0') {
		snprintf(what, sizeof(what), _("ended the process with status %d"), WEXITSTATUS(status));
	}
	snprintf(why, size, _("%s%s%s, call %u, %zu octets%s"),
	        t->note->why[0] != '\0' ? t->note->why : t->note->function, what[0] != '\0' ? " " : "", what,
	        (unsigned)t->note->n_calls, t->note->n, kept);
}

enum trial_end trial_run(struct trial *t, const struct trial_case *c, char *why, size_t size)
{
	int status = 0;
	pid_t child;

	memset(t->note, 0, offsetof(struct trial_note, octets));
	fflush(NULL);
	child = fork();
	YT_REQUIRE(child >= 0);
	if (child == 0) {
		set_limits();
		make_memory(t);
		forbid_calls();
		c->run(t);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		snprintf(why, size, _("%s%s%u calls"), t->note->why, t->note->why[0] != '\0' ? ", " : "",
		        (unsigned)t->note->n_calls);
		return TRIAL_PASSED;
	}
	describe(t, c, status, why, size);
	return TRIAL_FAILED;
}
