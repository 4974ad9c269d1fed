/* core/message/operation.c - the one table of what can be done, asked by codecs, engine and keeper. */
#include "yitong/message.h"

#define ANSWER_MONEY (YT_MONEY_SPLIT | YT_MONEY_PAYERS | YT_MONEY_FUNDS)
#define TOLD_MONEY (ANSWER_MONEY | YT_MONEY_LINES | YT_MONEY_CLAIM)
#define CLAIM_MONEY (YT_MONEY_PAYERS | YT_MONEY_FUNDS | YT_MONEY_LINES | YT_MONEY_CLAIM)
#define READS false, false, false
#define CHANGES true, false, false
#define SETTLES true, true, false
#define STAYS_HERE true, false, true

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
	{ YT_OP_PHARMACY_PRESETTLE, "pharmacy.presettle", "药店预结算", READS, 0, ANSWER_MONEY },
	{ YT_OP_PHARMACY_SETTLE, "pharmacy.settle", "药店结算", SETTLES, YT_MONEY_LINES, ANSWER_MONEY },
	{ YT_OP_PHARMACY_SETTLE_CANCEL, "pharmacy.settle.cancel", "药店结算撤销", SETTLES, 0, ANSWER_MONEY },
	{ YT_OP_CREDENTIAL_READ, "credential.read", "就诊凭证读取", READS, 0, 0 },
	{ YT_OP_INSTITUTION_QUERY, "institution.query", "医药机构信息获取", READS, 0, 0 },
	{ YT_OP_CATALOGUE_DOWNLOAD, "catalogue.download", "目录下载", READS, 0, 0 },
	{ YT_OP_CATALOGUE_QUERY, "catalogue.query", "目录信息查询", READS, 0, 0 },
	{ YT_OP_DICTIONARY_QUERY, "dictionary.query", "字典表查询", READS, 0, 0 },
	{ YT_OP_ENTITLEMENT_CHECK, "entitlement.check", "人员待遇享受检查", READS, 0, 0 },
	{ YT_OP_TRANSFER_FILE, "transfer.file", "转院备案", CHANGES, 0, 0 },
	{ YT_OP_TRANSFER_FILE_CANCEL, "transfer.file.cancel", "转院备案撤销", CHANGES, 0, 0 },
	{ YT_OP_CHRONIC_FILE, "chronic.file", "人员慢特病备案", CHANGES, 0, 0 },
	{ YT_OP_CHRONIC_FILE_CANCEL, "chronic.file.cancel", "人员慢特病备案撤销", CHANGES, 0, 0 },
	{ YT_OP_DESIGNATION_FILE, "designation.file", "人员定点备案", CHANGES, 0, 0 },
	{ YT_OP_DESIGNATION_FILE_CANCEL, "designation.file.cancel", "人员定点备案撤销", CHANGES, 0, 0 },
	{ YT_OP_INJURY_FILE, "injury.file", "人员意外伤害备案", CHANGES, 0, 0 },
	{ YT_OP_REVIEW_BEFORE, "review.before", "明细审核事前分析", READS, 0, 0 },
	{ YT_OP_REVIEW_DURING, "review.during", "明细审核事中分析", READS, 0, 0 },
	{ YT_OP_REVIEW_FEEDBACK, "review.feedback", "审核结果反馈", CHANGES, 0, 0 },
	{ YT_OP_RECONCILE_TOTALS, "reconcile.totals", "费用结算对总账", READS, 0, 0 },
	{ YT_OP_RECONCILE_DETAILS, "reconcile.details", "费用结算对明细账", READS, 0, 0 },
	{ YT_OP_RECONCILE_DAILY, "reconcile.daily", "日对账", READS, 0, 0 },
	{ YT_OP_RECONCILE_QUERY, "reconcile.query", "对账结果查询", READS, 0, 0 },
	{ YT_OP_CLEARING_APPLY, "clearing.apply", "清算申请", CHANGES, 0, 0 },
	{ YT_OP_CLEARING_APPLY_CANCEL, "clearing.apply.cancel", "清算申请撤销", CHANGES, 0, 0 },
	{ YT_OP_CLEARING_QUERY, "clearing.query", "清算申请查询", READS, 0, 0 },
	{ YT_OP_REMOTE_CLEARING_QUERY, "remote_clearing.query", "提取异地清分明细", READS, 0, 0 },
	{ YT_OP_REMOTE_CLEARING_CONFIRM, "remote_clearing.confirm", "异地清分结果确认", CHANGES, 0, 0 },
	{ YT_OP_REMOTE_CLEARING_CONFIRM_CANCEL, "remote_clearing.confirm.cancel", "异地清分结果确认回退", CHANGES, 0,
	        0 },
	{ YT_OP_STOCK_SALE, "stock.sale", "商品销售", CHANGES, 0, 0 },
	{ YT_OP_STOCK_RETURN, "stock.return", "商品销售退货", CHANGES, 0, 0 },
	{ YT_OP_STOCK_DELETE, "stock.delete", "进销存信息删除", CHANGES, 0, 0 },
	{ YT_OP_STOCK_QUERY, "stock.query", "进销存与追溯码查询", READS, 0, 0 },
	{ YT_OP_STAFF_QUERY, "staff.query", "科室与医执人员查询", READS, 0, 0 },
	{ YT_OP_DIAGNOSIS_QUERY, "diagnosis.query", "诊断信息查询", READS, 0, 0 },
	{ YT_OP_FEES_QUERY, "fees.query", "费用明细查询", READS, 0, 0 },
	{ YT_OP_MEDICATION_QUERY, "medication.query", "慢特病用药记录查询", READS, 0, 0 },
	{ YT_OP_ACCUMULATION_QUERY, "accumulation.query", "人员累计信息查询", READS, 0, 0 },
	{ YT_OP_CHRONIC_QUERY, "chronic.query", "人员慢特病备案查询", READS, 0, 0 },
	{ YT_OP_DESIGNATION_QUERY, "designation.query", "人员定点信息查询", READS, 0, 0 },
	{ YT_OP_STAY_QUERY, "stay.query", "在院信息查询", READS, 0, 0 },
	{ YT_OP_TRANSFER_QUERY, "transfer.query", "转院信息查询", READS, 0, 0 },
	{ YT_OP_REPORT_QUERY, "report.query", "检查检验报告查询", READS, 0, 0 },
	{ YT_OP_PAYMENT_FEES, "payment.fees", "移动支付费用上传", CHANGES, 0, 0 },
	{ YT_OP_PAYMENT_ORDER, "payment.order", "移动支付下单", CHANGES, 0, 0 },
	{ YT_OP_PAYMENT_REFUND, "payment.refund", "移动支付退费", CHANGES, 0, 0 },
	{ YT_OP_PAYMENT_QUERY, "payment.query", "移动支付订单查询", READS, 0, 0 },
	{ YT_OP_PAYMENT_REVOKE, "payment.revoke", "移动支付费用撤销", CHANGES, 0, 0 },
	{ YT_OP_FILE_UPLOAD, "file.upload", "文件上传", CHANGES, 0, 0 },
	{ YT_OP_FILE_DOWNLOAD, "file.download", "文件下载", READS, 0, 0 },
	{ YT_OP_LINK, "link.beat", "签到心跳", READS, 0, 0 },
	{ YT_OP_FILING_QUERY, "filing.query", "异地备案查询", READS, 0, 0 },
	{ YT_OP_FILING_PUSH, "filing.push", "异地备案上报", CHANGES, 0, 0 },
	{ YT_OP_OUTCOME_QUERY, "outcome.query", "交易结果查询", READS, 0, 0 },
	{ YT_OP_CLAIM_ELIGIBILITY, "claim.eligibility", "商保参保查询", READS, 0, 0 },
	{ YT_OP_CLAIM_QUOTE, "claim.quote", "商保试算", READS, CLAIM_MONEY, YT_MONEY_DECISION },
	{ YT_OP_CLAIM_SUBMIT, "claim.submit", "商保理赔申请", CHANGES, CLAIM_MONEY, YT_MONEY_DECISION },
	{ YT_OP_CLAIM_QUERY, "claim.query", "商保理赔查询", READS, 0, YT_MONEY_DECISION },
	{ YT_OP_CLAIM_DOCUMENTS, "claim.documents", "商保理赔补充材料", CHANGES, 0, 0 },
	{ YT_OP_CLAIM_WITHDRAW, "claim.withdraw", "商保理赔撤回", CHANGES, 0, 0 },
	{ YT_OP_CLAIM_PAYMENT, "claim.payment", "商保代付结果通知", CHANGES, 0, 0 },
	{ YT_OP_CLAIM_RESULT, "claim.result", "商保理赔结果通知", STAYS_HERE, 0, 0 },
	{ YT_OP_CLAIM_STATEMENT, "claim.statement", "商保理赔日对账", READS, 0, 0 },
	/* docs/payments.md.  How an unknown outcome is found out stands in each bank codec's table. */
	{ YT_OP_PAY_ORDER, "pay.order", "单笔付款", CHANGES, YT_MONEY_PAYOUTS, 0 },
	{ YT_OP_PAY_BATCH, "pay.batch", "批量付款", CHANGES, YT_MONEY_PAYOUTS, YT_MONEY_PAYOUTS },
	{ YT_OP_PAY_QUERY, "pay.query", "付款结果查询", READS, 0, 0 },
	{ YT_OP_PAY_BATCH_QUERY, "pay.batch.query", "批量付款结果查询", READS, 0, YT_MONEY_PAYOUTS },
	{ YT_OP_PAY_BATCH_RESULT, "pay.batch.result", "批量付款结果文件", READS, 0, YT_MONEY_PAYOUTS },
	{ YT_OP_PAY_RESULT, "pay.result", "付款结果通知", STAYS_HERE, 0, 0 },
	{ YT_OP_PAY_RECALL, "pay.recall", "付款撤回", CHANGES, 0, 0 },
	{ YT_OP_PAY_RETURN, "pay.return", "退汇通知", STAYS_HERE, 0, 0 },
	{ YT_OP_PAY_RETURN_QUERY, "pay.return.query", "退汇查询", READS, 0, 0 },
	{ YT_OP_STATEMENT_FETCH, "statement.fetch", "对账单查询", READS, 0, YT_MONEY_STATEMENT },
	{ YT_OP_STATEMENT_NOTICE, "statement.notice", "对账单通知", STAYS_HERE, YT_MONEY_STATEMENT, 0 },
	{ YT_OP_BALANCE_QUERY, "balance.query", "余额查询", READS, 0, 0 },
	{ YT_OP_ACCOUNT_CHECK, "account.check", "账户户名校验", READS, 0, 0 },
	{ YT_OP_CONSENT_PUT, "consent.put", "商保授权登记", STAYS_HERE, 0, 0 },
	{ YT_OP_ACCOUNT_PUT, "account.put", "收款账户登记", STAYS_HERE, 0, 0 },
	{ YT_OP_INVOICE_NOTICE, "invoice.notice", "电子票据登记", STAYS_HERE, 0, 0 },
	/* No answer of a platform stands behind it: it must add up when it comes (P4).  Its route says what follows. */
	{ YT_OP_SETTLE_NOTICE, "settle.notice", "结算信息登记", CHANGES, TOLD_MONEY, 0 },
	{ YT_OP_SETTLE_NOTICE_CANCEL, "settle.cancel", "结算撤销登记", STAYS_HERE, 0, 0 },
	{ YT_OP_CLAIM_BACK, "claim.back", "追回已付款", STAYS_HERE, 0, 0 },
};

const struct yt_op *yt_op(enum yt_operation id)
{
	YT_REQUIRE((unsigned)id < YT_OP_COUNT);
	return &ops[id];
}

const char *yt_op_business_key(enum yt_operation id)
{
	switch (id) {
	case YT_OP_PAY_ORDER:
		return "pay_no";
	case YT_OP_PAY_BATCH:
		return "batch_no";
	case YT_OP_PAY_RECALL:
		return "orig_pay_no";
	default:
		return NULL;
	}
}
