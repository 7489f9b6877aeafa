/* What ether.c and wire.c share: a connection, and one message there and back.
 *
 * Rule: a function that returns int gives 0, or -1 with the failure recorded in the connection.
 */
#ifndef ETHER_WIRE_H
#define ETHER_WIRE_H

#include "ether.h"

enum command {
	PING = 0x01, PONG = 0x02, HELLO = 0x03, AUTH = 0x04,
	ALLOC = 0x10, FREE = 0x11, REALLOC = 0x12, INFO = 0x13, LIST = 0x14,
	WRITE = 0x20, READ = 0x21, FILL = 0x22, COPY = 0x23, COMPARE_SWAP = 0x24, FETCH_ADD = 0x25,
	OK = 0xF0, ERROR = 0xFF
};

struct ether {
	int fd; /* -1 once closed */
	int timeout_ms;
	uint32_t next_id;
	int served;        /* a reply has come, so FORBIDDEN and BUSY are not about the connection */
	int cut;           /* the last request could not be sent whole: the server has hung up */
	unsigned in_doubt; /* requests that change something, sent whole and not answered */
	uint64_t moved;    /* as ether_moved() */
	int code;
	char message[512];
};

struct request {
	enum command command;
	int changes; /* it would matter whether it was carried out */
	uint64_t handle, size, offset;
	const void *payload;
	uint32_t length;
	uint16_t flags;
	uint32_t id; /* given by wire_send */
};

struct reply {
	uint64_t handle, size;
	uint32_t length;
};

uint64_t wire_get(const unsigned char *at, unsigned bytes);
void wire_put(unsigned char *at, unsigned bytes, uint64_t value);

/* Record a failure; wire_lose closes as well, and tells when an outcome is unknown. */
int wire_fail(ether *e, int code, const char *format, ...);
int wire_lose(ether *e, int code, const char *why);

/* Make ready for a call: forget the last failure, or fail where there is no connection any more. */
int wire_begin(ether *e);

/* Send one request.  A server that hangs up meanwhile is no failure yet (see `cut`): what it said
 * last may be waiting to be read, and tells more than EPIPE. */
int wire_send(ether *e, struct request *r);

/* Take the reply to `r`, all but its payload of `least` to `most` bytes.  After -1, e->fd tells
 * whether it was only refused.  A refusal does not replace an earlier failure of the same call. */
int wire_receive(ether *e, const struct request *r, uint32_t least, uint32_t most, struct reply *reply);

/* Take exactly `size` bytes of a payload; into nothing where `into` is NULL. */
int wire_take(ether *e, void *into, size_t size);

/* `r` is answered for: its outcome is known. */
void wire_settle(ether *e, const struct request *r);

/* Text of the server's made fit for a terminal; `was_cut`: it was longer. */
void wire_clean(char *text, int was_cut);

#endif
