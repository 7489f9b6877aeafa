/* A client for Ether servers, version 2 of docs/protocol.md: C99, POSIX sockets, nothing else.
 *
 * Rule: what a call means for the block is said here; how it travels, in ether.c and wire.c.
 *
 *     ether *e = ether_connect("localhost", "9999", 5000);
 *     uint64_t block = ether_alloc(e, 4096, 0);
 *     if (!block || ether_write(e, block, 16, "hello", 5))
 *             fprintf(stderr, "%s: %s\n", ether_error_name(ether_error(e)), ether_message(e));
 *     ether_close(e);
 *
 * Calls that return int give 0, or -1 when they fail; calls that return int64_t give a count, or
 * -1; ether_alloc gives a handle, or 0, which is never one.  After a failure ether_error() tells
 * the code and ether_message() a sentence, the server's own where the server refused.
 *
 * A refusal by the server changes nothing (in a range of several messages, nothing beyond those
 * answered before) and leaves the connection as it was; only with CORRUPT, or with FORBIDDEN or
 * BUSY as its first reply, the server hangs up.  Any other failure closes the connection, and each
 * later call fails with ETHER_CLOSED: connect again.
 *
 * A connection serves one thread at a time.
 */
#ifndef ETHER_H
#define ETHER_H

#include <stddef.h>
#include <stdint.h>

typedef struct ether ether;

enum ether_code {
	ETHER_OK = 0,
	/* The protocol's; a server may send numbers that are not here yet. */
	ETHER_NO_MEMORY = 1,
	ETHER_INVALID = 2,
	ETHER_CORRUPT = 3,
	ETHER_OVERFLOW = 4,
	ETHER_NETWORK = 5, /* no connection, or lost: the request was not carried out, or changes nothing */
	ETHER_TIMEOUT = 6, /* the same, because the server took too long */
	ETHER_NOT_FOUND = 7,
	ETHER_UNAUTHENTICATED = 8,
	ETHER_FORBIDDEN = 9,
	ETHER_QUOTA = 10,
	ETHER_TOO_LARGE = 11,
	ETHER_UNSUPPORTED = 12,
	ETHER_BUSY = 13,
	/* This client's own, above every number that fits on the wire. */
	ETHER_OUTCOME_UNKNOWN = 0x10000, /* sent, not answered: carried out whole, or not at all */
	ETHER_BAD_REPLY, /* what came is no reply to what was asked, which changes nothing */
	ETHER_CLOSED     /* an earlier failure closed the connection; nothing was sent */
};

enum { ETHER_SESSION = 0x0001 }; /* ether_alloc: the block is freed when the connection ends */

enum { ETHER_MAX_PAYLOAD_BYTES = 16 * 1024 * 1024, ETHER_MAX_NAME_BYTES = 255 };

struct ether_server {
	char name[ETHER_MAX_NAME_BYTES + 1], version[ETHER_MAX_NAME_BYTES + 1];
	uint32_t max_payload_bytes;
	uint64_t max_memory_bytes, max_handles; /* max_handles: 0 for any number */
	int needs_authentication;
	uint64_t instance; /* another one than before a reconnection: every handle you hold is void */
};

struct ether_info {
	uint64_t size_bytes;
	uint16_t flags;
	uint64_t created_ms; /* since 1970-01-01 UTC */
};

struct ether_entry {
	uint64_t handle, size_bytes;
};

/* Connect to `host` at `port`, a number or a service name.  `timeout_ms` is how long any call
 * waits for the other side while no byte moves; 0 or less waits for ever.  NULL is returned only
 * where malloc fails, and every function takes NULL; ask ether_error() whether a connection is
 * there.  ether_close() releases it in any case. */
ether *ether_connect(const char *host, const char *port, int timeout_ms);
void ether_close(ether *e);

int ether_error(const ether *e);           /* the code of the last call, ETHER_OK where it went well */
const char *ether_message(const ether *e); /* its sentence, on one line, fit for a terminal */
const char *ether_error_name(int code);    /* "NOT_FOUND" */

/* The bytes of the last range that the server has answered for, without a gap from the range's
 * beginning (from its end where ether_copy() went backwards).  Of use after a failure. */
uint64_t ether_moved(const ether *e);

int ether_ping(ether *e);
int ether_hello(ether *e, const char *client_name, struct ether_server *server);
int ether_auth(ether *e, const void *token, size_t length);

/* `size` zeroed bytes.  flags: 0 or ETHER_SESSION. */
uint64_t ether_alloc(ether *e, uint64_t size, uint16_t flags);

/* Wipe and release.  Handle 0 is nothing and does nothing, as with free(NULL). */
int ether_free(ether *e, uint64_t handle);

/* The handle stays, and the bytes up to the smaller size; what is new is zero. */
int ether_realloc(ether *e, uint64_t handle, uint64_t size);

int ether_info(ether *e, uint64_t handle, struct ether_info *info);

/* Up to `room` blocks above the handle `after` (0 to begin), at most 4,096 a call; returns how
 * many, 0 at the end.  `total`, unless NULL: how many blocks there are. */
int64_t ether_list(ether *e, uint64_t after, struct ether_entry *entries, size_t room, uint64_t *total);

/* Ranges.  One of up to ETHER_MAX_PAYLOAD_BYTES is written, filled or copied whole or not at all,
 * and never read half-changed.  A larger one goes as several messages: each of them is whole, and
 * others may come in between.  That it lies inside the block is asked before anything is changed. */
int ether_write(ether *e, uint64_t handle, uint64_t offset, const void *bytes, size_t size);
int ether_fill(ether *e, uint64_t handle, uint64_t offset, unsigned char byte, uint64_t size);
/* As memmove, between blocks or within one. */
int ether_copy(ether *e, uint64_t to, uint64_t to_offset, uint64_t from, uint64_t from_offset, uint64_t size);

/* Returns the bytes read, fewer than `size` where the block ends, as pread does.  After -1, what
 * is in `bytes` beyond ether_moved() is undefined. */
int64_t ether_read(ether *e, uint64_t handle, uint64_t offset, void *bytes, size_t size);

/* Atomic, on 8 bytes at any offset.  `was` receives what was there.  ether_compare_swap() has
 * swapped if and only if that equals `expected`; ether_fetch_add() adds to a big-endian number. */
int ether_compare_swap(ether *e, uint64_t handle, uint64_t offset, const void *expected, const void *desired, void *was);
int ether_fetch_add(ether *e, uint64_t handle, uint64_t offset, int64_t addend, uint64_t *was);

#endif
