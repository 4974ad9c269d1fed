/* tests/test_nets.c - address ranges (core/net/nets.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <uv.h>

#include "net/nets.h"

static const struct range_case {
	const char *it, *range;
	bool is_private;
	const char *inside, *outside; /* NULL: none */
} ranges[] = {
	{ "ten", "10.0.0.0/8", true, "10.255.0.1", "11.0.0.1" },
	{ "part of ten", "10.1.0.0/16", true, "10.1.2.3", "10.2.0.1" },
	{ "odd bits", "172.16.0.0/13", true, "172.23.255.255", "172.24.0.0" },
	{ "one address", "192.168.3.7", true, "192.168.3.7", "192.168.3.6" },
	{ "loopback", "127.0.0.0/8", true, "127.0.0.1", "128.0.0.1" },
	{ "IPv4 inside of IPv6", "10.1.0.0/16", true, "::ffff:10.1.2.3", "::10.1.2.3" },
	{ "unique local", "fd00::/8", true, "fd12::1", "fe80::1" },
	{ "IPv6 loopback", "::1", true, "::1", "::2" },
	{ "everything", "0.0.0.0/0", false, "8.8.8.8", NULL },
	{ "a public one", "8.8.8.0/24", false, "8.8.8.8", "8.8.9.8" },
	{ "more than a private one", "10.0.0.0/7", false, NULL, NULL },
};

static bool has(const struct net_range *range, const char *text)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	if (uv_ip4_addr(text, 1, &four) == 0)
		return net_range_has(range, (struct sockaddr *)&four);
	assert_int_equal(uv_ip6_addr(text, 1, &six), 0);
	return net_range_has(range, (struct sockaddr *)&six);
}

static void test_range(void **state)
{
	const struct range_case *c = *state;
	struct net_range range;

	assert_int_equal(net_range_parse(c->range, &range), 0);
	assert_int_equal(net_range_is_private(&range), c->is_private);
	if (c->inside != NULL)
		assert_true(has(&range, c->inside));
	if (c->outside != NULL)
		assert_false(has(&range, c->outside));
}

static void test_no_range(void **state)
{
	static const char *const texts[] = { "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8",
		"10.0.0.0/8x", "10.0.0.0/+8", "::/129", "fd00::1/8", "localhost", "10.0.0.0 /8",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1" };
	struct net_range range;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(net_range_parse(texts[i], &range), YT_EFORMAT);
}

int main(void)
{
	static struct CMUnitTest tests[sizeof(ranges) / sizeof(ranges[0]) + 1];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		tests[n++] = (struct CMUnitTest){ ranges[i].it, test_range, NULL, NULL, (void *)(uintptr_t)&ranges[i] };
	tests[n++] = (struct CMUnitTest){ "what is no range", test_no_range, NULL, NULL, NULL };
	return _cmocka_run_group_tests("nets", tests, n, NULL, NULL);
}
