#include "tests/tls/verdict_table.h"

#define DANE     "dane dane-only"
#define NO_DANE  "none may encrypt verify secure"
#define LOOSE    "may dane"
#define MX_311   "mx.d.example data:S tlsa mx.d.example 311"
#define MATCHED  "dane, base mx.d.example, also d.example, usable 1"
#define HALF     "half-dane, base mx.d.example, usable 1"
#define ENCRYPT  "encrypt, base mx.d.example, usable none"
#define MISSING  "skip DANE_UNAVAILABLE, retry"
#define BLIND    "skip RESOLVER_NOT_VALIDATING, retry"
#define NO_MX    "skip MX_LOOKUP, retry"
#define NO_A     "skip ADDRESS_LOOKUP, retry"
#define NO_TLSA  "skip TLSA_LOOKUP, retry"

// clang-format off
const struct verdict_case verdict_cases[] = {
    /* ---- RFC 7672 §2.1: DNS */

    {"RFC 7672 §2.1.1", "A security-aware resolver is a must: without one, DANE waits.",
     DANE, "blind MX S | mx.d.example data:S tlsa nd", BLIND},
    {"RFC 7672 §2.1.1", "So it does where records were found,",
     DANE, "blind MX S | " MX_311, BLIND},
    {"RFC 7672 §2.1.1", "and where a lookup failed, which is ours to mend first.",
     DANE, "blind ERROR E", BLIND},
    {"RFC 7672 §2.1.1", "Levels that use no DNSSEC go on without it.",
     "may", "blind MX I | mx.d.example data:I tlsa none", "may, or clear"},
    {"RFC 7672 §2.1.1", "Levels that use no DNSSEC go on without it.",
     "none", "blind MX I | mx.d.example data:I tlsa none", "clear"},
    {"RFC 7672 §2.1.1", "Levels that use no DNSSEC go on without it.",
     "encrypt", "blind MX I | mx.d.example data:I tlsa none", "encrypt"},
    {"RFC 7672 §2.1.1", "Levels that use no DNSSEC go on without it.",
     "verify", "blind MX I | mx.d.example data:I tlsa none", "pkix, names mx.d.example"},
    {"RFC 7672 §2.1.1", "Not even \"secure\" is believed of such a resolver: no expanded name.",
     "secure", "blind MX S >e.example | mx.d.example data:S tlsa none", "pkix, names d.example"},
    {"RFC 7672 §2.1.1", "An insecure answer is no error: less security, and delivery goes on.",
     "dane", "MX I | mx.d.example data:I tlsa none", "may, or clear"},
    {"RFC 7672 §2.1.1", "Secure nonexistence is an answer,",
     "dane", "MX S | mx.d.example data:S tlsa nx", "may, or clear"},
    {"RFC 7672 §2.1.1", "so is an empty one.",
     "dane", "MX S | mx.d.example data:S tlsa nd", "may, or clear"},

    {"RFC 7672 §2.1.2", "A lookup that fails, bogus or otherwise, leaves nobody to connect to: delay.",
     NO_DANE, "ERROR E", NO_MX},
    {"RFC 7672 §2.1.2", "A lookup that fails, bogus or otherwise, leaves nobody to connect to: delay.",
     DANE, "ERROR E", NO_MX},
    {"RFC 7672 §2.1.2", "What came with such an answer does not count.",
     "all", "MX E | " MX_311, NO_MX},
    {"RFC 7672 §2.1.2", "One host's addresses cannot be looked up: the others remain.",
     DANE, "MX S | mx1.d.example err:E | mx2.d.example data:S tlsa mx2.d.example 311",
     NO_A " | dane, base mx2.d.example, also d.example, usable 1"},
    {"RFC 7672 §2.1.2", "One host's addresses cannot be looked up: the others remain.",
     "may", "MX S | mx1.d.example err:E | mx2.d.example data:S tlsa nd", NO_A " | may, or clear"},
    {"RFC 7672 §2.1.2", "An error is none the less one for the data that came with it.",
     "all", "MX S | mx.d.example data:E tlsa mx.d.example 311", NO_A},
    {"RFC 7672 §2.1.2", "A TLSA lookup fails: that server is unreachable,",
     DANE, "MX S | mx.d.example data:S tlsa err:E", NO_TLSA},
    {"RFC 7672 §2.1.2", "and the others are not.",
     DANE, "MX S | mx1.d.example data:S tlsa err:E | mx2.d.example data:S tlsa mx2.d.example 311",
     NO_TLSA " | dane, base mx2.d.example, also d.example, usable 1"},
    {"RFC 7672 §2.1.2", "So it is if the MX records are insecure.",
     "dane", "MX I | mx.d.example data:S tlsa err:E", NO_TLSA},
    {"RFC 7672 §2.1.2", "So it is if there are no MX records,",
     DANE, "IMPLICIT S | d.example data:S tlsa err:E", NO_TLSA},
    {"RFC 7672 §2.1.2", "or none were to be looked up.",
     DANE, "HOST S | d.example data:S tlsa err:E", NO_TLSA},
    {"RFC 7672 §2.1.2", "Who did not want TLSA records does not miss them.",
     "may", "MX S | mx.d.example data:S tlsa err:E", "may, or clear"},

    {"RFC 7672 §2.1.3", "An error at any stage of an alias is an error of the whole lookup.",
     DANE, "MX S | mx.d.example>h.example data:I/E tlsa err:E", NO_A},
    {"RFC 7672 §2.1.3", "Only DANE has that lookup made.",
     "may", "MX S | mx.d.example>h.example data:I/E tlsa err:E", "may, or clear"},

    /* ---- RFC 7672 §2.2: what the search for TLSA records may end in */

    {"RFC 7672 §2.2", "Secure and usable: TLS and authentication, or the next server.",
     DANE, "MX S | " MX_311, MATCHED},
    {"RFC 7672 §2.2", "Secure and unusable: TLS, or the next server.",
     "dane", "MX S | mx.d.example data:S tlsa mx.d.example 311:31 111", ENCRYPT},
    {"RFC 7672 §2.2", "Insecure or none: opportunistic TLS, and cleartext where it fails.",
     "dane", "MX S | mx.d.example data:S tlsa nd", "may, or clear"},
    {"RFC 7672 §2.2", "Any lookup error: the next server.",
     DANE, "MX S | mx.d.example data:S tlsa err:E", NO_TLSA},
    {"RFC 7672 §2.2", "The next hop is an address: DANE does not apply, the policy decides.",
     LOOSE, "literal", "may, or clear"},
    {"RFC 7672 §2.2", "The next hop is an address: DANE does not apply, the policy decides.",
     "none", "literal", "clear"},
    {"RFC 7672 §2.2", "The next hop is an address: DANE does not apply, the policy decides.",
     "encrypt", "literal", "encrypt"},
    {"RFC 7672 §2.2", "The next hop is an address: DANE does not apply, the policy decides.",
     "verify secure", "literal", "pkix"},
    {"RFC 7672 §2.2", "The policy demands DANE, which does not apply.",
     "dane-only", "literal", MISSING},
    {"RFC 7672 §2.2", "No resolver is asked about an address, so it need not validate.",
     LOOSE, "blind literal", "may, or clear"},
    {"RFC 7672 §2.2", "An MX record lists an address: nobody has to connect there, and we do not.",
     "all", "MX S | 192.0.2.1 data:S tlsa none", NO_A},
    {"RFC 7672 §2.2", "An MX record lists an address: nobody has to connect there, and we do not.",
     "all", "MX I | 2001:db8::1 data:I tlsa none", NO_A},

    {"RFC 7672 §2.2.1", "Each MX host has TLSA records and a base domain of its own.",
     DANE,
     "MX S | mx1.d.example data:S tlsa mx1.d.example 311 | mx2.d.example>h.example data:S tlsa h.example 201",
     "dane, base mx1.d.example, also d.example, usable 1 | dane, base h.example, also d.example, usable 1"},
    {"RFC 7672 §2.2.1",
     "A better host without TLSA records is not pushed aside by a worse one that has some.",
     "dane", "MX S | mx1.d.example data:S tlsa nd | mx2.d.example data:S tlsa mx2.d.example 311",
     "may, or clear | dane, base mx2.d.example, also d.example, usable 1"},
    {"RFC 7672 §2.2.1", "The MX RRset is insecure and DANE is mandatory: delay.",
     "dane-only", "MX I | " MX_311, MISSING},
    {"RFC 7672 §2.2.1", "So is an alias that leads to it.",
     "dane-only", "MX I >e.example | " MX_311, MISSING},
    {"RFC 7672 §2.2.1", "The MX RRset is insecure: the hosts' TLSA records may be used, and are.",
     "dane", "MX I | " MX_311, HALF},
    {"RFC 7672 §2.2.1", "None of them is usable: they promise TLS all the same.",
     "dane", "MX I | mx.d.example data:S tlsa mx.d.example 311:31 111", ENCRYPT},
    {"RFC 7672 §2.2.1", "There are none: opportunistic TLS.",
     "dane", "MX I | mx.d.example data:S tlsa nx", "may, or clear"},
    {"RFC 7672 §2.2.1", "The MX RRset is secure: no TLSA records, no DANE with that server.",
     "dane", "MX S | mx.d.example data:S tlsa nx", "may, or clear"},

    {"RFC 7672 §2.2.2", "No addresses: the destination cannot be reached,",
     "all", "MX S | mx.d.example nd:S", "skip NO_ADDRESS, bounce"},
    {"RFC 7672 §2.2.2", "whether the name exists or not, is signed or not,",
     "all", "MX S | mx.d.example nx:I", "skip NO_ADDRESS, bounce"},
    {"RFC 7672 §2.2.2", "comes from an MX record or not.",
     "all", "IMPLICIT I | d.example nd:I", "skip NO_ADDRESS, bounce"},
    {"RFC 7672 §2.2.2", "Insecure addresses: no TLSA records were asked for.",
     "dane", "MX S | mx.d.example data:I tlsa none", "may, or clear"},
    {"RFC 7672 §2.2.2", "Insecure addresses, mandatory DANE.",
     "dane-only", "MX S | mx.d.example data:I tlsa none", MISSING},
    {"RFC 7672 §2.2.2", "An insecure alias: DANE does not apply.",
     "dane", "MX S | mx.d.example>h.example data:I tlsa none", "may, or clear"},
    {"RFC 7672 §2.2.2", "An insecure alias: DANE does not apply.",
     "dane-only", "MX S | mx.d.example>h.example data:I tlsa none", MISSING},
    {"RFC 7672 §2.2.2", "A secure alias of insecure addresses: the alias itself is the base domain.",
     DANE, "MX S | mx.d.example>h.example data:I/S tlsa mx.d.example 311", MATCHED},
    {"RFC 7672 §2.2.2", "A secure alias: its end is the base domain.",
     DANE, "MX S | mx.d.example>h.example data:S tlsa h.example 311",
     "dane, base h.example, also d.example, usable 1"},
    {"RFC 7672 §2.2.2", "A secure alias without records at its end: the alias itself.",
     DANE, "MX S | mx.d.example>h.example data:S tlsa mx.d.example 311", MATCHED},
    {"RFC 7672 §2.2.2", "A domain without MX records is its own host, securely so or not.",
     DANE, "IMPLICIT I | d.example data:S tlsa d.example 311", "dane, base d.example, usable 1"},
    {"RFC 7672 §2.2.2", "A relay from our configuration is a host.",
     DANE, "HOST S | d.example data:S tlsa d.example 311", "dane, base d.example, usable 1"},
    {"RFC 7672 §2.2.2", "A relay from our configuration, without records.",
     "dane", "HOST S | d.example data:S tlsa nx", "may, or clear"},

    {"RFC 7672 §2.2.3", "One secure record, usable or not, is a promise: no delivery without TLS.",
     "dane", "MX S | mx.d.example data:S tlsa mx.d.example 111", ENCRYPT},
    {"RFC 7672 §2.2.3", "No secure records at any base domain: opportunistic TLS.",
     "dane", "MX S | mx.d.example>h.example data:S tlsa nx", "may, or clear"},
    {"RFC 7672 §2.2.3", "Records belong to a base domain; without one they are an error.",
     DANE, "MX S | mx.d.example data:S tlsa - 311", NO_TLSA},

    /* ---- RFC 7672 §3: which records and names count */

    {"RFC 7672 §3.1.3", "Usage 0 is unusable.", "dane",
     "MX S | mx.d.example data:S tlsa mx.d.example 001", ENCRYPT},
    {"RFC 7672 §3.1.3", "Usage 1 is unusable.", "dane",
     "MX S | mx.d.example data:S tlsa mx.d.example 111", ENCRYPT},
    {"RFC 7672 §3.1.3", "Beside them, what is usable is used.",
     DANE, "MX S | mx.d.example data:S tlsa mx.d.example 001 312",
     "dane, base mx.d.example, also d.example, usable 2"},
    {"RFC 7672 §3.2", "Several usable records: one match will do, so all are kept.",
     DANE, "MX S | mx.d.example data:S tlsa mx.d.example 311 201 300:70 111",
     "dane, base mx.d.example, also d.example, usable 1 2 3"},
    {"RFC 7672 §3.2.2", "Secure MX: the base domain, the next hop, and its expansion.",
     DANE, "MX S >e.example | mx.d.example data:S tlsa mx.d.example 201",
     "dane, base mx.d.example, also d.example e.example, usable 1"},
    {"RFC 7672 §3.2.2", "A third name only where it is another.",
     DANE, "MX S | mx.d.example data:S tlsa mx.d.example 201", MATCHED},
    {"RFC 7672 §3.2.2", "The RFC's example: exchange.example.org by way of example.com.",
     DANE, "MX S exchange.example.org>example.com | mx10.example.com data:S tlsa mx10.example.com 201"
           " | mx15.example.com>mxbackup.example.com data:S tlsa mx15.example.com 201"
           " | mx20.example.com>mxbackup.example.net data:S tlsa mxbackup.example.net 201",
     "dane, base mx10.example.com, also exchange.example.org example.com, usable 1"
     " | dane, base mx15.example.com, also exchange.example.org example.com, usable 1"
     " | dane, base mxbackup.example.net, also exchange.example.org example.com, usable 1"},
    {"RFC 7672 §3.2.2", "Insecure MX: the MX host is the only name.",
     "dane", "MX I >e.example | mx.d.example data:S tlsa mx.d.example 201", HALF},
    {"RFC 7672 §3.2.2", "No MX, the base domain is the next hop: one name.",
     DANE, "IMPLICIT S | d.example data:S tlsa d.example 201", "dane, base d.example, usable 1"},
    {"RFC 7672 §3.2.2", "No MX, the base domain is the next hop's expansion: the next hop as well.",
     DANE, "IMPLICIT S >e.example | d.example>e.example data:S tlsa e.example 201",
     "dane, base e.example, also d.example, usable 1"},
    {"RFC 7672 §3.2.2", "However the absence of MX records was proved.",
     DANE, "IMPLICIT I >e.example | d.example>e.example data:S tlsa e.example 201",
     "dane, base e.example, also d.example, usable 1"},
    {"RFC 7672 §3.2.2", "The same of a relay from our configuration.",
     DANE, "HOST S | d.example>e.example data:S tlsa e.example 201",
     "dane, base e.example, also d.example, usable 1"},
    {"RFC 7672 §3.2.2", "A relay's base domain is its own name: its expansion is none.",
     DANE, "HOST S >e.example | d.example>e.example data:S tlsa d.example 201",
     "dane, base d.example, usable 1"},

    /* ---- RFC 7672 §6: mandatory DANE */

    {"RFC 7672 §6", "Usable records: as ever.", "dane-only", "MX S | " MX_311, MATCHED},
    {"RFC 7672 §6", "No usable records: delay.",
     "dane-only", "MX S | mx.d.example data:S tlsa mx.d.example 311:31 111",
     MISSING ", base mx.d.example, usable none"},
    {"RFC 7672 §6", "No records: delay.", "dane-only", "MX S | mx.d.example data:S tlsa nx", MISSING},
    {"RFC 7672 §6", "No records: delay.", "dane-only", "HOST S | d.example data:S tlsa nd", MISSING},
    {"RFC 7672 §6", "An insecure host: delay.", "dane-only",
     "IMPLICIT S | d.example data:I tlsa none", MISSING},

    /* ---- RFC 7672 §9.1: audit-only mode, where failures are told and delivery goes on with less */

    {"RFC 7672 §9.1", "A match is asked for; without one, less will do.",
     DANE, "audit MX S | " MX_311, MATCHED ", or may"},
    {"RFC 7672 §9.1", "The same where the MX RRset is insecure.", "dane", "audit MX I | " MX_311,
     HALF ", or may"},
    {"RFC 7672 §9.1", "TLS that was promised; without it, less will do.",
     "dane", "audit MX S | mx.d.example data:S tlsa mx.d.example 111", ENCRYPT ", or may"},
    {"RFC 7672 §9.1", "A TLSA lookup failed: opportunistic TLS.",
     DANE, "audit MX S | mx.d.example data:S tlsa err:E", "may despite TLSA_LOOKUP, or clear"},
    {"RFC 7672 §9.1", "An alias failed: opportunistic TLS.",
     DANE, "audit MX S | mx.d.example>h.example data:I/E tlsa err:E",
     "may despite ADDRESS_LOOKUP, or clear"},
    {"RFC 7672 §9.1", "Our resolver does not validate: opportunistic TLS.",
     DANE, "audit blind MX S | " MX_311, "may despite RESOLVER_NOT_VALIDATING, or clear"},
    {"RFC 7672 §9.1", "No records where DANE is mandatory: opportunistic TLS.",
     "dane-only", "audit MX S | mx.d.example data:S tlsa nx", "may despite DANE_UNAVAILABLE, or clear"},
    {"RFC 7672 §9.1", "An address where DANE is mandatory: opportunistic TLS.",
     "dane-only", "audit literal", "may despite DANE_UNAVAILABLE, or clear"},
    {"RFC 7672 §9.1", "No records where it is not: nothing has failed.",
     "dane", "audit MX S | mx.d.example data:S tlsa nx", "may, or clear"},
    {"RFC 7672 §9.1", "What stops every level stops here: the MX lookup,", DANE, "audit ERROR E",
     NO_MX},
    {"RFC 7672 §9.1", "the addresses,", DANE, "audit MX S | mx.d.example err:E", NO_A},
    {"RFC 7672 §9.1", "a domain that takes no mail.", DANE, "audit NULL_MX S", "skip NULL_MX, bounce"},

    /* ---- RFC 6698 §4.1: records that cannot be used; the others are not affected */

#define UNUSABLE(words, record)                                                                    \
    {"RFC 6698 §4.1", words, "dane", "MX S | mx.d.example data:S tlsa mx.d.example " record, ENCRYPT}, \
    {"RFC 6698 §4.1", words, DANE, "MX S | mx.d.example data:S tlsa mx.d.example " record " 311",      \
     "dane, base mx.d.example, also d.example, usable 2"}
    UNUSABLE("An unknown usage.", "411"),
    UNUSABLE("An unknown usage.", "255.1.1"),
    UNUSABLE("An unknown selector.", "321"),
    UNUSABLE("An unknown selector.", "3.255.1"),
    UNUSABLE("An unknown matching type.", "313"),
    UNUSABLE("An unknown matching type, which is also what truncated data is read as.", "3.1.255:0"),
    UNUSABLE("A digest cut short.", "311:31"),
    UNUSABLE("A digest with an octet too many.", "311:33"),
    UNUSABLE("A digest of the other kind.", "312:32"),
    UNUSABLE("A digest of the other kind, usage 2.", "201:64"),
    UNUSABLE("No data.", "311:0"),
    UNUSABLE("No data where all would be given.", "200:0"),

    /* ---- RFC 7505 §3 and RFC 5321 §5.1: where no mail can go */

    {"RFC 7505 §3", "A null MX: the domain accepts no mail.", "all", "NULL_MX S",
     "skip NULL_MX, bounce"},
    {"RFC 7505 §3", "A null MX: the domain accepts no mail.", "all", "NULL_MX I",
     "skip NULL_MX, bounce"},
    {"RFC 5321 §5.1", "No such domain.", "all", "NXDOMAIN S", "skip NO_DOMAIN, bounce"},
    {"RFC 5321 §5.1", "No such domain.", "all", "NXDOMAIN I", "skip NO_DOMAIN, bounce"},
    {"RFC 5321 §5.1", "MX records, and not a host in them.", "all", "MX S", "skip NO_ADDRESS, bounce"},

    /* ---- levels of the policy that ask for no DANE, where RFC 7672 §9.1 lets it be disabled */

    {"tls: none", "No TLS, whatever is published.", "none", "MX S | " MX_311, "clear"},
    {"tls: may", "TLS if offered, whatever is published.", "may", "MX S | " MX_311, "may, or clear"},
    {"tls: encrypt", "TLS or nothing.", "encrypt", "MX S | " MX_311, "encrypt"},
    {"tls: verify", "A public certificate with the host's name.", "verify", "MX S | " MX_311,
     "pkix, names mx.d.example"},
    {"tls: secure", "A public certificate with the next hop's name,", "secure", "MX S | " MX_311,
     "pkix, names d.example"},
    {"tls: secure", "or with that of its expansion, if that is secure,",
     "secure", "MX S >e.example | " MX_311, "pkix, names d.example e.example"},
    {"tls: secure", "and not if it is not.", "secure", "MX I >e.example | " MX_311,
     "pkix, names d.example"},
    {"tls: may", "Audit-only mode changes nothing without DANE.", "may", "audit MX S | " MX_311,
     "may, or clear"},
    {"tls: encrypt", "Audit-only mode changes nothing without DANE.", "encrypt",
     "audit MX S | " MX_311, "encrypt"},
    {"tls: verify", "Audit-only mode changes nothing without DANE.",
     "verify", "audit MX S | " MX_311, "pkix, names mx.d.example"},
};
// clang-format on

const size_t n_verdict_cases = sizeof(verdict_cases) / sizeof(verdict_cases[0]);
