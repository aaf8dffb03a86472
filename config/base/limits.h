/* Every size that a peer could try to grow, with its unit and the reason for the figure. */
#ifndef DANELAW_LIMITS_H
#define DANELAW_LIMITS_H

enum {
    /* SMTP server */
    LIMIT_COMMAND_LINE = 2048,      /* octets with CRLF; RFC 5321 §4.5.3.1.4 asks for 512 and more
                                       for extensions; longer ones get 500 */
    LIMIT_LINE_CLOSE = 64 * 1024,   /* octets without a line end after which we close */
    LIMIT_SESSION_IN = 128 * 1024,  /* input buffer of one session: two large reads */
    LIMIT_SESSION_OUT = 64 * 1024,  /* replies not yet taken by the client; beyond it we stop reading */
    LIMIT_LOCAL_PART = 64,          /* octets, RFC 5321 §4.5.3.1.1 */
    LIMIT_DOMAIN = 255,             /* octets, RFC 5321 §4.5.3.1.2 */
    LIMIT_LABEL = 63,               /* octets, RFC 1035 §2.3.4 */
    LIMIT_PATH = 256,               /* octets with the brackets, RFC 5321 §4.5.3.1.3 */
    LIMIT_RECIPIENTS = 1000,        /* per transaction; RFC 5321 §4.5.3.1.8 asks for 100 */
    LIMIT_ENVID = 100,              /* characters as encoded, RFC 3461 §4.4 */
    LIMIT_ORCPT = 500,              /* characters as encoded, RFC 3461 §4.2 */
    LIMIT_AUTH_LINE = 12288,        /* octets with CRLF of a line of an AUTH exchange, RFC 4954 §4 */
    LIMIT_LOGIN = 255,              /* octets of a user's name, as authenticated or said by XCLIENT */
    LIMIT_HOPS = 100,               /* Received lines, RFC 5321 §6.3 */
    LIMIT_HEADER_SCAN = 1024 * 1024, /* octets of header looked at for hops */
    LIMIT_REFUSED_CONTENT = 1024 * 1024 * 1024, /* octets of a refused message that are read on the
                                       way to its end; then the connection closes */
    LIMIT_RATE_ENTRIES = 65536,     /* clients and networks whose rates are remembered while they are
                                       not connected: about 14 MB */
    LIMIT_OVERLOAD_COMMAND_MS = 10000, /* patience for a command or handshake while a listener is
                                       nearly full: enough for any client that has something to say */

    /* AUTH */
    LIMIT_AUTH_PASSWORD = 255,      /* octets; crypt(3) takes 512 */
    LIMIT_AUTH_MESSAGE = 1024,      /* octets of one decoded message of a client: three of 255 in PLAIN,
                                       a name of 255 escaped and a nonce in SCRAM */
    LIMIT_AUTH_CHALLENGE = 512,     /* octets of one challenge before base64; it fits a reply's room */
    LIMIT_AUTH_HASH_MEMORY = 128 * 1024 * 1024, /* octets that one hash may need: one is made at a time */
    LIMIT_AUTH_IN_FLIGHT = 64,      /* attempts that wait to be judged, all clients; then 454 */
    LIMIT_AUTH_WAIT_MS = 30000,     /* that an attempt waits for its client's earlier failures; then 454 */
    LIMIT_AUTH_CLIENTS = 10000,     /* whose failures are remembered; the longest quiet is forgotten */
    LIMIT_USERS_FILE = 32 * 1024 * 1024, /* octets: LIMIT_USERS lines */
    LIMIT_USERS = 100000,           /* in one file */
    LIMIT_PROXY_HEADER = 4096,      /* octets of a PROXY header with its TLVs; such as carry a client's
                                       certificate stay below */
    LIMIT_PROXY_WAITING = 1000,     /* connections of proxies whose header is not there yet */

    /* SMTP client */
    LIMIT_REPLY = 64 * 1024,        /* octets of one reply with all its lines */
    LIMIT_REPLY_LINE = 4096,        /* octets of one line; RFC 5321 §4.5.3.1.5 says 512 */
    LIMIT_EHLO_KEYWORDS = 128,      /* lines of an EHLO reply that are looked at */
    LIMIT_CLIENT_OUT = 256 * 1024,  /* octets ready for the socket; the body follows as it drains */
    LIMIT_PASSWORD = 1024,          /* octets of the password of a next hop */
    LIMIT_SCRAM_ITERATIONS = 250000, /* that a server may ask for: each is two hashes of our worker's time,
                                       about a tenth of a second in all */
    LIMIT_RCPT_PER_TRANSACTION = 100, /* RFC 5321 §4.5.3.1.8: what every server must take */
    LIMIT_ADDRESSES_PER_HOST = 8,   /* tried per host */
    LIMIT_ADDRESSES_PER_ATTEMPT = 10, /* tried per attempt over all hosts */

