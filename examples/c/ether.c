/* The calls of ether.h, each made of one message or of several in a row.
 *
 * Rule: no socket is touched here; wire.c does that.
 */
#include "wire.h"

#include <string.h>

enum { WINDOW_MESSAGES = 4, MAX_LIST_ENTRIES = 4096, ENTRY_BYTES = 16 };

int ether_error(const ether *e)
{
	return e ? e->code : ETHER_NO_MEMORY;
}

const char *ether_message(const ether *e)
{
	return e ? e->message : "no memory for a connection";
}

const char *ether_error_name(int code)
{
	static const char *const on_the_wire[] = {
		"OK", "NO_MEMORY", "INVALID", "CORRUPT", "OVERFLOW", "NETWORK", "TIMEOUT", "NOT_FOUND",
		"UNAUTHENTICATED", "FORBIDDEN", "QUOTA", "TOO_LARGE", "UNSUPPORTED", "BUSY",
	};
	static const char *const own[] = {"OUTCOME_UNKNOWN", "BAD_REPLY", "CLOSED"};

	if (code >= 0 && code < (int)(sizeof on_the_wire / sizeof *on_the_wire))
		return on_the_wire[code];
	if (code >= ETHER_OUTCOME_UNKNOWN && code <= ETHER_CLOSED)
		return own[code - ETHER_OUTCOME_UNKNOWN];
	return "UNKNOWN";
}

uint64_t ether_moved(const ether *e)
{
	return e ? e->moved : 0;
}

/* Ask `r`; the reply carries `least` to `most` bytes, taken into `body` unless that is NULL. */
static int ask(ether *e, struct request *r, void *body, uint32_t least, uint32_t most, struct reply *reply)
{
	if (wire_send(e, r) || wire_receive(e, r, least, most, reply) || (body && wire_take(e, body, reply->length)))
		return -1;
	wire_settle(e, r);
	return 0;
}

/* The connection */

int ether_ping(ether *e)
{
	static const char word[] = "ether";
	char echo[sizeof word];
	struct request r = {.command = PING, .payload = word, .length = sizeof word};
	struct reply reply;

	if (wire_begin(e) || ask(e, &r, echo, sizeof word, sizeof word, &reply))
		return -1;
	return memcmp(echo, word, sizeof word) ? wire_lose(e, ETHER_BAD_REPLY, "a PONG that is no echo") : 0;
}

/* Take the next `size` of the `*left` bytes of a body. */
static int take_field(ether *e, uint32_t *left, void *into, uint32_t size)
{
	if (size > *left)
		return wire_lose(e, ETHER_BAD_REPLY, "a body shorter than its fields");
	*left -= size;
	return wire_take(e, into, size);
}

static int take_name(ether *e, uint32_t *left, char name[ETHER_MAX_NAME_BYTES + 1])
{
	unsigned char length = 0;
	if (take_field(e, left, &length, 1) || take_field(e, left, name, length))
		return -1;
	name[length] = '\0';
	wire_clean(name, 0);
	return 0;
}

int ether_hello(ether *e, const char *client_name, struct ether_server *server)
{
	struct request r = {.command = HELLO, .payload = client_name};
	struct reply reply;
	unsigned char limits[4 + 8 + 8 + 1], features, instance[8];
	char feature[ETHER_MAX_NAME_BYTES + 1];
	size_t length = strlen(client_name);

	if (wire_begin(e))
		return -1;
	if (length > ETHER_MAX_NAME_BYTES)
		return wire_fail(e, ETHER_TOO_LARGE, "a name longer than %d bytes", ETHER_MAX_NAME_BYTES);
	r.length = (uint32_t)length;
	if (ask(e, &r, NULL, 0, ETHER_MAX_PAYLOAD_BYTES, &reply)
	    || take_name(e, &reply.length, server->name) || take_name(e, &reply.length, server->version)
	    || take_field(e, &reply.length, limits, sizeof limits) || take_field(e, &reply.length, &features, 1))
		return -1;
	while (features--)
		if (take_name(e, &reply.length, feature))
			return -1;
	if (take_field(e, &reply.length, instance, sizeof instance)
	    || wire_take(e, NULL, reply.length)) /* what later servers add */
		return -1;
	server->max_payload_bytes = (uint32_t)wire_get(limits, 4);
	server->max_memory_bytes = wire_get(limits + 4, 8);
	server->max_handles = wire_get(limits + 12, 8);
	server->needs_authentication = limits[20] != 0;
	server->instance = wire_get(instance, sizeof instance);
	return 0;
}

