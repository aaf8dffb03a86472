/* Budgets of inbound sessions, and patience while the listener is nearly full. */
#include "rig.h"

#include "config/base/counter.h"

static struct rig *limited(uint64_t errors, int64_t delay_ms)
{
    struct rig *r = rig_new();
    r->listener.limits.errors = errors;
    r->listener.limits.error_delay_ms = delay_ms;
    return r;
}

static void greet(struct rig *r)
{
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO x.example", "250");
}

/* Nothing comes before the time is up, and then the reply does. */
static void expect_after(struct rig *r, int64_t ms, const char *reply)
{
    rig_advance(r, ms - 1);
    rig_read(r);
    cr_assert_eq(r->got.n, 0, "too early: %.*s", (int)r->got.n, buf_slice(&r->got).p);
    rig_advance(r, 1);
    rig_expect(r, reply);
}

/* Half of the errors are free, then each reply comes later than the one before; the last is 421. */
Test(session_limits, errors_cost_time_then_the_session)
{
    struct rig *r = limited(6, 1000);
    int64_t delayed = counter_read(COUNTER_smtpd_delayed_replies);
    int64_t closed = counter_read(COUNTER_smtpd_too_many_errors);

    greet(r);
    for (int i = 0; i < 3; i++)
        rig_ask(r, "NONSENSE", "500 5.5.2");
    for (int64_t i = 1; i <= 3; i++) {
        rig_say(r, "NONSENSE\r\n");
        expect_after(r, i * 1000, "500 5.5.2");
    }
    rig_ask(r, "NONSENSE", "421 4.7.0");
    rig_expect_close(r);
    cr_expect_eq(counter_read(COUNTER_smtpd_delayed_replies), delayed + 3);
    cr_expect_eq(counter_read(COUNTER_smtpd_too_many_errors), closed + 1);
    rig_free(&r);
}

/* What is pipelined behind an error waits with it: guessing in bulk is no faster. */
Test(session_limits, pipelining_does_not_pass_the_penalty)
{
    struct rig *r = limited(4, 1000);

    greet(r);
    rig_say(r, "A\r\nB\r\nC\r\nNOOP\r\nD\r\nNOOP\r\n");
    expect_after(r, 1000, "500");
    rig_expect(r, "500");
    rig_expect(r, "500");
    expect_after(r, 2000, "250"); /* NOOP's reply goes out with that of D */
    rig_expect(r, "500");
    rig_expect(r, "250");
    rig_free(&r);
}

/* Recipients that are refused are errors, of the session's own making. */
Test(session_limits, guessing_recipients)
{
    struct rig *r = limited(2, 500);

    r->listener.n_clients = 0;
    greet(r);
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "554 5.7.1");
    rig_say(r, "RCPT TO:<r@elsewhere.example>\r\n");
    expect_after(r, 500, "554 5.7.1");
    rig_ask(r, "RCPT TO:<r@elsewhere.example>", "421 4.7.0");
    rig_expect_close(r);
    rig_free(&r);
}

Test(session_limits, a_message_wipes_the_slate)
{
    struct rig *r = limited(4, 1000);

    greet(r);
    for (int round = 0; round < 3; round++) {
        rig_ask(r, "NONSENSE", "500");
        rig_ask(r, "NONSENSE", "500");
        rig_ask(r, "MAIL FROM:<s@a.example>", "250");
        rig_ask(r, "RCPT TO:<r@b.example>", "250");
        rig_ask(r, "DATA", "354");
        rig_ask(r, "\r\nx\r\n.", "250");
    }
    rig_free(&r);
}

Test(session_limits, no_delay_if_none_is_wanted)
{
    struct rig *r = limited(6, 0);

    greet(r);
    for (int i = 0; i < 6; i++)
        rig_ask(r, "NONSENSE", "500");
    rig_ask(r, "NONSENSE", "421 4.7.0");
    rig_free(&r);
}

