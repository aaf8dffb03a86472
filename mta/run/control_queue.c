/* The queue commands of the control socket. A long list is asked of the queue page by page and sent
 * as the client takes it, so that neither end holds more than one page. */
#include "mta/run/control_private.h"

#include <stdio.h>
#include <stdlib.h>

static void ask_queue(struct control_client *c);

static void free_page(struct queue_request *r)
{
    for (size_t i = 0; i < r->n_listed; i++)
        message_free(&r->listed[i].message);
    free(r->listed);
    r->listed = NULL;
    r->n_listed = 0;
}

/* A message whose row is longer than a frame is sent with as many recipients as fit. */
static bool send_row(struct control_client *c, const struct queue_listed *l)
{
    for (size_t max = ROW_ALL_RECIPIENTS; max > 0; max /= 2) {
        json_t *row = control_row_of(l, c->command->full, max);
        bool too_long = json_dumpb(row, NULL, 0, JSON_COMPACT) > LIMIT_CONTROL_FRAME;
        bool sent = !too_long && control_send_row(c, row);
        json_decref(row);
        if (!too_long)
            return sent;
    }
    return true;
}

/* False: the client must take some output first. */
static bool send_page(struct control_client *c)
{
    for (; c->next < c->request.n_listed; c->next++, c->sent++)
        if (!send_row(c, &c->request.listed[c->next]))
            return false;
    return true;
}

static void end_with_count(struct control_client *c, uint64_t n)
{
    char text[100];
    (void)snprintf(text, sizeof(text), "%llu message%s %s", (unsigned long long)n,
                   n == 1 ? "" : "s", c->command->done);
    control_end(c, n > 0 ? EXIT_DONE : EXIT_NO, text);
}

static void end_of_list(struct control_client *c)
{
    if (c->sent == 0 && !c->command->full)
        control_end(c, EXIT_DONE, "no messages");
    else
        end_with_count(c, c->sent);
}

void control_queue_go_on(struct control_client *c)
{
    if (c->asking)
        return;
    control_patience(c);
    if (!send_page(c))
        return;
    free_page(&c->request);
    c->next = 0;
    if (c->request.more)
        ask_queue(c);
    else
        end_of_list(c);
}

/* On the main loop, exactly once per ask; the client may be gone. */
static void on_home(struct queue_request *r)
{
    struct control_client *c = CONTAINER_OF(r, struct control_client, request);

    c->asking = false;
    if (!c->conn)
        control_drop(c);
    else if (!status_ok(&r->status))
        control_end(c, EXIT_UNDETERMINED, r->status.text);
    else if (r->action == QUEUE_LIST)
        control_queue_go_on(c);
    else
        end_with_count(c, r->affected);
}

static void ask_queue(struct control_client *c)
{
    conn_deadline(c->conn, 0);
    c->asking = true;
    c->request.home = c->control->loop;
    c->request.done = on_home;
    queue_ask(c->control->queue, &c->request);
}

void control_queue_run(struct control_client *c, const json_t *ask)
{
    const struct control_command *cmd = c->command;
    struct buf error;

    buf_init(&error, 200);
    c->request.action = cmd->action;
    if (!control_filter_of(ask, &c->request.filter, &error)) {
        control_end(c, EXIT_USAGE, buf_cstr(&error));
    } else if (control_filter_is_empty(&c->request.filter) && cmd->wants_filter) {
        control_end(c, EXIT_USAGE, "say which messages: a filter, or --all");
    } else {
        c->request.filter.all |= control_filter_is_empty(&c->request.filter);
        ask_queue(c);
    }
    buf_free(&error);
}
