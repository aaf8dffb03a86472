/* What the clauses say that `danelaw check` names, in our words: enough to see why the answer is as it is. */
#include <string.h>

#include "mta/run/check/private.h"

static const struct clause {
    const char *name, *words;
} clauses[] = {
    {"RFC 7672 section 2.1.1",
     "The resolver must tell secure, insecure and bogus answers apart; bogus, failed and unanswerable "
     "lookups are one class, and unsigned data is no error."},
    {"RFC 7672 section 2.1.2",
     "When a lookup that DANE depends on fails, the host, or if it was the MX lookup the whole "
     "destination, is treated as unreachable: mail waits, because an attacker could have caused the "
     "failure."},
    {"RFC 7672 section 2.1.3",
     "Aliases are followed, and an answer is only as secure as the weakest link of its chain; an error at "
     "any link is an error of the whole lookup."},
    {"RFC 7672 section 2.2",
     "Usable secure TLSA records make TLS and a match mandatory; secure records of which none is usable "
     "make TLS mandatory without authentication; with no secure records TLS is opportunistic; an error "
     "means the host must not be used."},
    {"RFC 7672 section 2.2.1",
     "Only signed MX records bind a domain to its hosts. If they are unsigned, the hosts' TLSA records may "
     "still be used, but the delivery is not secure for the domain; if they are signed, every host's TLSA "
     "records must be looked for."},
    {"RFC 7672 section 2.2.2",
     "Addresses are asked for before TLSA records. A host whose addresses are unsigned is not asked for "
     "TLSA records at all; of an alias with unsigned addresses only the name itself may have them, and "
     "only if its own zone is signed."},
    {"RFC 7672 section 2.2.3",
     "TLSA records stand at _PORT._tcp before the name. If the name is an alias and secure throughout, its "
     "end is tried first, then the name itself; where the first secure records are found is the TLSA base "
     "domain."},
    {"RFC 7672 section 3.1.1",
     "Usage 3 records name the server's own certificate or key. Its names, dates and issuer do not matter: "
     "the record alone binds the key to the host."},
    {"RFC 7672 section 3.1.2",
     "Usage 2 records name an authority that issued the server's certificate. The chain up to it must be "
     "valid, its certificate must be in the handshake, and the server's certificate must carry a name that "
     "counts."},
    {"RFC 7672 section 3.1.3",
     "Usages 0 and 1 depend on a list of public authorities that mail servers do not share. Senders treat "
     "such records as unusable."},
    {"RFC 7672 section 3.2.2",
     "With usage 2 the certificate must carry the TLSA base domain, or, if the MX records are signed, the "
     "next hop's name as given or as expanded."},
    {"RFC 7672 section 3.2.3",
     "DNS names in the certificate count; the common name only if there are none. A wildcard stands for "
     "one whole label, the first."},
    {"RFC 7672 section 4",
     "Who publishes TLSA records must keep them in step with the certificates in use; records of an "
     "authority follow when that authority changes."},
    {"RFC 7672 section 6",
     "With mandatory DANE mail goes only to hosts with usable TLSA records, found by signed MX records; "
     "everything else waits."},
    {"RFC 7672 section 8.1",
     "The client names the TLSA base domain in the handshake (SNI); the server must answer with a "
     "certificate that fits the records published for that name."},
    {"RFC 7672 section 8.2",
     "Suites without a certificate may serve opportunistic TLS, but nothing can be authenticated by them."},
    {"RFC 7672 section 9.1",
     "An operator may set a destination to audit only: a failure of DANE is logged as a warning and mail "
     "goes out with less. Otherwise a mismatch must stop delivery."},
    {"RFC 7672 section 9.2",
     "A server with TLSA records must offer STARTTLS to everybody and every time; greylisting and filters "
     "that show it later or to some only are not allowed."},
    {"RFC 7671 section 3",
     "Clients and servers must support TLS 1.0 and should support TLS 1.2 or later; where this relay "
     "authenticates, 1.2 is the least it accepts."},
    {"RFC 7671 section 8",
     "For each combination of usage, selector and matching type that is published, at least one record "
     "must match what the server shows."},
    {"RFC 7671 section 8.1",
     "Before a new key goes into use its record must be published for as long as old answers may be "
     "cached; the old record is removed only after the key is out of use."},
    {"RFC 7671 section 9",
     "Of several digests with the same usage and selector only the strongest that the client supports "
     "counts, so that a weak digest cannot undermine a strong one."},
    {"RFC 7671 section 10.1.1",
     "Large record sets need TCP, which firewalls still block in places."},
    {"RFC 7671 section 10.1.2",
     "Publishing whole certificates or keys (matching type 0) is not recommended; digests are small and "
     "prove the same."},
    {"RFC 6698 section 2.1.1",
     "The usage says what the record binds: 2 an authority of the chain, 3 the server's certificate "
     "itself. With an authority the ordinary rules of certificate chains apply."},
    {"RFC 6698 section 2.1.2",
     "Selector 0 is the whole certificate in DER form, selector 1 its SubjectPublicKeyInfo in DER form."},
    {"RFC 6698 section 2.1.3", "Matching type 0 is the data itself, 1 its SHA-256, 2 its SHA-512."},
    {"RFC 6698 section 2.1.4",
     "The association data is the selected part of the certificate, or its digest, as binary data."},
    {"RFC 6698 section 2.2",
     "In zone files the data is written as hexadecimal text, which stands for the octets themselves."},
    {"RFC 6698 section 4.1",
     "Records with unknown fields or malformed data are unusable; the others are not affected."},
    {"RFC 7505 section 3", "A single MX record with the exchange \".\" says that the domain takes no mail."},
    {"RFC 5321 section 5.1",
     "Mail goes to the hosts of the MX records by preference; a domain without MX records is its own host; "
     "an MX record holds a host name, never an address; a domain that does not exist is a permanent "
     "error."},
    {"RFC 8461 section 4.2",
     "A publicly trusted certificate must chain to a root that the sender trusts, must be in its dates, "
     "and must carry the host's name as a DNS name."},
    {"RFC 6125 section 6.4",
     "A name of the certificate must match the name asked for label by label; a wildcard stands for the "
     "first label only."},
    {"RFC 4035 section 2.2", "In a signed zone every record set that belongs to it has a signature."},
    {"RFC 4035 section 2.4",
     "A DS record should be of a key that the zone has, and that key should sign the zone's keys."},
    {"RFC 4035 section 5.2",
     "A zone's keys are trusted because the parent's signed DS record is the digest of one of them."},
    {"RFC 4035 section 5.3.1",
     "A signature counts only between its inception and its expiration, by the clock of who checks it."},
    {"RFC 4035 section 5.3.3", "A signature must verify with the zone's key over exactly the data received."},
    {"RFC 4035 section 5.4",
     "That a name or type does not exist must be proved by signed NSEC or NSEC3 records."},
};

const char *check_clause_words(const char *clause)
{
    for (size_t i = 0; i < ARRAY_LEN(clauses); i++)
        if (strcmp(clauses[i].name, clause) == 0)
            return clauses[i].words;
    return NULL;
}
