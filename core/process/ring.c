/* core/process/ring.c - the rings and the board of ring.h, in one memfd.
 *
 * Positions count bytes for ever; the place in the buffer is position modulo its size.  The writer
 * publishes a whole message by storing head, the reader gives space back by storing tail. */
#include "process/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"

#define AREA_MAGIC 0x59544152u

struct ring {
	_Alignas(64) _Atomic uint64_t head;   /* written up to here */
	_Alignas(64) _Atomic uint64_t tail;   /* given back up to here */
	_Alignas(64) _Atomic uint32_t asleep; /* the reader found nothing and waits for its eventfd */
	_Alignas(64) uint8_t data[];
};

struct area_head {
	uint32_t magic, ring_bytes;
	struct board board;
};

struct message_head {
	uint32_t len; /* with this head, a multiple of 8 */
	uint32_t crc; /* of all after it */
	uint64_t seq, exchange;
	uint32_t kind, payload;
};

static size_t page_up(size_t n)
{
	return (n + 4095) & ~(size_t)4095;
}

static size_t ring_size(uint32_t bytes)
{
	return page_up(sizeof(struct ring) + bytes);
}

int area_make(uint32_t ring_mib)
{
	struct area_head head = { .magic = AREA_MAGIC, .ring_bytes = 1u << 20 };
	size_t size;
	int fd = memfd_create("yitong-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	while (head.ring_bytes < ring_mib << 20) /* a place in it is found by a mask */
		head.ring_bytes *= 2;
	size = page_up(sizeof(head)) + 2 * ring_size(head.ring_bytes);
	/* Sealed: a worker that made it smaller would kill all who have mapped it. */
	if (ftruncate(fd, (off_t)size) == 0 && pwrite(fd, &head, 8, 0) == 8 &&
	        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

int area_map(struct area *area, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	struct area_head *head;
	uint8_t *p;

	if (size < (off_t)page_up(sizeof(*head)))
		return YT_ECORRUPT;
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return YT_EIO;
	head = (struct area_head *)p;
	if (head->magic != AREA_MAGIC || head->ring_bytes == 0 || (head->ring_bytes & (head->ring_bytes - 1)) != 0 ||
	        (size_t)size != page_up(sizeof(*head)) + 2 * ring_size(head->ring_bytes)) {
		munmap(p, (size_t)size);
		return YT_ECORRUPT;
	}
	area->size = (size_t)size;
	area->ring_bytes = head->ring_bytes;
	area->board = &head->board;
	area->up = (struct ring *)(p + page_up(sizeof(*head)));
	area->down = (struct ring *)(p + page_up(sizeof(*head)) + ring_size(head->ring_bytes));
	return 0;
}

void area_unmap(struct area *area)
{
	if (area->board != NULL)
		munmap((uint8_t *)area->board - offsetof(struct area_head, board), area->size);
	memset(area, 0, sizeof(*area));
}

static void copy_in(struct ring *ring, uint32_t bytes, uint64_t at, const void *from, size_t n)
{
	size_t place = at & (bytes - 1), first = n < bytes - place ? n : bytes - place;

	if (n == 0)
		return;
	memcpy(ring->data + place, from, first);
	memcpy(ring->data, (const uint8_t *)from + first, n - first);
}

static void copy_out(const struct ring *ring, uint32_t bytes, uint64_t at, void *to, size_t n)
{
	size_t place = at & (bytes - 1), first = n < bytes - place ? n : bytes - place;

	memcpy(to, ring->data + place, first);
	memcpy((uint8_t *)to + first, ring->data, n - first);
}

static uint32_t message_crc(const struct message_head *head, const void *payload)
{
	uint32_t crc = yt_crc32c(0, (const uint8_t *)head + 8, sizeof(*head) - 8);

	return head->payload != 0 ? yt_crc32c(crc, payload, head->payload) : crc;
}

/* used: how much was in the ring before. */
static int put(struct ring *ring, uint32_t ring_bytes, const struct talk *talk, uint64_t *used)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	size_t len = (sizeof(struct message_head) + talk->payload.n + 7) & ~(size_t)7;
	struct message_head m = { .len = (uint32_t)len,
		.seq = talk->seq,
		.exchange = talk->exchange,
		.kind = talk->kind,
		.payload = (uint32_t)talk->payload.n };

	if (len > ring_bytes)
		return YT_ELIMIT;
	if (head - tail + len > ring_bytes)
		return YT_ENOSPC;
	m.crc = message_crc(&m, talk->payload.p);
	copy_in(ring, ring_bytes, head, &m, sizeof(m));
	copy_in(ring, ring_bytes, head + sizeof(m), talk->payload.p, talk->payload.n);
	atomic_store_explicit(&ring->head, head + len, memory_order_seq_cst);
	*used = head - tail;
	return 0;
}

static void wake_reader(struct ring *ring, int wake_fd)
{
	uint64_t one = 1;

	if (atomic_load_explicit(&ring->asleep, memory_order_seq_cst) == 0)
		return;
	atomic_store_explicit(&ring->asleep, 0, memory_order_relaxed);
	while (write(wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

int ring_put(struct ring *ring, uint32_t ring_bytes, const struct talk *talk, int wake_fd)
{
	uint64_t used;
	int rv = put(ring, ring_bytes, talk, &used);

	if (rv == 0)
		wake_reader(ring, wake_fd);
	return rv;
}

int ring_put_quietly(struct ring *ring, uint32_t ring_bytes, const struct talk *talk, int wake_fd)
{
	uint64_t used;
	int rv = put(ring, ring_bytes, talk, &used);

	if (rv == 0 && used > ring_bytes / 4)
		wake_reader(ring, wake_fd);
	return rv;
}

void ring_reader_init(struct ring_reader *reader, struct ring *ring, uint32_t ring_bytes)
{
	memset(reader, 0, sizeof(*reader));
	reader->ring = ring;
	reader->bytes = ring_bytes;
	reader->at = atomic_load(&ring->tail);
	atomic_store(&ring->asleep, 0);
}

/* True when something is there; else the reader is asleep from now on, unless it stays awake. */
static bool something(struct ring_reader *reader, uint64_t *head)
{
	struct ring *ring = reader->ring;

	*head = atomic_load_explicit(&ring->head, memory_order_acquire);
	if (*head != reader->at)
		return true;
	if (reader->stays_awake)
		return false;
	atomic_store_explicit(&ring->asleep, 1, memory_order_seq_cst);
	*head = atomic_load_explicit(&ring->head, memory_order_seq_cst);
	if (*head == reader->at)
		return false;
	atomic_store_explicit(&ring->asleep, 0, memory_order_relaxed);
	return true;
}

int ring_get(struct ring_reader *reader, struct talk *talk)
{
	struct ring *ring = reader->ring;
	uint32_t bytes = reader->bytes;
	struct message_head m;
	uint64_t head;
	uint8_t *to;

	if (!something(reader, &head))
		return YT_ENOTFOUND;
	if (head - reader->at > bytes || head - reader->at < sizeof(m))
		return YT_ECORRUPT;
	copy_out(ring, bytes, reader->at, &m, sizeof(m));
	if (m.len > head - reader->at || m.len < sizeof(m) || (m.len & 7) != 0 || m.payload > m.len - sizeof(m))
		return YT_ECORRUPT;
	yt_buf_clear(&reader->copy);
	to = yt_buf_room(&reader->copy, m.payload + 1);
	if (to == NULL)
		return YT_ENOMEM;
	if (m.payload != 0)
		copy_out(ring, bytes, reader->at + sizeof(m), to, m.payload);
	if (message_crc(&m, to) != m.crc)
		return YT_ECORRUPT;
	reader->at += m.len;
	*talk = (struct talk){ .seq = m.seq,
		.exchange = m.exchange,
		.kind = (enum talk_kind)m.kind,
		.payload = { (const char *)to, m.payload } };
	return 0;
}

bool ring_is_empty(const struct ring_reader *reader)
{
	return atomic_load_explicit(&reader->ring->head, memory_order_acquire) == reader->at;
}

void ring_release(struct ring_reader *reader, uint64_t up_to)
{
	atomic_store_explicit(&reader->ring->tail, up_to, memory_order_release);
}

void ring_reader_free(struct ring_reader *reader)
{
	yt_buf_free(&reader->copy);
	memset(reader, 0, sizeof(*reader));
}
