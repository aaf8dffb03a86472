/* The words of the milter protocol, version 6: what an MTA (we) and a mail filter say to each other
 * over a socket. There is no RFC; the protocol is what Sendmail's libmilter speaks.
 *
 * A packet is a length of four octets (network order; of the rest), one octet that says what it is,
 * and data. Strings end in NUL. A filter answers each command once, except those for which it said
 * at the start that it will not; after the end of the message any number of changes come first. */
#ifndef DANELAW_MILTER_MILTER_H
#define DANELAW_MILTER_MILTER_H

enum { MILTER_VERSION = 6, MILTER_VERSION_LEAST = 2 };

/* From us. */
enum milter_command {
    MILTER_ABORT = 'A',    /* the message is gone; no answer */
    MILTER_BODY = 'B',     /* part of the body */
    MILTER_CONNECT = 'C',  /* client's name, family, port, address */
    MILTER_MACROS = 'D',   /* names and values for the command that follows; no answer */
    MILTER_END = 'E',      /* end of the body */
    MILTER_HELO = 'H',
    MILTER_HEADER = 'L',   /* a field's name and body */
    MILTER_MAIL = 'M',     /* path and parameters */
    MILTER_EOH = 'N',      /* end of the header */
    MILTER_OPTIONS = 'O',  /* version, actions, steps: the first packet, in both directions */
    MILTER_QUIT = 'Q',     /* no answer */
    MILTER_RCPT = 'R',
    MILTER_DATA = 'T',     /* since version 4 */
};

/* From the filter. */
enum milter_answer {
    MILTER_ADD_RCPT = '+',
    MILTER_DELETE_RCPT = '-',
    MILTER_ADD_RCPT_WITH = '2', /* with parameters */
    MILTER_SHUTDOWN = '4',      /* 421 for the client, and the end of its session */
    MILTER_ACCEPT = 'a',        /* the filter has seen enough of this message or client */
    MILTER_REPLACE_BODY = 'b',  /* part of the new body */
    MILTER_CONTINUE = 'c',
    MILTER_DISCARD = 'd',       /* say yes, and drop it */
    MILTER_CHANGE_SENDER = 'e',
    MILTER_CONNECT_FAIL = 'f',
    MILTER_ADD_HEADER = 'h',
    MILTER_INSERT_HEADER = 'i',
    MILTER_CHANGE_HEADER = 'm', /* of the given name, the n-th; an empty value deletes it */
    MILTER_PROGRESS = 'p',      /* still at work */
    MILTER_QUARANTINE = 'q',
    MILTER_REJECT = 'r',
    MILTER_SKIP = 's',          /* no more packets of this kind */
    MILTER_TEMPFAIL = 't',
    MILTER_REPLY = 'y',         /* refused, with the filter's code and words */
};

/* What a filter may do at the end of a message. Not offered: 0x100, to choose the macros it gets;
 * it gets all that there are. */
enum milter_action {
    MILTER_MAY_ADD_HEADERS = 0x1,
    MILTER_MAY_CHANGE_BODY = 0x2,
    MILTER_MAY_ADD_RCPT = 0x4,
    MILTER_MAY_DELETE_RCPT = 0x8,
    MILTER_MAY_CHANGE_HEADERS = 0x10,
    MILTER_MAY_QUARANTINE = 0x20,
    MILTER_MAY_CHANGE_SENDER = 0x40,
    MILTER_MAY_ADD_RCPT_WITH = 0x80,
    MILTER_ACTIONS = 0xff,
};

/* Commands that a filter does not want, and those that it does not answer. Not offered: to be told
 * of refused recipients (0x800), and packets of more than 64 KiB. */
enum milter_step {
    MILTER_NO_CONNECT = 0x1,
    MILTER_NO_HELO = 0x2,
    MILTER_NO_MAIL = 0x4,
    MILTER_NO_RCPT = 0x8,
    MILTER_NO_BODY = 0x10,
    MILTER_NO_HEADERS = 0x20,
    MILTER_NO_EOH = 0x40,
    MILTER_SILENT_HEADERS = 0x80,
    MILTER_NO_UNKNOWN = 0x100,
    MILTER_NO_DATA = 0x200,
    MILTER_CAN_SKIP = 0x400, /* it may answer MILTER_SKIP */
    MILTER_SILENT_CONNECT = 0x1000,
    MILTER_SILENT_HELO = 0x2000,
    MILTER_SILENT_MAIL = 0x4000,
    MILTER_SILENT_RCPT = 0x8000,
    MILTER_SILENT_DATA = 0x10000,
    MILTER_SILENT_UNKNOWN = 0x20000,
    MILTER_SILENT_EOH = 0x40000,
    MILTER_SILENT_BODY = 0x80000,
    MILTER_LEADING_SPACE = 0x100000, /* values of fields keep the space behind the colon */
    MILTER_STEPS = 0x1ff7ff,
};

#endif
