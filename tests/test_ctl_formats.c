/* tests/test_ctl_formats.c - the commands that work with formats: explain, translate, sign-explain, plugin; run as they
 * are, over a configuration with a hospital's listener, a platform and the hub. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "english.h"

#define TEXT_MAX (1 << 20)

static char folder[64], out[TEXT_MAX];

static const char config[] =
        "gateway: {run_dir: @, plugin_dir: " YT_PLUGIN_DIR "}\n"
        "journal: {folder: @/journal, index: @/index.db, segment_mib: 4}\n"
        "listeners:\n"
        "  - {name: hospitals, kind: mtls, address: 127.0.0.1, port: 8443, format: nhsa, cert: a, key: b, client_ca: c}\n"
        "  - {name: from-hub, kind: mtls, address: 127.0.0.1, port: 8445, format: crossprovince, cert: a, key: b, client_ca: "
        "c, settings: {area: \"330000\", relay: \"yes\"}}\n"
        "  - {name: intakes, kind: mtls, address: 127.0.0.1, port: 8446, format: intake, cert: a, key: b, client_ca: c}\n"
        "secrets: {clinic-token: @/secret}\n"
        "keys:\n"
        "  - {name: ty-field, kind: sm4, file: @/field.key}\n"
        "  - {name: ours, kind: sm2-private, file: @/ours.key, owner: \"330000\", id: 330000-2026A}\n"
        "parties:\n"
        "  - {name: zhejiang, format: nhsa, url: \"https://127.0.0.1:9443/\", ca: c, settings: {recer_sys_code: YBXT}}\n"
        "  - {name: hub, format: crossprovince, url: \"https://127.0.0.1:9444/\", ca: c, settings: {area: \"330000\"}}\n"
        "  - {name: hub-gb, format: crossprovince, url: \"https://127.0.0.1:9444/\", ca: c, settings: {area: \"330000\", encoding: "
        "GB18030}}\n"
        "  - {name: tianyi, format: tianyi, url: \"https://127.0.0.1:9445/\", ca: c, settings: {app_id: gw330299, key: "
        "clinic-token, field_key: ty-field, version: \"1.1\", allowed: \"*\"}, pays: institution, enrolment: @/t.list, enrolment_key: clinic-token}\n"
        "  - {name: jinhui, format: jinhui, url: \"https://127.0.0.1:9446/\", ca: c, settings: {partner: GW330799, "
        "sign_key: ours, verify_key: ours, allowed: \"*\"}}\n"
        "  - {name: bank, format: banklink, url: \"tls://127.0.0.1:9448\", ca: c, settings: {corp_no: \"3302990001\", operator: "
        "OP000001, signatures: \"no\"}}\n"
        "origins:\n"
        "  - {name: hospital-one, subject: hospital-one, institutions: [H33021399901]}\n"
        "  - {name: other, subject: other, institutions: [H33021399902]}\n"
        "  - {name: clinic, caller: CLINIC01, key: clinic-token, institutions: [H33021399902]}\n"
        "institutions:\n"
        "  - {code: H33021399901, name: n, area: \"330213\", operator: o}\n"
        "  - {code: H33021399902, name: n, area: \"330213\", operator: o}\n"
        "cases: {facts: [cross-province]}\n"
        "flows:\n"
        "  - {name: remote-fees, steps: [zhejiang, \"hub:outpatient.register?ykc700\", hub]}\n"
        "  - {name: claim, steps: [\"tianyi:claim.submit?!auth_no\", \"!tianyi:claim.query?!auth_no\"], answer: 2}\n"
        "  - {name: payout, steps: [\"bank:pay.order\", \"!bank:pay.query\"], answer: 2, late_after_days: 1, line_after_days: 2}\n"
        "payers:\n"
        "  - {name: ours, party: bank, pay_type: MA, account: \"6001\", account_name: fund, purpose: p}\n"
        "routes:\n"
        "  - {name: payouts, operations: [pay.order], then: payout}\n"
        "  - {name: remote-fees, flow: remote-fees, relation: [cross-province], operations: [outpatient.fees]}\n"
        "  - {name: remote-gb, to: hub-gb, insured: [\"62\"]}\n"
        "  - {name: remote, to: hub, relation: [cross-province]}\n"
        "  - {name: at-once, to: zhejiang, operations: [inpatient.settle], then: claim, one_stop: tianyi}\n"
        "  - {name: everything, to: zhejiang, then: claim}\n";

#define HEAD(number, infno, insured)                                                                                                   \
	"{\"infno\":\"" infno "\",\"msgid\":\"H3302139990120260314092805" number                                                       \
	"\",\"mdtrtarea_admvs\":\"330213\",\"insuplc_admdvs\":\"" insured                                                              \
	"\",\"recer_sys_code\":\"YBXT\",\"infver\":\"V1.0\",\"opter_type\":\"1\",\"opter\":\"S0007\",\"opter_name\":\"收费员七\"," \
	"\"inf_time\":\"2026-03-14 09:28:05\",\"fixmedins_code\":\"H33021399901\",\"fixmedins_name\":\"示例\",\"sign_no\":\"1\","
#define PERSON(insured)                                                                                                      \
	HEAD("0001", "1101", insured)                                                                                        \
	"\"input\":{\"data\":{\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":\"330213197906152731\",\"psn_cert_type\":\"01\"," \
	"\"certno\":\"330213197906152731\",\"psn_name\":\"示例甲\"}}}"
#define FEES(insured) LINE(insured, "1")
#define ODD_FEES LINE("330213", "2")
#define LINE(insured, count)                                                                                                      \
	HEAD("0002", "2204", insured)                                                                                             \
	"\"input\":{\"feedetail\":[{\"feedetl_sn\":\"1\",\"mdtrt_id\":\"M1\",\"psn_no\":\"31010000000100000000\",\"chrg_bchno\":" \
	"\"B1\",\"rxno\":\"\",\"rx_circ_flag\":\"0\",\"fee_ocur_time\":\"2026-03-14 09:20:00\",\"med_list_codg\":"                \
	"\"XJ01CAA040B001010100001\",\"medins_list_codg\":\"D1\",\"det_item_fee_sumamt\":10.00,\"cnt\":" count                    \
	",\"pric\":10.00,"                                                                                                        \
	"\"bilg_dept_codg\":\"01\",\"bilg_dept_name\":\"内科\",\"bilg_dr_codg\":\"D1\",\"bilg_dr_name\":\"示例医生\","      \
	"\"hosp_appr_flag\":\"1\"}]}}"

#define SETTLE                                                                                                              \
	HEAD("0003", "2207", "330213")                                                                                      \
	"\"input\":{\"data\":{\"psn_no\":\"33020000000100000000\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":"            \
	"\"330213197906152731\",\"med_type\":\"11\",\"medfee_sumamt\":28463.57,\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\"," \
	"\"chrg_bchno\":\"B1\",\"insutype\":\"310\",\"acct_used_flag\":\"1\",\"invono\":\"\",\"fulamt_ownpay_amt\":0,"      \
	"\"overlmt_selfpay\":0,\"preselfpay_amt\":0,\"inscp_scp_amt\":28463.57}}}"

#define STAY                                                                                                               \
	HEAD("0004", "2304", "330213")                                                                                     \
	"\"input\":{\"data\":{\"psn_no\":\"33020000000100000000\",\"mdtrt_cert_type\":\"02\",\"mdtrt_cert_no\":"           \
	"\"330213197906152731\",\"medfee_sumamt\":100.00,\"psn_setlway\":\"01\",\"mdtrt_id\":\"M1\",\"insutype\":\"310\"," \
	"\"acct_used_flag\":\"1\",\"invono\":\"\",\"fulamt_ownpay_amt\":0,\"overlmt_selfpay\":0,\"preselfpay_amt\":0,"     \
	"\"inscp_scp_amt\":100.00,\"mid_setl_flag\":\"0\"}}}"

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* Runs `yitong`, arguments with @ for the folder; out: what it said on both outputs. */
static int yitong(const char *arguments)
{
	char command[4096], *p = command;
	int status;
	size_t n;
	FILE *f;

	p += snprintf(p, 1024, YT_BIN_DIR "/yitong --conf %s/conf.yaml ", folder);
	for (; *arguments != '\0' && p < command + 3800; arguments++)
		p += *arguments == '@' ? snprintf(p, 100, "%s", folder) : (*p = *arguments, 1);
	snprintf(p, 16, " 2>&1");
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int make_world(void **state)
{
	char text[8192], *p = text, command[256];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/yitong-formats-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (const char *c = config; *c != '\0'; c++)
		p += *c == '@' ? snprintf(p, 64, "%s", folder) : (*p = *c, 1);
	*p = '\0';
	write_file("conf.yaml", text);
	write_file("secret", "s3cret-of-the-clinic\n");
	write_file("field.key", "00112233445566778899aabbccddeeff\n");
	write_file("1101.json", PERSON(""));
	write_file("1101-sh.json", PERSON("310101"));
	write_file("1101-gs.json", PERSON("621002"));
	write_file("2204-sh.json", FEES("310101"));
	write_file("2204-odd.json", ODD_FEES);
	write_file("2207.json", SETTLE);
	write_file("2304.json", STAY);
	write_file("consent.json",
	        "{\"operation\": \"consent.put\", \"number\": \"A-1\", \"institution\": \"H33021399901\", \"psn_no\": "
	        "\"33020000000000000000000001\", \"consent\": {\"auth_no\": \"SQ-1\", \"auth_time\": \"2026-11-20 "
	        "09:30:00\", \"scope\": \"1111\", \"channel\": \"1\", \"expire_date\": \"2027-12-31\", "
	        "\"evidence_sm3\": \"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"}}");
	write_file("not.json", "{\"infno\":\"1101\"");
	write_file("facts.json", "{\"op\":\"outpatient.register\",\"set\":{\"ykc700\":\"K1\"}}");
	write_file("odd-facts.json", "[{\"name\":\"x\"}]");
	write_file("no-facts.json", "[{\"set\":{\"ykc700\":\"K1\"}},{\"batch\":\"0001\"}]");
	write_file("deep-facts.json", "{\"lines\":[{\"feedetl_sn\":[\"1\"]}]}");
	write_file("event.txt",
	        "> POST /insurer/ty/callback HTTP/1.1\r\n> x-app-id: gw330299\r\n> x-timestamp: 1795162124500\r\n> x-nonce: "
	        "a1c4e8f00b2d4c69\r\n> x-sign-alg: HMAC-SM3\r\n> x-sign: "
	        "55940e74146b02107df760cd91b236eaf69d233e35021d194c6380af2dd6fb40\r\n> \r\n{}\n");
	write_file("signed.txt",
	        "> POST /fsi HTTP/1.1\r\n> Host: x\r\n> x-tif-paasid: CLINIC01\r\n> x-tif-timestamp: 1773451685\r\n> x-tif-nonce: "
	        "abcdef\r\n> x-tif-signature: 2E3DFC7C1AC0F5FE5D50C6D0B4D8DF2F3E36A50B5E3D8A0F3F6B8B5C0A1B2C3D\r\n> \r\n{}\n");
	snprintf(command, sizeof(command),
	        "openssl genpkey -algorithm SM2 -out %s/ours.key 2>/dev/null && chmod 600 %s/ours.key", folder, folder);
	assert_int_equal(system(command), 0);
	return 0;
}

