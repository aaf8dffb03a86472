/* Rows of the queue listing as text for people. The rows come from our own daemon, the words in
 * them from all over the world. Writes to standard output. */
#ifndef DANELAW_RUN_QUEUE_TEXT_H
#define DANELAW_RUN_QUEUE_TEXT_H

#include <jansson.h>
#include <stdio.h>

void queue_text_line(const json_t *row); /* one line */
void queue_text_full(const json_t *row); /* everything */
/* Without control characters, so that nobody's words can drive the terminal. Line ends stay. */
void queue_text_safe(FILE *out, const char *text);

/* As JSON, which must be UTF-8: in what is not, or was cut in the middle of a character, all that is not
 * ASCII becomes '?'. */
json_t *queue_text_json(const char *text);

#endif