Test(session_limits, junk_commands)
{
    struct rig *r = rig_new();

    r->listener.limits.junk_commands = 5;
    greet(r);
    for (int i = 0; i < 4; i++) /* EHLO was the first */
        rig_ask(r, "NOOP", "250");
    rig_ask(r, "NOOP", "421 4.7.0");
    rig_expect_close(r);
    rig_free(&r);
}

/* The client goes away while its penalty runs. */
Test(session_limits, gone_in_the_penalty)
{
    struct rig *r = limited(2, 1000);

    greet(r);
    rig_ask(r, "NONSENSE", "500");
    rig_say(r, "NONSENSE\r\n");
    rig_close(r);
    rig_advance(r, 1000);
    rig_advance(r, 20000);
    cr_expect_eq(r->ended, 1);
    rig_free(&r);
}

Test(session_limits, stop_in_the_penalty)
{
    struct rig *r = limited(2, 1000);

    greet(r);
    rig_ask(r, "NONSENSE", "500");
    rig_say(r, "NONSENSE\r\n");
    in_session_stop_all(&r->worker);
    expect_after(r, 1000, "500");
    rig_expect(r, "421 4.3.2");
    rig_expect_close(r);
    rig_free(&r);
}

/* --- The rate of content --- */

Test(session_limits, the_data_rate_is_configured)
{
    struct rig *r = rig_new();

    r->listener.limits.data_rate = 100; /* 30,000 octets in five minutes */
    rig_to_data(r);
    for (int i = 0; i < 3; i++) {
        rig_say_large(r, 31000);
        rig_advance(r, 299000);
    }
    rig_say_large(r, 20000);
    rig_advance(r, 2000);
    rig_expect(r, "421 4.4.2");
    rig_free(&r);
}

Test(session_limits, any_data_rate_is_still_a_rate)
{
    struct rig *r = rig_new();

    r->listener.limits.data_rate = 0;
    rig_to_data(r);
    for (int i = 0; i < 3; i++) {
        rig_say(r, "x");
        rig_advance(r, 299000);
    }
    rig_advance(r, 2000);
    rig_expect(r, "421 4.4.2");
    rig_free(&r);
}

/* Chunks of one octet each are commands in good time, and content at no rate at all. */
Test(session_limits, many_small_chunks_are_slow_content)
{
    struct rig *r = rig_new();

    greet(r);
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    for (int i = 0; i < 3; i++) {
        rig_say(r, "BDAT 1\r\nx");
        rig_expect(r, "250");
        rig_advance(r, 99000);
    }
    rig_advance(r, 4000);
    rig_expect(r, "421 4.4.2");
    rig_expect_close(r);
    rig_free(&r);
}

Test(session_limits, a_chunk_that_does_not_end)
{
    struct rig *r = rig_new();

    greet(r);
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    rig_say(r, "BDAT 1000000\r\n");
    rig_say_large(r, 160000); /* a block and a little */
    rig_advance(r, 299000);
    rig_say_large(r, 100000);
    rig_advance(r, 2000);
    rig_expect(r, "421 4.4.2");
    rig_free(&r);
}

/* --- Rates --- */

static void ask_mail(struct rig *r, const char *reply)
{
    rig_ask(r, "MAIL FROM:<s@a.example>", reply);
    rig_ask(r, "RSET", "250");
}

/* Rates outlive the connection, and are put off, not refused for good. */
Test(session_limits, messages_have_a_rate)
{
    struct rig *r = rig_new();
    int64_t refused = counter_read(COUNTER_smtpd_rate_messages);

    r->listener.limits.per_client[RATE_MESSAGES] = 3;
    greet(r);
    ask_mail(r, "250");
    ask_mail(r, "250");
    rig_close(r);
    greet(r);
    ask_mail(r, "250");
    ask_mail(r, "450 4.7.1");
    rig_advance(r, 20000);
    ask_mail(r, "250");
    ask_mail(r, "450 4.7.1");
    cr_expect_eq(counter_read(COUNTER_smtpd_rate_messages), refused + 2);
    cr_expect(rig_logged(r, "too many messages"));
    rig_free(&r);
}

