/* tests/test_bank_rows.c - the rows of iso20022 and banklink, one by one: each stands in the official schemas or in the
 * profile's tables as it is written down, and each is read.
 *
 * Rows are taken from the plugins' fields.tsv; schemas and tables are beside the project, and what needs them is
 * skipped without them. */
#include "bank_peer.h"

#define COLUMNS 10
#define ROWS_MAX 256

struct row {
	char cell[COLUMNS][96];
};

struct rows {
	struct row row[ROWS_MAX];
	size_t n;
};

/* A .tsv without its heading and comments. */
static void read_rows(struct rows *rows, const char *plugin)
{
	char path[256], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/plugins/%s/fields.tsv", YT_SOURCE_DIR, plugin);
	f = fopen(path, "r");
	assert_non_null(f);
	rows->n = 0;
	for (bool heading = true; fgets(line, sizeof(line), f) != NULL; heading = false) {
		char *at = line, *cell;

		if (heading || line[0] == '#')
			continue;
		assert_true(rows->n < ROWS_MAX);
		memset(&rows->row[rows->n], 0, sizeof(rows->row[0]));
		for (size_t i = 0; i < COLUMNS && (cell = strsep(&at, "\t\n")) != NULL; i++)
			snprintf(rows->row[rows->n].cell[i], sizeof(rows->row[0].cell[i]), "%.95s", cell);
		rows->n++;
	}
	fclose(f);
	assert_true(rows->n > 100);
}

/* -- ISO 20022: where each group stands ------------------------------------------------------------ */

