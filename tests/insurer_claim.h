/* tests/insurer_claim.h - a claim in canonical words with all that either insurer may be told. */
#ifndef INSURER_CLAIM_H
#define INSURER_CLAIM_H

#define TY_NUMBER "TY20261120000000000001"
#define JH_NUMBER "JH20261120000000000001"
#define CLAIM_NOW "2026-11-20 16:00:00"

/* Up to where the money begins. */
#define CLAIM_PERSON                                                                                                     \
	"{\"data\":{\"policy_no\":\"TY2026330299000123456\",\"psn_name\":\"林晚晴\",\"psn_cert_type\":\"01\","        \
	"\"certno\":\"330299198804123029\",\"gend\":\"2\",\"brdy\":\"1988-04-12\",\"tel\":\"14100000001\","              \
	"\"psn_no\":\"33029900000000000000000001\",\"insuplc_admdvs\":\"330299\",\"mdtrtarea_admvs\":\"330299\","        \
	"\"fixmedins_code\":\"H33029900001\",\"fixmedins_name\":\"宁波甬江示例医院\",\"hosp_lv\":\"31\","        \
	"\"mdtrt_id\":\"33029920261114000001\",\"med_type\":\"21\",\"dept_name\":\"普外科\","                         \
	"\"begntime\":\"2026-11-14 08:30:00\",\"endtime\":\"2026-11-20\",\"ipt_no\":\"ZY1\",\"act_pay_dedc\":8.00},"     \
	"\"consent\":{\"auth_no\":\"SQ1\",\"auth_time\":\"2026-11-14 10:21:33\",\"scope\":\"1111\",\"channel\":\"1\","   \
	"\"expire_date\":\"2027-12-31\","                                                                                \
	"\"evidence_sm3\":\"651b96df59518f631ae23117c3b0db0b6971200a242f4dbc39f7be3065420a69\"},"                        \
	"\"payee\":{\"relation\":\"00\",\"name\":\"林晚晴\",\"bank_acct_no\":\"6299993302000001017\","                \
	"\"bank_no\":\"313332099026\",\"bank_name\":\"示例甬江银行营业部\"},"                                   \
	"\"diseinfo\":[{\"maindiag_flag\":\"1\",\"diag_code\":\"K80.100\",\"diag_name\":\"胆囊结石\"},"              \
	"{\"maindiag_flag\":\"0\",\"diag_code\":\"E11.900\",\"diag_name\":\"2型糖尿病\"}],"                          \
	"\"oprninfo\":[{\"main_oprn_flag\":\"1\",\"oprn_oprt_code\":\"51.2300\",\"oprn_oprt_name\":\"胆囊切除术\"," \
	"\"oprn_oprt_date\":\"2026-11-16\"}],"

#define CLAIM                                                                                                            \
	CLAIM_PERSON                                                                                                     \
	"\"setlinfo\":{\"setl_id\":\"330299202611200001\",\"setl_time\":\"2026-11-20 15:42:10\","                        \
	"\"medfee_sumamt\":1000.00,\"hifp_pay\":400.00,\"hifmi_pay\":50.00,\"hifob_pay\":10.00,\"maf_pay\":20.00,"       \
	"\"cvlserv_pay\":15.00,\"oth_pay\":5.00,\"fund_pay_sumamt\":500.00,\"acct_pay\":150.00,"                         \
	"\"psn_cash_pay\":350.00,\"self_in_amt\":300.00,\"preselfpay_amt\":130.00,\"overlmt_selfpay\":10.00,"            \
	"\"fulamt_ownpay_amt\":60.00},"                                                                                  \
	"\"bill\":[{\"elec_bill_code\":\"33060126\",\"elec_billno_code\":\"0012345678\","                                \
	"\"elec_bill_chkcode\":\"a1b2c3\",\"bill_date\":\"2026-11-20\",\"bill_amt\":1000.00}],"                          \
	"\"feedetail\":[{\"med_list_codg\":\"XJ01DDT999A001010199901\",\"medins_list_name\":\"头孢\","                 \
	"\"chrgitm_lv\":\"01\",\"cnt\":2,\"pric\":200,\"det_item_fee_sumamt\":400.00,\"fulamt_ownpay_amt\":0,"           \
	"\"fee_ocur_time\":\"2026-11-15 09:00:00\"},"                                                                    \
	"{\"med_list_codg\":\"003311020170000\",\"medins_list_name\":\"手术\",\"chrgitm_lv\":\"02\","                  \
	"\"selfpay_prop\":0.1,\"cnt\":1,\"pric\":540,\"det_item_fee_sumamt\":540.00,\"fulamt_ownpay_amt\":0,"            \
	"\"fee_ocur_time\":\"2026-11-16 11:20:00\"},"                                                                    \
	"{\"med_list_codg\":\"C0101010010000099999000000001\",\"medins_list_name\":\"穿刺器\",\"chrgitm_lv\":\"03\"," \
	"\"cnt\":1,\"pric\":60,\"det_item_fee_sumamt\":60.00,\"fulamt_ownpay_amt\":60.00,\"fee_ocur_time\":"             \
	"\"2026-11-16 11:20:00\"}]}"

#endif