/* Those that were accepted stay in the transaction. */
Test(session_limits, recipients_have_a_rate)
{
    struct rig *r = rig_new();

    r->listener.limits.per_network[RATE_RECIPIENTS] = 2;
    rig_connect(r, "127.0.0.1");
    rig_expect(r, "220");
    rig_ask(r, "EHLO x.example", "250");
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_ask(r, "RCPT TO:<1@b.example>", "250");
    rig_ask(r, "RCPT TO:<2@b.example>", "250");
    rig_ask(r, "RCPT TO:<3@b.example>", "450 4.7.1");
    rig_ask(r, "DATA", "354");
    rig_ask(r, "\r\nx\r\n.", "250");
    rig_free(&r);
}

Test(session_limits, the_listeners_clients_have_no_rates)
{
    struct rig *r = rig_new();

    r->listener.limits.per_client[RATE_MESSAGES] = 1;
    r->listener.limits.exempt_clients = true;
    greet(r);
    for (int i = 0; i < 5; i++)
        ask_mail(r, "250");
    rig_free(&r);
}

/* --- Overload --- */

Test(session_limits, overload_shortens_the_patience)
{
    struct rig *r = rig_new();
    int64_t closed = counter_read(COUNTER_smtpd_overload_closed);

    greet(r);
    rig_advance(r, 4000);
    in_session_overload(&r->worker, "lan", true);
    expect_after(r, 6000, "421 4.3.2"); /* ten seconds of waiting in all */
    rig_expect_close(r);
    cr_expect_eq(counter_read(COUNTER_smtpd_overload_closed), closed + 1);
    rig_free(&r);
}

Test(session_limits, overload_ends_what_was_idle_longer)
{
    struct rig *r = rig_new();

    greet(r);
    rig_advance(r, 11000);
    in_session_overload(&r->worker, "lan", true);
    rig_expect(r, "421 4.3.2");
    rig_expect_close(r);
    rig_free(&r);
}

Test(session_limits, overload_is_of_one_listener)
{
    struct rig *r = rig_new();

    greet(r);
    rig_advance(r, 11000);
    in_session_overload(&r->worker, "another", true);
    rig_advance(r, 11000);
    rig_ask(r, "NOOP", "250");
    rig_free(&r);
}

Test(session_limits, content_survives_overload)
{
    struct rig *r = rig_new();

    rig_to_data(r);
    rig_advance(r, 20000);
    in_session_overload(&r->worker, "lan", true);
    rig_advance(r, 60000);
    rig_ask(r, "\r\nx\r\n.", "250 2.0.0");
    expect_after(r, 10000, "421 4.3.2");
    rig_free(&r);
}

/* In a transaction there is a moment to go on. */
Test(session_limits, a_transaction_has_ten_seconds)
{
    struct rig *r = rig_new();

    greet(r);
    rig_ask(r, "MAIL FROM:<s@a.example>", "250");
    rig_advance(r, 20000);
    in_session_overload(&r->worker, "lan", true);
    rig_advance(r, 9000);
    rig_ask(r, "RCPT TO:<r@b.example>", "250");
    expect_after(r, 10000, "421 4.4.2");
    rig_free(&r);
}

Test(session_limits, patience_comes_back)
{
    struct rig *r = rig_new();

    greet(r);
    rig_advance(r, 4000);
    in_session_overload(&r->worker, "lan", true);
    rig_advance(r, 2000);
    in_session_overload(&r->worker, "lan", false);
    rig_advance(r, 200000);
    rig_ask(r, "NOOP", "250");
    rig_advance(r, 200000);
    rig_ask(r, "NOOP", "250");
    rig_free(&r);
}