static int end_world(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static const struct asked {
	const char *it, *arguments;
	int want;
	const char *says[4], *never;
} asked[] = {
	{ "explain names what it is, who sends it, and the route", "explain @/1101.json", 0,
	        { "operation: person.check", "hospital-one: yes", "everything: yes: party zhejiang",
	                "remote: no: relation" },
	        "cannot_be_said" },
	{ "explain says how the areas stand and writes the other format", "explain @/1101-sh.json", 0,
	        { "relation: cross-province", "remote: yes: party hub", "<transno>0211</transno>", "<sign>" },
	        "everything:" },
	{ "explain follows a flow and says what undoes a step", "explain @/2204-sh.json", 0,
	        { "step: 1, outpatient.fees", "step: 2, outpatient.register", "not_yet: input.data.",
	                "undone_by: no machine" },
	        NULL },
	{ "explain leaves a step out whose fact is there", "explain --facts @/facts.json @/2204-sh.json", 0,
	        { "left_out: the case has ykc700 = K1 already", NULL }, "needed" },
	{ "explain says why an origin may not", "explain --origin other @/1101.json", 1,
	        { "other: no: does not list the institution", "refused: this origin may not", NULL }, NULL },
	{ "explain says where a message is wrong", "explain @/not.json", 1,
	        { "refused:", "line 1", "hint: it was read as what comes in by ", NULL }, "routes" },
	{ "explain says which amounts do not add up", "explain @/2204-odd.json", 1,
	        { "refused: feedetail[0].det_item_fee_sumamt is 10.00, but cnt times pric add up to 20.00\n", NULL },
	        NULL },
	{ "explain as JSON", "explain --json @/1101.json", 0, { "\"relation\":\"unknown\"", NULL }, NULL },
	{ "explain shows octets in GB18030 so that they can be read", "explain --json @/1101-gs.json", 0,
	        { "\"charset\":\"GB18030\"", "<aac003>示例甲</aac003>", NULL }, NULL },
	{ "explain of an unknown listener", "explain --listener nobody @/1101.json", 3,
	        { "there is no listener nobody", NULL }, NULL },
	{ "explain of an unknown origin", "explain --origin nobody @/1101.json", 3,
	        { "there is no origin nobody", NULL }, NULL },
	{ "explain says what follows a settlement", "explain @/2207.json", 0,
	        { "then:\n  flow: claim\n", "step: 1, claim.submit",
	                "only_where: the case has a auth_no\n      only_for: people on its enrolment list",
	                "step: 2, claim.query" },
	        "one_stop" },
	{ "explain says who decides before the hospital hears", "explain @/2304.json", 0,
	        { "one_stop: tianyi has 2000 ms to decide; what it pays the institution is shown in commercial_claim\n",
	                "when: the settlement is done, and its answer kept\n", NULL },
	        "nobody waits" },
	{ "explain says what stays here", "explain --listener intakes @/consent.json", 0,
	        { "operation: consent.put", "stays_here: it goes to no party", NULL }, "routes" },
	{ "explain prints the amount", "explain @/2207.json", 0, { "amount: 28463.57\n", NULL }, NULL },
	{ "translate prints the canonical message", "translate --plugin nhsa --request @/1101.json", 0,
	        { "{\"operation\":\"person.check\",\"wire\":\"1101\"", "\"body\":{\"data\":{", NULL }, NULL },
	{ "translate says it in another format", "translate --plugin hospitals --request --to hub @/1101-sh.json", 0,
	        { "<?xml", "<aac003>示例甲</aac003>", NULL }, NULL },
	{ "translate names the path that is missing", "translate --plugin hospitals --request --to hub @/1101.json", 1,
	        { "insuplc_admdvs is missing: 1101 must come first", NULL }, NULL },
	{ "translate of a format that needs a setting", "translate --plugin crossprovince --request @/1101.json", 3,
	        { "needs the setting \"area\"", NULL }, NULL },
	{ "translate with that setting names what is wrong",
	        "translate --plugin crossprovince --set area=330000 --request "
	        "@/1101.json",
	        1, { "(message) cannot be read: line 1", NULL }, NULL },
	{ "translate of an answer wants the request", "translate --plugin nhsa --reply @/1101.json", 2,
	        { "--asked FILE", NULL }, NULL },
	{ "translate wants to know what it is", "translate --plugin nhsa @/1101.json", 2,
	        { "--request or --reply", NULL }, NULL },
	{ "sign-explain shows what is signed, and never the secret", "sign-explain @/signed.txt", 1,
	        { "variant: A, headers x-tif-*", "string to sign: 1773451685<secret>abcdef1773451685",
	                "<secret clinic-token>", "given: 2E3D" },
	        "s3cret" },
	{ "plugin list names operations and settings", "plugin list", 0,
	        { "nhsa:", "interface: 1.2", "2207 outpatient.settle", "area: must be given; our area code" }, NULL },
	{ "plugin check reads captured requests", "plugin check --only round --sample @/1101.json zhejiang", 0,
	        { "stands the trial", NULL }, NULL },
	{ "plugin check names what it cannot read",
	        "plugin check --only round --keep @ --sample @/1101.json --sample @/not.json "
	        "zhejiang",
	        1, { "sample 2 cannot be read: (message)", NULL }, NULL },
	{ "plugin check stops where nothing can be tried", "plugin check --keep @ nhsa", 1,
	        { "recer_sys_code is missing", "were not tried", "give a party's", NULL }, "octets in" },
	{ "plugin check knows its cases", "plugin check --only nonsense nhsa", 2, { "there is no such case", NULL },
	        NULL },
	{ "plugin check wants a name", "plugin check", 2, { "plugin check P", NULL }, NULL },
	{ "plugin check of what is no plugin", "plugin check @/conf.yaml", 3, { "cannot be loaded", NULL }, NULL },
	{ "facts of another shape", "translate --plugin nhsa --facts @/odd-facts.json --request @/1101.json", 3,
	        { "odd-facts.json: [0].name: is none of op, batch, set, lines and gone", NULL }, NULL },
	{ "facts of nothing", "explain --facts @/no-facts.json @/1101.json", 3,
	        { "no-facts.json: [1]: has none of set, lines and gone", NULL }, NULL },
	{ "facts with rows where values must be", "explain --facts @/deep-facts.json @/1101.json", 3,
	        { "deep-facts.json: [0].lines: must hold single values only", NULL }, NULL },
	{ "facts that are no JSON", "explain --facts @/not.json @/1101.json", 3, { "not.json: is no JSON: ", NULL },
	        NULL },
	{ "sign-explain shows the method and path that are signed", "sign-explain @/event.txt", 1,
	        { "format: tianyi", "text to sign: POST|/insurer/ty/callback|gw330299|1795162124500|", "verified: no",
	                NULL },
	        "must begin with the request line" },
	{ "sign-explain of what is not signed", "sign-explain @/1101.json", 1, { "there is no signature", NULL },
	        NULL },
};

/* Which case finds which fault (tests/plugins/bad); what needs guard pages, or a process of its own, not under ASan. */
static const struct fault {
	const char *plugin, *finds, *says;
	bool not_asan;
} faults[] = {
	{ "overread", "cut", "decode_request died of signal", true },
	{ "writes-input", "cut", "decode_request died of signal", true },
	{ "deep", "strange", "decode_request died of signal", true },
	{ "endless", "strange", "did not come back within 10 s", false },
	{ "leaks", "leaks", "octets are left behind", true },
	{ "loses", "round", "its number is lost on the way", false },
	{ "silent", "cut", "without saying why", false },
	{ "socket", "round", "made a system call that a codec may not make", true },
	{ "thread", "round", "made a system call that a codec may not make", true },
	{ "no-null", "bare", "encode_request died of signal", true },
	{ "does-twice", "table", "operation 2207 changes state", false },
	{ "overrun", "cut", "decode_request died of signal", true },
	{ "lies", "answers", "its refusal is read back as done", false },
	{ "curt", "answers", "a refusal cannot be written", false },
	{ "frames", "frames", "frame_next took", false },
	{ "files", "files", "file_name gave", false },
};

static void a_fault_is_found(void **state)
{
	const struct fault *row = *state;
	char command[300], want[100];

#ifdef __SANITIZE_ADDRESS__
	if (row->not_asan) {
		print_message("skipped: guard pages are off under ASan; tests/e2e/trial.sh runs it\n");
		skip();
	}
#endif
	snprintf(command, sizeof(command), "plugin check --only %s --keep @ " YT_PLUGIN_DIR "/bad/%s.so", row->finds,
	        row->plugin);
	assert_int_equal(yitong(command), 1);
	if (strstr(out, row->says) == NULL)
		fail_msg("no \"%s\" in: %s", row->says, out);
	snprintf(want, sizeof(want), "%s-%s.hex", row->plugin, row->finds);
	if ((strstr(out, ", 0 octets") == NULL) != (strstr(out, want) != NULL)) /* no empty file is left */
		fail_msg("%s: %s", want, out);
}

/* The first that is wrong of a picture's lines: wider than a terminal of 100 columns, Chinese taking two. */
static const char *too_wide(const char *text)
{
	static char line[400];

	for (const char *p = text; *p != '\0'; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t n = strcspn(p, "\n"), width = 0;

		for (size_t i = 0; i < n; i++) /* of these texts all of three octets are wide */
			width += ((unsigned char)p[i] & 0xc0) == 0x80 ? 0 : (unsigned char)p[i] >= 0xe0 ? 2 : 1;
		snprintf(line, sizeof(line), "%.*s", (int)(n < 399 ? n : 399), p);
		if (width > 100)
			return line;
	}
	return NULL;
}

static const char payout_drawn[] =
        "flow payout, 2 steps: follows from something else\n"
        "  |   routes   payouts\n"
        "  |\n"
        " [1] pay.order 单笔付款 -> bank\n"
        "  |   done     goes on with [2]\n"
        "  |   refused  no money moved: a claim's is made anew, under another number, when another account is\n"
        "  |            told or two people release it; an agency's ends\n"
        "  |   unknown  its bank is asked by the payout's number; it leaves again, under the same number,\n"
        "  |            only if it was not found twice\n"
        "  |   undo     pay.recall 付款撤回\n"
        "  |   waits    for a release where no rule covers it: two people; for the account: who tells it; for\n"
        "  |            room under a day's limit: the next day; no deadline\n"
        "  |   away     for bank: the gateway, every 15 min at the longest; after 7 days an operator\n"
        "  |\n"
        " [2] pay.query 付款结果查询 -> bank\n"
        "  |   done     the flow is done\n"
        "  |   refused  no money moved: a claim's is made anew, under another number, when another account is\n"
        "  |            told or two people release it; an agency's ends\n"
        "  |   unknown  it changes nothing: asked again\n"
        "  |   undo     nothing: it changes nothing\n"
        "  |   waits    for the word of bank, asked every 10 min at the longest; after 7 days an operator\n"
        "  |   away     for bank: the gateway, every 15 min at the longest; after 7 days an operator\n"
        "  |\n"
        "  v\n"
        " done: what [2] was answered is its outcome\n"
        "       late after working day 1 (Monday to Friday)\n"
        "       then the bank's statement line, late after working day 2 (Monday to Friday)\n";
static const char fees_drawn[] = "流程 remote-fees，3 步\n"
                                 "  |   路由     remote-fees\n"
                                 "  |\n"
                                 " [1] 所请求的交易 -> zhejiang\n"
                                 "  |   成功     转入 [2]\n"
                                 "  |   已拒绝   流程结束；没有要撤销的\n"
                                 "  |   结果未知 同所请求的交易\n"
                                 "  |   撤销     同所请求的交易\n"
                                 "  |   等待     zhejiang 不通：由网关重试，间隔最长 5 分钟；1 天后由操作员处理\n"
                                 "  |\n"
                                 " [2] outpatient.register 门诊挂号 -> hub\n"
                                 "  |   条件     本案尚无 ykc700；否则略过\n"
                                 "  |   成功     转入 [3]\n"
                                 "  |   已拒绝   流程结束；此前依次撤销：1\n"
                                 "  |   结果未知 查询对方所存结果并以其为准；无人能答则按编号撤销\n"
                                 "  |   撤销     reverse 冲正\n"
                                 "  |   等待     hub 不通：由网关重试，间隔最长 5 分钟；1 天后由操作员处理\n"
                                 "  |\n"
                                 " [3] 所请求的交易 -> hub\n"
                                 "  |   成功     流程完成\n"
                                 "  |   已拒绝   流程结束；此前依次撤销：2, 1\n"
                                 "  |   结果未知 同所请求的交易\n"
                                 "  |   撤销     同所请求的交易\n"
                                 "  |   等待     hub 不通：由网关重试，间隔最长 5 分钟；1 天后由操作员处理\n"
                                 "  |\n"
                                 "  v\n"
                                 " 完成：请求方得到 [1] 的答复\n";

static void a_flow_is_drawn(void **state)
{
	static const char *const languages[] = { "en", "zh" }, *const names[] = { "payout", "remote-fees", "claim" };
	char command[80];

	(void)state;
	assert_int_equal(yitong("explain --flow payout"), 0);
	assert_string_equal(out, payout_drawn);
	assert_int_equal(yitong("--lang zh explain --flow remote-fees"), 0);
	assert_string_equal(out, fees_drawn);
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		snprintf(command, sizeof(command), "--lang %s explain --flow %s", languages[i % 2], names[i / 2]);
		assert_int_equal(yitong(command), 0);
		if (too_wide(out) != NULL)
			fail_msg("wider than 100 columns: %s", too_wide(out));
	}
	assert_int_equal(yitong("explain --flow claim"), 0);
	assert_non_null(strstr(out, "undo     claim.withdraw"));
	assert_non_null(strstr(out, "if       the case has auth_no; else it is left out"));
	assert_int_equal(yitong("explain --flow nobody"), 3);
	assert_non_null(strstr(out, ": it has remote-fees claim payout\n"));
	assert_int_equal(yitong("explain --flow claim @/1101.json"), 2);
	assert_int_equal(yitong("explain @/2207.json"), 0); /* behind what is said of a message */
	assert_non_null(strstr(out, "\nflow claim, 2 steps: follows from something else"));
	assert_int_equal(yitong("explain --json @/2207.json"), 0);
	assert_null(strstr(out, "flow claim, 2 steps"));
}

