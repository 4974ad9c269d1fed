/* tests/nhsa_codec.h - the nhsa plugin through the loader: what the tests of it share. */
#ifndef NHSA_CODEC_H
#define NHSA_CODEC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/keys.h"
#include "plugin/loader.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* An envelope whose every member is well; what stands behind it is the test's. */
#define HEAD(infno)                                                                                                    \
	"\"infno\":\"" infno "\",\"msgid\":\"H33021399901202503140941300012\",\"mdtrtarea_admvs\":\"330213\","         \
	"\"insuplc_admdvs\":\"330213\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","          \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2025-03-14 09:41:30\","                    \
	"\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例市第一医院\",\"sign_no\":\"S1\","
#define REQUEST(infno, input) "{" HEAD(infno) "\"input\":" input "}"

#define DATA_2207                                                                                                      \
	"\"psn_no\":\"33020000001000000123\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"C1\",\"med_type\":\"11\"," \
	"\"medfee_sumamt\":286.40,\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\",\"chrg_bchno\":\"B1\",\"insutype\":"      \
	"\"310\","                                                                                                     \
	"\"acct_used_flag\":\"1\""
#define DATA_CANCEL "\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\""
#define DATA_2201                                                                                                      \
	"\"psn_no\":\"P1\",\"insutype\":\"310\",\"begntime\":\"2025-03-14 09:30:00\",\"mdtrt_cert_type\":\"02\","      \
	"\"mdtrt_cert_no\":\"C1\",\"ipt_otp_no\":\"O1\",\"atddr_no\":\"D1\",\"dr_name\":\"医\",\"dept_code\":\"1\","  \
	"\"dept_name\":\"科\",\"caty\":\"A01\""

#define DSCGINFO                                                                                                       \
	"\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\",\"insutype\":\"310\",\"endtime\":\"2025-03-14 08:00:00\","              \
	"\"dscg_dept_codg\":\"1\",\"dscg_dept_name\":\"n\",\"dscg_way\":\"1\""

/* The answer to 5203. */
#define REFUND(flag)                                                                                                   \
	"{\"setlinfo\":{\"setl_id\":\"S1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"P1\"," flag "\"medfee_sumamt\":286.40,"    \
	"\"fulamt_ownpay_amt\":12.00,\"overlmt_selfpay\":0.00,\"preselfpay_amt\":14.40,\"inscp_scp_amt\":260.00,"      \
	"\"hifp_pay\":208.00,\"fund_pay_sumamt\":208.00,\"psn_pay\":78.40,\"acct_pay\":50.00,\"cash_payamt\":28.40,"   \
	"\"balc\":1810.42,\"setl_time\":\"2025-03-14 09:41:30\",\"pool_prop_selfpay\":0.8000},\"setldetail\":["        \
	"{\"fund_pay_type\":\"310100\",\"inscp_scp_amt\":260.00,\"crt_payb_lmt_amt\":20000.00,\"fund_payamt\":208.00}" \
	"]}"

struct codec {
	struct yt_plugin *plugin;
	const struct yt_codec_api *api;
	struct yt_arena *arena;
	struct yt_keys *keys;
	struct yt_fault fault;
};

static inline struct codec open_with(const struct plugin_setting *settings, size_t n, struct yt_keys *keys)
{
	struct codec c = { .keys = keys };
	char why[512];

	if (plugin_load(&c.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, n, keys, why, sizeof(why)) != 0)
		fail_msg("%s", why);
	c.api = plugin_api(c.plugin);
	c.arena = yt_arena_new(0);
	assert_non_null(c.arena);
	return c;
}

static inline struct codec open_plain(void)
{
	return open_with(NULL, 0, NULL);
}

static inline void codec_close(struct codec *c)
{
	plugin_unload(c->plugin);
	yt_arena_free(c->arena);
	keys_close(c->keys);
}

static inline int decode(struct codec *c, const char *octets, struct yt_msg **msg)
{
	*msg = yt_msg_new(c->arena);
	memset(&c->fault, 0, sizeof(c->fault));
	/* Messages borrow from their octets, and the tests reuse their buffers. */
	return c->api->decode_request(c->plugin, yt_arena_copy(c->arena, yt_str(octets)), *msg, &c->fault);
}

static inline struct yt_msg *must_decode(struct codec *c, const char *octets)
{
	struct yt_msg *msg;

	if (decode(c, octets, &msg) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	return msg;
}

static inline struct yt_reply *answer(struct codec *c, const struct yt_msg *msg, int status, const char *octets)
{
	struct yt_reply *reply = yt_reply_new(c->arena);

	assert_int_equal(
	        c->api->decode_reply(c->plugin, msg, status, yt_arena_copy(c->arena, yt_str(octets)), reply), 0);
	return reply;
}

static inline char *encoded(struct codec *c, const struct yt_msg *msg)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	if (c->api->encode_request(c->plugin, msg, &out, &c->fault) != 0)
		fail_msg("%s %s", c->fault.path, c->fault.why);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return (char *)kept.p;
}

static inline char *encoded_reply(struct codec *c, const struct yt_msg *msg, const struct yt_reply *reply)
{
	struct yt_buf out = { 0 };
	struct yt_str kept;

	assert_int_equal(c->api->encode_reply(c->plugin, msg, reply, &out), 0);
	kept = yt_arena_copy(c->arena, yt_buf_view(&out));
	yt_buf_free(&out);
	return (char *)kept.p;
}

static inline void assert_text(struct yt_str s, const char *want)
{
	if (!yt_str_is(s, want))
		fail_msg("is \"%.*s\", wants \"%s\"", YT_FMT(s), want);
}

static inline void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no %s in %s", part, text);
}

static inline void assert_has_not(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("%s in %s", part, text);
}

#define ROWS(table, function)                                                                                          \
	for (size_t i = 0; i < COUNT(table); i++)                                                                      \
		tests[n++] = (struct CMUnitTest)                                                                       \
		{                                                                                                      \
			.name = table[i].it, .test_func = function, .initial_state = (void *)&table[i]                 \
		}

#endif
