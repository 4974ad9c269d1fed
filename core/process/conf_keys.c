/* core/process/conf_keys.c - the one table of configuration keys.
 *
 * conf.c reads by it, `yitong check --keys` prints it, docs/configuration.md holds that print, and
 * tests/test_conf.c compares the two.  A key that is not here does not exist. */
#include "process/conf_parts.h"

#include <stddef.h>
#include <string.h>

#define ONE(member) CONF_ONE, false, offsetof(struct conf, member), 0, 0, 0
#define ANY(member, type)                                                                                              \
	CONF_MANY, false, offsetof(struct conf, member), offsetof(struct conf, n_##member), sizeof(struct type),       \
	        offsetof(struct type, place)
#define MANY(member, type)                                                                                             \
	CONF_MANY, true, offsetof(struct conf, member), offsetof(struct conf, n_##member), sizeof(struct type),        \
	        offsetof(struct type, place)
#define NAMES(member, type)                                                                                            \
	CONF_NAMES, false, offsetof(struct conf, member), offsetof(struct conf, n_##member), sizeof(struct type),      \
	        offsetof(struct type, place)

const struct conf_section conf_sections[] = {
	{ "gateway", ONE(gateway), "The processes: how many, where they keep what they need while they run." },
	{ "journal", ONE(journal), "The log that everything is written down in before it counts, and its index." },
	{ "desk", ONE(desk),
	        "What monitoring may ask, over plain HTTP on this host: `/metrics` (Prometheus), `/healthz`, `/readyz`." },
	{ "limits", ONE(limits), "What one connection, request or worker may use. Beyond it: a clear refusal." },
	{ "listeners", MANY(listeners, conf_listener), "Doors for those who ask: address, protocol, format." },
	{ "secrets", NAMES(secrets, conf_secret),
	        "Names of secrets and the file each is in: one secret, one line, not readable by others. "
	        "Everything else refers to a secret by its name." },
	{ "keys", ANY(keys, conf_named_key),
	        "Keys of formats that sign or encrypt, by name and by what they are called on the wire. Two of one owner may "
	        "overlap: the one that became valid last signs, both verify." },
	{ "parties", MANY(parties, conf_party), "Counterparts that the gateway asks: address, format, time-outs." },
	{ "origins", MANY(origins, conf_origin),
	        "Who may ask, known by certificate subject or by the caller id of a header signature, and the "
	        "institutions it may speak for." },
	{ "institutions", ANY(institutions, conf_institution),
	        "Designated institutions (定点医药机构); more may be in `tables.institutions`." },
	{ "calendars", ANY(calendars, conf_calendar),
	        "Working days by name, for deadlines: Saturdays and Sundays rest, but for the days that a table moves (调休)." },
	{ "operators", ANY(operators, conf_operator),
	        "People who may act on the running gateway, and their roles. Left out (development only): whoever reaches the control "
	        "socket may do everything, under any name." },
	{ "numbers", ONE(numbers),
	        "Serial block of the gateway's own message numbers in an institution's name. "
	        "An origin that uses one of them is refused." },
	{ "resolution", ONE(resolution), "How an unknown outcome is worked off." },
	{ "flows", ANY(flows, conf_flow),
	        "What one request needs at several parties, step after step; if one is refused, those before it are undone." },
	{ "payers", ANY(payers, conf_payer),
	        "Accounts of ours from which payments leave at a bank. The first that fits a payment counts." },
	{ "releases", ANY(releases, conf_release),
	        "Which payments leave without two people's releasing each. The same payee, amount and type within 24 hours, and an "
	        "account that is not compared with the person, always wait for people." },
	{ "cases", ONE(cases),
	        "What is kept of a visit for its later messages (case facts), encrypted in the journal." },
	{ "tables", ONE(tables), "Tables kept in files of their own, CSV with a header line." },
	{ "routes", MANY(routes, conf_route),
	        "Which party is asked. First match wins; what is left out matches all. `yitong explain FILE` shows what "
	        "a message meets." },
	{ .name = NULL }
};

#define AT(type, member) offsetof(struct conf_##type, member)
#define REQUIRED NULL, true
#define OPTIONAL NULL, false
#define DEFAULT(text) text, false

/* clang-format off */
const struct conf_key conf_keys[] = {
	{ "gateway", "profile", CONF_T_CHOICE, NULL, DEFAULT("development"), 0, 0, "development production",
		AT(gateway, profile), "`production` refuses to start without journal keys and operators, or with a release that nobody has signed." },
	{ "gateway", "workers", CONF_T_NUMBER, NULL, DEFAULT("2"), 1, 64, NULL, AT(gateway, workers),
		"Worker processes. One per core that is to carry traffic." },
	{ "gateway", "run_dir", CONF_T_PATH, NULL, DEFAULT("run/gateway"), 1, 90, NULL, AT(gateway, run_dir),
		"Folder of the control socket `keeper.sock`; made at start." },
	{ "gateway", "plugin_dir", CONF_T_PATH, NULL, DEFAULT("/usr/lib/yitong/plugins"), 1, 255, NULL,
		AT(gateway, plugin_dir), "Folder of the format plugins." },
	{ "gateway", "plugin_sha256", CONF_T_SETTINGS, NULL, OPTIONAL, 0, 0, NULL, AT(gateway, plugin_sha256),
		"By format, the SHA-256 that its plugin's file must have (64 hex digits); another file is not loaded." },
	{ "gateway", "log_level", CONF_T_CHOICE, NULL, DEFAULT("info"), 0, 0, "debug info warn error",
		AT(gateway, log_level), "Least level that is written to stderr." },
	{ "gateway", "drain_ms", CONF_T_NUMBER, "ms", DEFAULT("200000"), 0, 3600000, NULL, AT(gateway, drain_ms),
		"After a reload or SIGTERM workers finish what they hold, at most this long. More than the longest "
		"`change_timeout_ms`." },
	{ "gateway", "heartbeat_ms", CONF_T_NUMBER, "ms", DEFAULT("30000"), 0, 3600000, NULL, AT(gateway, heartbeat_ms),
		"A worker whose loop, or a call of a format in a thread of its own, stands still this long is killed and "
		"started again, and what it was handling is found out. 0: never." },
	{ "gateway", "proposal_s", CONF_T_NUMBER, "s", DEFAULT("86400"), 60, 2592000, NULL, AT(gateway, proposal_s),
		"A decision that needs two persons is forgotten when nobody has confirmed it after this, and with a restart." },

	{ "journal", "folder", CONF_T_PATH, NULL, DEFAULT("run/gateway/journal"), 1, 255, NULL, AT(journal, folder),
		"Folder of the log segments; made at start. On a disk of its own where there is one." },
	{ "journal", "segment_mib", CONF_T_NUMBER, "MiB", DEFAULT("64"), 1, 256, NULL, AT(journal, segment_mib),
		"Size of one segment, written out beforehand. At least four times `body_kib`." },
	{ "journal", "reserve_segments", CONF_T_NUMBER, NULL, DEFAULT("2"), 1, 64, NULL, AT(journal, reserve_segments),
		"Segments kept ready, so that what is accepted can be finished on a full disk." },
	{ "journal", "anchor_s", CONF_T_NUMBER, "s", DEFAULT("60"), 1, 86400, NULL, AT(journal, anchor_s),
		"The head of the chain is signed this often, and when a segment closes." },
	{ "journal", "retention_days", CONF_T_NUMBER, "days", DEFAULT("1100"), 1, 36500, NULL, AT(journal, retention_days),
		"Segments older than this are dropped, after what is still open in them was written again." },
	{ "journal", "index", CONF_T_PATH, NULL, DEFAULT("run/gateway/index.db"), 1, 255, NULL, AT(journal, index),
		"The SQLite index over the log. It can be deleted; it is then rebuilt." },
	{ "journal", "index_days", CONF_T_NUMBER, "days", DEFAULT("400"), 0, 36500, NULL, AT(journal, index_days),
		"Rows of exchanges that are over leave the index so many days after `retention_days`; until then their "
		"message numbers are known, and a repetition is not sent on." },
	{ "journal", "index_lag_mib", CONF_T_NUMBER, "MiB", DEFAULT("256"), 1, 65536, NULL, AT(journal, index_lag_mib),
		"State changes are refused while the index is further behind the log than this." },
	{ "journal", "keys", CONF_T_FOLDER, NULL, OPTIONAL, 1, 255, NULL, AT(journal, keys),
		"Folder with the master key and the anchor signing key. Left out: bodies are stored in the clear, "
		"heads unsigned (development only)." },
	{ "journal", "data_keys", CONF_T_PATH, NULL, DEFAULT("run/gateway/data-keys"), 1, 255, NULL,
		AT(journal, data_keys),
		"Folder of the keys of each day that bodies are encrypted with, themselves encrypted; made at start. "
		"Not in the same backup as the journal: whoever destroys a day's key erases that day's bodies." },

	{ "desk", "address", CONF_T_ADDRESS, NULL, DEFAULT("127.0.0.1"), 0, 0, NULL, AT(desk, address),
		"A loopback address, `127.0.0.1` or `::1`." },
	{ "desk", "port", CONF_T_NUMBER, NULL, DEFAULT("0"), 0, 65535, NULL, AT(desk, port), "TCP port. 0: there is no desk." },

	{ "limits", "body_kib", CONF_T_NUMBER, "KiB", DEFAULT("1024"), 1, 65536, NULL, AT(limits, body_kib),
		"Largest request body; beyond it 413. Read, a message may take 64 MiB of memory, or 16 times the largest that may come "
		"in, where that is more; a statement of camt.053 takes some 12 times." },
	{ "limits", "header_kib", CONF_T_NUMBER, "KiB", DEFAULT("16"), 1, 256, NULL, AT(limits, header_kib),
		"Request line and header fields together; beyond it 431." },
	{ "limits", "headers", CONF_T_NUMBER, NULL, DEFAULT("64"), 8, 1024, NULL, AT(limits, headers),
		"Header fields of one request; beyond it 431." },
	{ "limits", "connections", CONF_T_NUMBER, NULL, DEFAULT("1024"), 1, 65536, NULL, AT(limits, connections),
		"Open connections per listener and worker; more are closed at once." },
	{ "limits", "handshake_ms", CONF_T_NUMBER, "ms", DEFAULT("10000"), 100, 120000, NULL, AT(limits, handshake_ms),
		"From accept to the end of the TLS handshake." },
	{ "limits", "request_ms", CONF_T_NUMBER, "ms", DEFAULT("30000"), 100, 600000, NULL, AT(limits, request_ms),
		"From the first byte of a request to its last; beyond it 408." },
	{ "limits", "idle_ms", CONF_T_NUMBER, "ms", DEFAULT("300000"), 100, 86400000, NULL, AT(limits, idle_ms),
		"A connection without a request is closed after this." },
	{ "limits", "http2_streams", CONF_T_NUMBER, NULL, DEFAULT("128"), 1, 1000, NULL, AT(limits, http2_streams),
		"HTTP/2: requests open at once on one connection; more are refused unread (`REFUSED_STREAM`)." },
	{ "limits", "http2_continuations", CONF_T_NUMBER, NULL, DEFAULT("4"), 0, 8, NULL, AT(limits, http2_continuations),
		"HTTP/2: CONTINUATION frames of one header block; more end the connection." },
	{ "limits", "http2_buffer_kib", CONF_T_NUMBER, "KiB", DEFAULT("8192"), 64, 1048576, NULL,
		AT(limits, http2_buffer_kib),
		"HTTP/2: bodies of one connection that are not whole yet or not taken yet; beyond it new requests are "
		"refused unread. At least `body_kib`." },
	{ "limits", "http2_resets", CONF_T_NUMBER, NULL, DEFAULT("100"), 1, 100000, NULL, AT(limits, http2_resets),
		"HTTP/2: requests that one connection may reset, or have refused; a tenth of it comes back each second. Beyond "
		"it the connection ends." },
	{ "limits", "http2_control_frames", CONF_T_NUMBER, NULL, DEFAULT("1000"), 10, 1000000, NULL,
		AT(limits, http2_control_frames),
		"HTTP/2: frames without a message (PING, SETTINGS, WINDOW_UPDATE, empty DATA) from one connection; a tenth of it "
		"comes back each second, 16 with each whole request. Beyond it the connection ends." },
	{ "limits", "json_depth", CONF_T_NUMBER, NULL, DEFAULT("32"), 4, 256, NULL, AT(limits, json_depth),
		"Nested arrays and objects in one message." },
	{ "limits", "json_values", CONF_T_NUMBER, NULL, DEFAULT("200000"), 100, 10000000, NULL, AT(limits, json_values),
		"Values in one message." },
	{ "limits", "exchanges", CONF_T_NUMBER, NULL, DEFAULT("32768"), 16, 1048576, NULL, AT(limits, exchanges),
		"Exchanges in flight per worker; more are told to try later." },
	{ "limits", "follow_ups", CONF_T_NUMBER, NULL, DEFAULT("10000000"), 1, 100000000, NULL, AT(limits, follow_ups),
		"What follows from settlements and is not over; some 15 bytes of memory each while it waits. From four fifths on it is "
		"said in the log; beyond it, what something would follow from is refused." },
	{ "limits", "slow_queue", CONF_T_NUMBER, NULL, DEFAULT("500"), 1, 100000, NULL, AT(limits, slow_queue),
		"Requests that may wait for one instance of a format that signs its messages, in each worker; more are "
		"told to try later." },
	{ "limits", "ring_mib", CONF_T_NUMBER, "MiB", DEFAULT("4"), 1, 1024, NULL, AT(limits, ring_mib),
		"Shared memory between one worker and the keeper, rounded up to a power of two. At least four times `body_kib`; where lists of payouts come in, "
		"2 KiB for each of `list_rows`." },
	{ "limits", "list_rows", CONF_T_NUMBER, NULL, DEFAULT("2000"), 1, 10000, NULL, AT(limits, list_rows),
		"Payouts of one list (`pay.batch`); a longer one is refused, to be handed in as several. A row is 200 to 500 bytes of "
		"`body_kib`." },
	{ "limits", "statement_lines", CONF_T_NUMBER, NULL, DEFAULT("50000"), 100, 200000, NULL, AT(limits, statement_lines),
		"Lines of one statement, report or result file of a bank, or of one page of an insurer's list; a longer one is refused. "
		"They are worked off a few hundred at a time. A line of camt.053 is 1 to 2 KiB of `body_kib`." },

	{ "listeners", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(listener, name), "How log and journal call it." },
	{ "listeners", "kind", CONF_T_CHOICE, NULL, REQUIRED, 0, 0, "mtls signed plain folder", AT(listener, kind),
		"`mtls`: the client certificate says who asks. `signed`: TLS, and the format's header signature says it. `plain`: "
		"no TLS, header signature and `allow`; on private addresses only, warned about. `folder`: no port; each file that is put "
		"into `path` is a message of `origin`." },
	{ "listeners", "address", CONF_T_ADDRESS, NULL, OPTIONAL, 0, 0, NULL, AT(listener, address),
		"IPv4 or IPv6 address of this host, in digits; `0.0.0.0` or `::` for all. Needed, except with `kind: folder`." },
	{ "listeners", "port", CONF_T_NUMBER, NULL, OPTIONAL, 0, 65535, NULL, AT(listener, port),
		"TCP port; needed with `address`. 0 takes any free one and says which (for tests)." },
	{ "listeners", "format", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(listener, format),
		"The plugin that reads requests and writes answers here." },
	{ "listeners", "cert", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(listener, cert),
		"Our certificate chain, PEM. Needed, except with `kind: plain` and `folder`." },
	{ "listeners", "key", CONF_T_KEYFILE, NULL, OPTIONAL, 1, 255, NULL, AT(listener, key),
		"Its private key, PEM; with `cert`." },
	{ "listeners", "client_ca", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(listener, client_ca),
		"PEM that client certificates must chain to. Needed with `kind: mtls`, refused with others." },

	{ "listeners", "crl", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(listener, crl),
		"Revocation lists (CRL) of `client_ca`, PEM: certificates in them are refused. Read again at a reload. One out of "
		"date still counts, with a warning." },
	{ "listeners", "allow", CONF_T_NETS, NULL, OPTIONAL, 0, 0, NULL, AT(listener, allow),
		"Private addresses and networks that may connect, as `10.1.0.0/16`. Needed with `kind: plain`, refused with "
		"others." },
	{ "listeners", "http2", CONF_T_CHOICE, NULL, DEFAULT("on"), 0, 0, "off on", AT(listener, http2),
		"`on`: HTTP/2 is spoken with who offers it (ALPN), HTTP/1.1 with all others." },
	{ "listeners", "paths", CONF_T_PATHS, NULL, OPTIONAL, 0, 0, NULL, AT(listener, paths),
		"Paths served here, octet by octet and without the query; others hear 404. Left out: any, as provinces prescribe many." },
	{ "listeners", "path", CONF_T_FOLDER, NULL, OPTIONAL, 1, 255, NULL, AT(listener, path),
		"With `kind: folder`: has the folders `in` (where files are put), `taken` (being worked on), `done` and `refused` "
		"(with the reason beside each), all on one file system. A file has at most `limits.body_kib`." },
	{ "listeners", "origin", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(listener, origin),
		"With `kind: folder`: the origin whose messages the files are. It needs neither `subject` nor `caller`: who may write "
		"into `in` speaks for it." },
	{ "listeners", "files", CONF_T_NUMBER, NULL, DEFAULT("16"), 1, 256, NULL, AT(listener, files),
		"With `kind: folder`: files worked on at once." },
	{ "listeners", "look_ms", CONF_T_NUMBER, "ms", DEFAULT("10000"), 10, 3600000, NULL, AT(listener, look_ms),
		"With `kind: folder`: it is looked at so often, and whenever the kernel tells of a change." },
	{ "listeners", "settle_ms", CONF_T_NUMBER, "ms", DEFAULT("2000"), 0, 600000, NULL, AT(listener, settle_ms),
		"With `kind: folder`: a file is taken when it has not changed for so long. Names that begin with a dot or end in "
		"`.tmp`, `.part`, `.filepart` or `.writing` are never taken." },
	{ "listeners", "incomplete_ms", CONF_T_NUMBER, "ms", DEFAULT("3600000"), 1000, 604800000, NULL,
		AT(listener, incomplete_ms),
		"With `kind: folder`: a file that has not come to its end, by its format, is refused after this." },
	{ "listeners", "settings", CONF_T_SETTINGS, NULL, OPTIONAL, 0, 0, NULL, AT(listener, settings),
		"Keys of the format's plugin; its README lists them." },

	{ "keys", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(named_key, name),
		"How settings of plugins call it; not the name of a secret too." },
	{ "keys", "kind", CONF_T_CHOICE, NULL, REQUIRED, 0, 0, "secret sm4 sm2-private sm2-public", AT(named_key, kind),
		"What is in the file. `secret`: a text; `sm4`: 32 hex digits; `sm2-private`: PEM, or 32 octets in hex or "
		"base64; `sm2-public`: PEM, a certificate in PEM, or the point 04 X Y in hex or base64." },
	{ "keys", "file", CONF_T_FILE, NULL, REQUIRED, 1, 255, NULL, AT(named_key, file),
		"Not readable by others; with `sm2-public` not writable by others." },
	{ "keys", "owner", CONF_T_TEXT, NULL, OPTIONAL, 1, 64, NULL, AT(named_key, owner),
		"Whose it is, as messages call them (an area code)." },
	{ "keys", "id", CONF_T_TEXT, NULL, OPTIONAL, 1, 64, NULL, AT(named_key, id),
		"What messages call it (`keyid`). One owner has each id once." },
	{ "keys", "from", CONF_T_TEXT, NULL, OPTIONAL, 10, 19, NULL, AT(named_key, from),
		"Valid from this date, or date and time (`2026-01-01`, `2026-01-01 08:00:00`), UTC+8." },
	{ "keys", "to", CONF_T_TEXT, NULL, OPTIONAL, 10, 19, NULL, AT(named_key, to),
		"Valid before it. A certificate's own term narrows both." },

	{ "parties", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(party, name), "How routes, log and journal call it." },
	{ "parties", "format", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(party, format), "The plugin that speaks to it." },
	{ "parties", "url", CONF_T_URL, NULL, REQUIRED, 1, 500, NULL, AT(party, url),
		"`https://host[:port]/path` that requests are posted to; or `tls://host:port`, for a format that speaks over a "
		"stream (`banklink`): one request at a time on a connection; or, for a format that is handed over as files "
		"(`bankfile`), `file:FOLDER` or `sftp://user@host[:port]/folder`." },
	{ "parties", "server_name", CONF_T_TEXT, NULL, OPTIONAL, 1, 253, NULL, AT(party, server_name),
		"Name that its certificate must carry, when it is not the host of the url." },
	{ "parties", "ca", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(party, ca),
		"PEM that its certificate must chain to. Needed with `https` and `tls`." },
	{ "parties", "cert", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(party, cert),
		"Our client certificate there, PEM; with `key`." },
	{ "parties", "key", CONF_T_KEYFILE, NULL, OPTIONAL, 1, 255, NULL, AT(party, key),
		"Its private key, PEM. With `sftp`: our SSH key, Ed25519 or ECDSA, without a passphrase." },
	{ "parties", "crl", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(party, crl),
		"Revocation lists (CRL) of `ca`, PEM, as with listeners." },
	{ "parties", "http2", CONF_T_CHOICE, NULL, DEFAULT("off"), 0, 0, "off on", AT(party, http2),
		"`on`: HTTP/2 is offered (ALPN); where the party takes it, one connection carries up to `http2_streams` "
		"requests at once." },
	{ "parties", "trace", CONF_T_CHOICE, NULL, DEFAULT("off"), 0, 0, "off on", AT(party, trace),
		"`on`: `traceparent` (W3C) is sent along: the trace id a request came with, else one of ours." },
	{ "parties", "header", CONF_T_TEXT, NULL, OPTIONAL, 1, 64, NULL, AT(party, header),
		"Name of a header that each request there has, such as `apikey` or `Authorization`; with `header_secret`." },
	{ "parties", "header_secret", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(party, header_secret),
		"Name of the secret that is its value, as it stands in the file (`Bearer ...`). Read when workers start, so a new "
		"one is taken by a reload." },
	{ "parties", "connections", CONF_T_NUMBER, NULL, DEFAULT("0"), 0, 4096, NULL, AT(party, connections),
		"Connections kept open. `https`: of each worker, one request at a time each in HTTP/1.1; 0 is 64. `tls`: of all "
		"workers together, shared out among them, so not fewer than `workers`; 0 is 8. While a reload lets old workers "
		"finish, those they still ask on come on top." },
	{ "parties", "queue", CONF_T_NUMBER, NULL, DEFAULT("4096"), 0, 65536, NULL, AT(party, queue),
		"Requests per worker that may wait for a connection; more are refused unsent." },
	{ "parties", "connect_timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("5000"), 100, 120000, NULL,
		AT(party, connect_timeout_ms), "TCP connect and TLS handshake together." },
	{ "parties", "idle_ms", CONF_T_NUMBER, "ms", DEFAULT("50000"), 100, 86400000, NULL, AT(party, idle_ms),
		"A connection that rests is closed after this; less than the party's own idle limit. An answered heartbeat counts." },
	{ "parties", "heartbeat_ms", CONF_T_NUMBER, "ms", DEFAULT("30000"), 0, 3600000, NULL, AT(party, heartbeat_ms),
		"With `tls`: a connection that rests says so after this, and again each time. 0: never. Longer than `idle_ms`: it is "
		"closed instead." },
	{ "parties", "heartbeat_timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("10000"), 10, 120000, NULL,
		AT(party, heartbeat_timeout_ms), "With `tls`: a heartbeat that is not answered within this ends its connection." },
	{ "parties", "response_kib", CONF_T_NUMBER, "KiB", DEFAULT("1024"), 1, 65536, NULL, AT(party, response_kib),
		"A larger answer is not read: the outcome is then unknown." },
	{ "parties", "late_ms", CONF_T_NUMBER, "ms", DEFAULT("60000"), 0, 3600000, NULL, AT(party, late_ms),
		"How long after a time-out a late answer is still taken. Never with `tls`: there the connection is closed." },
	{ "parties", "known_hosts", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(party, known_hosts),
		"With `sftp`: the party's host key, as in `known_hosts` of ssh; ask the party for it, `ssh-keyscan` alone proves "
		"nothing." },
	{ "parties", "spool", CONF_T_FOLDER, NULL, OPTIONAL, 1, 255, NULL, AT(party, spool),
		"With `sftp`: folder here that has `sent` (receipts of what was put there), `in` (what was fetched, for a listener of "
		"`kind: folder`) and `fetched` (receipts of that)." },
	{ "parties", "fetch_ms", CONF_T_NUMBER, "ms", DEFAULT("60000"), 0, 86400000, NULL, AT(party, fetch_ms),
		"With `sftp`: files that lie in `in` over there, and have not changed since the last look, are fetched so often, by one "
		"worker; at most `response_kib` each. 0: never." },
	{ "parties", "told_by", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(party, told_by),
		"Other parties that may tell what became of what this one was asked: the same bank by other ways, whose statements have "
		"the payments of all. Up to 4." },
	{ "parties", "statement_at", CONF_T_TIMES, NULL, OPTIONAL, 0, 0, NULL, AT(party, statement_at),
		"With a bank whose format has `statement.fetch` (`banklink`): at these times of the day, and at the start, one worker "
		"fetches the entries of the accounts that `payers` has there: of each day that is over and not had yet, then of today so "
		"far. Up to 8. Left out: never. Other parties that pay from these accounts need this one in `told_by`. With an insurer "
		"whose format has `claim.statement` (`tianyi`, `jinhui`): the claims of each day that is over, and each time of the "
		"`statement_days` before once more." },
	{ "parties", "statement_days", CONF_T_NUMBER, "days", DEFAULT("3"), 1, 31, NULL, AT(party, statement_days),
		"So many days that are over are fetched at the start, an insurer's claims each time; what was had before changes "
		"nothing." },
	{ "parties", "query_timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("30000"), 100, 600000, NULL,
		AT(party, query_timeout_ms), "Deadline of a request that changes nothing." },
	{ "parties", "change_timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("120000"), 100, 3600000, NULL,
		AT(party, change_timeout_ms),
		"Deadline of a request that changes state; after it the outcome is unknown and is found out. Less "
		"than `timeout_ms` of every origin that is routed here and held." },
	{ "parties", "server_delay_ms", CONF_T_NUMBER, "ms", DEFAULT("180000"), 0, 86400000, NULL,
		AT(party, server_delay_ms),
		"Longest time after which a lost request may still take effect there: \"not found\" proves nothing before." },
	{ "parties", "quote_timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("2000"), 100, 10000, NULL, AT(party, quote_timeout_ms),
		"How long a pre-settlement waits for this insurer's quote at most, after the platform has answered it; and a "
		"settlement for its decision (`routes.one_stop`)." },
	{ "parties", "quote_failures", CONF_T_NUMBER, NULL, DEFAULT("3"), 1, 1000, NULL, AT(party, quote_failures),
		"After so many quotes, or decisions, running that did not come in time, a worker goes on without for "
		"`quote_pause_ms`." },
	{ "parties", "quote_pause_ms", CONF_T_NUMBER, "ms", DEFAULT("30000"), 100, 3600000, NULL, AT(party, quote_pause_ms),
		"Then one pre-settlement or settlement asks again, and the others when it gets an answer." },
	{ "parties", "pays", CONF_T_CHOICE, NULL, DEFAULT("person"), 0, 0, "person institution", AT(party, pays),
		"Whom this insurer pays what it decides at once. Only `institution` may lower what that collects: "
		"`routes.one_stop`." },
	{ "parties", "enrolment", CONF_T_PATH, NULL, OPTIONAL, 1, 255, NULL, AT(party, enrolment),
		"File of who is insured there, made by `yitong enrolment load`: claims and quotes are only made for people on it. A "
		"claim waits while it is missing or too old; a newer one is noticed within a second. Left out: for everybody." },
	{ "parties", "enrolment_key", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(party, enrolment_key),
		"Name of the secret its rows are hashed with; needed with `enrolment`. With another one the list must be loaded anew." },
	{ "parties", "enrolment_max_age_days", CONF_T_NUMBER, "days", DEFAULT("2"), 0, 366, NULL,
		AT(party, enrolment_max_age_days), "A list of a day that is longer ago counts no more." },
	{ "parties", "enrolment_min_percent", CONF_T_NUMBER, "%", DEFAULT("80"), 0, 100, NULL,
		AT(party, enrolment_min_percent),
		"A list with fewer people than this part of the one before is not taken without `--anyway`." },
	{ "parties", "settings", CONF_T_SETTINGS, NULL, OPTIONAL, 0, 0, NULL, AT(party, settings),
		"Keys of the format's plugin; its README lists them." },

	{ "origins", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(origin, name), "How log and journal call it." },
	{ "origins", "subject", CONF_T_TEXT, NULL, OPTIONAL, 1, 64, NULL, AT(origin, subject),
		"Subject CN of its client certificate. Either this or `caller`, unless its messages are files." },
	{ "origins", "caller", CONF_T_TEXT, NULL, OPTIONAL, 1, 64, NULL, AT(origin, caller),
		"Caller id in its header signature (`x-tif-paasid`)." },
	{ "origins", "key", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(origin, key),
		"Name of the secret it signs with. Needed with `caller`." },
	{ "origins", "party", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(origin, party),
		"The party that it is, where that has another name. Who tells what became of claims and payments must be one: "
		"what it tells counts of what that party was asked." },
	{ "origins", "institutions", CONF_T_CODES, NULL, OPTIONAL, 0, 0, NULL, AT(origin, institutions),
		"Codes of the institutions it may speak for." },
	{ "origins", "areas", CONF_T_AREAS, NULL, OPTIONAL, 0, 0, NULL, AT(origin, areas),
		"It may also speak for institutions anywhere in these treatment areas, as a hub does." },
	{ "origins", "unknown_style", CONF_T_CHOICE, NULL, DEFAULT("hold"), 0, 0, "hold silence code", AT(origin, unknown_style),
		"What it hears while an outcome is unknown. `hold`: the request stays open until the outcome is proved. "
		"`silence`: the connection is closed without an answer, and the origin sends its own reversal. `code`: it "
		"hears `unknown_code`, as agreed with it." },
	{ "origins", "unknown_code", CONF_T_NUMBER, NULL, DEFAULT("0"), 0, 9999, NULL, AT(origin, unknown_code),
		"With `unknown_style: code`: the `infcode` that means \"not known yet, ask again with the same number\". Never "
		"0 (done) and never negative (failed)." },
	{ "origins", "timeout_ms", CONF_T_NUMBER, "ms", DEFAULT("180000"), 1000, 3600000, NULL, AT(origin, timeout_ms),
		"How long this origin itself waits for an answer." },

	{ "institutions", "code", CONF_T_CODE, NULL, REQUIRED, 1, 30, NULL, AT(institution, code),
		"Code of the institution (`fixmedins_code`)." },
	{ "institutions", "name", CONF_T_TEXT, NULL, REQUIRED, 1, 200, NULL, AT(institution, name),
		"Its name (`fixmedins_name`), for the gateway's own messages." },
	{ "institutions", "area", CONF_T_AREA, NULL, REQUIRED, 0, 0, NULL, AT(institution, area),
		"Its area (就医地, `mdtrtarea_admvs`), six digits." },
	{ "institutions", "level", CONF_T_TEXT, NULL, OPTIONAL, 2, 2, NULL, AT(institution, level),
		"Its level (`hosp_lv`), two digits: 31 is 三级甲等, 90 none. Claims at insurers say it." },
	{ "institutions", "sign_in", CONF_T_CHOICE, NULL, DEFAULT("pass"), 0, 0, "pass own", AT(institution, sign_in),
		"`pass`: it signs in itself, 9001 is passed on. `own`: the gateway signs in for it." },
	{ "institutions", "operator", CONF_T_TEXT, NULL, REQUIRED, 1, 30, NULL, AT(institution, operator_id),
		"Operator of the gateway's own messages (`opter`); one that nobody else signs in with." },
	{ "institutions", "operator_name", CONF_T_TEXT, NULL, DEFAULT("医通网关"), 1, 50, NULL,
		AT(institution, operator_name), "Its name (`opter_name`)." },

	{ "calendars", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(calendar, name), "How flows call it." },
	{ "calendars", "file", CONF_T_FILE, NULL, REQUIRED, 1, 255, NULL, AT(calendar, file),
		"CSV with columns date (`2026-10-01`), working (`yes` or `no`), note: the days that are not as their weekday says." },

	{ "operators", "name", CONF_T_TEXT, NULL, REQUIRED, 1, 64, NULL, AT(operator, name), "Who it is, as the journal has it." },
	{ "operators", "user", CONF_T_TEXT, NULL, OPTIONAL, 1, 32, NULL, AT(operator, user),
		"Unix user that proves it: the control socket knows who asks. Left out: the gateway's own user, or root, may act under this "
		"name (`--operator`), so nothing but the sudo log tells people apart." },
	{ "operators", "roles", CONF_T_WORDS, NULL, REQUIRED, 0, 0, NULL, AT(operator, role_names),
		"`system`, `security` or `auditor`, each alone; or `business`, `checker`, or both. One person never confirms what he proposed." },

	{ "numbers", "serial_from", CONF_T_NUMBER, NULL, DEFAULT("9000"), 0, 9999, NULL, AT(numbers, serial_from),
		"First serial of the gateway's own message numbers; four digits a second." },
	{ "numbers", "serial_to", CONF_T_NUMBER, NULL, DEFAULT("9999"), 0, 9999, NULL, AT(numbers, serial_to), "Last one." },

	{ "resolution", "reverse_after_ms", CONF_T_NUMBER, "ms", DEFAULT("15000"), 0, 3600000, NULL,
		AT(resolution, reverse_after_ms), "No automatic reversal earlier than this after the time-out." },
	{ "resolution", "retry_ms", CONF_T_NUMBER, "ms", DEFAULT("5000"), 10, 3600000, NULL, AT(resolution, retry_ms),
		"First pause between tries; doubles, with jitter." },
	{ "resolution", "retry_max_ms", CONF_T_NUMBER, "ms", DEFAULT("300000"), 10, 86400000, NULL,
		AT(resolution, retry_max_ms), "Longest pause." },
	{ "resolution", "park_after_ms", CONF_T_NUMBER, "ms", DEFAULT("86400000"), 100, 2592000000u, NULL,
		AT(resolution, park_after_ms), "What is not proved after this is parked: an operator decides." },
	{ "resolution", "follow_up_retry_max_ms", CONF_T_NUMBER, "ms", DEFAULT("900000"), 100, 86400000, NULL,
		AT(resolution, follow_up_retry_max_ms), "Longest pause between two tries of what follows from a settlement." },
	{ "resolution", "follow_up_park_after_ms", CONF_T_NUMBER, "ms", DEFAULT("604800000"), 100, 2592000000u, NULL,
		AT(resolution, follow_up_park_after_ms),
		"What follows from a settlement and has not moved for this long is parked: an operator decides." },
	{ "resolution", "pay_ask_max_ms", CONF_T_NUMBER, "ms", DEFAULT("600000"), 1000, 3600000, NULL,
		AT(resolution, pay_ask_max_ms),
		"Longest pause between two questions about a payment: 5, 15, 30, 60, 120, 300 s, then this." },
	{ "resolution", "pay_absent_gap_ms", CONF_T_NUMBER, "ms", DEFAULT("300000"), 1000, 86400000, NULL,
		AT(resolution, pay_absent_gap_ms),
		"So long a bank must say of a payment, in an unbroken row of answers, that it is not there, before the same leaves "
		"again." },
	{ "resolution", "undelivered_ms", CONF_T_NUMBER, "ms", DEFAULT("1800000"), 1000, 604800000, NULL,
		AT(resolution, undelivered_ms), "A success that the origin never fetched is reversed after this." },
	{ "resolution", "busy_tries", CONF_T_NUMBER, NULL, DEFAULT("3"), 0, 10, NULL, AT(resolution, busy_tries),
		"How often what a party refused for now (busy, planned stop) is sent once more, under another number, while "
		"its origin waits. 0: never." },
	{ "resolution", "busy_retry_ms", CONF_T_NUMBER, "ms", DEFAULT("2000"), 10, 60000, NULL,
		AT(resolution, busy_retry_ms),
		"First pause before that; doubles, with jitter, and is never shorter than the party asks. A try is made only "
		"where a whole `change_timeout_ms` is left of the origin's time." },

	{ "routes", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(route, name), "How log and journal call it." },
	{ "routes", "to", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, to), "Name of the party." },
	{ "routes", "flow", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, flow_name),
		"Name of the flow, instead of `to`. A flow serves requests that change state." },
	{ "routes", "result", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, result_name),
		"Of `pay.batch` alone: name of the flow, one step `PARTY:pay.batch.result`, by which whoever ordered a list is told when each "
		"of its payouts has ended. Left out: it is told when asked." },
	{ "routes", "then", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, then_name),
		"Name of the flow that follows once a settlement by this route is done, such as a claim; it is undone when "
		"the settlement is. Nobody waits for it. Its steps are made of the case's facts: see `cases.facts`. A route of "
		"`pay.order`, `pay.batch` or `settle.notice` alone has neither `to` nor `flow`: that is kept here, and this flow "
		"pays or claims it." },
	{ "routes", "quote", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, quote_name),
		"Name of an insurer that is asked what it would pay once a pre-settlement by this route is answered, for people "
		"who have agreed to that; the answer shows it beside the platform's amounts, which stay as they are. Without "
		"a quote within `quote_timeout_ms` the platform's answer goes out alone." },
	{ "routes", "quote_member", CONF_T_TEXT, NULL, DEFAULT("commercial_quote"), 1, 40, NULL, AT(route, quote_member),
		"Member of the answer's business part that has the quote." },
	{ "routes", "one_stop", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(route, one_stop_name),
		"Name of an insurer with `pays: institution` at which `then` hands a claim in. When the platform has answered a "
		"settlement by this route, and that is kept, the insurer has `quote_timeout_ms` to decide at once; what it pays "
		"the institution stands beside the platform's amounts, which stay as they are. Without a decision in time the "
		"platform's answer goes out alone, and the claim goes on by itself. Needs `to`." },
	{ "routes", "one_stop_member", CONF_T_TEXT, NULL, DEFAULT("commercial_claim"), 1, 40, NULL, AT(route, one_stop_member),
		"Member of the answer's business part that has what the insurer pays, and what is left to collect." },
	{ "routes", "operations", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(route, operations),
		"Only these operations, as `outpatient.settle`, or a group, as `outpatient.*`." },
	{ "routes", "relation", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(route, relation),
		"Only if treatment and insured area stand so: `same-city`, `same-province`, `cross-province`, or `unknown` "
		"where the message names no insured area." },
	{ "routes", "insured", CONF_T_AREAS, NULL, OPTIONAL, 0, 0, NULL, AT(route, insured),
		"Only insured areas (`insuplc_admdvs`) that begin so." },
	{ "routes", "treatment", CONF_T_AREAS, NULL, OPTIONAL, 0, 0, NULL, AT(route, treatment),
		"Only treatment areas (`mdtrtarea_admvs`) that begin so." },
	{ "routes", "insutypes", CONF_T_CODES, NULL, OPTIONAL, 0, 0, NULL, AT(route, insutypes),
		"Only messages whose business part names one of these insurance types (`insutype`)." },
	{ "routes", "fields", CONF_T_SETTINGS, NULL, OPTIONAL, 0, 0, NULL, AT(route, fields),
		"Only messages whose business part has these members with one of the values, as `med_type: 14|16`; rows are "
		"not looked into." },
	{ "routes", "listeners", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(route, listeners),
		"Only what comes in by one of these listeners." },
	{ "routes", "origins", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(route, origins),
		"Only what one of these origins asks." },
	{ "routes", "institutions", CONF_T_CODES, NULL, OPTIONAL, 0, 0, NULL, AT(route, institutions),
		"Only requests for one of these institutions." },
	{ "routes", "areas", CONF_T_AREAS, NULL, OPTIONAL, 0, 0, NULL, AT(route, areas),
		"Only institutions whose area begins so: two digits a province, four a city, six a county." },

	{ "flows", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(flow, name), "How routes, log and journal call it." },
	{ "flows", "steps", CONF_T_STEPS, NULL, REQUIRED, 0, 0, NULL, AT(flow, steps),
		"In their order: `party` is asked what the request asks; `party:operation` something else; `?fact` behind it leaves the "
		"step out where the case has that fact, `?!fact` where it has not, `?fact=VALUE` where it has not that value; "
		"`!` before it: it is not undone. A step "
		"that can neither be sent again nor taken back, or that nothing undoes and has no `!`, is refused." },
	{ "flows", "answer", CONF_T_NUMBER, NULL, DEFAULT("1"), 1, 8, NULL, AT(flow, answer),
		"The step whose answer the origin hears." },
	{ "flows", "late_after_days", CONF_T_NUMBER, "days", DEFAULT("0"), 0, 365, NULL, AT(flow, late_after_days),
		"What follows from a settlement by this flow is late (`yitong late`) when it is not over by the end of so many working days "
		"after its day. 0: never." },
	{ "flows", "line_after_days", CONF_T_NUMBER, "days", DEFAULT("0"), 0, 365, NULL, AT(flow, line_after_days),
		"What this flow has paid is late (`yitong late`) when no statement has told of it by the end of so many working days "
		"after that day; a claim that its insurer has paid, when no list of that day has, where it has `statement_at`. 0: never; "
		"only where the bank's statements come in." },
	{ "flows", "calendar", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(flow, calendar_name),
		"Name of the calendar that says which days are worked; with `late_after_days` or `line_after_days`. Left out: Monday to "
		"Friday." },

	{ "payers", "name", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(payer, name), "How people call it." },
	{ "payers", "party", CONF_T_NAME, NULL, REQUIRED, 0, 0, NULL, AT(payer, party), "The bank where it is." },
	{ "payers", "pay_type", CONF_T_CHOICE, NULL, REQUIRED, 0, 0, "CL MA HS IN", AT(payer, pay_type),
		"For which payments: `CL` manual reimbursement, `MA` maternity allowance, `HS` a hospital's day, `IN` a claim paid "
		"for an insurer." },
	{ "payers", "insurer", CONF_T_NAME, NULL, OPTIONAL, 0, 0, NULL, AT(payer, insurer),
		"Only for claims that this party has decided." },
	{ "payers", "account", CONF_T_TEXT, NULL, REQUIRED, 1, 34, NULL, AT(payer, account), "Its number, letters and digits." },
	{ "payers", "account_name", CONF_T_TEXT, NULL, REQUIRED, 1, 200, NULL, AT(payer, account_name), "Its holder." },
	{ "payers", "bank_no", CONF_T_TEXT, NULL, OPTIONAL, 12, 12, NULL, AT(payer, bank_no),
		"Line number (联行号) of its bank; iso20022 needs it." },
	{ "payers", "bank_name", CONF_T_TEXT, NULL, OPTIONAL, 1, 200, NULL, AT(payer, bank_name), "Name of its bank." },
	{ "payers", "behalf_name", CONF_T_TEXT, NULL, OPTIONAL, 1, 200, NULL, AT(payer, behalf_name),
		"For whom we pay, as the payee reads it: the insurer." },
	{ "payers", "purpose", CONF_T_TEXT, NULL, OPTIONAL, 1, 100, NULL, AT(payer, purpose),
		"Shows on the payee's statement where the payment itself says nothing; no diagnosis. Claims need it." },
	{ "payers", "order_limit", CONF_T_TEXT, "yuan", OPTIONAL, 1, 20, NULL, AT(payer, order_limit),
		"What one payment may have at most, whoever releases it. Left out: no limit." },
	{ "payers", "day_limit", CONF_T_TEXT, "yuan", OPTIONAL, 1, 20, NULL, AT(payer, day_limit),
		"What leaves from this payer in one day, all payments together. What is above waits for the next day; nobody can "
		"release it. Left out: no limit." },
	{ "payers", "account_day_limit", CONF_T_TEXT, "yuan", OPTIONAL, 1, 20, NULL, AT(payer, account_day_limit),
		"What one payee's account may get in one day, from all payers that have this key together. Likewise. Left out: no "
		"limit." },

	{ "payers", "unchecked_accounts", CONF_T_CHOICE, NULL, DEFAULT("release"), 0, 0, "release pay", AT(payer, unchecked_accounts),
		"Where accounts are asked about (`then` of a route of `account.put`), and the bank cannot say whose one is, or it was told "
		"before: `release`: two people release a claim's payment to it; `pay`: it leaves, and `yitong case` says so." },

	{ "releases", "pay_type", CONF_T_CHOICE, NULL, REQUIRED, 0, 0, "CL MA HS IN", AT(release, pay_type), "For which payments." },
	{ "releases", "most", CONF_T_TEXT, "yuan", REQUIRED, 1, 20, NULL, AT(release, most), "Up to this amount each." },
	{ "releases", "until", CONF_T_TEXT, NULL, REQUIRED, 10, 10, NULL, AT(release, until),
		"The last day, as `2026-12-31`. After it the rule does not count any more." },
	{ "releases", "signed_by", CONF_T_TEXT, NULL, REQUIRED, 1, 64, NULL, AT(release, signed_by),
		"Who has signed it: the `owner` of a key of kind `sm2-public` in `keys`." },
	{ "releases", "signed_on", CONF_T_TEXT, NULL, OPTIONAL, 10, 10, NULL, AT(release, signed_on),
		"The day on which it was signed, with `signature`. That key was valid then." },
	{ "releases", "signature", CONF_T_TEXT, NULL, OPTIONAL, 1, 200, NULL, AT(release, signature),
		"Base64 of DER, SM2 with SM3, of what `yitong check --release N` prints. Left out (development only): anybody who writes "
		"this file releases payments." },

	{ "cases", "facts", CONF_T_WORDS, NULL, OPTIONAL, 0, 0, NULL, AT(cases, facts),
		"For which visits: `same-city`, `same-province`, `cross-province`, by treatment and insured area. Left out: none." },
	{ "cases", "facts_days", CONF_T_NUMBER, "days", DEFAULT("400"), 1, 36500, NULL, AT(cases, facts_days),
		"A piece is not found any more after this." },
	{ "cases", "facts_memory_mib", CONF_T_NUMBER, "MiB", DEFAULT("32"), 0, 1024, NULL, AT(cases, facts_memory_mib),
		"Memory for pieces just written or read, each for an hour at most; others are read from the journal, which costs more than the rest of a settlement. 0: none." },

	{ "tables", "institutions", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(tables, institutions),
		"Institutions: columns code, name, area, operator (must be there), origin, old_code, sign_in, operator_name, level, caller, "
		"key, from, to. A row names the origin that speaks for it, or signs in its own name (caller, and key: a secret's "
		"name). Outside from and to it is refused. By its old_code it may ask as well; parties of another format are "
		"told code." },
	{ "tables", "areas", CONF_T_FILE, NULL, OPTIONAL, 1, 255, NULL, AT(tables, areas),
		"Areas that digits alone do not place: columns code, pool, successor, from, to, name. Without it the first four "
		"digits are the city, the first two the province." },
	{ .section = NULL }
};
/* clang-format on */

