/* tests/test_translation.c - random in-patient visits, from a hospital's national octets across provinces and back.
 *
 * Each message is read by nhsa, written by crossprovince with the facts of those before it, read by the other province
 * and compared leaf by leaf; each answer goes the other way and is read as the hospital reads it.  What does not
 * arrive, or arrives changed, stands in a list here with its reason; and what stands there must really be lost. */
#include "crossprovince_peer.h"

#include "engine/facts.h"

#define VISITS 24
#define PERSON "62100000000000000000876543"
#define HEAD(infno)                                                                                                    \
	"{\"infno\":\"" infno "\",\"msgid\":\"H33020300999202603181015300001\",\"mdtrtarea_admvs\":\"330200\","        \
	"\"insuplc_admdvs\":\"621000\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\","          \
	"\"opter\":\"S0007\",\"opter_name\":\"收费员七\",\"inf_time\":\"2026-03-18 10:15:30\","                    \
	"\"fixmedins_code\":\"H33020300999\",\"fixmedins_name\":\"宁波甬东示例医院\",\"sign_no\":\"S1\",\"input\":"
#define SAID_OK "<result><errorcode>0</errorcode><dupflag>0</dupflag><output>"

/* -- what is known to be lost ------------------------------------------------------------------- */

#define NO_PLACE "KSBW has no element for it"
#define IN_ROW "stands once for the whole message, not in each row"

static struct loss {
	const char *wire, *name, *why;
	unsigned n; /* how often it was */
} losses[] = {
	{ "2401", "mdtrt_cert_type", "registered is the person that 0211 found, by certificate", 0 },
	{ "2401", "mdtrt_cert_no", "registered is the person that 0211 found, by certificate", 0 },
	{ "2401", "adm_dept_name", "departments have a code there, no name", 0 },
	{ "2401", "dscg_maindiag_name", "one diagnosis has one text there; adm_diag_dscr comes first", 0 },
	{ "2301", "mdtrt_id", "the insured side's number of the visit (ykc700) stands in its place", 0 },
	{ "2301", "psn_no", IN_ROW, 0 },
	{ "2301", "med_type", "of the visit, not of a line", 0 },
	{ "2301", "bilg_dept_codg", "one element for code and name: the name goes", 0 },
	{ "2301", "bilg_dr_codg", "one element for code and name: the name goes", 0 },
	{ "2402", "mdtrt_id", "the insured side's number of the visit (ykc700) stands in its place", 0 },
	{ "2402", "psn_no", IN_ROW, 0 },
	{ "2402", "insutype", "is that of the registration", 0 },
	{ "2402", "endtime", "a day there, without its time", 0 },
	{ "2402", "dscg_dept_codg", NO_PLACE, 0 },
	{ "2402", "dscg_dept_name", NO_PLACE, 0 },
	{ "2402", "dscg_bed", NO_PLACE, 0 },
	{ "2402", "diag_type", NO_PLACE, 0 },
	{ "2402", "diag_srt_no", "the order of the rows says it", 0 },
	{ "2402", "diag_dept", NO_PLACE, 0 },
	{ "2402", "dise_dor_no", NO_PLACE, 0 },
	{ "2402", "dise_dor_name", NO_PLACE, 0 },
	{ "2402", "diag_time", NO_PLACE, 0 },
	{ "2304", "mdtrt_id", "the insured side's number of the visit (ykc700) stands in its place", 0 },
	{ "2304", "mdtrt_cert_type", "settled is the person that was registered", 0 },
	{ "2304", "psn_setlway", "there is one way to settle", 0 },
	{ "2304", "insutype", "is that of the registration", 0 },
};

static bool is_known_loss(const char *wire, struct yt_str name)
{
	for (size_t i = 0; i < COUNT(losses); i++)
		if (strcmp(losses[i].wire, wire) == 0 && yt_str_is(name, losses[i].name)) {
			losses[i].n++;
			return true;
		}
	return false;
}

/* -- leaves ------------------------------------------------------------------------------------- */

