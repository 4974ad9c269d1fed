/* tests/crash/crash_victim.c - does the file operations named in its arguments, in order.
 *
 * Run by test_crash_shim.c under the shim, in the watched folder:
 *   write=FILE:OFF:N:C  N bytes of character C at OFF     sync=FILE   fdatasync      syncdir   fsync of "."
 *   new=FILE            create                             move=A:B    rename         remove=FILE
 *   cut=FILE:SIZE       ftruncate                          kill        SIGKILL to itself */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void need(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static void do_write(const char *args)
{
	char file[64], c, *bytes;
	long off;
	size_t n;
	int fd;

	need(sscanf(args, "%63[^:]:%ld:%zu:%c", file, &off, &n, &c) == 4, args);
	bytes = malloc(n);
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	need(fd >= 0 && bytes != NULL, file);
	memset(bytes, c, n);
	need(pwrite(fd, bytes, n, off) == (ssize_t)n, file);
	free(bytes);
	close(fd);
}

static void do_sync(const char *file, int flags)
{
	int fd = open(file, flags);

	need(fd >= 0 && (flags & O_DIRECTORY ? fsync(fd) : fdatasync(fd)) == 0, file);
	close(fd);
}

static void do_pair(const char *op, const char *args)
{
	char a[64], b[64];
	int fd;

	need(sscanf(args, "%63[^:]:%63s", a, b) == 2, args);
	if (strcmp(op, "move") == 0) {
		need(rename(a, b) == 0, a);
		return;
	}
	fd = open(a, O_WRONLY);
	need(fd >= 0 && ftruncate(fd, atol(b)) == 0, a);
	close(fd);
}

static void run(char *arg)
{
	char *value = strchr(arg, '='), none[] = "";

	if (value != NULL)
		*value++ = '\0';
	else
		value = none;
	if (strcmp(arg, "write") == 0)
		do_write(value);
	else if (strcmp(arg, "sync") == 0)
		do_sync(value, O_RDONLY);
	else if (strcmp(arg, "syncdir") == 0)
		do_sync(".", O_RDONLY | O_DIRECTORY);
	else if (strcmp(arg, "new") == 0)
		close(open(value, O_WRONLY | O_CREAT, 0600));
	else if (strcmp(arg, "remove") == 0)
		need(unlink(value) == 0, value);
	else if (strcmp(arg, "kill") == 0)
		kill(getpid(), SIGKILL);
	else
		do_pair(arg, value);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	return 0;
}