static void type_markdown(const struct conf_key *k, struct yt_buf *out)
{
	static const char *const names[] = {
		[CONF_T_NUMBER] = "number",
		[CONF_T_TEXT] = "text",
		[CONF_T_NAME] = "name",
		[CONF_T_CODE] = "code",
		[CONF_T_AREA] = "6 digits",
		[CONF_T_ADDRESS] = "address",
		[CONF_T_URL] = "url",
		[CONF_T_PATH] = "path",
		[CONF_T_FILE] = "file",
		[CONF_T_KEYFILE] = "private file",
		[CONF_T_FOLDER] = "folder",
		[CONF_T_CODES] = "list of codes",
		[CONF_T_AREAS] = "list of digits",
		[CONF_T_WORDS] = "list of words",
		[CONF_T_NETS] = "list of networks",
		[CONF_T_PATHS] = "list of paths",
		[CONF_T_TIMES] = "list of HH:MM",
		[CONF_T_STEPS] = "list of steps",
		[CONF_T_SETTINGS] = "keys and texts",
	};

	if (k->type != CONF_T_CHOICE) {
		yt_buf_text(out, names[k->type]);
		if (k->unit != NULL)
			yt_buf_printf(out, ", %s", k->unit);
		return;
	}
	for (const char *p = k->words; *p != '\0';) {
		size_t n = strcspn(p, " ");

		yt_buf_printf(out, "%s`%.*s`", p == k->words ? "" : " or ", (int)n, p);
		p += n;
		p += strspn(p, " ");
	}
}