static const struct place {
	const char *group;
	const char *schema[2]; /* the classic edition, the new one */
	const char *at;
} places[] = {
	{ "pain001_head", { "pain.001.001.03", "pain.001.001.09" }, "CstmrCdtTrfInitn/GrpHdr" },
	{ "pain001_block", { "pain.001.001.03", "pain.001.001.09" }, "CstmrCdtTrfInitn/PmtInf" },
	{ "pain001_tx", { "pain.001.001.03", "pain.001.001.09" }, "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf" },
	{ "pain002_head", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/GrpHdr" },
	{ "pain002_group", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/OrgnlGrpInfAndSts" },
	{ "pain002_block", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/OrgnlPmtInfAndSts" },
	{ "pain002_tx", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts" },
	{ "pain002_after", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/OrgnlPmtInfAndSts/TxInfAndSts" },
	{ "reason", { "pain.002.001.03", "pain.002.001.10" }, "CstmrPmtStsRpt/OrgnlGrpInfAndSts/StsRsnInf" },
	{ "camt_head", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/GrpHdr" },
	{ "camt_statement", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/Stmt" },
	{ "camt_balance", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/Stmt/Bal" },
	{ "camt_entry", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/Stmt/Ntry" },
	{ "camt_batch", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/Stmt/Ntry/NtryDtls" },
	{ "camt_detail", { "camt.053.001.02", "camt.053.001.08" }, "BkToCstmrStmt/Stmt/Ntry/NtryDtls/TxDtls" },
	{ "camt055_head", { NULL, "camt.055.001.08" }, "CstmrPmtCxlReq/Assgnmt" },
	{ "camt055_tx", { NULL, "camt.055.001.08" }, "CstmrPmtCxlReq/Undrlyg/OrgnlPmtInfAndCxl" },
	{ "camt029_head", { NULL, "camt.029.001.09" }, "RsltnOfInvstgtn/Assgnmt" },
	{ "camt029_group", { NULL, "camt.029.001.09" }, "RsltnOfInvstgtn/CxlDtls" },
	{ "camt029_tx", { NULL, "camt.029.001.09" }, "RsltnOfInvstgtn/CxlDtls/OrgnlPmtInfAndSts/TxInfAndSts" },
	{ "pacs028_head", { NULL, "pacs.028.001.03" }, "FIToFIPmtStsReq/GrpHdr" },
	{ "pacs028_group", { NULL, "pacs.028.001.03" }, "FIToFIPmtStsReq/OrgnlGrpInf" },
	{ "pacs028_tx", { NULL, "pacs.028.001.03" }, "FIToFIPmtStsReq/TxInf" },
};

static const struct place *place_of(const char *group)
{
	for (size_t i = 0; i < COUNT(places); i++)
		if (strcmp(places[i].group, group) == 0)
			return &places[i];
	fail_msg("no place for the group %s", group);
	return NULL;
}

/* The element of that name anywhere in a complex type: in its sequences and choices. */
static const struct yt_node *element_in(const struct yt_node *type, const char *name)
{
	for (const struct yt_node *c = type != NULL ? type->child : NULL; c != NULL; c = c->next) {
		const struct yt_node *found;

		if (yt_str_is(c->name, "element") && yt_str_is(yt_xml_attr(c, "name"), name))
			return c;
		found = c->kind == YT_OBJECT && !yt_str_is(c->name, "element") ? element_in(c, name) : NULL;
		if (found != NULL)
			return found;
	}
	return NULL;
}

static const struct yt_node *type_named(const struct yt_node *schema, struct yt_str name)
{
	for (const struct yt_node *c = yt_node_get(schema, "complexType"); c != NULL; c = yt_xml_next(c))
		if (yt_str_eq(yt_xml_attr(c, "name"), name))
			return c;
	return NULL;
}

/* Whether Document/<path> is an element of the schema. */
static bool stands_in(const struct yt_node *schema, const char *path)
{
	const struct yt_node *type = type_named(schema, YT_STR("Document")), *element = NULL;
	char copy[256], *at = copy, *name;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&at, "/")) != NULL) {
		element = element_in(type, name);
		if (element == NULL)
			return false;
		type = type_named(schema, yt_xml_attr(element, "type"));
	}
	return element != NULL;
}

/* Schemas that were read, by name: each is asked for often. */
struct schemas {
	struct {
		const char *name;
		const struct yt_node *root;
	} of[16];
	size_t n;
};

static const struct yt_node *schema_of(struct bank *b, struct schemas *s, const char *name)
{
	static const struct yt_xml_limits limits = { .depth = 24 };
	struct yt_xml_error err;
	struct yt_xml xml;
	struct yt_str octets;
	char file[64];

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->of[i].name, name) == 0)
			return s->of[i].root;
	snprintf(file, sizeof(file), "xsd/%s.xsd", name);
	octets = sample(b, file);
	if (octets.p == NULL)
		return NULL;
	if (yt_xml_read(b->arena, octets, &limits, &xml, &err) != 0)
		fail_msg("%s: %s", name, err.why);
	assert_true(s->n < COUNT(s->of));
	s->of[s->n].name = name;
	return s->of[s->n++].root = xml.root;
}

static void every_iso_row_stands_in_the_official_schemas(void **state)
{
	static struct rows rows;
	static struct schemas schemas;
	static const struct plugin_setting customer[] = { { "customer", "1" } };
	struct bank b = bank_open("iso20022", customer, 1);

	(void)state;
	schemas.n = 0;
	read_rows(&rows, "iso20022");
	if (schema_of(&b, &schemas, "pain.001.001.09") == NULL) {
		print_message("no ../shared/formats/xsd\n");
		bank_close(&b);
		skip();
	}
	for (size_t i = 0; i < rows.n; i++) {
		const struct row *row = &rows.row[i];
		const struct place *place = place_of(row->cell[0]);
		char path[256];
		bool is[2];

		snprintf(path, sizeof(path), "%s/%s", place->at, row->cell[1]);
		for (size_t e = 0; e < 2; e++)
			is[e] = place->schema[e] != NULL && stands_in(schema_of(&b, &schemas, place->schema[e]), path);
		if (!is[0] && !is[1] &&
		        strcmp(row->cell[0], "camt029_tx") == 0) { /* or where banks tell it each other */
			snprintf(path, sizeof(path), "RsltnOfInvstgtn/CxlDtls/TxInfAndSts/%s", row->cell[1]);
			is[1] = stands_in(schema_of(&b, &schemas, place->schema[1]), path);
		}
		if (!is[0] && !is[1])
			fail_msg("%s stands in no schema", path);
		/* What is written in both editions of pain.001 must stand in both. */
		if (strncmp(row->cell[0], "pain001", 7) == 0 && strcmp(row->cell[7], "-") == 0 && !(is[0] && is[1]))
			fail_msg("%s stands in one edition only", path);
		if ((strcmp(row->cell[7], "09") == 0 && !is[1]) || (strcmp(row->cell[7], "03") == 0 && !is[0]))
			fail_msg("%s does not stand in its edition", path);
	}
	bank_close(&b);
}

/* -- ISO 20022: each row read ---------------------------------------------------------------------- */

static const char *value_of(char type)
{
	switch (type) {
	case 'A':
	case 'S':
		return "12.30";
	case 'N':
		return "7";
	case 'B':
		return "true";
	case 'D':
	case 'E':
		return "2026-11-20";
	case 'M':
		return "2026-11-20T09:15:02+08:00";
	case 'U':
		return "3f0a6c1e-5b7d-4c2a-9e11-0d4b8a7c9f21";
	default:
		return "XYZ1";
	}
}

/* What else a group needs so that it is read, without the row that is asked about. */
static const struct {
	const char *group, *before, *after; /* around the row */
} frames[] = {
	{ "pain002_tx",
	        "<CstmrPmtStsRpt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>c"
	        "</OrgnlMsgId><OrgnlMsgNmId>d</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>e"
	        "</OrgnlPmtInfId><TxInfAndSts>",
	        "</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt>" },
	{ "pain002_after",
	        "<CstmrPmtStsRpt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>c"
	        "</OrgnlMsgId><OrgnlMsgNmId>d</OrgnlMsgNmId></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>e"
	        "</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>f</OrgnlEndToEndId><TxSts>ACSC</TxSts>",
	        "</TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt>" },
	{ "camt_statement",
	        "<BkToCstmrStmt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm><MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd>"
	        "</MsgPgntn></GrpHdr><Stmt>",
	        "</Stmt></BkToCstmrStmt>" },
	{ "camt_entry", "<BkToCstmrStmt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><Stmt><Id>c</Id><Ntry>",
	        "</Ntry></Stmt></BkToCstmrStmt>" },
	{ "camt_batch",
	        "<BkToCstmrStmt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><Stmt><Id>c</Id><Ntry><Amt>1</Amt>"
	        "<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><NtryDtls>",
	        "</NtryDtls></Ntry></Stmt></BkToCstmrStmt>" },
	{ "camt_detail",
	        "<BkToCstmrStmt><GrpHdr><MsgId>a</MsgId><CreDtTm>b</CreDtTm></GrpHdr><Stmt><Id>c</Id><Ntry><Amt>1</Amt>"
	        "<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><NtryDtls><TxDtls><Refs><InstrId>z</InstrId></Refs></TxDtls><TxDtls>",
	        "</TxDtls></NtryDtls></Ntry></Stmt></BkToCstmrStmt>" },
	{ "camt029_tx", "<RsltnOfInvstgtn><Assgnmt><Id>a</Id><CreDtTm>b</CreDtTm></Assgnmt><CxlDtls><TxInfAndSts>",
	        "</TxInfAndSts></CxlDtls></RsltnOfInvstgtn>" },
};

static void add_element(struct yt_buf *out, const char *path, const char *value)
{
	char copy[128], *at = copy, *name, *open[8];
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&at, "/")) != NULL && n < COUNT(open))
		open[n++] = name;
	for (size_t i = 0; i < n; i++)
		yt_buf_printf(out, "<%s>", open[i]);
	yt_buf_text(out, value);
	while (n-- > 0)
		yt_buf_printf(out, "</%s>", open[n]);
}

/* Whether a member of that name is anywhere in the tree with a text that comes from the value. */
static bool has_member(const struct yt_node *node, const char *name, const char *value)
{
	for (const struct yt_node *c = node->child; c != NULL; c = c->next) {
		if (yt_str_is(c->name, name) && c->text.n > 0 &&
		        (yt_str_is(c->text, value) || strcmp(value, "true") == 0))
			return true;
		if (has_member(c, name, value))
			return true;
	}
	return false;
}

static void read_one(struct bank *b, const struct rows *rows, size_t i, size_t f)
{
	const struct row *row = &rows->row[i];
	const char *value = value_of(row->cell[3][0]), *name = row->cell[2];
	const struct place *place = place_of(row->cell[0]);
	struct yt_buf out = { 0 };
	struct yt_msg *msg;

	if (strcmp(name, "instr_no") == 0)
		name = "pay_no"; /* stands in for it */
	if (strcmp(name, "direction") == 0) {
		name = "dc_flag";
		value = "DBIT";
	}
	yt_buf_printf(
	        &out, "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:%s\">%s", place->schema[1], frames[f].before);
	add_element(&out, row->cell[1], value);
	/* The others that must be there. */
	for (size_t k = 0; k < rows->n; k++)
		if (strcmp(rows->row[k].cell[0], row->cell[0]) == 0 && rows->row[k].cell[5][0] == 'Y' &&
		        strcmp(rows->row[k].cell[2], row->cell[2]) != 0)
			add_element(&out, rows->row[k].cell[1],
			        strcmp(rows->row[k].cell[2], "direction") == 0 ? "DBIT"
			                                                       : value_of(rows->row[k].cell[3][0]));
	if (strcmp(row->cell[0], "camt_entry") == 0 && strcmp(name, "entry_state") != 0)
		yt_buf_text(&out, "<Sts>BOOK</Sts>");
	yt_buf_printf(&out, "%s</Document>", frames[f].after);
	if (try_decode(b, yt_arena_copy(b->arena, yt_buf_view(&out)), &msg) != 0)
		fail_msg("%s %s: %s %s", row->cell[0], row->cell[1], b->fault.path, b->fault.why);
	if (strcmp(value, "DBIT") == 0)
		value = "D";
	if (strcmp(name, "status") != 0 && !has_member(msg->body, name, value))
		fail_msg("%s %s is not read as %s: %.*s", row->cell[0], row->cell[1], name,
		        YT_FMT(json_of(b, msg->body)));
	yt_buf_free(&out);
}

static void every_iso_row_is_read(void **state)
{
	static struct rows rows;
	static const struct plugin_setting customer[] = { { "customer", "1" } };
	struct bank b = bank_open("iso20022", customer, 1);
	unsigned n = 0;

	(void)state;
	read_rows(&rows, "iso20022");
	for (size_t i = 0; i < rows.n; i++)
		for (size_t f = 0; f < COUNT(frames); f++)
			if (strcmp(rows.row[i].cell[0], frames[f].group) == 0) {
				read_one(&b, &rows, i, f);
				n++;
			}
	assert_true(n >= 65);
	bank_close(&b);
}

/* -- BDL: the tables of the profile ---------------------------------------------------------------- */

/* Type and length of an element, in words of the profile: "C30", "16,2". */
static void form_of(const struct row *row, char out[16])
{
	switch (row->cell[3][0]) {
	case 'A':
	case 'F':
	case 'B':
		snprintf(out, 16, "16,2");
		return;
	case 'D':
	case '8':
		snprintf(out, 16, "N8");
		return;
	case '6':
		snprintf(out, 16, "N6");
		return;
	case '#':
		snprintf(out, 16, "N%.8s", row->cell[4]);
		return;
	case 'K':
		snprintf(out, 16, "C2");
		return;
	default:
		snprintf(out, 16, "%c%.8s", row->cell[3][0], row->cell[4]);
	}
}

/* Rows of one group against a table of the facts: each element there, with type and length. */
static void compare_table(const struct rows *rows, const char *group, const char *table, unsigned least)
{
	unsigned n = 0;

	for (const char *at = strchr(table, '\n'); at != NULL && at[1] == '|'; at = strchr(at + 1, '\n')) {
		char names[64], types[64], *name, *type, *names_at = names, *types_at = types;
		const char *second = strchr(at + 2, '|');

		snprintf(names, sizeof(names), "%.*s", (int)(strcspn(at + 3, "|") - 1), at + 3);
		snprintf(types, sizeof(types), "%.*s", (int)(strcspn(second + 2, "|") - 1), second + 2);
		if (strncmp(types, "decimal ", 8) == 0)
			types_at += 8;
		while ((name = strsep(&names_at, ",")) != NULL) {
			char form[16] = "", *cut;
			bool is_there = false;

			/* "16,2" has a comma of its own */
			if (strcmp(types_at, "16,2") == 0)
				type = types_at;
			else
				type = strsep(&types_at, ",");
			name += strspn(name, " ");
			type += strspn(type, " ");
			cut = strchr(type, ' ');
			if (cut != NULL)
				*cut = '\0';
			for (size_t i = 0; i < rows->n; i++)
				if (strcmp(rows->row[i].cell[0], group) == 0 &&
				        strcmp(rows->row[i].cell[1], name) == 0) {
					form_of(&rows->row[i], form);
					is_there = true;
				}
			if (!is_there || strcmp(form, type) != 0)
				fail_msg("%s %s is %s, the facts say %s", group, name, is_there ? form : "not there",
				        type);
			n++;
			if (names_at != NULL && strcmp(types_at, "16,2") == 0)
				continue;
		}
	}
	if (n < least)
		fail_msg("%s: only %u rows in the facts", group, n);
}

static void every_bdl_row_is_the_profiles(void **state)
{
	static struct rows rows;
	static const struct plugin_setting settings[] = { { "corp_no", "1" }, { "operator", "a" } };
	struct bank b = bank_open("banklink", settings, 2);
	struct yt_str facts = sample(&b, "bank.md");
	const char *table;

	(void)state;
	if (facts.p == NULL) {
		bank_close(&b);
		skip();
	}
	read_rows(&rows, "banklink");
	table = strstr(facts.p, "**BD1001 request**");
	assert_non_null(table);
	table = strstr(table, "| --- |");
	compare_table(&rows, "BD1001_in", table, 18);
	table = strstr(facts.p, "| Rec field |");
	assert_non_null(table);
	compare_table(&rows, "BD3002_row", strstr(table, "| --- |"), 13);
	bank_close(&b);
}

/* -- how a lost payment is found out (P5) ----------------------------------------------------------- */

static const struct {
	const char *format, *key, *value, *key2;
	struct {
		const char *wire;
		enum yt_operation op;
		enum yt_resolve resolve;
	} rows[5];
} lost[] = {
	{ "iso20022", "customer", "1", NULL,
	        { { "pain.001", YT_OP_PAY_ORDER, YT_RESOLVE_PAY }, { "pain.001", YT_OP_PAY_BATCH, YT_RESOLVE_PAY },
	                { "camt.055", YT_OP_PAY_RECALL, YT_RESOLVE_RESEND }, { NULL, 0, 0 } } },
	{ "banklink", "corp_no", "1", "operator",
	        { { "BD1001", YT_OP_PAY_ORDER, YT_RESOLVE_PAY_ANEW },
	                { "BD2001", YT_OP_PAY_BATCH, YT_RESOLVE_PAY_ANEW },
	                { "BD1003", YT_OP_PAY_RECALL, YT_RESOLVE_PAY_ANEW }, { NULL, 0, 0 } } },
	/* Its files are looked for where they went before they go there again (core/net/drop_put.c). */
	{ "bankfile", "corp_no", "1", NULL,
	        { { "PAY", YT_OP_PAY_BATCH, YT_RESOLVE_RESEND }, { "PAY", YT_OP_PAY_ORDER, YT_RESOLVE_RESEND },
	                { NULL, 0, 0 } } },
};

/* What moves money is never sent again unasked: each such row of each channel is named here, and there is no other. */
static void a_payment_is_never_sent_again_unasked(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lost); i++) {
		struct plugin_setting settings[] = { { lost[i].key, lost[i].value }, { lost[i].key2, "1" } };
		struct bank b = bank_open(lost[i].format, settings, lost[i].key2 != NULL ? 2 : 1);
		size_t n = 0;

		for (const struct yt_wire_op *op = b.api->ops; op->wire != NULL; op++) {
			if (op->op != YT_OP_PAY_ORDER && op->op != YT_OP_PAY_BATCH && op->op != YT_OP_PAY_RECALL)
				continue;
			for (n = 0; lost[i].rows[n].wire != NULL; n++)
				if (op->op == lost[i].rows[n].op)
					break;
			assert_non_null(lost[i].rows[n].wire);
			assert_string_equal(op->wire, lost[i].rows[n].wire);
			assert_int_equal(op->resolve, lost[i].rows[n].resolve);
		}
		bank_close(&b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_iso_row_stands_in_the_official_schemas),
		cmocka_unit_test(every_iso_row_is_read),
		cmocka_unit_test(every_bdl_row_is_the_profiles),
		cmocka_unit_test(a_payment_is_never_sent_again_unasked),
	};

	return cmocka_run_group_tests_name("rows of bank formats", tests, NULL, NULL);
}