int ether_auth(ether *e, const void *token, size_t length)
{
	struct request r = {.command = AUTH, .payload = token, .length = (uint32_t)length};
	struct reply reply;

	if (wire_begin(e))
		return -1;
	if (length > ETHER_MAX_PAYLOAD_BYTES)
		return wire_fail(e, ETHER_TOO_LARGE, "a token longer than a message");
	return ask(e, &r, NULL, 0, 0, &reply);
}

/* Blocks */

uint64_t ether_alloc(ether *e, uint64_t size, uint16_t flags)
{
	struct request r = {.command = ALLOC, .changes = 1, .size = size, .flags = flags};
	struct reply reply;

	return wire_begin(e) || ask(e, &r, NULL, 0, 0, &reply) ? 0 : reply.handle;
}

int ether_free(ether *e, uint64_t handle)
{
	struct request r = {.command = FREE, .changes = 1, .handle = handle};
	struct reply reply;

	return wire_begin(e) ? -1 : handle == 0 ? 0 : ask(e, &r, NULL, 0, 0, &reply);
}

int ether_realloc(ether *e, uint64_t handle, uint64_t size)
{
	struct request r = {.command = REALLOC, .changes = 1, .handle = handle, .size = size};
	struct reply reply;

	return wire_begin(e) ? -1 : ask(e, &r, NULL, 0, 0, &reply);
}

int ether_info(ether *e, uint64_t handle, struct ether_info *info)
{
	struct request r = {.command = INFO, .handle = handle};
	struct reply reply;
	unsigned char body[8 + 2 + 8];

	if (wire_begin(e) || ask(e, &r, body, sizeof body, sizeof body, &reply))
		return -1;
	info->size_bytes = wire_get(body, 8);
	info->flags = (uint16_t)wire_get(body + 8, 2);
	info->created_ms = wire_get(body + 10, 8);
	return 0;
}

int64_t ether_list(ether *e, uint64_t after, struct ether_entry *entries, size_t room, uint64_t *total)
{
	uint32_t most = room < MAX_LIST_ENTRIES ? (uint32_t)room : MAX_LIST_ENTRIES, count;
	struct request r = {.command = LIST, .handle = after, .size = most};
	struct reply reply;
	unsigned char entry[ENTRY_BYTES];

	if (wire_begin(e) || ask(e, &r, NULL, 0, most * ENTRY_BYTES, &reply))
		return -1;
	if (reply.length % ENTRY_BYTES)
		return wire_lose(e, ETHER_BAD_REPLY, "a list that ends within an entry");
	count = reply.length / ENTRY_BYTES;
	for (uint32_t i = 0; i < count; i++) {
		if (wire_take(e, entry, ENTRY_BYTES))
			return -1;
		entries[i].handle = wire_get(entry, 8);
		entries[i].size_bytes = wire_get(entry + 8, 8);
		if (entries[i].handle <= after) /* or a caller would ask for ever */
			return wire_lose(e, ETHER_BAD_REPLY, "a list that does not ascend");
		after = entries[i].handle;
	}
	if (total)
		*total = reply.size;
	return count;
}

/* Ranges */

struct range {
	enum command command;
	uint64_t handle, offset, size, from, from_offset; /* from: COPY's source */
	const unsigned char *source; /* WRITE: the bytes; FILL: the byte */
	unsigned char *target;       /* READ */
	int backward;                /* COPY: the last piece first */
};

/* The request for `size` bytes at `at` in the range; `body` has room for COPY's. */
static struct request part(const struct range *g, uint64_t at, uint64_t size, unsigned char body[16])
{
	struct request r = {.command = g->command, .changes = g->command != READ && size > 0,
			    .handle = g->handle, .offset = g->offset + at, .size = size};
	if (g->command == WRITE) {
		r.payload = size ? g->source + at : NULL;
		r.length = (uint32_t)size;
		r.size = 0;
	} else if (g->command == FILL) {
		r.payload = g->source;
		r.length = 1;
	} else if (g->command == COPY) {
		wire_put(body, 8, g->from);
		wire_put(body + 8, 8, g->from_offset + at);
		r.payload = body;
		r.length = 16;
	}
	return r;
}

static struct request piece(const struct range *g, uint64_t number, unsigned char body[16])
{
	uint64_t at = number * ETHER_MAX_PAYLOAD_BYTES, size = g->size - at;
	if (size > ETHER_MAX_PAYLOAD_BYTES)
		size = ETHER_MAX_PAYLOAD_BYTES;
	return part(g, g->backward ? g->size - at - size : at, size, body);
}

