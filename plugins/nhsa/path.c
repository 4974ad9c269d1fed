/* plugins/nhsa/path.c - where a transaction goes: provinces have one address for all, or one for each.
 *
 * Core asks nhsa_path() before it sends.  The other way, nhsa_wire_of_path() tells which transaction was
 * asked, for messages that do not say so themselves (wrap.c).  Spelling errors are in the real paths. */
#include <string.h>

#include "nhsa.h"

#define SERVICES "/fsi/api" /* where file transfer is, whatever the rest looks like */
#define PAYMENTS "/org/local/api/hos"

static const struct service {
	const char *wire;
	const char *path; /* behind the address of the party; from the root when it begins with / */
} services[] = {
	{ "1101", "fsiPsnInfoService/queryPsnInfo" },
	{ "1162", "hsecfc/localQrCodeQuery" },
	{ "1201", "fsiFixMedInsService/queryFixMedIns" },
	{ "2001", "fsiPsnPriorityInfoService/queryPsnPriorityInfo" },
	{ "2201", "outpatientDocInfoService/outpatientRregistration" },
	{ "2202", "outpatientDocInfoService/outpatientRegistrationCancel" },
	{ "2203", "outpatientDocInfoService/outpatientMdtrtinfoUp" },
	{ "2203A", "outpatientDocInfoService/outpatientMdtrtinfoUpA" },
	{ "2204", "outpatientDocInfoService/outpatientFeeListUp" },
	{ "2205", "outpatientDocInfoService/outpatientFeeListUpCancel" },
	{ "2206", "outpatientSettleService/preSettletment" },
	{ "2206A", "outpatientSettleService/preSettletmentA" },
	{ "2207", "outpatientSettleService/saveSettletmentV2" },
	{ "2207A", "outpatientSettleService/saveSettletment" },
	{ "2208", "outpatientSettleService/cancleSettletment" },
	{ "2301", "hospFeeDtlService/feeDtlUp" },
	{ "2302", "hospFeeDtlService/feeDtlCl" },
	{ "2303", "hospSettService/preSett" },
	{ "2304", "hospSettService/settV2" },
	{ "2305", "hospSettService/settCl" },
	{ "2401", "hospitalRegisterService/hospitalRegisterSave" },
	{ "2402", "dscgService/dischargeProcess" },
	{ "2403", "hospitalRegisterService/hospitalRegisterEdit" },
	{ "2404", "hospitalRegisterService/hospitalRegisterCancel" },
	{ "2405", "dscgService/dischargeUndo" },
	{ "2601", "reverseService/revsMethod" },
	{ "3101", "riskConService/beforeAnalyze" },
	{ "3102", "riskConService/courseAnalyze" },
	{ "3201", "ybSettlementStmtService/stmtTotal" },
	{ "3202", "ybSettlementStmtService/stmtDetail" },
	{ "3505", "goodsService/goodsSell" },
	{ "3506", "goodsService/goodsSellReturn" },
	{ "3507", "goodsService/goodsInfoDelete" },
	{ "9001", "signInSignOutService/signIn" },
	{ "9002", "signInSignOutService/signOut" },
	{ "9101", "fileupload/upload" },
	{ "9102", "fileupload/download" },
};

static const struct service payments[] = {
	{ "6201", PAYMENTS "/uldFeeInfo" },
	{ "6202", PAYMENTS "/pay_order" },
	{ "6203", PAYMENTS "/refund_Order" },
	{ "6301", PAYMENTS "/query_order_info" },
	{ "6401", PAYMENTS "/revoke_order" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *built_in(const struct service *list, size_t n, struct yt_str wire)
{
	for (size_t i = 0; i < n; i++)
		if (yt_str_is(wire, list[i].wire))
			return list[i].path;
	return NULL;
}

/* part behind base; from the root when it begins with /. */
static int join(struct yt_arena *arena, struct yt_str base, struct yt_str part, struct yt_str *path)
{
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	if (part.n > 0 && part.p[0] == '/')
		*path = part;
	else
		*path = yt_arena_printf(arena, "%.*s/%.*s", YT_FMT(base), YT_FMT(part));
	return path->p != NULL ? 0 : YT_ENOMEM;
}

static int service_path(struct yt_arena *arena, struct yt_str base, struct yt_str wire, struct yt_str *path)
{
	const struct yt_wire_op *op = nhsa_wire_op(wire);
	const char *known = built_in(services, COUNT(services), wire);

	if (known != NULL)
		return join(arena, base, yt_str(known), path);
	if (op == NULL || op->op != YT_OP_CATALOGUE_DOWNLOAD)
		return YT_ENOTFOUND;
	*path = yt_arena_printf(arena, "catalogdownservice/downCatalog%.*s", YT_FMT(wire));
	return path->p != NULL ? join(arena, base, *path, path) : YT_ENOMEM;
}

struct yt_str nhsa_number(const struct nhsa *nhsa, struct yt_str wire)
{
	for (size_t i = 0; i < nhsa->n_numbers; i++)
		if (yt_str_eq(nhsa->numbers[i].name, wire))
			return nhsa->numbers[i].value;
	return wire;
}

int nhsa_path(
        struct yt_plugin *self, struct yt_str wire, struct yt_str base, struct yt_arena *arena, struct yt_str *path)
{
	const struct nhsa *nhsa = yt_plugin_ctx(self);
	const char *payment = built_in(payments, COUNT(payments), wire);

	wire = nhsa_number(nhsa, wire);
	for (size_t i = 0; i < nhsa->n_paths; i++)
		if (yt_str_eq(nhsa->paths[i].name, wire))
			return join(arena, base, nhsa->paths[i].value, path);
	if (payment != NULL && nhsa->app_id.n > 0)
		return join(arena, base, yt_str(payment), path);
	switch (nhsa->path) {
	case NHSA_PATH_NUMBER:
		return join(arena, base, wire, path);
	case NHSA_PATH_SERVICE:
		return service_path(arena, base, wire, path);
	case NHSA_PATH_ONE:
		break;
	}
	*path = base;
	return 0;
}

struct yt_str nhsa_wire_of_path(const struct nhsa *nhsa, struct yt_str path)
{
	const char *query = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;

	if (query != NULL)
		path.n = (size_t)(query - path.p);
	for (size_t i = 0; i < nhsa->n_paths; i++)
		if (yt_str_eq(nhsa->paths[i].value, path))
			return nhsa->paths[i].name;
	for (size_t i = 0; i < COUNT(payments); i++)
		if (yt_str_is(path, payments[i].path))
			return yt_str(payments[i].wire);
	return (struct yt_str){ NULL, 0 };
}
