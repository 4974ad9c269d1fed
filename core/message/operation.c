/* core/message/operation.c - the one table of what can be done, asked by codecs, engine and keeper. */
#include "yitong/message.h"

#define ANSWER_MONEY (YT_MONEY_SPLIT | YT_MONEY_PAYERS | YT_MONEY_FUNDS)
#define READS false, false
#define CHANGES true, false
#define SETTLES true, true

static const struct yt_op ops[YT_OP_COUNT] = {
	/* What we cannot read may do anything: it counts as changing state. */
	{ YT_OP_UNREAD, "unread", "未识别交易", CHANGES, 0, 0 },
	{ YT_OP_PERSON_CHECK, "person.check", "人员信息获取", READS, 0, 0 },
	{ YT_OP_OUTPATIENT_REGISTER, "outpatient.register", "门诊挂号", CHANGES, 0, 0 },
	{ YT_OP_OUTPATIENT_REGISTER_CANCEL, "outpatient.register.cancel", "门诊挂号撤销", CHANGES, 0, 0 },
	{ YT_OP_OUTPATIENT_VISIT, "outpatient.visit", "门诊就诊信息上传", CHANGES, 0, 0 },
	{ YT_OP_OUTPATIENT_FEES, "outpatient.fees", "门诊费用明细上传", CHANGES, YT_MONEY_LINES, 0 },
	{ YT_OP_OUTPATIENT_FEES_CANCEL, "outpatient.fees.cancel", "门诊费用明细撤销", CHANGES, 0, 0 },
	{ YT_OP_OUTPATIENT_PRESETTLE, "outpatient.presettle", "门诊预结算", READS, 0, ANSWER_MONEY },
	{ YT_OP_OUTPATIENT_SETTLE, "outpatient.settle", "门诊结算", SETTLES, YT_MONEY_SPLIT, ANSWER_MONEY },
	{ YT_OP_OUTPATIENT_SETTLE_CANCEL, "outpatient.settle.cancel", "门诊结算撤销", SETTLES, 0, ANSWER_MONEY },
	{ YT_OP_INPATIENT_FEES, "inpatient.fees", "住院费用明细上传", CHANGES, YT_MONEY_LINES, 0 },
	{ YT_OP_INPATIENT_FEES_CANCEL, "inpatient.fees.cancel", "住院费用明细撤销", CHANGES, 0, 0 },
	{ YT_OP_INPATIENT_PRESETTLE, "inpatient.presettle", "住院预结算", READS, 0, ANSWER_MONEY },
	{ YT_OP_INPATIENT_SETTLE, "inpatient.settle", "住院结算", SETTLES, YT_MONEY_SPLIT, ANSWER_MONEY },
	{ YT_OP_INPATIENT_SETTLE_CANCEL, "inpatient.settle.cancel", "住院结算撤销", SETTLES, 0, ANSWER_MONEY },
	{ YT_OP_INPATIENT_ADMIT, "inpatient.admit", "入院办理", CHANGES, 0, 0 },
	{ YT_OP_INPATIENT_DISCHARGE, "inpatient.discharge", "出院办理", CHANGES, 0, 0 },
	{ YT_OP_INPATIENT_CHANGE, "inpatient.change", "住院信息变更", CHANGES, 0, 0 },
	{ YT_OP_INPATIENT_ADMIT_CANCEL, "inpatient.admit.cancel", "入院撤销", CHANGES, 0, 0 },
	{ YT_OP_INPATIENT_DISCHARGE_CANCEL, "inpatient.discharge.cancel", "出院撤销", CHANGES, 0, 0 },
	{ YT_OP_REVERSE, "reverse", "冲正", CHANGES, 0, 0 },
	{ YT_OP_SIGN_IN, "session.sign_in", "签到", CHANGES, 0, 0 },
	{ YT_OP_SIGN_OUT, "session.sign_out", "签退", CHANGES, 0, 0 },
	{ YT_OP_VISIT_QUERY, "visit.query", "就诊信息查询", READS, 0, 0 },
	{ YT_OP_SETTLEMENT_QUERY, "settlement.query", "结算信息查询", READS, 0, ANSWER_MONEY },
};

const struct yt_op *yt_op(enum yt_operation id)
{
	YT_REQUIRE((unsigned)id < YT_OP_COUNT);
	return &ops[id];
}