static void key_markdown(const struct conf_key *k, struct yt_buf *out)
{
	bool has_length = k->max != 0 && k->type != CONF_T_NUMBER;

	yt_buf_printf(out, "| `%s` | ", k->key);
	type_markdown(k, out);
	if (k->fallback != NULL)
		yt_buf_printf(out, " | `%s`", k->fallback);
	else
		yt_buf_text(out, k->must_be_given ? " | must be given" : " | none");
	if (k->type == CONF_T_NUMBER)
		yt_buf_printf(out, " | %u to %u", (unsigned)k->min, (unsigned)k->max);
	else if (has_length)
		yt_buf_printf(out, " | %u to %u bytes", (unsigned)k->min, (unsigned)k->max);
	else if (k->type == CONF_T_NAME)
		yt_buf_text(out, " | `a-z 0-9 -`, 1 to 31 bytes");
	else
		yt_buf_text(out, " |");
	yt_buf_printf(out, " | %s |\n", k->doc);
}

void conf_keys_markdown(struct yt_buf *out)
{
	static const char *const shape[] = {
		[CONF_ONE] = "a group of keys", [CONF_MANY] = "a list", [CONF_NAMES] = "names and files"
	};

	for (const struct conf_section *s = conf_sections; s->name != NULL; s++) {
		yt_buf_printf(out, "%s### %s\n\n%s (%s%s)\n", s == conf_sections ? "" : "\n", s->name, s->doc,
		        shape[s->kind], s->must_be_given ? ", must be given" : "");
		if (s->kind == CONF_NAMES)
			continue;
		yt_buf_text(out, "\n| key | type | default | limits | meaning |\n| --- | --- | --- | --- | --- |\n");
		for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
			if (strcmp(k->section, s->name) == 0)
				key_markdown(k, out);
	}
}