    /* Mail filters: trusted by the operator with the mail, not with our memory */
    LIMIT_MILTER_CHUNK = 65535,     /* octets of content or of a field in one packet to a filter:
                                       what libmilter takes unless more is agreed */
    LIMIT_MILTER_OUT = 256 * 1024,  /* octets ready for a filter's socket; the rest follows */
    LIMIT_MILTER_PACKET = 128 * 1024, /* octets of one packet of a filter; libmilter's have 64 KiB */
    LIMIT_MILTER_FIELDS = 5000,     /* header fields of a message: a packet and an answer each */
    LIMIT_MILTER_CHANGES = 2000,    /* of one message by one filter, apart from its body */
    LIMIT_MILTER_CHANGED = 1024 * 1024, /* octets of text in those */
    LIMIT_MILTER_GROWTH = 1024 * 1024, /* octets a filter may add to the largest message */
    LIMIT_MILTER_S = 600,           /* seconds for all that a filter does with one message: the client
                                       waits as long for the answer (RFC 5321 §4.5.3.2.6) */

    LIMIT_VERIFIED = 10000,         /* recipients of which one worker knows what their next hop says */
    LIMIT_PROBES = 20,              /* next hops asked about a recipient at once by one worker */

    /* DNS */
    LIMIT_MX_HOSTS = 100,           /* of one MX RRset, after sorting by preference */
    LIMIT_HOST_ADDRESSES = 64,      /* of one host, both families */
    LIMIT_TLSA_RECORDS = 64,        /* of one RRset; RFC 7671 §10.1 warns of large ones */
    LIMIT_TLSA_DATA = 16 * 1024,    /* octets of one record's association data */
    LIMIT_PLAN_QUERIES = 600,       /* of one lookup plan */
    LIMIT_DNS_FRAME = 1024 * 1024,  /* octets of one frame between dns and mta */
    LIMIT_DNS_IN_FLIGHT = 500,      /* plans at work in the dns process */
    LIMIT_LOOKUPS_IN_FLIGHT = 500,  /* plain lookups for the door at work in the dns process */
    LIMIT_LOOKUP_ADDRESSES = 32,    /* of one plain lookup */
    LIMIT_PTR_NAMES = 8,            /* of one address; more are left out, each costs a lookup */
    LIMIT_TXT = 255,                /* octets of a TXT record that are kept */
    LIMIT_FACTS_TTL_S = 3600,       /* longest life of cached facts */
    LIMIT_FACTS_CACHED = 20000,     /* destinations in the cache */

    /* TLS */
    LIMIT_CERT_LIST = 64 * 1024,    /* octets of a peer's certificate list */
    LIMIT_VERIFY_DEPTH = 10,
    LIMIT_PEM_FILE = 1024 * 1024,   /* octets of a certificate or key file of our own */
    LIMIT_SNI_NAMES = 1000,         /* of one identity, looked through at each handshake with SNI */

    /* Queue */
    LIMIT_BODY_IN_ROW = 32 * 1024,  /* octets; larger ones are files (measured crossover) */
    LIMIT_BODY_CHUNK = 64 * 1024,   /* octets moved at once between a body file and a session */
    LIMIT_JOBS_PER_WORKER = 400,    /* deliveries handed to one worker at a time */
    LIMIT_MEMORY_BODIES = 64 * 1024 * 1024, /* octets of fresh messages kept for their first attempt */
    LIMIT_DSN_RETURNED = 256 * 1024, /* octets of a message that a notification brings back whole; of
                                       larger ones the header (RFC 3461 §6.2) */
    LIMIT_CONTROL_FRAME = 1024 * 1024, /* octets of one frame on the control socket */
    LIMIT_CONTROL_CLIENTS = 16,
    LIMIT_IDLE_CONNECTIONS = 1000,  /* kept open by one worker for the next message */

    /* Content */
    LIMIT_MIME_DEPTH = 20,          /* multiparts in each other that are walked into; people need 5 */
    LIMIT_MIME_ENTITIES = 10000,    /* parts of a message that is brought to 7 bits: an octet each */
    LIMIT_SURVEY_STEP = 1024 * 1024, /* octets of content looked at before others of the worker have
                                       their turn: some milliseconds */

    /* Configuration */
    LIMIT_CONFIG_FILE = 4 * 1024 * 1024, /* octets of one file */
    LIMIT_CONFIG_ERRORS = 100,      /* reported in one run */
    LIMIT_CONFIG_DEPTH = 8,         /* nested includes */
    LIMIT_CONFIG_FILES = 1000,      /* read in one run */
    LIMIT_RECIPIENTS_FILE = 64 * 1024 * 1024, /* octets of one file of recipients: some 2,000,000 */
    LIMIT_CONFIG_NESTING = 16,      /* lists and mappings in each other; the schema needs 4 */
    LIMIT_CONFIG_NODES = 1000000,   /* values in all files of one run: 300,000 domains */
};

#endif
