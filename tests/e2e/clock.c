/* tests/e2e/clock.c - a wall clock that a script sets, for whatever is started with it (LD_PRELOAD): see days.sh.
 *
 * The file that YT_CLOCK names holds eight octets, little-endian: seconds added to the time of day.  It is mapped, so
 * that overwriting it in place sets the clocks of all that run.  Other clocks go on as they are. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t ahead_s(void)
{
	static const volatile int64_t *mapped;
	const char *file = getenv("YT_CLOCK");
	void *at;
	int fd;

	if (mapped == NULL && file != NULL && (fd = open(file, O_RDONLY | O_CLOEXEC)) >= 0) {
		at = mmap(NULL, sizeof(*mapped), PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
		mapped = at == MAP_FAILED ? NULL : at;
	}
	return mapped == NULL ? 0 : *mapped;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	int rv = (int)syscall(SYS_clock_gettime, id, ts);

	if (rv == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += ahead_s();
	return rv;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}
