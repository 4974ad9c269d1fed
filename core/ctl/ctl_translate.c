/* core/ctl/ctl_translate.c - `yitong translate`: octets of one format as the canonical message, or in another format.
 *
 * A request takes the way of engine/asking.c and cross.c; an answer that of leg.c: read as the answer to what was asked
 * of the one side, written as the answer to what the other side asked. */
#include "ctl/desk.h"

#include <getopt.h>
#include <string.h>

struct translating {
	struct desk desk;
	const char *plugin, *to, *facts_file, *asked, *origin;
	bool is_request, is_reply;
	const struct desk_codec *from, *into;
};

static int tell(const struct desk_codec *codec, const char *what, const struct yt_fault *fault, int error)
{
	if (fault->path[0] == '\0' && fault->why[0] == '\0')
		return ctl_fail(CTL_FOUND, "%s: %s: %s", codec->name, _(what), _(yt_strerror(error)));
	return ctl_fail(CTL_FOUND, "%s: %s: %s %s", codec->name, _(what), fault->path, _(fault->why));
}

static void print_octets(struct yt_str octets)
{
	fwrite(octets.p, 1, octets.n, stdout);
	if (octets.n > 0 && octets.p[octets.n - 1] != '\n')
		fputc('\n', stdout);
}

/* is_ours: it was sent by us, so it is addressed to another. */
static int read_request(
        struct translating *t, const struct desk_codec *codec, const char *file, bool is_ours, struct yt_msg **out)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_msg *msg = yt_msg_new(t->desk.arena);
	struct yt_str octets;
	int rv = desk_read(&t->desk, file, &octets);

	YT_REQUIRE(msg != NULL);
	if (rv != CTL_OK)
		return rv;
	if (is_ours)
		msg->sent = octets;
	rv = codec->api->decode_request(codec->plugin, octets, msg, &fault);
	if (rv != 0)
		return tell(codec, "cannot be read", &fault, rv);
	*out = msg;
	return CTL_OK;
}

static int translate_request(struct translating *t, const char *in)
{
	struct yt_fault fault = { { 0 }, { 0 } };
	struct yt_buf buf = { 0 };
	struct yt_msg *msg = NULL, *out;
	struct facts facts;
	int rv = read_request(t, t->from, in, false, &msg);

	if (rv == CTL_OK)
		rv = desk_facts(&t->desk, t->facts_file, msg, &facts);
	if (rv != CTL_OK)
		return rv;
	if (t->into == NULL) {
		desk_print_json(desk_message(&t->desk, msg), stdout);
		return CTL_OK;
	}
	out = desk_outward(&t->desk, t->from, t->into, msg, &facts, msg->op);
	YT_REQUIRE(out != NULL);
	rv = t->into->api->encode_request(t->into->plugin, out, &buf, &fault);
	if (rv == 0 && !buf.failed)
		print_octets(yt_buf_view(&buf));
	yt_buf_free(&buf);
	if (rv != 0 && t->desk.key_trouble[0] != '\0')
		ctl_fail(CTL_FOUND, "a key could not be read: %s", t->desk.key_trouble);
	return rv == 0 ? CTL_OK : tell(t->into, "cannot be said", &fault, rv);
}

/* What P2 would have asked, where nobody kept it: the same message under that format's number. */
static void make_origin(const struct desk_codec *into, struct yt_msg *msg)
{
	msg->wire_op = desk_wire_of(into, msg->op->id);
	msg->sent = msg->octets = msg->content = (struct yt_str){ 0 };
	msg->passed = NULL;
}

