/* The structure of a message's content (RFC 2045, RFC 2046) line by line, as it streams: which lines
 * are header, body of a leaf, delimiter. Memory is bounded by the depth of nesting, whatever the number
 * of parts; what could be read in two ways is said to be so. Pure. */
#ifndef DANELAW_MAIL_MIME_H
#define DANELAW_MAIL_MIME_H

#include "config/base/limits.h"
#include "config/base/slice.h"

enum { MIME_PIECE = 1024, MIME_BOUNDARY = 70 /* octets, RFC 2046 §5.1.1 */, MIME_FIELD = 2048 };

/* A line or a part of a long one, without its CRLF. */
struct mime_piece {
    struct slice text;
    bool first, last; /* of its line; last: its CRLF follows, or the content's end */
    bool ended;       /* the content ends here, without a CRLF */
};

/* Cuts content into pieces; zeroed at first. */
struct mime_lines {
    char held[MIME_PIECE];
    size_t n;
    bool given; /* held is a piece that was handed out */
    bool inside; /* a line's beginning was handed out */
    bool cr;    /* of a long line: the CR that may begin its end */
};
/* Consumes octets of in until a piece is complete. False: in is used up. */
MUST_USE bool mime_next_piece(struct mime_lines *l, struct slice *in, struct mime_piece *out);
/* What is left at the content's end; false if it ended in CRLF. */
MUST_USE bool mime_last_piece(struct mime_lines *l, struct mime_piece *out);

enum mime_line {
    MIME_HEADER,    /* of a header section */
    MIME_BLANK,     /* the empty line at its end */
    MIME_BODY,      /* of a leaf */
    MIME_OUTSIDE,   /* before the first part or behind the last */
    MIME_DELIMITER,
};

enum mime_encoding { MIME_ENCODING_NONE, MIME_7BIT, MIME_8BIT, MIME_BINARY, MIME_ENCODED /* or unknown */ };

enum mime_kind {
    MIME_LEAF,
    MIME_CONTAINER, /* multipart or message/rfc822: it may not be encoded itself (RFC 2045 §6.4) */
    MIME_OPAQUE,    /* it must stay as it is: encoded already, or not to be understood for certain */
};

enum mime_field { MIME_FIELD_OTHER, MIME_FIELD_TYPE, MIME_FIELD_ENCODING, MIME_FIELD_VERSION, MIME_FIELD_SIGNATURE };

/* Of the header section read last. */
struct mime_entity {
    size_t index;    /* in order of appearance, from 0 */
    bool is_message; /* the whole, or the inside of a message/rfc822 */
    bool is_signed;  /* it, or what it is in, is signed in the form it has */
    bool has_type, has_encoding, has_version;
    bool is_text;    /* text/…, or nothing said */
    bool unclear;    /* fields given twice, too long or malformed */
    enum mime_encoding encoding;
    enum mime_kind kind; /* from MIME_BLANK on */
};

struct mime_level {
    char boundary[MIME_BOUNDARY + 1];
    bool is_signed, digest;
};

struct mime_walk {
    struct mime_entity entity;
    enum mime_field field; /* of the header line */
    struct mime_level levels[LIMIT_MIME_DEPTH];
    size_t depth;
    /* private */
    int state;
    bool began;          /* a first entity was begun */
    bool digest;         /* the part is one of a digest, whose default is message/rfc822 */
    char text[MIME_FIELD]; /* of the field so far, unfolded */
    size_t n;
    bool too_long;
    char type[MIME_FIELD]; /* value of Content-Type */
};

void mime_walk_init(struct mime_walk *w);
enum mime_line mime_walk_line(struct mime_walk *w, const struct mime_piece *p);

/* mime_type.c: a Content-Type as far as it matters here. */
struct mime_type {
    char type[40], subtype[40];      /* in lower case */
    char boundary[MIME_BOUNDARY + 1]; /* "" : none, or none that is sound */
};
/* False: not of the grammar of RFC 2045 §5.1, or a parameter in the forms of RFC 2231. */
MUST_USE bool mime_type_parse(struct slice value, struct mime_type *out);
/* A token with nothing but comments and white space around it, in lower case. */
MUST_USE bool mime_token_parse(struct slice value, char *out, size_t size);

#endif