/* The nth leaf of that name, wherever it stands; NULL: there are not so many. */
static const struct yt_node *leaf(const struct yt_node *tree, struct yt_str name, unsigned *nth)
{
	if (tree == NULL)
		return NULL;
	if (tree->kind != YT_OBJECT && tree->kind != YT_ARRAY)
		return yt_str_eq(tree->name, name) && (*nth)-- == 0 ? tree : NULL;
	for (const struct yt_node *node = tree->child; node != NULL; node = node->next) {
		const struct yt_node *found = leaf(node, name, nth);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool is_same(const struct yt_node *a, const struct yt_node *b)
{
	char left[64], right[64];

	if (yt_str_eq(a->text, b->text))
		return true;
	if (a->kind != YT_NUMBER || b->kind != YT_NUMBER)
		return false;
	snprintf(left, sizeof(left), "%.*s", YT_FMT(a->text));
	snprintf(right, sizeof(right), "%.*s", YT_FMT(b->text));
	return strtold(left, NULL) == strtold(right, NULL);
}

static unsigned n_wrong;

/* How often a leaf's name has been seen in the tree up to it. */
struct seen {
	struct yt_str name[256];
	unsigned n[256];
	size_t n_names;
};

static unsigned next_of(struct seen *seen, struct yt_str name)
{
	size_t i = 0;

	while (i < seen->n_names && !yt_str_eq(seen->name[i], name))
		i++;
	if (i == seen->n_names) {
		assert_true(++seen->n_names < COUNT(seen->name));
		seen->name[i] = name;
	}
	return seen->n[i]++;
}

static void compare(const char *wire, struct seen *seen, const struct yt_node *sent, const struct yt_node *arrived)
{
	const struct yt_node *other;
	unsigned nth;

	if (sent->kind == YT_OBJECT || sent->kind == YT_ARRAY) {
		for (const struct yt_node *node = sent->child; node != NULL; node = node->next)
			compare(wire, seen, node, arrived);
		return;
	}
	nth = next_of(seen, sent->name);
	if (sent->kind == YT_NULL || sent->text.n == 0)
		return; /* says nothing */
	other = leaf(arrived, sent->name, &nth);
	if ((other != NULL && is_same(sent, other)) || is_known_loss(wire, sent->name))
		return;
	print_error("%s %.*s: \"%.*s\" arrives as \"%.*s\"\n", wire, YT_FMT(sent->name), YT_FMT(sent->text),
	        other != NULL ? (int)other->text.n : 1, other != NULL ? other->text.p : "-");
	n_wrong++;
}

static void assert_arrives(const char *wire, const struct yt_node *sent, const struct yt_node *arrived)
{
	struct seen seen = { .n_names = 0 };

	compare(wire, &seen, sent, arrived);
}

/* -- random values ------------------------------------------------------------------------------ */

static uint64_t seed = 88172645463325252u;

static unsigned rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* A name with characters that old systems lose. */
static const char *name(struct world *w, unsigned most)
{
	static const char *const pieces[] = { "䶮", "㛃", "𠮷", "\xEE\xA0\x9A", "\xEE\x80\x80", "王", "·", "a", "&amp",
		"<", "㐀", "𪚥" };
	struct yt_buf out = { 0 };

	for (unsigned n = 1 + rnd(most); n > 0; n--) {
		const char *piece = pieces[rnd(COUNT(pieces))];

		yt_buf_text(&out, strcmp(piece, "&amp") == 0 ? "&" : piece);
	}
	return kept(w, &out).p;
}

static const char *money(struct world *w, int64_t fen)
{
	return yt_arena_printf(w->arena, "%lld.%02d", (long long)(fen / 100), (int)(fen % 100)).p;
}

/* ,"member":"value", or nothing, or an empty value. */
static const char *maybe(struct world *w, const char *member, const char *value)
{
	unsigned how = rnd(4);

	if (how == 0)
		return "";
	return yt_arena_printf(w->arena, ",\"%s\":\"%s\"", member, how == 1 ? "" : value).p;
}

/* -- a visit ------------------------------------------------------------------------------------ */

struct visit {
	struct world w;
	struct codec nhsa, zj, gs;
	struct facts facts;
	unsigned n_sent;
	const char *person, *diagnosis;
	int64_t total_fen, in_fen, fund_fen;
};

static void begin(struct visit *v, const char *encoding)
{
	struct plugin_setting settings[] = { { "recer_sys_code", "YBXT" } };
	char why[512];

	v->w = world_open();
	v->zj = open_with(&v->w, "330000", "encoding", encoding);
	v->gs = open_with(&v->w, "620000", "encoding", encoding);
	if (plugin_load(&v->nhsa.plugin, YT_PLUGIN_DIR "/nhsa.so", "test", settings, 1, v->w.keys, why, sizeof(why)) !=
	        0)
		fail_msg("%s", why);
	v->nhsa.api = plugin_api(v->nhsa.plugin);
	facts_begin(&v->facts, v->w.arena);
}

static void end(struct visit *v)
{
	plugin_unload(v->nhsa.plugin);
	plugin_unload(v->zj.plugin);
	plugin_unload(v->gs.plugin);
	world_close(&v->w);
}

static struct yt_msg *said(struct visit *v, const char *request, const char *answer)
{
	struct yt_msg *msg = must_decode(&v->w, &v->nhsa, yt_str(request));
	struct yt_reply *reply = answered(&v->w, &v->nhsa, msg, yt_str(answer));

	if (reply->outcome != YT_DONE)
		fail_msg("%.*s", YT_FMT(reply->text));
	facts_add(&v->facts, facts_piece(v->w.arena, msg, reply));
	return msg;
}

/* msg to the other province, and result back to the hospital. */
static void across(struct visit *v, const struct yt_msg *msg, enum yt_operation op, const char *result)
{
	const char *wire = yt_arena_copy(v->w.arena, msg->wire_op).p;
	struct yt_msg *own, *read;
	struct yt_reply *reply, *heard;
	struct doc a = ksbw_answer;
	char why[200];

	assert_int_equal(facts_gather(&v->facts, msg), 0);
	own = facts_compose(&v->facts, msg, yt_op(op));
	own->number = yt_arena_printf(v->w.arena, "20260318101530%010u", ++v->n_sent);
	own->sent = encoded(&v->w, &v->zj, own);
	read = must_decode(&v->w, &v->gs, own->sent);
	assert_arrives(wire, msg->body, read->body);
	a.transno = yt_arena_copy(v->w.arena, read->wire_op).p;
	a.reftransid = yt_arena_copy(v->w.arena, read->number).p;
	a.body = result;
	reply = answered(&v->w, &v->zj, own, sealed(&v->w, &a));
	if (reply->outcome != YT_DONE || reply->breach.n > 0)
		fail_msg("%s: %.*s %.*s", wire, YT_FMT(reply->text), YT_FMT(reply->breach));
	facts_add(&v->facts, facts_piece(v->w.arena, own, reply));
	if (yt_money_check(own->op->reply_money, reply->body, why, sizeof(why)) != 0)
		fail_msg("%s: %s", wire, why);
	heard = answered(&v->w, &v->nhsa, msg, encoded_reply(&v->w, &v->nhsa, msg, reply));
	if (heard->outcome != YT_DONE)
		fail_msg("%s: the hospital hears %.*s", wire, YT_FMT(heard->text));
	assert_arrives(yt_arena_printf(v->w.arena, "%s answer", wire).p, reply->body, heard->body);
}

static struct yt_str xml_text(struct world *w, const char *text)
{
	struct yt_buf out = { 0 };

	for (; *text != '\0'; text++)
		if (*text == '&')
			yt_buf_text(&out, "&amp;");
		else if (*text == '<')
			yt_buf_text(&out, "&lt;");
		else
			yt_buf_byte(&out, *text);
	return kept(w, &out);
}

static void check_person(struct visit *v)
{
	struct yt_arena *a = v->w.arena;
	struct yt_msg *msg = said(v,
	        yt_arena_printf(a,
	                HEAD("1101") "{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"621002197203164015\","
	                             "\"psn_cert_type\":\"01\",\"certno\":\"621002197203164015\",\"psn_name\":\"%s\"%s}}}",
	                v->person, maybe(&v->w, "card_sn", "C1"))
	                .p,
	        yt_arena_printf(a,
	                "{\"infcode\":0,\"output\":{\"baseinfo\":{\"psn_no\":\"" PERSON
	                "\",\"psn_cert_type\":\"01\",\"certno\":\"621002197203164015\",\"psn_name\":\"%s\",\"gend\":"
	                "\"1\",\"brdy\":\"1972-03-16\",\"age\":54},\"insuinfo\":[{\"balc\":0,\"insutype\":\"390\","
	                "\"psn_type\":\"31\",\"psn_insu_stas\":\"1\",\"cvlserv_flag\":\"0\",\"insuplc_admdvs\":\"621000\"}"
	                "],\"idetinfo\":[]}}",
	                v->person)
	                .p);

	across(v, msg, YT_OP_PERSON_CHECK,
	        yt_arena_printf(a,
	                SAID_OK "<aac001>" PERSON
	                        "</aac001><aac043>01</aac043><aac044>621002197203164015</aac044><aac003>%.*s</aac003>"
	                        "<aac004>1</aac004><aac006>19720316</aac006><aae140>390</aae140><ykc021>31</ykc021>"
	                        "<akc252>99999999999999.99</akc252></output></result>",
	                YT_FMT(xml_text(&v->w, v->person)))
	                .p);
}

static void admit(struct visit *v)
{
	struct yt_msg *msg = said(v,
	        yt_arena_printf(v->w.arena,
	                HEAD("2401") "{\"mdtrtinfo\":{\"psn_no\":\"" PERSON
	                             "\",\"insutype\":\"390\",\"begntime\":\"2026-03-06 "
	                             "08:30:%02u\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"621002197203164015\","
	                             "\"med_type\":\"21\",\"ipt_no\":\"ZY%u\",\"atddr_no\":\"D1\",\"chfpdr_name\":\"%s\","
	                             "\"adm_diag_dscr\":\"%s\",\"adm_dept_codg\":\"A03\",\"adm_dept_name\":\"%s\","
	                             "\"adm_bed\":\"12\",\"dscg_maindiag_code\":\"M51.202\",\"dscg_maindiag_name\":\"%s\","
	                             "\"trum_flag\":\"%u\"%s%s},\"diseinfo\":[]}}",
	                rnd(60), rnd(1000000), name(&v->w, 20), v->diagnosis, name(&v->w, 20), v->diagnosis, rnd(2),
	                maybe(&v->w, "coner_name", name(&v->w, 20)), maybe(&v->w, "tel", "13800000000"))
	                .p,
	        "{\"infcode\":0,\"output\":{\"result\":{\"mdtrt_id\":\"330200M1\"}}}");

	across(v, msg, YT_OP_INPATIENT_ADMIT,
	        SAID_OK
	        "<ykc700>S6210002603060000123</ykc700><ykc021>31</ykc021><aae140>390</aae140></output></result>");
}

static void upload(struct visit *v)
{
	struct world *w = &v->w;
	unsigned n = 1 + rnd(4);
	struct yt_buf lines = { 0 }, splits = { 0 };
	struct yt_msg *msg;

	for (unsigned i = 0; i < n; i++) {
		int64_t in = rnd(1000000000), own = rnd(1000), out = rnd(1000), over = rnd(1000);
		int64_t fen = in + own + out + over;

		v->total_fen += fen;
		v->in_fen += in;
		yt_buf_printf(&lines,
		        "%s{\"feedetl_sn\":\"%u\",\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON
		        "\",\"med_type\":\"21\",\"fee_ocur_time\":\"2026-03-10 08:00:%02u\",\"med_list_codg\":\"X0%u\","
		        "\"medins_list_codg\":\"H-%u\",\"det_item_fee_sumamt\":%s,\"cnt\":1,\"pric\":%s,"
		        "\"bilg_dept_codg\":\"A03\",\"bilg_dept_name\":\"%s\",\"bilg_dr_codg\":\"D1\",\"bilg_dr_name\":\"%s\"}",
		        i > 0 ? "," : "", i + 1, rnd(60), i, i, money(w, fen), money(w, fen), name(w, 10), name(w, 10));
		yt_buf_printf(&splits,
		        "%s{\"feedetl_sn\":\"%u\",\"det_item_fee_sumamt\":%s,\"cnt\":1,\"pric\":%s,\"pric_uplmt_amt\":0,"
		        "\"inscp_scp_amt\":%s,\"preselfpay_amt\":%s,\"fulamt_ownpay_amt\":%s,\"overlmt_amt\":%s,"
		        "\"chrgitm_lv\":\"02\",\"med_chrgitm_type\":\"09\",\"lmt_used_flag\":\"0\"}",
		        i > 0 ? "," : "", i + 1, money(w, fen), money(w, fen), money(w, in), money(w, own),
		        money(w, out), money(w, over));
	}
	msg = said(v, yt_arena_printf(w->arena, HEAD("2301") "{\"feedetail\":[%s]}}", kept(w, &lines).p).p,
	        yt_arena_printf(w->arena, "{\"infcode\":0,\"output\":{\"result\":[%s]}}", kept(w, &splits).p).p);
	across(v, msg, YT_OP_INPATIENT_FEES,
	        yt_arena_printf(w->arena, SAID_OK "<okcnt>%u</okcnt><oksum>%s</oksum></output></result>", n,
	                money(w, v->total_fen))
	                .p);
}

static void discharge(struct visit *v)
{
	struct yt_msg *msg = said(v,
	        yt_arena_printf(v->w.arena,
	                HEAD("2402") "{\"dscginfo\":{\"mdtrt_id\":\"330200M1\",\"psn_no\":\"" PERSON
	                             "\",\"insutype\":\"390\",\"endtime\":\"2026-03-18 09:00:00\",\"dscg_dept_codg\":\"A03\","
	                             "\"dscg_dept_name\":\"%s\",\"dscg_way\":\"1\"%s},\"diseinfo\":[{\"mdtrt_id\":\"330200M1\","
	                             "\"psn_no\":\"" PERSON
	                             "\",\"diag_type\":\"1\",\"maindiag_flag\":\"1\",\"diag_srt_no\":1,\"diag_code\":"
	                             "\"M51.200\",\"diag_name\":\"%s\",\"diag_dept\":\"A03\",\"dise_dor_no\":\"D1\","
	                             "\"dise_dor_name\":\"%s\",\"diag_time\":\"2026-03-18 09:00:00\"}]}}",
	                name(&v->w, 20), maybe(&v->w, "dscg_bed", "13"), name(&v->w, 20), name(&v->w, 10))
	                .p,
	        "{\"infcode\":0,\"output\":{}}");

	across(v, msg, YT_OP_INPATIENT_DISCHARGE,
	        SAID_OK "<ykc700>S6210002603060000123</ykc700><akc068>1</akc068></output></result>");
}

static void settle(struct visit *v)
{
	struct world *w = &v->w;
	struct yt_msg *msg = said(v,
	        yt_arena_printf(w->arena,
	                HEAD("2304") "{\"data\":{\"psn_no\":\"" PERSON
	                             "\",\"mdtrt_cert_type\":\"02\",\"medfee_sumamt\":%s,\"psn_setlway\":\"01\",\"mdtrt_id\":"
	                             "\"330200M1\",\"insutype\":\"390\",\"acct_used_flag\":\"0\",\"mid_setl_flag\":\"0\","
	                             "\"invono\":\"NB%u\"}}}",
	                money(w, v->total_fen), rnd(1000))
	                .p,
	        "{\"infcode\":0,\"output\":{\"setlinfo\":{\"setl_id\":\"1\"}}}");
	const char *fund = money(w, v->in_fen / 2), *cash = money(w, v->total_fen - v->in_fen / 2);

	across(v, msg, YT_OP_INPATIENT_SETTLE,
	        yt_arena_printf(w->arena,
	                SAID_OK "<aaz216>A6210002603180000456</aaz216><ykc700>S6210002603060000123</ykc700>"
	                        "<akc194>20260318101531</akc194><ykc706>20260318</ykc706><aae140>390</aae140>"
	                        "<ykc021>31</ykc021><akc264>%s</akc264><ake171>%s</ake171><aka151>0.00</aka151>"
	                        "<ake149>%s</ake149><ake039>%s</ake039><ake035>0.00</ake035><ake026>0.00</ake026>"
	                        "<aae045>0.00</aae045><ake032>0.00</ake032><ake181>0.00</ake181><ake173>0.00</ake173>"
	                        "<ake038>0.00</ake038><akb067>%s</akb067><aae240>0.00</aae240><ake105>0</ake105>"
	                        "<detail/></output></result>",
	                money(w, v->total_fen), money(w, v->in_fen), fund, fund, cash)
	                .p);
}

static void test_random_visits(void **state)
{
	for (unsigned i = 0; i < VISITS; i++) {
		struct visit v = { 0 };

		begin(&v, i % 2 == 0 ? "UTF-8" : "GB18030");
		v.person = name(&v.w, 50);
		v.diagnosis = name(&v.w, 60);
		check_person(&v);
		admit(&v);
		upload(&v);
		discharge(&v);
		settle(&v);
		end(&v);
	}
	assert_int_equal(n_wrong, 0);
	for (size_t i = 0; i < COUNT(losses); i++)
		if (losses[i].n == 0)
			fail_msg("%s %s is never lost: strike it from the list", losses[i].wire, losses[i].name);
}

/* National texts may be longer and codes others than KSBW has them: nothing is cut, the field is named. */
static void test_what_does_not_fit_is_named(void **state)
{
	static const struct {
		const char *member, *value, *path;
	} rows[] = {
		{ "ipt_no", "ZY2603060073112345678", "input.mdtrtinfo.ipt_no" },
		{ "adm_bed", "十二楼东区重症监护病房第三十四号病床之二", NULL },
		{ "adm_bed", "十二楼东区重症监护病房第三十四号病床之二乙", "input.mdtrtinfo.adm_bed" },
		{ "med_type", "9907", "input.mdtrtinfo.med_type" },
		{ "insutype", "999", "input.mdtrtinfo.insutype" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct visit v = { 0 };
		struct yt_buf out = { 0 };
		struct yt_msg *msg;
		struct yt_node *node;
		int rv;

		begin(&v, "UTF-8");
		v.person = "苏望川";
		v.diagnosis = "腰椎间盘突出";
		check_person(&v);
		msg = must_decode(&v.w, &v.nhsa,
		        YT_STR(HEAD(
		                "2401") "{\"mdtrtinfo\":{\"psn_no\":\"" PERSON
		                        "\",\"insutype\":\"390\",\"begntime\":\"2026-03-06 08:30:00\",\"mdtrt_cert_type\":"
		                        "\"02\",\"mdtrt_cert_no\":\"621002197203164015\",\"med_type\":\"21\",\"ipt_no\":"
		                        "\"ZY1\",\"atddr_no\":\"D1\",\"chfpdr_name\":\"甲\",\"adm_diag_dscr\":\"乙\","
		                        "\"adm_dept_codg\":\"A03\",\"adm_dept_name\":\"丙\",\"adm_bed\":\"12\","
		                        "\"dscg_maindiag_code\":\"M51.202\",\"dscg_maindiag_name\":\"丁\"},\"diseinfo\":"
		                        "[]}}"));
		node = yt_node_get(yt_node_get(msg->body, "mdtrtinfo"), rows[i].member);
		assert_non_null(node);
		node->text = yt_str(rows[i].value);
		assert_int_equal(facts_gather(&v.facts, msg), 0);
		msg = facts_compose(&v.facts, msg, yt_op(YT_OP_INPATIENT_ADMIT));
		msg->number = YT_STR("202603181015300000000099");
		memset(&v.w.fault, 0, sizeof(v.w.fault));
		rv = v.zj.api->encode_request(v.zj.plugin, msg, &out, &v.w.fault);
		if (rv != (rows[i].path != NULL ? YT_EFORMAT : 0) ||
		        strcmp(v.w.fault.path, rows[i].path != NULL ? rows[i].path : "") != 0)
			fail_msg("%s %s: %d %s %s", rows[i].member, rows[i].value, rv, v.w.fault.path, v.w.fault.why);
		yt_buf_free(&out);
		end(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_visits),
		cmocka_unit_test(test_what_does_not_fit_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
