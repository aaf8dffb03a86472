/* sd_notify as a datagram, so that no library is needed for one line of text. */
#ifndef DANELAW_RUN_NOTIFY_H
#define DANELAW_RUN_NOTIFY_H

/* Tells the service manager ("READY=1"); does nothing without NOTIFY_SOCKET. */
void notify_service_manager(const char *text);

#endif
