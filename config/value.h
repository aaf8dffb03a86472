/* Scalars to values: every kind of text that a configuration may hold. Each function returns NULL
 * and sets its output, or returns what the text has to be ("a size such as 50m"), for the sentence
 * "… must be …", and leaves the output alone. Pure. */
#ifndef DANELAW_CONFIG_VALUE_H
#define DANELAW_CONFIG_VALUE_H

#include "config/base/hostname.h"
#include "config/config.h"

const char *value_bool(struct slice s, bool *out_value);      /* yes no true false on off */
const char *value_size(struct slice s, uint64_t *out_octets); /* 50m; k m g = 1024 */
const char *value_duration(struct slice s, int64_t *out_ms);  /* 5m; s m h d w; bare: s */
const char *value_integer(struct slice s, uint64_t *out_value);
const char *value_date(struct slice s, int64_t *out_ms);        /* last ms of that day, UTC */
const char *value_host(struct slice s, char out[HOSTNAME_MAX]); /* a name, no address */
const char *value_endpoint(struct slice s, struct ip_port *out_addr);
/* 64 hexadecimal digits in either case. */
const char *value_digest(struct slice s, uint8_t out[32]);
const char *value_network(struct slice s, struct ip_net *out_net);
/* "addr@port" with the port filled in. */
const char *value_server(struct slice s, char out[IP_TEXT_MAX + 8]);
/* inet:ADDRESS:PORT, inet6:[ADDRESS]:PORT, unix:PATH. path receives the text that out_socket->path
 * has to be, "" if it is no local socket; out_socket->path itself is the caller's to set. */
enum { VALUE_SOCKET_MAX = 108 }; /* octets of a local socket's path with its NUL (unix(7)) */
const char *value_milter_socket(struct slice s, struct milter_socket *out_socket,
                                char path[VALUE_SOCKET_MAX]);
/* Name, address or bracketed form of a next hop's host. name receives the text that
 * out_host->name has to be; out_host->name itself and where are the caller's to set. */
const char *value_hop_host(struct slice s, struct hop_host *out_host, char name[HOSTNAME_MAX]);
/* "zen.example", "list.example=127.0.0.2", "list.example=127.0.0.2-11". zone receives the text that
 * out_list->zone has to be. */
const char *value_dnsbl(struct slice s, struct dnsbl_config *out_list, char zone[HOSTNAME_MAX]);
/* "example.org", ".example.org"; "*" if star. Out has one octet more for the dot. */
const char *value_pattern(struct slice s, bool star, char out[HOSTNAME_MAX + 1]);
/* What people call listeners, identities and next hops; it stands in logs and keys. */
const char *value_label(struct slice s);

#endif
