/* The header section of a message as a list of fields that filters look at and change.
 *
 * As Sendmail and Postfix do it: the fields that this relay put in front (its Received) are not shown
 * and not counted when a field is changed, but they count for the place of an inserted one, so that a
 * signature inserted at 1 stands behind our Received field. Pure. */
#ifndef DANELAW_MILTER_HEAD_H
#define DANELAW_MILTER_HEAD_H

#include "config/base/buf.h"

struct milter_field {
    const char *p;      /* the whole field with its line ends */
    size_t n, name_len; /* octets */
    char *owned;        /* its memory, if a filter made it */
    bool ours;          /* not shown to filters */
};

struct milter_head {
    struct milter_field *fields;
    size_t n, cap;
};

enum milter_split { MILTER_SPLIT_OK, MILTER_SPLIT_FIELDS /* more than LIMIT_MILTER_FIELDS */ };

/* Splits text, the start of a message; its memory must outlive head. own_octets: of text, which are
 * fields of ours. *out_end: octets that are fields; the empty line or what else ends the header follows.
 */
enum milter_split milter_head_split(struct milter_head *h, struct slice text, size_t own_octets,
                                    size_t *out_end);
void milter_head_free(struct milter_head *h);

struct slice milter_field_name(const struct milter_field *f);
struct slice milter_field_rest(const struct milter_field *f); /* behind the colon, with line ends */

/* text: a whole field as milter_field_make makes it; copied. */
void milter_head_append(struct milter_head *h, struct slice text, size_t name_len);
void milter_head_insert(struct milter_head *h, size_t at, struct slice text, size_t name_len);
/* The nth (from 1; 0 is taken for 1) field of that name among those shown becomes text, or goes if text
 * is empty. If there is none, text is appended. */
void milter_head_change(struct milter_head *h, struct slice name, size_t nth, struct slice text);

#endif