/* Take the reply to a piece; `*ended`: a READ met the block's end, here or before. */
static int take_piece(ether *e, const struct range *g, const struct request *r, int *ended)
{
	int reads = g->command == READ;
	uint64_t want = g->command == WRITE ? r->length : r->size;
	struct reply reply;

	if (wire_receive(e, r, 0, reads ? (uint32_t)want : 0, &reply))
		return -1;
	if (reply.size != (reads ? reply.length : want))
		return wire_lose(e, ETHER_BAD_REPLY, "a reply about another number of bytes");
	if (wire_take(e, *ended || !reads ? NULL : g->target + (r->offset - g->offset), reply.length))
		return -1;
	wire_settle(e, r);
	if (e->code == ETHER_OK && !*ended) {
		e->moved += reply.size;
		*ended = reply.size < want;
	}
	return 0;
}

/* Move a whole range, a few messages ahead of their replies.  That can't deadlock: where replies
 * are large (READ), all requests in the window fit in a socket's buffer, and elsewhere all replies. */
static int move(ether *e, const struct range *g)
{
	uint64_t sent = 0, done = 0, pieces = g->size / ETHER_MAX_PAYLOAD_BYTES + (g->size % ETHER_MAX_PAYLOAD_BYTES != 0);
	int stop = 0, ended = 0;
	unsigned char body[16];
	struct reply reply;
	uint32_t first_id;

	if (g->size > UINT64_MAX - g->offset || g->size > UINT64_MAX - g->from_offset)
		return wire_fail(e, ETHER_OVERFLOW, "a range that ends above 2^64");
	if (pieces == 0)
		pieces = 1; /* even an empty range must be in the block */
	if (pieces > 1 && g->command != READ) { /* so must all of it, before a part is changed */
		struct request end = part(g, g->size, 0, body);
		if (ask(e, &end, NULL, 0, 0, &reply))
			return -1;
	}
	first_id = e->next_id;
	while (done < sent || (!stop && sent < pieces)) {
		struct request r;
		if (!stop && sent < pieces && sent - done < WINDOW_MESSAGES) {
			r = piece(g, sent++, body);
			if (wire_send(e, &r))
				return -1;
			stop = e->cut;
			continue;
		}
		r = piece(g, done, body);
		r.id = first_id + (uint32_t)done++;
		if (take_piece(e, g, &r, &ended) || ended)
			stop = 1; /* replies to what was sent meanwhile are still due */
		if (e->fd < 0)
			return -1;
	}
	if (ended) /* and what was asked beyond the end may have been refused */
		return wire_fail(e, ETHER_OK, "%s", ""), 0;
	return e->code == ETHER_OK ? 0 : -1;
}

int ether_write(ether *e, uint64_t handle, uint64_t offset, const void *bytes, size_t size)
{
	struct range g = {.command = WRITE, .handle = handle, .offset = offset, .size = size, .source = bytes};
	return wire_begin(e) ? -1 : move(e, &g);
}

int64_t ether_read(ether *e, uint64_t handle, uint64_t offset, void *bytes, size_t size)
{
	struct range g = {.command = READ, .handle = handle, .offset = offset, .size = size, .target = bytes};
	return wire_begin(e) || move(e, &g) ? -1 : (int64_t)e->moved;
}

int ether_fill(ether *e, uint64_t handle, uint64_t offset, unsigned char byte, uint64_t size)
{
	struct range g = {.command = FILL, .handle = handle, .offset = offset, .size = size, .source = &byte};
	return wire_begin(e) ? -1 : move(e, &g);
}

int ether_copy(ether *e, uint64_t to, uint64_t to_offset, uint64_t from, uint64_t from_offset, uint64_t size)
{
	struct range g = {.command = COPY, .handle = to, .offset = to_offset, .size = size, .from = from,
			  .from_offset = from_offset, .backward = to == from && to_offset > from_offset};
	return wire_begin(e) ? -1 : move(e, &g);
}

/* Atomic operations */

int ether_compare_swap(ether *e, uint64_t handle, uint64_t offset, const void *expected, const void *desired, void *was)
{
	unsigned char both[16];
	struct request r = {.command = COMPARE_SWAP, .changes = 1, .handle = handle, .offset = offset,
			    .payload = both, .length = sizeof both};
	struct reply reply;

	memcpy(both, expected, 8);
	memcpy(both + 8, desired, 8);
	return wire_begin(e) ? -1 : ask(e, &r, was, 8, 8, &reply);
}

int ether_fetch_add(ether *e, uint64_t handle, uint64_t offset, int64_t addend, uint64_t *was)
{
	unsigned char body[8], old[8];
	struct request r = {.command = FETCH_ADD, .changes = 1, .handle = handle, .offset = offset,
			    .payload = body, .length = sizeof body};
	struct reply reply;

	wire_put(body, 8, (uint64_t)addend);
	if (wire_begin(e) || ask(e, &r, old, 8, 8, &reply))
		return -1;
	*was = wire_get(old, 8);
	return 0;
}