/* Ours stand the whole trial, with nearly all their operations. */
static void a_good_plugin_stands_the_trial(void **state)
{
	static const struct {
		const char *name;
		unsigned least;
	} rows[] = { { "zhejiang", 110 }, { "hub", 20 }, { "tianyi", 9 }, { "jinhui", 6 },
		{ YT_PLUGIN_DIR "/test/template.so", 3 },
		{ "--set customer=3302990001 " YT_PLUGIN_DIR "/iso20022.so", 4 },
		{ "--set corp_no=3302990001 " YT_PLUGIN_DIR "/bankfile.so", 1 },
		{ "--set corp_no=3302990001 --set operator=OP1 --set signatures=no " YT_PLUGIN_DIR "/banklink.so",
		        11 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[300];
		const char *at;

		snprintf(command, sizeof(command), "plugin check --verbose --keep @ %s", rows[i].name);
		if (yitong(command) != 0)
			fail_msg("%s", out);
		at = strstr(out, "written and read: ");
		assert_non_null(at);
		if (strtoul(at + strlen("written and read: "), NULL, 10) < rows[i].least)
			fail_msg("%s", out);
	}
}

/* Where Chinese is asked for in vain: JSON, and what a plugin or a library says in its own words. */
static const char *const in_english[] = {
	"explain follows a flow and says what undoes a step",
	"explain leaves a step out whose fact is there",
	"explain says where a message is wrong",
	"explain says which amounts do not add up",
	"explain as JSON",
	"explain shows octets in GB18030 so that they can be read",
	"translate names the path that is missing",
	"translate of a format that needs a setting",
	"translate with that setting names what is wrong",
	"sign-explain shows what is signed, and never the secret",
	"sign-explain shows the method and path that are signed",
	"plugin list names operations and settings",
	"plugin check names what it cannot read",
	"plugin check stops where nothing can be tried",
	"facts that are no JSON",
};

static void a_command_in_chinese(const struct asked *row)
{
	char command[1024];
	int rv;

	snprintf(command, sizeof(command), "--lang zh %s", row->arguments);
	rv = yitong(command);
	if (rv != row->want)
		fail_msg("exit %d, not %d: %s", rv, row->want, out);
	for (size_t i = 0; i < sizeof(in_english) / sizeof(in_english[0]); i++)
		if (strcmp(row->it, in_english[i]) == 0)
			return;
	if (!has_chinese(out) || english_in(out) != NULL)
		fail_msg("\"%.40s\" in: %s", english_in(out), out);
}

static void a_command(void **state)
{
	const struct asked *row = *state;
	int rv = yitong(row->arguments);

	if (rv != row->want)
		fail_msg("exit %d, not %d: %s", rv, row->want, out);
	for (size_t i = 0; i < 4 && row->says[i] != NULL; i++)
		if (strstr(out, row->says[i]) == NULL)
			fail_msg("no \"%s\" in: %s", row->says[i], out);
	if (row->never != NULL && strstr(out, row->never) != NULL)
		fail_msg("\"%s\" in: %s", row->never, out);
	a_command_in_chinese(row);
}

/* The digest is asked of another program; each case of the hex digits, and one order that many get wrong. */
static void a_signature_is_explained(void **state)
{
	static const struct {
		const char *pieces, *filter, *says;
		int want;
	} rows[] = {
		{ "1773451685s3cret-of-the-clinicabcdef1773451685", "cat",
		        "verified: with the secret clinic-token, hex in lower", 0 },
		{ "1773451685s3cret-of-the-clinicabcdef1773451685", "tr a-f A-F",
		        "verified: with the secret clinic-token, hex in upper", 0 },
		{ "abcdefs3cret-of-the-clinic1773451685", "cat", "it would fit with the nonce first", 1 },
	};
	char command[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(command, sizeof(command),
		        "s=$(printf %%s '%s' | sha256sum | cut -c1-64 | %s); sed \"s/signature: .*/signature: $s/\" %s/signed.txt >%s/s.txt",
		        rows[i].pieces, rows[i].filter, folder, folder);
		assert_int_equal(system(command), 0);
		assert_int_equal(yitong("sign-explain @/s.txt"), rows[i].want);
		if (strstr(out, rows[i].says) == NULL)
			fail_msg("no \"%s\" in: %s", rows[i].says, out);
	}
	/* Rightly signed, by a caller that no origin has. */
	snprintf(command, sizeof(command),
	        "s=$(printf %%s '%s' | sha256sum | cut -c1-64); sed \"s/signature: .*/signature: $s/; s/CLINIC01/CLINIC02/\" %s/signed.txt >%s/s.txt",
	        rows[0].pieces, folder, folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(yitong("sign-explain @/s.txt"), 1);
	assert_non_null(strstr(out, "none has the caller id CLINIC02"));
	assert_null(strstr(out, "verified"));
}

/* What translate wrote is verified; one octet of the body less, and only the digest is at fault. */
static void a_message_between_provinces_is_explained(void **state)
{
	(void)state;
	assert_int_equal(yitong("translate --plugin hospitals --request --to hub @/1101-sh.json >@/0211.xml"), 0);
	assert_int_equal(yitong("sign-explain @/0211.xml"), 0);
	assert_non_null(strstr(out, "configured as ours"));
	assert_non_null(strstr(out, "string to sign: 1.0|0211|Q|330000"));
	assert_int_equal(yitong("translate --plugin from-hub --request @/0211.xml"), 0);
	assert_non_null(strstr(out, "\"psn_name\":\"示例甲\""));
	if (yitong("translate --plugin from-hub --request --to zhejiang @/0211.xml") != 0)
		fail_msg("%s", out);
	assert_non_null(strstr(out, "\"infno\":\"1101\""));
	assert_null(strstr(out, "transno")); /* the other format's envelope stays where it was */
	assert_null(strstr(out, "\"sign\""));
	assert_int_equal(yitong("version; sed -i 's/示例甲/示例乙/' @/0211.xml"), 0);
	assert_int_equal(yitong("sign-explain @/0211.xml"), 1);
	assert_non_null(strstr(out, "slip: the body was changed"));
}

/* begin, then a root that includes the canary in two ways. */
static void write_hostile(const char *begin)
{
	static const char root[] = "<ksbw ver='1.0'><head>&e;</head><input><xi:include href='@/canary' "
	                           "xmlns:xi='http://www.w3.org/2001/XInclude'/>&e;</input></ksbw>";
	char text[4096], *p = text;

	for (const char *part = begin; part != NULL; part = part == begin ? root : NULL)
		for (const char *c = part; *c != '\0'; c++)
			p += *c == '@' ? snprintf(p, 64, "%s", folder) : (*p = *c, 1);
	*p = '\0';
	write_file("bad.xml", text);
}

/* Files that mean harm, given to each command that reads one: refused, and nothing is fetched and let out. */
static void hostile_documents_are_refused(void **state)
{
	static const struct {
		const char *begin, *says;
	} rows[] = {
		{ "", "an entity other than amp" },
		{ "<?xml version='1.1'?>", "the XML version is not 1.0" },
		{ "<?xml version='1.0' encoding='UTF-7'?>", "the encoding in the XML declaration is not read" },
		{ "<?xml version='1.0' encoding='UTF-16'?>", "the encoding in the XML declaration is not read" },
		{ "<?xml version='1.0' encoding='IBM037'?>", "the encoding in the XML declaration is not read" },
		{ "\xfe\xff", "UTF-16 or UTF-32" },
		{ "\x4c\x6f\xa7\x94", "the octets are not UTF-8" },
		{ "\xef\xbb\xbf\xef\xbb\xbf", "two byte-order marks" },
		{ "<?oasis-xml-catalog catalog='file://@/canary'?>", "a processing instruction" },
		{ "<?xml-stylesheet href='file://@/canary'?>", "a processing instruction" },
		{ "<!DOCTYPE ksbw SYSTEM 'file://@/canary'>", "a DOCTYPE" },
		{ "<!DOCTYPE ksbw [<!ENTITY e SYSTEM 'file://@/canary'>]>", "a DOCTYPE" },
		{ "<!DOCTYPE ksbw [<!ENTITY % p SYSTEM 'file://@/canary'>%p;<!ENTITY e 'x'>]>", "a DOCTYPE" },
		{ "<!DOCTYPE ksbw [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c "
		  "'&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;'>]>",
		        "a DOCTYPE" },
	};
	static const char *const commands[] = { "translate --plugin from-hub --request @/bad.xml",
		"translate --plugin hub --reply --asked @/good.xml @/bad.xml", "explain --listener from-hub @/bad.xml",
		"sign-explain @/bad.xml" };

	(void)state;
	write_file("canary", "canary-3f1c");
	assert_int_equal(yitong("translate --plugin hospitals --request --to hub @/1101-sh.json >@/good.xml"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_hostile(rows[i].begin);
		for (size_t k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
			bool tells =
			        strstr(commands[k], "sign-explain") == NULL; /* that one finds no signature at all */

			if (yitong(commands[k]) != 1 || (tells && strstr(out, rows[i].says) == NULL))
				fail_msg("%s of %s: %s", commands[k], rows[i].begin, out);
			if (strstr(out, "canary-3f1c") != NULL)
				fail_msg("%s of %s lets the file out: %s", commands[k], rows[i].begin, out);
		}
	}
}

/* There and back: the hub's answer as the hospital hears it. */
static void an_answer_is_translated(void **state)
{
	static const char reply[] =
	        "{\"infcode\":0,\"inf_refmsgid\":\"330200202603140928050000000001\",\"err_msg\":\"\",\"output\":"
	        "{\"baseinfo\":{\"psn_no\":\"33020000000100000000\",\"psn_name\":\"示例甲\"}}}";

	(void)state;
	write_file("reply.json", reply);
	assert_int_equal(yitong("translate --plugin zhejiang --reply --asked @/1101.json @/reply.json"), 0);
	assert_non_null(strstr(out, "\"outcome\":\"done\""));
	assert_int_equal(
	        yitong("translate --plugin zhejiang --reply --asked @/1101.json --to hospitals @/reply.json"), 0);
	assert_non_null(strstr(out, "\"infcode\":0"));
	write_file("reply.json", "{\"infcode\":0,");
	assert_int_equal(yitong("translate --plugin zhejiang --reply --asked @/1101.json @/reply.json"), 1);
	assert_non_null(strstr(out, "\"outcome\":\"unknown\""));
}

int main(void)
{
	setenv("LC_ALL", "C", 1);
	enum { N = sizeof(asked) / sizeof(asked[0]), N_FAULTS = sizeof(faults) / sizeof(faults[0]) };
	const struct CMUnitTest single[] = { cmocka_unit_test(a_flow_is_drawn),
		cmocka_unit_test(a_signature_is_explained), cmocka_unit_test(a_message_between_provinces_is_explained),
		cmocka_unit_test(hostile_documents_are_refused), cmocka_unit_test(an_answer_is_translated),
		cmocka_unit_test(a_good_plugin_stands_the_trial) };
	struct CMUnitTest tests[N + N_FAULTS + sizeof(single) / sizeof(single[0])];

	for (size_t i = 0; i < N; i++)
		tests[i] = (struct CMUnitTest){ asked[i].it, a_command, NULL, NULL, (void *)&asked[i] };
	for (size_t i = 0; i < N_FAULTS; i++)
		tests[N + i] =
		        (struct CMUnitTest){ faults[i].plugin, a_fault_is_found, NULL, NULL, (void *)&faults[i] };
	memcpy(&tests[N + N_FAULTS], single, sizeof(single));
	return _cmocka_run_group_tests("ctl_formats", tests, sizeof(tests) / sizeof(tests[0]), make_world, end_world);
}
