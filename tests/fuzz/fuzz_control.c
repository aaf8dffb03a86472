/* What comes in at the control socket and between our processes: a stream of frames, whole and in pieces
 * (the same frames, the same end), bodies read field by field, and a request with its filter. The first
 * octet says how the pieces fall. */
#include <string.h>

#include "mta/run/control_private.h"
#include "tests/fuzz/bytes.h"

enum { ROOM = 1 << 20, PIECE = 32, MOST = 300 /* octets of a body */ };

/* ---- requests ---- */

static void check_filter(const struct queue_filter *f)
{
    const char *const texts[] = {f->to, f->to_domain, f->from};

    REQUIRE(!f->id[0] || message_id_ok(slice_of(f->id)));
    REQUIRE(!f->from || f->from_set);
    REQUIRE(f->older_ms >= 0);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        REQUIRE(!texts[i] || strlen(texts[i]) <= LIMIT_PATH);
}

static void check_ask(struct slice body)
{
    json_t *ask = control_ask_parse(body);
    struct queue_request r = {0};
    struct buf error;

    if (!ask)
        return;
    REQUIRE(json_is_object(ask));
    buf_init(&error, 4096);
    bool ok = control_filter_of(ask, &r.filter, &error);
    REQUIRE(ok == (error.n == 0) && !has_control(buf_slice(&error)));
    if (ok)
        check_filter(&r.filter);
    queue_request_clear(&r);
    buf_free(&error);
    json_decref(ask);
}

/* ---- bodies ---- */

/* One field, of a kind that `how` says; true if a failed reader stayed one and gave nothing. */
static bool read_field(struct frame_reader *r, unsigned how)
{
    bool failed = r->failed;
    struct slice before = r->left, s = SLICE("");
    uint64_t v = 0;

    switch (how % 5) {
    case 0: v = frame_get_u8(r); break;
    case 1: v = frame_get_u16(r); break;
    case 2: v = frame_get_u32(r); break;
    case 3: v = frame_get_u64(r); break;
    default:
        s = frame_get_str(r, how);
        REQUIRE(s.n <= how && s.n <= before.n);
    }
    REQUIRE(r->left.n <= before.n && (!r->failed || (v == 0 && s.n == 0)));
    return !failed || r->failed;
}

static void check_body(struct slice body)
{
    struct frame_reader r = frame_reader_of(body);

    for (unsigned i = 0; i < 32; i++)
        REQUIRE(read_field(&r, i < body.n ? (uint8_t)body.p[i] : i));
    REQUIRE(!r.failed || !frame_reader_done(&r));
}

/* ---- the stream ---- */

static void check_frame(const struct frame *f)
{
    struct frame again;
    struct buf b;

    buf_init(&b, ROOM);
    REQUIRE(frame_append(&b, f->kind, f->body));
    REQUIRE(frame_peek(&b, MOST, &again) == FRAME_OK);
    REQUIRE(again.kind == f->kind && slice_eq(again.body, f->body));
    buf_free(&b);
    check_body(f->body);
    check_ask(f->body);
}

/* False: the stream is broken. */
static bool take_frames(struct buf *in, struct buf *seen, bool look)
{
    enum frame_result result;
    struct frame f;

    while ((result = frame_peek(in, MOST, &f)) == FRAME_OK) {
        REQUIRE(f.body.n <= MOST && f.body.n + CONTROL_FRAME_HEAD <= in->n);
        if (look)
            check_frame(&f);
        REQUIRE(buf_printf(seen, "%u %zu ", f.kind, f.body.n) && buf_append(seen, f.body));
        frame_consume(in, &f);
    }
    return result == FRAME_MORE;
}

static void read_all(struct slice stream, uint32_t seed, struct buf *seen)
{
    bool open = true;
    struct buf in;

    buf_init(&in, ROOM);
    while (stream.n && open) {
        struct slice piece = seed ? take_piece(&stream, &seed, PIECE) : take(&stream, stream.n);
        REQUIRE(buf_append(&in, piece));
        open = take_frames(&in, seen, !seed);
    }
    REQUIRE(buf_printf(seen, open ? "open" : "broken"));
    buf_free(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make((const char *)data, size);
    uint32_t seed = take_u8(&in) + 1u;
    struct buf whole, split;

    buf_init(&whole, 2 * ROOM);
    buf_init(&split, 2 * ROOM);
    read_all(in, 0, &whole);
    read_all(in, seed, &split);
    REQUIRE(slice_eq(buf_slice(&whole), buf_slice(&split)));
    check_ask(in);
    buf_free(&whole);
    buf_free(&split);
    return 0;
}
