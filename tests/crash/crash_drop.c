/* tests/crash/crash_drop.c - plays the power cut by hand: crash_drop DIR STATE SEED.
 *
 * DIR: the watched folder.  STATE: the undo file that crash_shim.so wrote.  The same seed on the same
 * files takes back the same sectors and names, so a failed round of the harness can be looked at again.
 * `crash_drop --new STATE` makes an empty undo file; `crash_drop --head STATE` prints what it counts. */
#include "undo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_head(const struct undo_head *head)
{
	printf("effects %llu kills %llu drops %llu lost_sectors %llu lost_names %llu failed_drops %u pending_bytes "
	       "%llu\n",
	        (unsigned long long)head->effects, (unsigned long long)head->kills, (unsigned long long)head->drops,
	        (unsigned long long)head->lost_sectors, (unsigned long long)head->lost_names, head->failed_drops,
	        (unsigned long long)head->end);
	return 0;
}

int main(int argc, char **argv)
{
	struct undo_head *head;
	bool is_new = argc == 3 && strcmp(argv[1], "--new") == 0;
	bool shows = argc == 3 && strcmp(argv[1], "--head") == 0;

	if (argc != 4 && !is_new && !shows) {
		fprintf(stderr, "usage: crash_drop DIR STATE SEED | --new STATE | --head STATE\n");
		return 2;
	}
	head = undo_map(argv[2], is_new);
	if (head == NULL) {
		fprintf(stderr, "crash_drop: %s is no undo file\n", argv[2]);
		return 1;
	}
	if (is_new)
		return 0;
	if (shows)
		return print_head(head);
	if (undo_drop(head, argv[2], argv[1], strtoull(argv[3], NULL, 0)) != 0) {
		fprintf(stderr, "crash_drop: some files below %s could not be put back\n", argv[1]);
		return 1;
	}
	return print_head(head);
}