static int write_reply(struct translating *t, struct yt_msg *asked, struct yt_reply *reply)
{
	bool is_same = strcmp(t->from->format, t->into->format) == 0;
	struct yt_msg *origin = asked;
	struct yt_buf buf = { 0 };
	int rv = t->origin == NULL ? CTL_OK : read_request(t, t->into, t->origin, false, &origin);

	if (rv != CTL_OK)
		return rv;
	if (reply->outcome == YT_UNKNOWN)
		return ctl_fail(CTL_FOUND, "%s: its outcome is unknown (%.*s): no answer can tell that", t->from->name,
		        YT_FMT(reply->text));
	if (t->origin == NULL && !is_same)
		make_origin(t->into, origin);
	reply->wall_ms = yt_wall_ms();
	if (t->into->api->make_number != NULL)
		(void)t->into->api->make_number(t->into->plugin, t->desk.arena, reply->wall_ms, 1, &reply->own_number);
	rv = t->into->api->encode_reply(t->into->plugin, origin, reply, &buf);
	if (rv == 0 && !buf.failed)
		print_octets(yt_buf_view(&buf));
	yt_buf_free(&buf);
	return rv == 0 ? CTL_OK
	               : ctl_fail(CTL_FOUND, "%s: the answer cannot be said (%s)", t->into->name, _(yt_strerror(rv)));
}

static int translate_reply(struct translating *t, const char *in)
{
	struct yt_reply *reply = yt_reply_new(t->desk.arena);
	struct yt_msg *asked = NULL;
	struct yt_str octets;
	int rv = read_request(t, t->from, t->asked, true, &asked);

	YT_REQUIRE(reply != NULL);
	if (rv == CTL_OK)
		rv = desk_read(&t->desk, in, &octets);
	if (rv != CTL_OK)
		return rv;
	if (t->from->api->decode_reply(t->from->plugin, asked, 200, octets, reply) != 0)
		return ctl_fail(CTL_CANNOT, "out of memory");
	if (t->into != NULL)
		return write_reply(t, asked, reply);
	desk_print_json(desk_reply(&t->desk, reply), stdout);
	return reply->outcome == YT_UNKNOWN ? CTL_FOUND : CTL_OK;
}

static int translate(struct translating *t, const char *in)
{
	int rv = desk_open(&t->desk, t->desk.ctl, false);

	if (rv != CTL_OK)
		return rv;
	t->from = desk_codec(&t->desk, t->plugin);
	if (t->from == NULL)
		return CTL_CANNOT;
	t->into = t->to != NULL ? desk_codec(&t->desk, t->to) : NULL;
	if (t->to != NULL && t->into == NULL)
		return CTL_CANNOT;
	return t->is_request ? translate_request(t, in) : translate_reply(t, in);
}

static int take_setting(void *arg, char *value)
{
	struct translating *t = arg;

	if (desk_set(&t->desk, value))
		return CTL_GO_ON;
	return ctl_usage("translate", "--set wants KEY=VALUE, at most %d times", DESK_SETTINGS_MAX);
}

static int take_options(struct translating *t, struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_option own[] = { { "plugin", .text = &t->plugin }, { "to", .text = &t->to },
		{ "facts", .text = &t->facts_file }, { "asked", .text = &t->asked }, { "origin", .text = &t->origin },
		{ "set", .take = take_setting, .arg = t }, { "plugins", .text = &t->desk.plugin_dir },
		{ "request", .flag = &t->is_request }, { "reply", .flag = &t->is_reply }, { NULL } };

	return ctl_options(ctl, "translate", argc, argv, own, NULL);
}

int ctl_translate(struct ctl *ctl, int argc, char **argv)
{
	struct translating t = { .desk.ctl = ctl };
	int rv = take_options(&t, ctl, argc, argv);

	if (rv != CTL_GO_ON)
		return rv;
	if (t.plugin == NULL)
		return ctl_usage("translate", "name the format of IN: --plugin P");
	if (t.is_request == t.is_reply)
		return ctl_usage("translate", "say what IN is: --request or --reply");
	if (t.is_reply && t.asked == NULL)
		return ctl_usage("translate", "an answer can only be read with the request it answers: --asked FILE");
	if (argc - optind != 1)
		return ctl_usage("translate", "name one file, - for standard input");
	rv = translate(&t, argv[optind]);
	desk_close(&t.desk);
	return rv;
}
