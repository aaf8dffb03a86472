/* The content of a message: immutable and counted. Up to LIMIT_BODY_IN_ROW octets it lives in memory
 * and is stored in the row's own transaction; larger ones stream into a file of the spool as they
 * arrive (STATE_DIRECTORY/bodies/ID), are synced by the sync loop (file, then directory), and only
 * then committed by name. The rest of the code sees one body.
 *
 * Content is the octets of the message with CRLF line ends, no dot-stuffing, our Received line first.
 * Threads: reading from any thread; a writer belongs to one. */
#ifndef DANELAW_QUEUE_BODY_H
#define DANELAW_QUEUE_BODY_H

#include "config/base/buf.h"
#include "config/base/status.h"

struct body;
struct body_writer;

/* spool: the directory for body files; must exist. id: queue id, the file's name. The file is created
 * when the content passes LIMIT_BODY_IN_ROW. max: octets; more is MESSAGE_TOO_BIG. */
struct body_writer *body_writer_new(const char *spool, const char *id, uint64_t max);
/* Once it failed it swallows the rest, so that the session can read to the true end. */
void body_writer_append(struct body_writer *w, struct slice s);
enum cause body_writer_cause(const struct body_writer *w); /* OK, MESSAGE_TOO_BIG, QUEUE_FULL, QUEUE_ERROR */
/* NULL if it failed (the file is removed). Frees the writer. The body is not yet synced. */
struct body *body_writer_finish(struct body_writer **w);
void body_writer_abort(struct body_writer **w); /* removes the file; NULL is fine */

/* A body just finished by its writer, which no other has seen yet, gets the file name of id; there must
 * be none. False: it stays what it was. A body in memory has no file. */
MUST_USE bool body_rename(struct body *b, const char *spool, const char *id);

struct body *body_of_memory(struct slice content);                       /* copies */
struct body *body_of_file(const char *path, uint64_t size);              /* opened at first read */
struct body *body_ref(struct body *b);
void body_unref(struct body **b);

uint64_t body_size(const struct body *b);
bool body_is_file(const struct body *b);
bool body_has_8bit(const struct body *b); /* octets above 127; of one that a writer made, or in memory */
struct slice body_memory(const struct body *b); /* only if not a file */
/* Up to n octets at offset; 0 at the end; -1: the file cannot be read or is shorter than it was. */
long body_read(struct body *b, uint64_t offset, char *dst, size_t n);

#endif
